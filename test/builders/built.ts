import { buildSync } from "esbuild";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";

const built = new Map<string, string>();

/**
 * A module's bundle made from the sources as they are now, so that a test never runs against an old build, and a process that
 * it forks compiles nothing: that takes seconds on a busy machine.
 */
export function builtModule(source: string): string {
  let outfile = built.get(source);
  if (!outfile) {
    outfile = path.join(temporaryFolder(), `${path.basename(source, ".ts")}.js`);
    buildSync({
      entryPoints: [source],
      outfile,
      bundle: true,
      platform: "node",
      format: "cjs",
      target: "node20",
      alias: { "jsonc-parser": "jsonc-parser/lib/esm/main.js" }, // as in esbuild.mjs
      logLevel: "warning",
    });
    built.set(source, outfile);
  }
  return outfile;
}

export const builtWorker = (): string => builtModule(path.join(__dirname, "../../src/node/worker.ts"));

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
