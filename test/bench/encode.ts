import { Random } from "../../src/core/math/prng";
import { encodings } from "../../src/encodings";
import { SCRATCH_BYTES } from "../../src/kernels";
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
  for (const { name, planes, encode } of encodings) {
    if (!encode || name === "f32" || name.startsWith("f8_")) continue;
    const buffers = planes.map((plane) => new Uint8Array(Math.ceil(ROWS * plane.rowBytes(COLUMNS))));
    let next = at.planes;
    const addresses = buffers.map((buffer) => {
      const address = next;
      next += Math.ceil(buffer.length / 64) * 64;
      return address;
    });
    const kernel = kernels.encoder(name);
    const type = ggml && ggmlTypes[name];
    for (const weights of [undefined, importance]) {
      const plain = speed(() => encode(x, ROWS, COLUMNS, buffers, weights));
      const given = weights ? at.importance : 0;
      const compiled = kernel ? speed(() => kernel(at.x, ROWS, COLUMNS, given, at.scratch, ...addresses)) : NaN;
      const theirs = type === undefined ? NaN : speed(() => ggml!.quantize(type, x, ROWS, COLUMNS, weights));
      const label = weights ? `${name} with importance` : name;
      rows.push([label, shown(plain), shown(compiled), shown(theirs), times(compiled / theirs)]);
      if (type === undefined || name === "f16" || name === "bf16") break; // importance means nothing to them, or has no opponent
    }
  }
  printTable("Encoding f32, M weights/s on one thread", ["encoding", "plain", "compiled", "ggml", "compiled / ggml"], rows);
}

const shown = (value: number) => (value === value ? value.toFixed(1) : "–");
const times = (value: number) => (value === value ? `${value.toFixed(1)}×` : "–");

/** Million weights per second: the best of some runs. A kernel that gives the work back counts as none. */
function speed(run: () => unknown): number {
  if (run() === 0) return NaN;
  let best = Infinity;
  const start = performance.now();
  for (let i = 0; i < 20 && (i < 3 || performance.now() - start < 500); i++) {
    const before = performance.now();
    run();
    best = Math.min(best, performance.now() - before);
  }
  return COUNT / best / 1000;
}
