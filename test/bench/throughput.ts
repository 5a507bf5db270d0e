import { readFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { neverCancelled } from "../../src/core/cancellation";
import { encodings } from "../../src/encodings";
import { assetPath } from "../../src/node/assets";
import { createPool } from "../../src/node/pool";
import { readBandwidth } from "./bandwidth";
import { bestOfEach } from "./best";
import { bytesOf, writeTensor } from "./data";
import { plainRun } from "./plain";
import { printTable } from "./table";

const ROWS = 4096;
const COLUMNS = 4096;
const PLAIN_ROWS = 512;

/** All metrics of one matrix of 4096 × 4096 through the real pool, file in the page cache, without errors of encodings. */
export async function benchThroughput(folder: string): Promise<void> {
  const threads = Math.max(2, availableParallelism());
  const wasm = new WebAssembly.Module(readFileSync(assetPath("kernels.wasm")));
  const bandwidth = new Map([
    [1, await readBandwidth(wasm, 1)],
    [threads, await readBandwidth(wasm, threads)],
  ]);
  console.log(`\n${cpus()[0].model}, ${availableParallelism()} cores, Node ${process.versions.node}`);
  console.log(
    `Read bandwidth (a compiled SIMD sum over 512 MB): ${bandwidth.get(1)!.toFixed(1)} GB/s with 1 thread, `
      + `${bandwidth.get(threads)!.toFixed(1)} GB/s with ${threads}`,
  );
  const names = ["f32", "bf16", "f16", "q4_K", "q8_0"].filter((name) => encodings.some((e) => e.name === name && e.encode));
  const rows: string[][] = [];
  for (const name of names) {
    const tensor = writeTensor(folder, name, ROWS, COLUMNS);
    const pools = [createPool({ threads: 1 }), createPool({ threads })];
    const [part, one, many] = await bestOfEach([
      plainRun({ ...tensor, rows: PLAIN_ROWS }),
      ...pools.map((pool) => async () => void (await pool.run({ kind: "analyse", tensor, encodings: [] }, neverCancelled))),
    ]);
    for (const pool of pools) pool.dispose();
    const plain = (part * ROWS) / PLAIN_ROWS;
    const gigabytes = bytesOf(tensor) / 1e9;
    rows.push([
      name,
      (gigabytes / plain).toFixed(2),
      (gigabytes / one).toFixed(2),
      (gigabytes / many).toFixed(2),
      ((ROWS * COLUMNS) / many / 1e6).toFixed(0),
      `${(plain / one).toFixed(1)}×`,
      `${(plain / many).toFixed(1)}×`,
      `${((100 * gigabytes) / many / bandwidth.get(threads)!).toFixed(0)} %`,
    ]);
  }
  printTable(
    `All statistics of a ${ROWS} × ${COLUMNS} matrix, GB/s of file bytes (best run)`,
    [
      "source",
      "plain, 1 thread",
      "1 thread",
      `${threads} threads`,
      "M weights/s",
      "to plain, 1",
      `to plain, ${threads}`,
      "of bandwidth",
    ],
    rows,
  );
}
