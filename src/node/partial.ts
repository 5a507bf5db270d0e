import * as fs from "node:fs/promises";
import * as path from "node:path";
import { isAlive } from "./processes";

/** What is staged is hidden beside its final place as `.<name>.<process>.<mark>.partial`. */
const pattern = /^(\d+)\.([0-9a-f]{8})\.partial$/;

/** Something this old whose process is gone belongs to nobody. A writer on another machine shows life sooner. */
const abandonedAfter = 10 * 60 * 1000;

export function partialName(final: string, mark: string): string {
  return path.join(path.dirname(final), `.${path.basename(final)}.${process.pid}.${mark}.partial`);
}

interface Partial {
  readonly path: string;
  readonly pid: number;
  readonly mark: string;
}

async function partialsOf(final: string): Promise<readonly Partial[]> {
  const folder = path.dirname(final);
  const prefix = `.${path.basename(final)}.`;
  const names = await fs.readdir(folder).catch(() => []);
  return names.flatMap((name) => {
    const match = name.startsWith(prefix) ? pattern.exec(name.slice(prefix.length)) : null;
    return match ? [{ path: path.join(folder, name), pid: Number(match[1]), mark: match[2] }] : [];
  });
}

/** The one of this mark, whichever process made it. */
export async function findPartial(final: string, mark: string): Promise<string | undefined> {
  return (await partialsOf(final)).find((p) => p.mark === mark)?.path;
}

/** Removes what killed processes left for the same final name: the process is gone and nobody wrote for a while. */
export async function sweep(final: string): Promise<void> {
  for (const left of await partialsOf(final)) {
    if (isAlive(left.pid)) continue;
    try {
      if (Date.now() - (await fs.stat(left.path)).mtimeMs > abandonedAfter) await fs.rm(left.path, { recursive: true, force: true });
    } catch {
      // Another process swept it first, or it may not be removed: either way it is not in our way.
    }
  }
}
