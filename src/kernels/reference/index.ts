import type { Kernels } from "../kernels";
import { distribute } from "./distribution";
import { squaredDifference, transpose } from "./layout";
import { accumulate, centred, pool, scan, scrub } from "./statistics";
import { views } from "./views";

/** The kernels in plain TypeScript: what the compiled ones are tested against, and what runs where those cannot be loaded. */
export function referenceKernels(memory: WebAssembly.Memory): Kernels {
  const v = views(memory);
  return {
    simd: false,
    memory,
    scan: (...a) => scan(v, ...a),
    scrub: (...a) => scrub(v, ...a),
    accumulate: (...a) => accumulate(v, ...a),
    centred: (...a) => centred(v, ...a),
    pool: (...a) => pool(v, ...a),
    distribute: (...a) => distribute(v, ...a),
    transpose: (...a) => transpose(v, ...a),
    squaredDifference: (...a) => squaredDifference(v, ...a),
    // The encodings are their own plain reference.
    decoder: () => undefined,
    errorOf: () => undefined,
    encoder: () => undefined,
  };
}
