import { passContext } from "../../src/engine/passContext";
import { layout } from "../../src/engine/passArena";
import { runPass } from "../../src/engine/pass";
import { runTask } from "../../src/engine/runTask";
import { Random } from "../../src/core/math/prng";
import { readFileSync } from "node:fs";
import type { TensorReport } from "../../src/core/series";
import { instantiateKernels } from "../../src/kernels";
import { analyseReference } from "../../src/metrics";
import { assetPath } from "../../src/node/assets";
import { printTable } from "./table";

const BLOCK = 2 ** 20;
const REPEATS = 1000;
const COLUMNS = 4096;

/**
 * Tensors of 1.05·10⁹ elements: a block of a million, a thousand times over, served from memory and divided into bands as the
 * pool would. Repeating changes neither mean, deviation nor kurtosis, so float64 over the block alone says what they are.
 */
export async function benchAccuracy(): Promise<void> {
  const random = new Random(11);
  const samples: [string, () => number][] = [
    ["Gaussian", () => 0.02 * random.gaussian()],
    ["heavy tails", () => 0.02 * random.gaussian() ** 3],
    ["mean 1000, deviation 0.01", () => 1000 + 0.01 * random.gaussian()],
    ["mean 10⁻⁵ deviations", () => 0.02 * (1e-5 + random.gaussian())],
    ["around 10³⁰", () => 1e30 * (1 + random.gaussian())],
  ];
  const rows: string[][] = [];
  for (const [name, draw] of samples) {
    const block = Float32Array.from({ length: BLOCK }, draw);
    const expected = analyseReference(block, {
      rows: BLOCK / COLUMNS,
      columns: COLUMNS,
      columnsPerInput: 1,
      hasChannels: false,
    }).stats;
    const start = performance.now();
    const { stats } = await analyseRepeated(new Uint8Array(block.buffer));
    const off = (a: number, b: number) => (Math.abs(a - b) / Math.abs(b)).toExponential(1);
    rows.push([
      name,
      off(stats.mean, expected.mean),
      off(stats.std, expected.std),
      off(stats.kurtosis + 3, expected.kurtosis + 3),
      off(stats.sumOfSquares, expected.sumOfSquares * REPEATS),
      ((performance.now() - start) / 1000).toFixed(1),
    ]);
  }
  printTable(
    `Relative deviation from float64, ${((BLOCK * REPEATS) / 1e9).toFixed(2)}·10⁹ elements`,
    ["values", "mean", "std", "kurtosis + 3", "Σw²", "seconds"],
    rows,
  );
}

async function analyseRepeated(block: Uint8Array): Promise<TensorReport> {
  const memory = new WebAssembly.Memory({ initial: 800, maximum: 800, shared: true });
  const kernels = instantiateKernels(new WebAssembly.Module(readFileSync(assetPath("kernels.wasm"))), memory);
  const io = {
    readInto(_: string, offset: number, target: Uint8Array) {
      for (let done = 0; done < target.length;) {
        const from = (offset + done) % block.length;
        const part = block.subarray(from, from + target.length - done);
        target.set(part, done);
        done += part.length;
      }
    },
    write: () => {},
    isCancelled: () => false,
    progress: () => {},
  };
  const context = passContext(io, kernels, layout(0, 800 * 65536));
  const byteLength = block.length * REPEATS;
  const tensor = {
    name: "repeated",
    paths: [""],
    storage: { encoding: "f32", planes: [{ file: 0, offset: 0, byteLength }] },
    rows: byteLength / 4 / COLUMNS,
    columns: COLUMNS,
    columnsPerInput: 1,
    hasChannels: true,
  };
  return runTask({ kind: "analyse", tensor, encodings: [] }, { threads: 2 }, async (job) =>
    runPass(context, job),
  ) as Promise<TensorReport>;
}
