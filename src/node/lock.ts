import { randomBytes } from "node:crypto";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import { isAlive } from "./processes";

/** A holder shows life this often; one that was silent for six times as long is gone, even if another process has its number now. */
const beatMs = 10_000;
const silentMs = 6 * beatMs;
/** A process that was told to end may need so long to let go. */
const patienceMs = 6000;
const askAgainMs = 50;

export interface Lock {
  /** Safe to call twice. */
  release(): Promise<void>;
}

/** Held by calls in this process, which do not wait for each other. */
const own = new Set<string>();

/** A file that one living process holds. Undefined when another call of this process holds it, or a process that does not let go soon. */
export async function takeLock(file: string): Promise<Lock | undefined> {
  const absolute = path.resolve(file);
  if (own.has(absolute)) return undefined;
  own.add(absolute);
  try {
    const text = `${process.pid} ${randomBytes(8).toString("hex")}\n`;
    if (await take(absolute, text)) return new FileLock(absolute, text);
  } catch (error) {
    own.delete(absolute);
    throw error;
  }
  own.delete(absolute);
  return undefined;
}

/** Number of the living process that holds it. */
export async function lockHolder(file: string): Promise<number | undefined> {
  if (own.has(path.resolve(file))) return process.pid;
  const found = await look(file);
  return found && !found.isStale ? found.pid : undefined;
}

async function take(file: string, text: string): Promise<boolean> {
  const patient = Date.now() + patienceMs;
  // Linked into place with its content: nobody ever sees an empty lock.
  const mine = `${file}.${randomBytes(4).toString("hex")}`;
  await fs.writeFile(mine, text, { flag: "wx" });
  try {
    for (;;) {
      try {
        await fs.link(mine, file);
        return true;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      }
      const found = await look(file);
      if (found?.isStale) await takeAway(file, found.text);
      else if (Date.now() > patient) return false;
      else if (found) await new Promise((resolve) => setTimeout(resolve, askAgainMs));
    }
  } finally {
    await fs.rm(mine, { force: true });
  }
}

/** Of several processes that see the same stale lock, one moves it; who moved a fresh one by mistake puts it back. */
async function takeAway(file: string, stale: string): Promise<void> {
  const aside = `${file}.${randomBytes(4).toString("hex")}`;
  try {
    await fs.rename(file, aside);
  } catch {
    return;
  }
  if ((await fs.readFile(aside, "utf8").catch(() => stale)) !== stale) await fs.link(aside, file).catch(() => {});
  await fs.rm(aside, { force: true });
}

async function look(file: string): Promise<{ readonly text: string; readonly pid: number; readonly isStale: boolean } | undefined> {
  try {
    const [text, { mtimeMs }] = await Promise.all([fs.readFile(file, "utf8"), fs.stat(file)]);
    const pid = Number.parseInt(text, 10);
    // Its own number, and nobody here holds it: an earlier process had the same.
    const isStale = !(pid > 0) || pid === process.pid || !isAlive(pid) || Date.now() - mtimeMs > silentMs;
    return { text, pid, isStale };
  } catch {
    return undefined;
  }
}

class FileLock implements Lock {
  #beat: NodeJS.Timeout | undefined;

  constructor(
    readonly file: string,
    readonly text: string,
  ) {
    this.#beat = setInterval(() => void fs.utimes(file, new Date(), new Date()).catch(() => {}), beatMs).unref();
  }

  async release(): Promise<void> {
    if (!this.#beat) return;
    clearInterval(this.#beat);
    this.#beat = undefined;
    // A process that slept for long may have lost it to another.
    const text = await fs.readFile(this.file, "utf8").catch(() => undefined);
    if (text === this.text) await fs.rm(this.file, { force: true });
    own.delete(this.file);
  }
}
