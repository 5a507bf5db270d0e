import * as fs from "node:fs/promises";
import * as path from "node:path";
import { EngineError, toEngineError } from "../core/errors";
import type { OutputPlace, Staging } from "../engine/deps";
import { createSinks, refuseTaken, safeName, sweep, syncFolder, temporaryName } from "./sinks";

/**
 * Opens the output's files in a hidden folder beside the final place, `.<name>.<pid>.<random>.partial`, on the same disk, so
 * that publishing is renaming. The files carry their final names in there and can be read back before anybody sees them.
 */
export async function stageOutput(place: OutputPlace, names: readonly string[]): Promise<Staging> {
  const parent = place.kind === "file" ? place.folder : path.dirname(place.path);
  await requireFolder(parent, place.path);
  if (place.kind === "folder") await refuseTaken(place.path);
  await sweep(place.path);
  const folder = temporaryName(place.path);
  const discard = () => fs.rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  try {
    await fs.mkdir(folder);
    for (const name of names) await fs.mkdir(path.join(folder, path.dirname(safeName(name))), { recursive: true });
    const set = await createSinks(folder, names);
    return {
      folder,
      sinks: set.sinks,
      seal: () => set.commit(),
      publish: () => publish(place, folder, names),
      async discard() {
        await set.abort();
        await discard();
      },
    };
  } catch (error) {
    await discard().catch(() => {});
    throw toEngineError(error, { file: place.path });
  }
}

async function publish(place: OutputPlace, folder: string, names: readonly string[]): Promise<void> {
  try {
    if (place.kind === "folder") {
      await refuseTaken(place.path);
      // Empty or absent now. Not every system renames onto an empty folder.
      await fs.rmdir(place.path).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== "ENOENT") throw error;
      });
      await fs.rename(folder, place.path);
      await syncFolder(path.dirname(place.path));
    } else {
      await publishFiles(place, folder, names);
    }
  } catch (error) {
    throw toEngineError(error, { file: place.path });
  }
}

/** The main file comes first in `names` and is renamed last: whoever sees it finds its companions. */
async function publishFiles(place: { path: string; folder: string }, folder: string, names: readonly string[]): Promise<void> {
  const [main, ...companions] = names;
  // An earlier output must not be seen with the new companions.
  if (companions.length) await fs.rm(path.join(place.folder, main), { force: true });
  const done: string[] = [];
  try {
    for (const name of [...companions, main]) {
      const final = path.join(place.folder, name);
      await fs.mkdir(path.dirname(final), { recursive: true });
      await fs.rename(path.join(folder, name), final);
      done.push(final);
    }
  } catch (error) {
    for (const final of done) await fs.rm(final, { force: true });
    throw error;
  }
  await syncFolder(place.folder);
}

async function requireFolder(folder: string, output: string): Promise<void> {
  const isFolder = await fs.stat(folder).then((s) => s.isDirectory(), () => false);
  if (!isFolder) throw new EngineError("not-found", `The folder ${folder} does not exist; create it or choose another.`, { file: output });
}
