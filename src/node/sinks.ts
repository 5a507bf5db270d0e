import { randomBytes } from "node:crypto";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import type { ByteSink } from "../core/bytes";
import { EngineError, toEngineError } from "../core/errors";

/** A temporary file this old whose process is gone belongs to nobody. A writer on another machine shows life sooner. */
const abandonedAfter = 10 * 60 * 1000;

/** Several files that appear together or not at all. */
export interface SinkSet {
  /** In the order of the names given. Workers write to their `temporaryPath`; the set commits and aborts them. */
  readonly sinks: readonly ByteSink[];
  /** Flushes all, then renames; a failure takes back what was already renamed. */
  commit(): Promise<void>;
  /** Removes everything temporary. Safe to call twice, and after commit. */
  abort(): Promise<void>;
}

/** A file written under a temporary name beside the final one: `.<name>.<pid>.<random>.partial`. The folder must exist. */
export async function createSink(finalPath: string): Promise<ByteSink> {
  const final = path.resolve(finalPath);
  await sweep(final);
  return FileSink.create(final, temporaryName(final));
}

/**
 * Files inside an existing folder (a graph and its external data). The first is the main one and is renamed last, so that a
 * reader who sees it finds its companions.
 */
export async function createSinks(folder: string, names: readonly string[]): Promise<SinkSet> {
  const sinks: FileSink[] = [];
  const abort = async () => void (await Promise.all(sinks.map((s) => s.abort())));
  try {
    for (const name of names) {
      const final = path.resolve(folder, safeName(name));
      await sweep(final);
      sinks.push(await FileSink.create(final, temporaryName(final)));
    }
  } catch (error) {
    await abort();
    throw error;
  }
  return {
    sinks,
    abort,
    async commit() {
      for (const sink of sinks) await sink.flush();
      const done: FileSink[] = [];
      try {
        for (const sink of [...sinks].reverse()) {
          await sink.commit();
          done.push(sink);
        }
      } catch (error) {
        for (const sink of done) await fs.rm(sink.finalPath, { force: true });
        await abort();
        throw error;
      }
    },
  };
}

export async function refuseTaken(final: string): Promise<void> {
  const entries = await fs.readdir(final).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    if (error.code === "ENOTDIR") return ["file"];
    throw toEngineError(error, { file: final });
  });
  if (entries.length) {
    throw new EngineError("bad-request", "This name is taken; choose the name of a new or empty folder.", { file: final });
  }
}

export function safeName(name: string): string {
  if (name === "" || path.isAbsolute(name) || name.split(/[/\\]/).includes("..")) {
    throw new EngineError("unsafe-path", "An output file's name may not leave the output folder.", { file: name });
  }
  return name;
}

export function temporaryName(final: string): string {
  return path.join(path.dirname(final), `.${path.basename(final)}.${process.pid}.${randomBytes(4).toString("hex")}.partial`);
}

/** Removes what killed processes left for the same final name: the process is gone and nobody wrote for a while. */
export async function sweep(final: string): Promise<void> {
  const folder = path.dirname(final);
  const prefix = `.${path.basename(final)}.`;
  const names = await fs.readdir(folder).catch(() => []);
  for (const name of names) {
    const match = name.startsWith(prefix) ? /^(\d+)\.[0-9a-f]{8}\.partial$/.exec(name.slice(prefix.length)) : null;
    if (!match || isAlive(Number(match[1]))) continue;
    const left = path.join(folder, name);
    try {
      if (Date.now() - (await fs.stat(left)).mtimeMs > abandonedAfter) await fs.rm(left, { recursive: true, force: true });
    } catch {
      // Another process swept it first, or it may not be removed: either way it is not in our way.
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

/** A rename is durable once its folder is flushed. Not every file system can; the data itself already is. */
export async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await fs.open(folder, "r");
    await handle.sync().finally(() => handle.close());
  } catch {
    // Windows and some network file systems do not open folders.
  }
}

class FileSink implements ByteSink {
  #state: "open" | "flushed" | "committed" | "aborted" = "open";

  static async create(finalPath: string, temporaryPath: string): Promise<FileSink> {
    try {
      return new FileSink(finalPath, temporaryPath, await fs.open(temporaryPath, "wx"));
    } catch (error) {
      throw toEngineError(error, { file: finalPath });
    }
  }

  constructor(
    readonly finalPath: string,
    readonly temporaryPath: string,
    readonly handle: fs.FileHandle,
  ) {}

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    if (this.#state !== "open")
      throw new EngineError("bad-request", "The output file is closed already.", { file: this.finalPath });
    let done = 0;
    try {
      while (done < bytes.length) {
        const { bytesWritten } = await this.handle.write(bytes, done, bytes.length - done, offset + done);
        done += bytesWritten;
      }
    } catch (error) {
      throw toEngineError(error, { file: this.finalPath, offset: offset + done });
    }
  }

  async flush(): Promise<void> {
    if (this.#state !== "open") return;
    try {
      await this.handle.sync();
      await this.handle.close();
    } catch (error) {
      throw toEngineError(error, { file: this.finalPath });
    }
    this.#state = "flushed";
  }

  async commit(): Promise<void> {
    if (this.#state === "committed") return;
    if (this.#state === "aborted")
      throw new EngineError("bad-request", "The output file was given up already.", { file: this.finalPath });
    await this.flush();
    try {
      await fs.rename(this.temporaryPath, this.finalPath);
    } catch (error) {
      throw toEngineError(error, { file: this.finalPath });
    }
    await syncFolder(path.dirname(this.finalPath));
    this.#state = "committed";
  }

  async abort(): Promise<void> {
    if (this.#state === "aborted" || this.#state === "committed") return;
    const wasOpen = this.#state === "open";
    this.#state = "aborted";
    if (wasOpen) await this.handle.close().catch(() => {});
    await fs.rm(this.temporaryPath, { force: true });
  }
}
