import { readFileSync } from "node:fs";
import { layout } from "../../src/engine/passArena";
import { passContext } from "../../src/engine/passContext";
import { runPass } from "../../src/engine/pass";
import type { TensorSource } from "../../src/engine/tasks";
import { referenceKernels } from "../../src/kernels";

/**
 * The opponent: the same pass on one thread with every kernel in plain TypeScript and the encodings' own decoding, the file in
 * memory. (The reference of the tests, which reads each element a dozen times, would be no fair opponent.)
 */
export function plainRun(tensor: TensorSource): () => void {
  const pages = 1024;
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const contents = new Map(tensor.paths.map((path) => [path, readFileSync(path)]));
  const io = {
    readInto: (path: string, offset: number, target: Uint8Array) =>
      target.set(contents.get(path)!.subarray(offset, offset + target.length)),
    write: () => {},
    isCancelled: () => false,
    progress: () => {},
  };
  const context = passContext(io, referenceKernels(memory), layout(0, pages * 65536));
  return () => void runPass(context, { kind: "analyse", task: { kind: "analyse", tensor, encodings: [] } });
}
