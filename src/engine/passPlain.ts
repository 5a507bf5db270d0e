import { EngineError } from "../core/errors";
import { type Encoding, rowAlignment } from "../encodings";
import type { Address, DecodeKernel } from "../kernels";
import { TILE_CAPACITY } from "./passArena";
import type { PassContext } from "./passContext";
import { isDivisible, lengthOf, readRange, type TileReader } from "./passReader";
import type { TensorSource } from "./tasks";

/** Bytes read from the file at once: small enough to be still in the cache when the kernels come to it. */
const PIECE_BYTES = 1 << 19;
/**
 * A window of at most this many bytes is kept for the second reading. Larger ones would be out of the cache by then, and
 * reading them again from the system's memory into a piece that is still in the cache is quicker (by a quarter, for f32).
 */
const KEPT_BYTES = 1 << 20;

/** Rows of scalars or blocks, decoded as the file has them. */
export class PlainReader implements TileReader {
  readonly rows: number;
  readonly columns: number;
  readonly bytesPerElement: number;
  readonly #divisible: boolean;
  readonly #decode: DecodeKernel | undefined;
  readonly alignment: number;
  /** Bytes of one whole row per plane; may be fractions. */
  readonly #rowBytes: readonly number[];
  // The window, and which of its rows are in the arena: from #first up to #end, plane i starting at #bases[i] with row #first.
  #window = { row: 0, rows: 0, column: 0, columns: 0 };
  #column = -1;
  #columns = -1;
  #first = 0;
  #end = 0;
  #bases: number[] = [];

