import * as fs from "node:fs/promises";
import * as path from "node:path";
import { EngineError, toEngineError } from "../core/errors";
import type { StagedFile, StagedSize } from "../engine/deps";

/** Files of one output, open for writing, in a folder that nobody looks at. */
export interface StagedFiles {
  /** In the order of the sizes given. */
  readonly files: readonly StagedFile[];
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** Creates each file at its full size, without taking room on the disk where the file system can. */
export function createStaged(folder: string, sizes: readonly StagedSize[]): Promise<StagedFiles> {
  return openAll(folder, sizes, async (file, byteLength) => {
    await fs.mkdir(path.dirname(file), { recursive: true });
    const handle = await fs.open(file, "wx");
    await handle.truncate(byteLength).catch((error: unknown) => handle.close().then(() => Promise.reject(error)));
    return handle;
  });
}

/** Opens files that are there. Undefined when one is missing or has another size. */
export async function reopenStaged(folder: string, sizes: readonly StagedSize[]): Promise<StagedFiles | undefined> {
  for (const { name, byteLength } of sizes) {
    const found = await fs.lstat(path.join(folder, safeName(name))).catch(() => undefined);
    if (!found?.isFile() || found.size !== byteLength) return undefined;
  }
  return openAll(folder, sizes, (file) => fs.open(file, "r+"));
}

async function openAll(
  folder: string, sizes: readonly StagedSize[], open: (file: string, byteLength: number) => Promise<fs.FileHandle>,
): Promise<StagedFiles> {
  const files: OpenFile[] = [];
  const close = async () => void (await Promise.all(files.map((f) => f.close())));
  try {
    for (const { name, byteLength } of sizes) {
      const file = path.join(folder, safeName(name));
      files.push(new OpenFile(file, await open(file, byteLength)));
    }
  } catch (error) {
    await close();
    throw error;
  }
  return {
    files,
    close,
    async flush() {
      for (const file of files) await file.flush();
    },
  };
}

/** Throws "unsafe-path" for a name that leaves its folder. */
export function safeName(name: string): string {
  if (name === "" || path.isAbsolute(name) || name.split(/[/\\]/).includes("..")) {
    throw new EngineError("unsafe-path", "An output file's name may not leave the output folder.", { file: name });
  }
  return name;
}

class OpenFile implements StagedFile {
  #closed: Promise<void> | undefined;

  constructor(
    readonly path: string,
    readonly handle: fs.FileHandle,
  ) {}

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    if (this.#closed) throw new EngineError("bad-request", "The output file is closed already.", { file: this.path });
    let done = 0;
    try {
      while (done < bytes.length) {
        const { bytesWritten } = await this.handle.write(bytes, done, bytes.length - done, offset + done);
        done += bytesWritten;
      }
    } catch (error) {
      throw toEngineError(error, { file: this.path, offset: offset + done });
    }
  }

  /** Of all writers: a flush concerns the file, not the handle. */
  async flush(): Promise<void> {
    if (this.#closed) return;
    await this.handle.sync().catch((error: unknown) => {
      throw toEngineError(error, { file: this.path });
    });
  }

  close(): Promise<void> {
    return (this.#closed ??= this.handle.close().catch(() => {}));
  }
}
