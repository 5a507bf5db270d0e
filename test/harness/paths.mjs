// Where things are. Nothing here needs an installed dependency: these scripts run before `npm ci` has.
import { tmpdir, homedir } from "node:os";
import { mkdtempSync, mkdirSync, rmSync } from "node:fs";
import path from "node:path";

export const root = path.resolve(import.meta.dirname, "../..");
/** What a run leaves behind: screenshots, results, logs. Ignored by git. */
export const out = path.join(root, "out");
/** Tools that are downloaded once and used by every later run. */
export const cache = path.join(process.env.XDG_CACHE_HOME || path.join(homedir(), ".cache"), "bitlens");
export const sample = path.join(root, "media/sample/model.safetensors");
export const extensionId = "bitlens.bitlens";

const temporary = new Set();
process.on("exit", () => temporary.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

/** A folder that is removed when this process ends. */
export function temporaryFolder(label) {
  const folder = mkdtempSync(path.join(tmpdir(), `bitlens-${label}-`));
  temporary.add(folder);
  return folder;
}

export function ensureFolder(folder) {
  mkdirSync(folder, { recursive: true });
  return folder;
}
