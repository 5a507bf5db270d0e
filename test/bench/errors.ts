import { availableParallelism } from "node:os";
import { neverCancelled } from "../../src/core/cancellation";
import { encodings } from "../../src/encodings";
import { createPool } from "../../src/node/pool";
import { writeTensor } from "./data";
import { printTable } from "./table";

const ROWS = 1024;
const COLUMNS = 4096;

/** What measuring the error of one encoding adds to the statistics of an f32 matrix. */
export async function benchErrors(folder: string): Promise<void> {
  const threads = Math.max(2, availableParallelism());
  const tensor = writeTensor(folder, "f32", ROWS, COLUMNS);
  const names = ["q8_0", "q4_0", "q4_1", "q5_0", "q5_1", "int8-channel", "int4-g32", "int4-g128", "int4-g32-asym", "q4_K", "q6_K"]
    .filter((name) => encodings.some((e) => e.name === name && e.encode));
  const seconds = async (asked: readonly string[], simd: boolean) => {
    const pool = createPool({ threads, simd, divideFrom: 2 ** 19 });
    let best = Infinity;
    for (let i = 0; i < 3; i++) {
      const start = performance.now();
      await pool.run({ kind: "analyse", tensor, encodings: asked }, neverCancelled);
      best = Math.min(best, performance.now() - start);
      if (best > 3000) break;
    }
    pool.dispose();
    return best / 1000;
  };
  const base = { simd: await seconds([], true), plain: await seconds([], false) };
  const rows: string[][] = [];
  for (const name of names) {
    const simd = (await seconds([name], true)) - base.simd;
    const plain = (await seconds([name], false)) - base.plain;
    const speed = (s: number) => ((ROWS * COLUMNS) / s / 1e6).toFixed(1);
    rows.push([name, speed(plain), speed(simd), `${(plain / simd).toFixed(1)}×`]);
  }
  printTable(`Error of an encoding, M weights/s with ${threads} threads`, ["encoding", "plain", "compiled", "ratio"], rows);
}
