import { availableParallelism } from "node:os";
import { neverCancelled } from "../../src/core/cancellation";
import { encodings } from "../../src/encodings";
import { createPool } from "../../src/node/pool";
import { bestOfEach } from "./best";
import { writeTensor } from "./data";
import { printTable } from "./table";

const ROWS = 256;
const COLUMNS = 4096;

/** Statistics of an f32 matrix together with the error of one encoding, through the real pool. */
export async function benchErrors(folder: string): Promise<void> {
  const threads = Math.max(2, availableParallelism());
  const tensor = writeTensor(folder, "f32", ROWS, COLUMNS);
  const names = [
    "q8_0", "q4_0", "q4_1", "q5_0", "q5_1", "int8-channel", "int4-g32", "int4-g128", "int4-g32-asym", "q4_K", "q6_K",
    "lsbq2-g128", "lsbq3-g128", "ternary-g128",
  ].filter((name) => encodings.some((e) => e.name === name && e.encode));
  const pools = [false, true].map((simd) => createPool({ threads, simd, divideFrom: 2 ** 17 }));
  const rows: string[][] = [];
  for (const name of ["none", ...names]) {
    const task = { kind: "analyse", tensor, encodings: name === "none" ? [] : [name] } as const;
    const [plain, compiled] = await bestOfEach(pools.map((pool) => async () => void (await pool.run(task, neverCancelled))));
    const speed = (s: number) => ((ROWS * COLUMNS) / s / 1e6).toFixed(1);
    rows.push([name, speed(plain), speed(compiled), `${(plain / compiled).toFixed(1)}×`]);
  }
  for (const pool of pools) pool.dispose();
  printTable(
    `Statistics and the error of one encoding, M weights/s of f32 with ${threads} threads`,
    ["encoding", "plain", "compiled", "ratio"],
    rows,
  );
}
