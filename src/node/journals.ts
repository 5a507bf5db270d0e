import * as fs from "node:fs/promises";
import * as path from "node:path";
import type { Journal, JournalStore } from "../engine/stores";
import { replaceFile } from "./durable";
import { type Lock, lockHolder, takeLock } from "./lock";

const ending = ".journal";

const folderIn = (storage: string) => path.join(storage, "exports");

/** Is there anything to ask an engine about? */
export async function hasJournals(storage: string): Promise<boolean> {
  return (await fs.readdir(folderIn(storage)).catch(() => [])).some((name) => name.endsWith(ending));
}

/** Journals as files of one folder, `<name>.journal`, each with a lock beside it while a process holds it. */
export function createJournals(storage: string): JournalStore {
  const folder = folderIn(storage);
  const file = (name: string) => path.join(folder, name + ending);
  const lock = (name: string) => path.join(folder, `${name}.lock`);
  const read = (name: string) =>
    fs.readFile(file(name), "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    });
  return {
    read,
    async hold(name) {
      await fs.mkdir(folder, { recursive: true });
      const held = await takeLock(lock(name));
      if (!held) return undefined;
      try {
        return new FileJournal(file(name), (await read(name)) ?? "", held);
      } catch (error) {
        await held.release();
        throw error;
      }
    },
    async idle() {
      const names = (await fs.readdir(folder).catch(() => [])).filter((n) => n.endsWith(ending)).map((n) => n.slice(0, -ending.length));
      const holders = await Promise.all(names.map((name) => lockHolder(lock(name))));
      return names.filter((_, i) => holders[i] === undefined).sort();
    },
  };
}

class FileJournal implements Journal {
  #handle: fs.FileHandle | undefined;

  constructor(
    readonly file: string,
    readonly text: string,
    readonly lock: Lock,
  ) {}

  async start(text: string): Promise<void> {
    await this.#close();
    await replaceFile(this.file, text);
  }

  async append(text: string): Promise<void> {
    this.#handle ??= await fs.open(this.file, "a");
    await this.#handle.appendFile(text);
    await this.#handle.datasync();
  }

  async release(): Promise<void> {
    await this.#close();
    await this.lock.release();
  }

  async remove(): Promise<void> {
    await this.#close();
    await fs.rm(this.file, { force: true });
    await this.lock.release();
  }

  async #close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }
}
