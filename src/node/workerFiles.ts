import * as fs from "node:fs";
import { EngineError, toEngineError } from "../core/errors";

/**
 * Files of one job, opened on first use and all closed at its end: a file that is renamed or replaced between jobs is never
 * read or written through an old handle.
 */
export class WorkerFiles {
  readonly #read = new Map<string, number>();
  readonly #write = new Map<string, number>();

  /** Fills `target`, which may lie in shared memory. */
  readInto(path: string, offset: number, target: Uint8Array): void {
    try {
      const fd = open(this.#read, path, "r");
      for (let done = 0; done < target.length;) {
        const read = fs.readSync(fd, target, done, target.length - done, offset + done);
        if (read === 0) {
          const message = `The file ends before the data its header promises; it is damaged or still being written.`;
          throw new EngineError("truncated", message, { file: path, offset: offset + done });
        }
        done += read;
      }
    } catch (error) {
      throw toEngineError(error, { file: path });
    }
  }

  /** The file exists. */
  write(path: string, offset: number, bytes: Uint8Array): void {
    try {
      const fd = open(this.#write, path, "r+");
      for (let done = 0; done < bytes.length;) done += fs.writeSync(fd, bytes, done, bytes.length - done, offset + done);
    } catch (error) {
      throw toEngineError(error, { file: path });
    }
  }

  close(): void {
    for (const files of [this.#read, this.#write]) {
      for (const fd of files.values()) fs.closeSync(fd);
      files.clear();
    }
  }
}

function open(files: Map<string, number>, path: string, flags: string): number {
  let fd = files.get(path);
  if (fd === undefined) files.set(path, (fd = fs.openSync(path, flags)));
  return fd;
}
