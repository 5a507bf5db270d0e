import { constants } from "node:fs";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import type { ByteSource, ModelFolder } from "../core/bytes";
import { EngineError, toEngineError } from "../core/errors";

/** Node refuses a single read of 2 GiB or more; a quarter keeps one call short. */
const longestRead = 512 * 1024 * 1024;

/**
 * The folder of a model, checked: every name is resolved through the file system's links and must end inside. `path` may
 * be relative to the working directory. Throws "not-found" where there is no such folder.
 */
export async function openFolder(folder: string): Promise<ModelFolder> {
  const given = path.resolve(folder);
  const real = await realPath(given, given);
  if (!(await statOf(real, given)).isDirectory()) throw new EngineError("not-found", "Not a folder.", { file: given });
  return new CheckedFolder(given, await boundaries(real));
}

/** A file read by position. Throws "not-found", or "unsupported" for what is not a plain file (a pipe would never answer). */
export async function openFile(file: string): Promise<ByteSource> {
  const given = path.resolve(file);
  return openPlain(given, given);
}

/** Do both paths lead to one file? False when either does not exist. An export asks before it replaces anything. */
export async function isSameFile(a: string, b: string): Promise<boolean> {
  try {
    const [x, y] = await Promise.all([fs.stat(a, { bigint: true }), fs.stat(b, { bigint: true })]);
    return x.ino === y.ino && x.dev === y.dev;
  } catch {
    return false;
  }
}

/**
 * Folders that a model's files may really lie in: its own and, in a download cache of the Hugging Face Hub
 * (`<repository>/snapshots/<revision>/…`, links into `<repository>/blobs`), the blobs of the same repository.
 */
async function boundaries(real: string): Promise<readonly string[]> {
  for (let up = real; path.dirname(up) !== up; up = path.dirname(up)) {
    if (path.basename(path.dirname(up)) !== "snapshots") continue;
    const blobs = path.join(path.dirname(path.dirname(up)), "blobs");
    if (
      await fs.stat(blobs).then(
        (s) => s.isDirectory(),
        () => false,
      )
    )
      return [real, blobs];
  }
  return [real];
}

/** Is `file` the folder itself or inside it? Both absolute and free of links. */
export function isInside(file: string, folder: string): boolean {
  const relative = path.relative(folder, file);
  return relative === "" || (!path.isAbsolute(relative) && relative !== ".." && !relative.startsWith(".." + path.sep));
}

export async function realPath(file: string, shown: string): Promise<string> {
  try {
    return await fs.realpath(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ELOOP") {
      throw new EngineError("unsafe-path", "A link leads back to itself; replace it by the file it should point to.", {
        file: shown,
      });
    }
    throw toEngineError(error, { file: shown });
  }
}

async function statOf(file: string, shown: string) {
  try {
    return await fs.stat(file);
  } catch (error) {
    throw toEngineError(error, { file: shown });
  }
}

async function openPlain(file: string, shown: string): Promise<ByteSource> {
  const stat = await statOf(file, shown);
  if (!stat.isFile()) {
    throw new EngineError("unsupported", stat.isDirectory() ? "This is a folder, not a file." : "This is not a plain file.", {
      file: shown,
    });
  }
  try {
    const handle = await fs.open(file, constants.O_RDONLY);
    return new FileSource(shown, stat.size, handle);
  } catch (error) {
    throw toEngineError(error, { file: shown });
  }
}

class CheckedFolder implements ModelFolder {
  constructor(
    readonly path: string,
    /** Free of links; the first is the folder itself. */
    readonly allowed: readonly string[],
  ) {}

  async list(): Promise<string[]> {
    const names: string[] = [];
    try {
      for (const entry of await fs.readdir(this.allowed[0], { withFileTypes: true })) {
        const isFile = entry.isFile() || (entry.isSymbolicLink() && (await this.exists(entry.name)));
        if (isFile) names.push(entry.name);
      }
    } catch (error) {
      throw toEngineError(error, { file: this.path });
    }
    return names.sort();
  }

  async exists(name: string): Promise<boolean> {
    try {
      return (await fs.stat(await this.resolve(name))).isFile();
    } catch {
      return false;
    }
  }

  async size(name: string): Promise<number> {
    return (await statOf(await this.resolve(name), this.#shown(name))).size;
  }

  async open(name: string): Promise<ByteSource> {
    return openPlain(await this.resolve(name), this.#shown(name));
  }

  async readText(name: string, limit: number): Promise<string> {
    const source = await this.open(name);
    try {
      if (source.size > limit) {
        throw new EngineError("too-large", `The file has ${source.size} bytes where at most ${limit} make sense.`, {
          file: source.path,
        });
      }
      return new TextDecoder("utf-8", { fatal: true }).decode(await source.read(0, source.size));
    } catch (error) {
      if (error instanceof TypeError) throw new EngineError("malformed", "The file is not UTF-8 text.", { file: source.path });
      throw error;
    } finally {
      await source.close();
    }
  }

  async resolve(name: string): Promise<string> {
    const place = { file: `${this.path}: ${JSON.stringify(name.slice(0, 200))}` };
    const parts = name.split(/[/\\]/);
    if (name === "" || name.includes("\0") || path.isAbsolute(name) || path.win32.isAbsolute(name) || /^[a-z]:/i.test(name)) {
      throw new EngineError("unsafe-path", "A model may only refer to files by names relative to its own folder.", place);
    }
    if (parts.includes(".."))
      throw new EngineError("unsafe-path", "A model may not refer to files outside its own folder.", place);
    // A backslash is part of a name here and a separator there: refuse what would mean two different files.
    if (path.sep === "/" && name.includes("\\"))
      throw new EngineError("unsafe-path", "File names in models use / as separator.", place);
    const shown = this.#shown(name);
    const real = await realPath(path.join(this.allowed[0], ...parts), shown);
    if (!this.allowed.some((folder) => isInside(real, folder))) {
      throw new EngineError("unsafe-path", "A link leads out of the model's folder; copy the file into the folder.", {
        file: shown,
      });
    }
    return real;
  }

  #shown(name: string): string {
    return path.join(this.path, name);
  }
}

class FileSource implements ByteSource {
  #closed = false;
  constructor(
    readonly path: string,
    readonly size: number,
    readonly handle: fs.FileHandle,
  ) {}

  async read(offset: number, length: number): Promise<Uint8Array> {
    if (!(offset >= 0 && length >= 0 && offset + length <= this.size)) {
      throw new EngineError("truncated", `The file ends at byte ${this.size}, before the ${length} bytes expected here.`, {
        file: this.path,
        offset,
      });
    }
    const bytes = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const { bytesRead } = await this.handle
        .read(bytes, done, Math.min(longestRead, length - done), offset + done)
        .catch((error: unknown) => {
          throw toEngineError(error, { file: this.path, offset: offset + done });
        });
      if (bytesRead === 0)
        throw new EngineError("truncated", "The file became shorter while it was read.", {
          file: this.path,
          offset: offset + done,
        });
      done += bytesRead;
    }
    return bytes;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.handle.close();
  }
}
