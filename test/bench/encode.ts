import { Random } from "../../src/core/math/prng";
import { type Encoding, encoding, encodings } from "../../src/encodings";
import { SCRATCH_BYTES } from "../../src/kernels";
import { type Method, method } from "../../src/methods";
import { ggmlAvailable, ggmlTypes, loadGgml } from "../builders/ggml";
import { kernelsOver } from "../builders/passHarness";
import { printTable } from "./table";

const ROWS = 128;
const COLUMNS = 4096;
const COUNT = ROWS * COLUMNS;

/** Encoding f32 rows on one thread: plain TypeScript, compiled, and ggml's own quantizer on the same rows. */
export async function benchEncode(): Promise<void> {
  const random = new Random(1);
  const x = Float32Array.from({ length: COUNT }, () => random.gaussian());
  const importance = Float32Array.from({ length: COLUMNS }, () => random.uniform() + 0.5);
  const ggml = ggmlAvailable() ? loadGgml() : undefined;
  const at = { x: 0, importance: 4 * COUNT, scratch: 4 * (COUNT + COLUMNS), planes: 4 * (COUNT + COLUMNS) + SCRATCH_BYTES };
  const kernels = kernelsOver(at.planes + 8 * COUNT);
  const floats = new Float32Array(kernels.memory.buffer);
  floats.set(x);
  floats.set(importance, COUNT);
  const rows: string[][] = [];
  // Those of signed extremes as ONNX Runtime's own quantizer chooses scales.
  const more = ["int4-g32-extreme", "int4-g128-extreme", "lsbq2-g32", "lsbq2-row", "lsbq5-g128", "lsbq6-g128", "ternary-row"];
  const fitted = ["tq1_0", "tq2_0", "q2_0"].map((name) => byMethod(method("lsbq"), encoding(name)));
  for (const { name, planes, encode, kernel: named = name } of [...encodings, ...more.map(encoding), ...fitted] as Member[]) {
    if (!encode || name === "f32" || name.startsWith("f8_")) continue;
    const buffers = planes.map((plane) => new Uint8Array(Math.ceil(ROWS * plane.rowBytes(COLUMNS))));
    let next = at.planes;
    const addresses = buffers.map((buffer) => {
      const address = next;
      next += Math.ceil(buffer.length / 64) * 64;
      return address;
    });
    const kernel = kernels.encoder(named);
    const type = ggml && ggmlTypes[name];
    for (const weights of [undefined, importance]) {
      const given = weights ? at.importance : 0;
      const [plain, compiled, theirs] = speeds([
        () => encode(x, ROWS, COLUMNS, buffers, weights),
        kernel && (() => kernel(at.x, ROWS, COLUMNS, given, at.scratch, ...addresses)),
        type === undefined ? undefined : () => ggml!.quantize(type, x, ROWS, COLUMNS, weights),
      ]);
      const label = weights ? `${name} with importance` : name;
      rows.push([label, shown(plain), shown(compiled), shown(theirs), times(compiled / theirs)]);
      if (type === undefined || name === "f16" || name === "bf16") break; // importance means nothing to them, or has no opponent
    }
  }
  printTable("Encoding f32, M weights/s on one thread", ["encoding", "plain", "compiled", "ggml", "compiled / ggml"], rows);
}

interface Member extends Pick<Encoding, "name" | "planes" | "encode"> {
  /** What kernels call it, where that is not its name. */
  readonly kernel?: string;
}

/** A method that is not the encoding's own. */
function byMethod(by: Method, encoding: Encoding): Member {
  return {
    name: `${encoding.name} by ${by.name}`,
    planes: encoding.planes,
    encode: (x, rows, columns, planes, importance) =>
      by.encode({ encoding, x, rows, columns, planes, statistics: importance && { importance } }),
    kernel: by.kernel?.(encoding),
  };
}

const shown = (value: number) => (value === value ? value.toFixed(1) : "–");
const times = (value: number) => (value === value ? `${value.toFixed(1)}×` : "–");

/**
 * Million weights per second of each, the best of some runs in turns, so that what else the machine does meets all of them alike.
 * A kernel that gives the work back counts as none.
 */
function speeds(runs: readonly ((() => unknown) | undefined)[]): number[] {
  const best = runs.map((run) => (run && run() !== 0 ? Infinity : NaN));
  const start = performance.now();
  for (let i = 0; i < 40 && (i < 4 || performance.now() - start < 700); i++) {
    for (const [k, run] of runs.entries()) {
      // The plain code is slow, and nothing is compared with it.
      if (!run || best[k] !== best[k] || (k === 0 && i > 2)) continue;
      const before = performance.now();
      run();
      best[k] = Math.min(best[k], performance.now() - before);
    }
  }
  return best.map((milliseconds) => COUNT / milliseconds / 1000);
}
