import { EngineError } from "../core/errors";
import type { AffineLayout, ByteRange } from "../core/model";
import { affinePlanes, type AffineWindow, affineWindow, decodeAffine, type Region } from "../encodings/affine";
import type { Address } from "../kernels";
import type { PassContext } from "./passContext";
import { lengthOf, readRange, type TileReader } from "./passReader";
import type { TensorSource } from "./tasks";

/**
 * Integer grids as ONNX, GPTQ, AWQ and compressed-tensors store them. Whatever the file's order is, tiles come in the order of
 * the matrix; the reads of as many rows as fit are kept in the arena.
 */
export class AffineReader implements TileReader {
  readonly rows: number;
  readonly columns: number;
  readonly bytesPerElement: number;
  readonly alignment = 1;
  readonly #layout: AffineLayout;
  readonly #ranges: readonly ByteRange[];
  /** The whole group index; one number per column. */
  readonly #index: Uint8Array | undefined;
  #asked: Region = { row: 0, rows: 0, column: 0, columns: 0 };
  #window: AffineWindow | undefined;
  #planes: Uint8Array[] = [];

  constructor(
    readonly context: PassContext,
    readonly tensor: TensorSource,
  ) {
    const { storage } = tensor;
    if (!storage.affine) throw new EngineError("malformed", "This integer grid has no layout.", { tensor: tensor.name });
    this.rows = tensor.rows;
    this.columns = tensor.columns;
    this.#layout = storage.affine;
    this.#ranges = storage.planes;
    const names = affinePlanes(storage.affine, storage.planes.length);
    if (storage.planes.length < names.length)
      throw new EngineError("malformed", `This integer grid has no ${names[storage.planes.length]}.`, { tensor: tensor.name });
    const elements = tensor.rows * tensor.columns;
    this.bytesPerElement = elements ? storage.planes.reduce((sum, range) => sum + lengthOf(range), 0) / elements : 0;
    const at = names.indexOf("groupIndex");
    if (at >= 0) {
      const bytes = Math.min(4 * tensor.columns, lengthOf(storage.planes[at]));
      this.#index = new Uint8Array(bytes);
      readRange(context.io, tensor, at, 0, this.#index);
    }
  }

  window(row: number, rows: number, column: number, columns: number): void {
    this.#asked = { row, rows, column, columns };
  }

  load(row: number, rows: number, column: number, columns: number): Address {
    const { arena, f32 } = this.context;
    const region = { row, rows, column, columns };
    if (!this.#window || !contains(this.#window.region, region)) this.#fetch(region);
    decodeAffine(this.#window!, this.#planes, region, f32.subarray(arena.tile / 4, arena.tile / 4 + rows * columns));
    return arena.tile;
  }

  /** Affine tensors are never marked as transposed: their layout says what order the codes have. */
  gather(): never {
    throw new EngineError("malformed", "An integer grid is not transposed as a whole.", { tensor: this.tensor.name });
  }

  #fetch(region: Region): void {
    const { arena, u8 } = this.context;
    const limit = this.#asked.row + this.#asked.rows;
    let rows = Math.max(region.rows, limit - region.row);
    for (;;) {
      const window = this.#plan({ ...region, rows });
      const bytes = window.reads.reduce((sum, read) => sum + read.byteLength * read.runs + 64, 0);
      if (bytes <= arena.rawBytes) {
        let at = arena.raw;
        this.#planes = window.reads.map((read, i) => {
          const plane = u8.subarray(at, at + read.byteLength * read.runs);
          for (let k = 0; k < read.runs; k++) {
            const target = plane.subarray(k * read.byteLength, (k + 1) * read.byteLength);
            readRange(this.context.io, this.tensor, i, read.offset + k * read.stride, target);
          }
          at += Math.ceil(plane.length / 64) * 64;
          return plane;
        });
        this.#window = window;
        return;
      }
      if (rows === region.rows)
        throw new EngineError("unsupported", `Rows of ${this.columns} elements of this integer grid do not fit into memory.`, {
          tensor: this.tensor.name,
        });
      rows = Math.max(region.rows, Math.floor(rows / 2));
    }
  }

  #plan(region: Region): AffineWindow {
    return affineWindow(this.#layout, region, this.#ranges.map(lengthOf), this.#index);
  }
}

function contains(outer: Region, inner: Region): boolean {
  return (
    inner.row >= outer.row
    && inner.row + inner.rows <= outer.row + outer.rows
    && inner.column >= outer.column
    && inner.column + inner.columns <= outer.column + outer.columns
  );
}