  constructor(
    readonly context: PassContext,
    readonly tensor: TensorSource,
    readonly encoding: Encoding,
  ) {
    const { transposed, planes } = tensor.storage;
    this.rows = transposed ? tensor.columns : tensor.rows;
    this.columns = transposed ? tensor.rows : tensor.columns;
    this.#divisible = isDivisible(encoding);
    this.#decode = context.kernels.decoder(encoding.name);
    this.alignment = rowAlignment(encoding, this.columns);
    this.#rowBytes = encoding.planes.map((plane) => plane.rowBytes(this.columns));
    this.bytesPerElement = this.columns ? this.#rowBytes.reduce((a, b) => a + b, 0) / this.columns : 0;
    if (this.columns % encoding.blockElements) {
      throw this.#problem(`Rows of ${this.columns} elements cannot be stored as ${encoding.label}`);
    }
    if (
      transposed
      && (encoding.blockElements !== 1 || encoding.planes.length !== 1 || !Number.isInteger(encoding.planes[0].rowBytes(1)))
    ) {
      throw this.#problem(`A transposed tensor cannot be stored as ${encoding.label}`);
    }
    if (planes.length < encoding.planes.length)
      throw this.#problem(`${encoding.label} needs ${encoding.planes.length} byte ranges`);
    this.#rowBytes.forEach((bytes, i) => {
      if (lengthOf(planes[i]) < Math.ceil(bytes * this.rows)) throw this.#problem(`There are too few bytes for its shape`);
    });
  }

  window(row: number, rows: number, column: number, columns: number): void {
    const w = this.#window;
    if (w.row === row && w.rows === rows && w.column === column && w.columns === columns) return;
    this.#window = { row, rows, column, columns };
    this.#first = this.#end = row;
    this.#column = -1;
  }

  load(row: number, rows: number, column: number, columns: number): Address {
    const { arena } = this.context;
    if (!this.#divisible && columns < this.columns) return this.#cut(row, rows, column, columns);
    const start = Math.floor(row / this.alignment) * this.alignment;
    this.#fetch(start, row + rows, column, columns, KEPT_BYTES);
    const { u8, f32 } = this.context;
    const count = (row + rows - start) * columns;
    if (count > TILE_CAPACITY) throw this.#problem(`Rows of ${columns} elements are too long for ${this.encoding.label}`);
    const part = this.#partBytes(column, columns);
    const skip = start - this.#first;
    if (this.encoding.name === "f32") return this.#bases[0] + skip * part[0];
    if (this.#decode && this.encoding.planes.length === 1) {
      this.#decode(this.#bases[0] + skip * part[0], count, arena.tile);
    } else {
      const planes = part.map((bytes, i) =>
        u8.subarray(this.#bases[i] + skip * bytes, Math.ceil(this.#bases[i] + (row + rows - this.#first) * bytes)),
      );
      this.encoding.decode(planes, row + rows - start, columns, f32.subarray(arena.tile / 4, arena.tile / 4 + count));
    }
    return arena.tile + (row - start) * columns * 4;
  }

  gather(column: number, columns: number): { readonly address: Address; readonly stride: number } {
    const { arena, u8, f32 } = this.context;
    const w = this.#window;
    this.#fetch(w.row, w.row + w.rows, w.column, w.columns, Infinity);
    const size = this.encoding.planes[0].rowBytes(1);
    const at = this.#bases[0] + (column - w.column) * size;
    const step = w.columns * size;
    if (this.encoding.name === "f32") return { address: at, stride: w.columns };
    for (let row = 0; row < w.rows; row++) {
      if (this.#decode) {
        this.#decode(at + row * step, columns, arena.clean + row * columns * 4);
      } else {
        const from = at + row * step;
        const to = arena.clean / 4 + row * columns;
        this.encoding.decode([u8.subarray(from, from + columns * size)], 1, columns, f32.subarray(to, to + columns));
      }
    }
    return { address: arena.clean, stride: columns };
  }

  /** A stretch of rows that can only be decoded whole. */
  #cut(row: number, rows: number, column: number, columns: number): Address {
    const { arena, f32 } = this.context;
    const cut = new Float32Array(rows * columns);
    for (let r = 0; r < rows; r++) {
      const at = this.load(row + r, 1, 0, this.columns) / 4 + column;
      cut.set(f32.subarray(at, at + columns), r * columns);
    }
    f32.set(cut, arena.tile / 4);
    return arena.tile;
  }

  /** Bytes per row of each plane in a part of the columns. */
  #partBytes(column: number, columns: number): readonly number[] {
    if (columns === this.columns) return this.#rowBytes;
    return this.encoding.planes.map((plane) => plane.rowBytes(columns));
  }

  /**
   * Makes sure that rows start…end of these columns are in the arena; the whole window's rows stay there if they take at most
   * `kept` bytes.
   */
  #fetch(start: number, end: number, column: number, columns: number, kept: number): void {
    if (this.#column !== column || this.#columns !== columns || start < this.#first) {
      this.#column = column;
      this.#columns = columns;
      this.#first = this.#end = start;
    }
    if (end <= this.#end) return;
    const { rawBytes, raw } = this.context.arena;
    const part = this.#partBytes(column, columns);
    const each = part.reduce((a, b) => a + b, 0);
    const w = this.#window;
    const limit = Math.min(this.rows, w.row + w.rows);
    const whole = Math.ceil(limit / this.alignment) * this.alignment - Math.floor(w.row / this.alignment) * this.alignment;
    const space = (rows: number) => part.reduce((sum, bytes) => sum + Math.ceil((rows * bytes) / 64) * 64 + 64, 0);
    const keeps = space(whole) <= Math.min(rawBytes, kept) && columns === w.columns;
    const wanted = Math.max(end - this.#end, Math.floor(PIECE_BYTES / each));
    let room: number;
    if (keeps) {
      if (this.#first > w.row - (w.row % this.alignment)) this.#first = this.#end = w.row - (w.row % this.alignment);
      room = whole;
    } else {
      this.#first = this.#end = start;
      room = Math.ceil(Math.max(end - start, Math.floor(PIECE_BYTES / each)) / this.alignment) * this.alignment;
      if (space(room) > rawBytes) room = Math.ceil((end - start) / this.alignment) * this.alignment;
      if (space(room) > rawBytes) throw this.#problem(`Rows of ${columns} elements are too long`);
    }
    const stop = Math.max(end, Math.min(limit, keeps ? this.#end + wanted : start + room));
    const aligned = Math.min(this.rows, Math.ceil(stop / this.alignment) * this.alignment);
    let base = raw;
    this.#bases = part.map((bytes) => {
      const at = base;
      base += Math.ceil((room * bytes) / 64) * 64 + 64;
      return at;
    });
    for (let i = 0; i < part.length; i++) this.#read(i, aligned, column, columns, part[i]);
    this.#end = aligned;
  }

  /** Plane `i` of rows #end…stop behind those already there. */
  #read(i: number, stop: number, column: number, columns: number, part: number): void {
    const { u8 } = this.context;
    const from = this.#end;
    const target = this.#bases[i] + (from - this.#first) * part;
    const whole = this.#rowBytes[i];
    if (columns === this.columns) {
      const bytes = Math.ceil(stop * whole) - from * whole;
      this.#bytes(i, from * whole, u8.subarray(target, target + bytes));
      return;
    }
    const skip = this.encoding.planes[i].rowBytes(column);
    for (let row = from; row < stop; row++) {
      const at = target + (row - from) * part;
      this.#bytes(i, row * whole + skip, u8.subarray(at, at + part));
    }
  }

  #bytes(i: number, offset: number, target: Uint8Array): void {
    readRange(this.context.io, this.tensor, i, offset, target);
  }

  #problem(message: string): EngineError {
    return new EngineError("malformed", `${message}.`, { tensor: this.tensor.name, file: this.#file() });
  }

  #file(): string | undefined {
    const range = this.tensor.storage.planes[0];
    return range && "file" in range ? this.tensor.paths[range.file] : undefined;
  }
}
