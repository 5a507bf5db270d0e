import * as fs from "node:fs/promises";
import * as path from "node:path";
import { EngineError, toEngineError } from "../core/errors";
import type { OutputPlace, StagedSize, Staging } from "../engine/deps";
import { syncFolder } from "./durable";
import { findPartial, partialName, sweep } from "./partial";
import { createStaged, reopenStaged, safeName, type StagedFiles } from "./stagedFiles";

/**
 * Opens the output's files in a hidden folder beside the final place, on the same disk, so that publishing is renaming. The
 * files carry their final names in there and can be read back before anybody sees them.
 */
export async function stageOutput(place: OutputPlace, sizes: readonly StagedSize[], mark: string): Promise<Staging> {
  const parent = place.kind === "file" ? place.folder : path.dirname(place.path);
  await requireFolder(parent, place.path);
  if (place.kind === "folder") await refuseTaken(place.path);
  await sweep(place.path);
  for (const { name } of sizes) safeName(name);
  const folder = partialName(place.path, mark);
  try {
    await fs.mkdir(folder);
    return staging(place, { folder, sizes, open: await createStaged(folder, sizes) });
  } catch (error) {
    await remove(folder).catch(() => {});
    throw toEngineError(error, { file: place.path });
  }
}

/** The folder gets this process's number: of two processes that want it, one can rename it. */
export async function restageOutput(place: OutputPlace, mark: string, sizes: readonly StagedSize[]): Promise<Staging | undefined> {
  if (place.kind === "folder") await refuseTaken(place.path);
  const found = await findPartial(place.path, mark);
  if (found === undefined) return undefined;
  const folder = partialName(place.path, mark);
  try {
    if (folder !== found) await fs.rename(found, folder);
    const open = await reopenStaged(folder, sizes);
    return open && staging(place, { folder, sizes, open });
  } catch {
    return undefined;
  }
}

export async function isStaged(place: OutputPlace, mark: string): Promise<boolean> {
  return (await findPartial(place.path, mark)) !== undefined;
}

export async function unstageOutput(place: OutputPlace, mark: string): Promise<void> {
  const found = await findPartial(place.path, mark);
  if (found !== undefined) await remove(found);
}

interface Staged {
  readonly folder: string;
  readonly sizes: readonly StagedSize[];
  readonly open: StagedFiles;
}

function staging(place: OutputPlace, { folder, sizes, open }: Staged): Staging {
  return {
    folder,
    files: open.files,
    flush: () => open.flush(),
    async seal() {
      await open.flush();
      await open.close();
    },
    publish: () => publish(place, folder, sizes.map((s) => s.name)),
    release: () => open.close(),
    async discard() {
      await open.close();
      await remove(folder);
    },
  };
}

const remove = (folder: string) => fs.rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });

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

async function refuseTaken(final: string): Promise<void> {
  const entries = await fs.readdir(final).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    if (error.code === "ENOTDIR") return ["file"];
    throw toEngineError(error, { file: final });
  });
  if (entries.length) {
    throw new EngineError("bad-request", "This name is taken; choose the name of a new or empty folder.", { file: final });
  }
}

async function requireFolder(folder: string, output: string): Promise<void> {
  const isFolder = await fs.stat(folder).then((s) => s.isDirectory(), () => false);
  if (!isFolder) throw new EngineError("not-found", `The folder ${folder} does not exist; create it or choose another.`, { file: output });
}
