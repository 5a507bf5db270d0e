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
    scan: scan(v),
    scrub: scrub(v),
    accumulate: accumulate(v),
    centred: centred(v),
    pool: pool(v),
    distribute: distribute(v),
    transpose: transpose(v),
    squaredDifference: squaredDifference(v),
    // The encodings are their own plain reference.
    decoder: () => undefined,
    errorOf: () => undefined,
    encoder: () => undefined,
  };
}
