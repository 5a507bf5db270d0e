import { type Piece, totalBytes } from "./encode";

/** Large tensors start where a page of memory does, so that they can be mapped; the ONNX library does the same. */
const pageAlignedFrom = 1024 * 1024;
const page = 4096;
const smallAlignment = 64;

/** The companion file of weights, laid out as tensors are placed in it. */
export class DataFile {
  readonly pieces: Piece[] = [];
  #end = 0;
  #shared = new Map<string, { location: string; offset: number; length: number }>();

  constructor(readonly name: string) {}

  get byteLength(): number {
    return this.#end;
  }

  place(content: readonly Piece[]): { location: string; offset: number; length: number } {
    const length = totalBytes(content);
    const alignment = length >= pageAlignedFrom ? page : smallAlignment;
    const gap = -this.#end % alignment;
    if (gap) this.pieces.push({ kind: "bytes", bytes: new Uint8Array(gap + alignment) });
    const offset = this.#end + (gap ? gap + alignment : 0);
    this.pieces.push(...content);
    this.#end = offset + length;
    return { location: this.name, offset, length };
  }

  /** Copies a range of a source file; the same range is copied once, whoever refers to it. */
  copy(file: number, offset: number, byteLength: number): { location: string; offset: number; length: number } {
    const key = `${file} ${offset} ${byteLength}`;
    let place = this.#shared.get(key);
    if (!place) this.#shared.set(key, (place = this.place([{ kind: "copy", file, offset, byteLength }])));
    return place;
  }
}
