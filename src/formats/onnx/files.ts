import type { ByteSource, ModelFolder } from "../../core/bytes";
import { EngineError } from "../../core/errors";
import type { Problem } from "../../core/model";
import type { StringEntry } from "./proto";

/** Where a tensor's external data lies, or why it cannot be had. */
export type External =
  { readonly file: number; readonly offset: number; readonly length: number } | { readonly problem: Omit<Problem, "tensor"> };

/** The files of one model: the ONNX file first, then its external data as it is met. */
export class ModelFiles {
  readonly names: string[];
  readonly sizes: number[];
  readonly #opened = new Map<number, ByteSource>();
  #known = new Map<string, number | Omit<Problem, "tensor">>();
  /** Folder of the ONNX file inside the model's folder, "" or ending in "/": what locations are relative to. */
  readonly #base: string;

  constructor(
    readonly folder: ModelFolder,
    readonly source: ByteSource,
    name: string,
  ) {
    this.names = [name];
    this.sizes = [source.size];
    this.#base = name.slice(0, name.lastIndexOf("/") + 1);
  }

  /** A few bytes of one of the files: single scales and zero points, which some exporters keep outside as well. */
  async read(file: number, offset: number, length: number): Promise<Uint8Array> {
    if (file === 0) return this.source.read(offset, length);
    let opened = this.#opened.get(file);
    if (!opened) this.#opened.set(file, (opened = await this.folder.open(this.names[file])));
    return opened.read(offset, length);
  }

  /** Closes what `read` opened; `source` stays its owner's. */
  async close(): Promise<void> {
    for (const opened of this.#opened.values()) await opened.close();
    this.#opened.clear();
  }

  /** Resolves external_data entries for `needed` bytes. The range returned lies inside its file. */
  async external(entries: readonly StringEntry[], needed: number): Promise<External> {
    const values = new Map(entries.map((e) => [e.key, e.value]));
    const location = values.get("location");
    if (!location) return problem("bad-external-data", "The tensor's data is said to be external, but no file is named.");
    const offset = integer(values.get("offset"), 0);
    const length = integer(values.get("length"), needed);
    if (offset === undefined || length === undefined) {
      return problem("bad-external-data", `The offset or length of external data in ${quote(location)} is not a number.`);
    }
    if (length !== needed) {
      return problem(
        "size-mismatch",
        `The tensor's shape needs ${needed} bytes, its entry for ${quote(location)} has ${length}.`,
      );
    }
    const file = await this.#file(location);
    if (typeof file !== "number") return { problem: file };
    if (offset + length > this.sizes[file]) {
      return problem(
        "external-data-short",
        `${quote(location)} has ${this.sizes[file]} bytes; the tensor's data should end at ${offset + length}.`,
      );
    }
    return { file, offset, length };
  }

  async #file(location: string): Promise<number | Omit<Problem, "tensor">> {
    const known = this.#known.get(location);
    if (known !== undefined) return known;
    const found = await this.#find(location);
    this.#known.set(location, found);
    return found;
  }

  async #find(location: string): Promise<number | Omit<Problem, "tensor">> {
    // Judged here as well, so that a folder on top of this one does not make ".." respectable.
    const parts = location.split("/");
    if (
      location.startsWith("/") ||
      location.includes("\\") ||
      /^[a-z]:/i.test(location) ||
      location.includes("\0") ||
      parts.includes("..")
    ) {
      return {
        code: "unsafe-path",
        message: `The model wants to read ${quote(location)}, which is outside its folder; it is not read.`,
      };
    }
    const name = this.#base + parts.filter((p) => p !== "" && p !== ".").join("/");
    try {
      const size = await this.folder.size(name);
      const index = this.names.indexOf(name);
      if (index >= 0) return index;
      this.sizes.push(size);
      return this.names.push(name) - 1;
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      if (error.code === "unsafe-path")
        return { code: "unsafe-path", message: `External data ${quote(location)}: ${error.message}` };
      return {
        code: "external-data-missing",
        message: `The file ${quote(location)} with the weights is not beside the model; put it there.`,
      };
    }
  }
}

const problem = (code: string, message: string) => ({ problem: { code, message } });
const quote = (name: string) => JSON.stringify(name.length > 200 ? `${name.slice(0, 200)}…` : name);

function integer(text: string | undefined, otherwise: number): number | undefined {
  if (text === undefined) return otherwise;
  const value = /^\s*\+?\d{1,16}\s*$/.test(text) ? Number(text) : NaN;
  return Number.isSafeInteger(value) ? value : undefined;
}
