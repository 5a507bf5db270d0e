import { buildSync } from "esbuild";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";

let folder: string | undefined;

/** The worker's bundle made from the sources as they are now, so that a test never runs against an old build. */
export function builtWorker(): string {
  if (!folder) {
    folder = temporaryFolder();
    buildSync({
      entryPoints: [path.join(__dirname, "../../src/node/worker.ts")],
      outfile: path.join(folder, "worker.js"),
      bundle: true,
      platform: "node",
      format: "cjs",
      target: "node20",
      logLevel: "warning",
    });
  }
  return path.join(folder, "worker.js");
}

/** A worker's script of the test's own. */
export function workerOf(source: string): string {
  const file = path.join(temporaryFolder(), "worker.js");
  writeFileSync(file, source);
  return file;
}

/** A folder that goes with the process. */
export function temporaryFolder(): string {
  const made = mkdtempSync(path.join(tmpdir(), "bitlens-test-"));
  process.on("exit", () => rmSync(made, { recursive: true, force: true }));
  return made;
}
