import * as fs from "node:fs/promises";
import * as path from "node:path";

/** The text of the one journal in this folder; empty where there is none yet. */
export async function journalIn(folder: string): Promise<string> {
  const names = await fs.readdir(folder).catch(() => []);
  const journal = names.find((n) => n.endsWith(".journal"));
  return journal === undefined ? "" : fs.readFile(path.join(folder, journal), "utf8").catch(() => "");
}
