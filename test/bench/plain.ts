import { readFileSync } from "node:fs";
import type { TensorReport } from "../../src/core/series";
import { encoding as encodingNamed } from "../../src/encodings";
import { layout } from "../../src/engine/passArena";
import { passContext } from "../../src/engine/passContext";
import { runPass } from "../../src/engine/pass";
import type { TensorSource } from "../../src/engine/tasks";
import { referenceKernels } from "../../src/kernels";

/**
 * The opponent: the same pass on one thread with every kernel in plain TypeScript and the encodings' own decoding. (The reference of the
 * tests, which reads each element a dozen times, would be no fair opponent.) Returns the report and the seconds of the best run.
 */
export function plainSeconds(tensor: TensorSource, runs: number): { report: TensorReport; seconds: number } {
  const pages = 1024;
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const contents = new Map(tensor.paths.map((path) => [path, readFileSync(path)]));
  const io = {
    readInto: (path: string, offset: number, target: Uint8Array) => target.set(contents.get(path)!.subarray(offset, offset + target.length)),
    write: () => {},
    isCancelled: () => false,
    progress: () => {},
  };
  const context = passContext(io, referenceKernels(memory), layout(0, pages * 65536));
  encodingNamed(tensor.storage.encoding);
  let report: TensorReport | undefined;
  let best = Infinity;
  for (let i = 0; i < runs; i++) {
    const start = performance.now();
    report = runPass(context, { kind: "analyse", task: { kind: "analyse", tensor, encodings: [] } });
    best = Math.min(best, performance.now() - start);
  }
  return { report: report!, seconds: best / 1000 };
}
