import { neverCancelled } from "../../src/core/cancellation";
import { encoding as encodingNamed } from "../../src/encodings";
import { createPool } from "../../src/node/pool";
import { bestOfEach } from "./best";
import { writeTensor } from "./data";
import { printTable } from "./table";

const ROWS = 1024;
const COLUMNS = 4096;
const NAMES = [
  "int4-g32", "int4-g128", "int4-g32-extreme", "int4-g32-asym", "int4-qdq-g32", "pvq-g16-k27-b4", "pvq-g16-k27-b4-r1",
  "lsbq1-g128", "lsbq2-g128", "lsbq3-g128", "lsbq4-g128", "ternary-g128",
];

/** What an export does: f32 rows from a file, through one and two worker threads, into planes. */
export async function benchEncodeThreads(folder: string): Promise<void> {
  const tensor = writeTensor(folder, "f32", ROWS, COLUMNS);
  const pools = [1, 2].map((threads) => createPool({ threads, divideFrom: 2 ** 17 }));
  const rows: string[][] = [];
  for (const name of NAMES) {
    const planes = encodingNamed(name).planes.map(() => ({ collect: true }) as const);
    const task = { kind: "encode", tensor, encoding: name, planes } as const;
    const seconds = await bestOfEach(pools.map((pool) => async () => void (await pool.run(task, neverCancelled))));
    const [one, two] = seconds.map((s) => ((ROWS * COLUMNS) / s / 1e6).toFixed(1));
    rows.push([name, one, two]);
  }
  for (const pool of pools) pool.dispose();
  printTable("Encoding f32 from a file, M weights/s", ["encoding", "1 worker thread", "2 worker threads"], rows);
}
