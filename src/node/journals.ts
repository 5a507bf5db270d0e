import * as fs from "node:fs/promises";
import * as path from "node:path";
import type { Journal, JournalStore } from "../engine/stores";
import { digestOf } from "./digest";
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
    async read(name) {
      const text = await read(name);
      return text === undefined ? undefined : believed(text).entries;
    },
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

/** Lines of JSON, each behind its digest: one that a crash or a disk spoiled is known as such. */
const lineOf = (json: string) => `${digestOf([json])} ${json}\n`;

/** The entries before the first line that is not whole, and the text of these. */
function believed(text: string): { readonly entries: readonly unknown[]; readonly sound: string } {
  const entries: unknown[] = [];
  let end = 0;
  for (const line of text.split("\n").slice(0, -1)) {
    const json = line.slice(line.indexOf(" ") + 1);
    if (lineOf(json) !== `${line}\n`) break;
    entries.push(JSON.parse(json));
    end += line.length + 1;
  }
  return { entries, sound: text.slice(0, end) };
}

class FileJournal implements Journal {
  readonly entries: readonly unknown[];
  #handle: fs.FileHandle | undefined;
  /** Bytes of the file that are believed, where it goes on with others. */
  #sound: number | undefined;

  constructor(
    readonly file: string,
    text: string,
    readonly lock: Lock,
  ) {
    const { entries, sound } = believed(text);
    this.entries = entries;
    if (sound !== text) this.#sound = Buffer.byteLength(sound);
  }

  async start(entry: unknown): Promise<void> {
    await this.#close();
    await replaceFile(this.file, lineOf(JSON.stringify(entry)));
    this.#sound = undefined;
  }

  async append(entry: unknown): Promise<void> {
    // After a torn line it would not be believed either.
    if (this.#sound !== undefined) await fs.truncate(this.file, this.#sound);
    this.#sound = undefined;
    this.#handle ??= await fs.open(this.file, "a");
    await this.#handle.appendFile(lineOf(JSON.stringify(entry)));
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
