import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

/** A temporary folder with these files: text, bytes, or a sparse file of a size with bytes at its start. */
export type FileContent = string | Uint8Array | { readonly head: Uint8Array; readonly size: number };

export class TemporaryFolder {
  readonly path = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "bitlens-")));

  put(name: string, content: FileContent): string {
    const file = path.join(this.path, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    if (typeof content === "string" || content instanceof Uint8Array) fs.writeFileSync(file, content);
    else {
      fs.writeFileSync(file, content.head);
      fs.truncateSync(file, content.size);
    }
    return file;
  }

  remove(): void {
    fs.rmSync(this.path, { recursive: true, force: true });
  }
}
