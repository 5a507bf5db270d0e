import * as fs from "node:fs/promises";
import * as path from "node:path";
import type { ResultStore, Shelf } from "../engine/stores";
import { digestOf } from "./digest";
import { packRecord, unpackRecord } from "./record";

/** The profiles of a 70B model take about 270 MB. */
const maximumBytes = 512 * 2 ** 20;
/** Sizes are added up again after so many bytes were written. */
const lookAgainAfter = 32 * 2 ** 20;

/** Shelves as folders `<subject>-<key>` of `<storage>/results`, a file for each result. The ones used longest ago go first. */
export function createResultStore(storage: string, { maximum = maximumBytes } = {}): ResultStore {
  const root = path.join(storage, "results");
  const room = new Room(root, maximum);
  return {
    async shelf(subject, key) {
      const name = `${subject}-${key}`;
      for (const other of await namesIn(root)) if (other.startsWith(`${subject}-`) && other !== name) await remove(path.join(root, other));
      const folder = path.join(root, name);
      await fs.mkdir(folder, { recursive: true }).catch(() => {});
      await fs.utimes(folder, new Date(), new Date()).catch(() => {});
      room.use(name);
      return shelfIn(folder, room);
    },
  };
}

function shelfIn(folder: string, room: Room): Shelf {
  const file = (name: string) => path.join(folder, digestOf([name]));
  return {
    async read(name) {
      const bytes = await fs.readFile(file(name)).catch(() => undefined);
      return bytes && unpackRecord(name, bytes);
    },
    async write(name, value) {
      const bytes = packRecord(name, value);
      if (!(await room.has(bytes.length))) return;
      const temporary = `${file(name)}.${process.pid}.partial`;
      try {
        await fs.writeFile(temporary, bytes);
        await fs.rename(temporary, file(name));
      } catch {
        await fs.rm(temporary, { force: true }).catch(() => {});
      }
    },
  };
}

/** Keeps all shelves together below a size, by removing those that this process does not use. */
class Room {
  readonly #used = new Set<string>();
  #bytes = 0;
  #written = Infinity;
  #isFull = false;
  #looking: Promise<void> | undefined;

  constructor(
    readonly root: string,
    readonly maximum: number,
  ) {}

  use(shelf: string): void {
    this.#used.add(shelf);
    this.#isFull = false;
  }

  async has(bytes: number): Promise<boolean> {
    if (this.#isFull) return false;
    if (this.#written > lookAgainAfter || this.#bytes + bytes > this.maximum) {
      await (this.#looking ??= this.#look().finally(() => (this.#looking = undefined)));
    }
    this.#isFull = this.#bytes + bytes > this.maximum;
    if (this.#isFull) return false;
    this.#bytes += bytes;
    this.#written += bytes;
    return true;
  }

  /** Makes room for as much as may be written before the next look, where other shelves can go. */
  async #look(): Promise<void> {
    const shelves = await Promise.all((await namesIn(this.root)).map(async (name) => ({ name, ...(await sizeOf(path.join(this.root, name))) })));
    this.#bytes = shelves.reduce((sum, s) => sum + s.bytes, 0);
    this.#written = 0;
    const others = shelves.filter((s) => !this.#used.has(s.name)).sort((a, b) => a.time - b.time);
    for (const { name, bytes } of others) {
      if (this.#bytes + Math.min(lookAgainAfter, this.maximum / 2) <= this.maximum) break;
      await remove(path.join(this.root, name));
      this.#bytes -= bytes;
    }
  }
}

async function sizeOf(folder: string): Promise<{ readonly bytes: number; readonly time: number }> {
  const stats = await Promise.all((await namesIn(folder)).map((name) => fs.stat(path.join(folder, name)).catch(() => undefined)));
  const own = await fs.stat(folder).catch(() => undefined);
  return { bytes: stats.reduce((sum, s) => sum + (s?.size ?? 0), 0), time: own?.mtimeMs ?? 0 };
}

const namesIn = (folder: string) => fs.readdir(folder).catch((): string[] => []);
const remove = (folder: string) => fs.rm(folder, { recursive: true, force: true }).catch(() => {});
