// npm run bench: how fast tensors are read and their errors measured, on data made here. `npm run bench -- NAME…` runs those
// named.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { benchAccuracy } from "./accuracy";
import { benchBudget } from "./budget";
import { benchEncode } from "./encode";
import { benchEncodeThreads } from "./encodeThreads";
import { benchErrors } from "./errors";
import { benchMixes } from "./mixes";
import { benchThroughput } from "./throughput";

/** Drives the workbench in a browser, with the scripts of the test harness. */
const benchPaint = async () => ((await import("./paint.mjs" as string)) as { benchPaint(): Promise<void> }).benchPaint();

const benches: Record<string, (folder: string) => Promise<void>> = {
  read: benchThroughput,
  errors: benchErrors,
  encode: async (folder) => {
    await benchEncode();
    await benchEncodeThreads(folder);
  },
  threads: benchEncodeThreads,
  accuracy: benchAccuracy,
  paint: benchPaint,
  budget: benchBudget,
  mixes: benchMixes,
};
const usual = ["read", "errors"];

async function main(): Promise<void> {
  const asked = process.argv.slice(2);
  const unknown = asked.filter((name) => !(name in benches));
  if (unknown.length) {
    console.error(`There is no bench called ${unknown.join(", ")}; there are ${Object.keys(benches).join(", ")}.`);
    process.exitCode = 2;
    return;
  }
  const folder = mkdtempSync(path.join(tmpdir(), "bitlens-bench-"));
  try {
    for (const [name, bench] of Object.entries(benches)) if ((asked.length ? asked : usual).includes(name)) await bench(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

void main();
