import type { ByteRange } from "../core/model";
import type { Encoding } from "../encodings";
import type { Address } from "../kernels";
import { STRETCH } from "./passArena";
import type { PassIo } from "./passContext";
import type { TensorSource } from "./tasks";

/** A tensor's elements in the order of the file, as f32 tiles. */
export interface TileReader {
  /** The stored matrix: [out][in], or [in][out] where the file is transposed. */
  readonly rows: number;
  readonly columns: number;
  /** Source bytes per element, for progress and for sizing windows. */
  readonly bytesPerElement: number;
  /** Rows are decoded from a multiple of this on, and a tile must have room for that. */
  readonly alignment: number;
  /** Announces the rows and columns that the next loads come from; what is small is then read once only. */
  window(row: number, rows: number, column: number, columns: number): void;
  /**
   * The address of a dense tile [rows][columns] of f32. It is good until the next load, and not to be written to. Within the
   * window; `columns` is the window's own or, where it is more than a stretch, part of it at a multiple of a stretch.
   */
  load(row: number, rows: number, column: number, columns: number): Address;
  /**
   * Columns column…column+columns of all rows of the window, which fits into the arena: f32 rows that stand `stride` elements
   * apart.
   */
  gather(column: number, columns: number): { readonly address: Address; readonly stride: number };
}

/** Can rows of this encoding be cut at multiples of a stretch, each part being decoded and encoded alone? */
export function isDivisible({ planes, wholeRows }: Encoding): boolean {
  return (
    !wholeRows
    && planes.every(({ rowBytes }) => rowBytes(2 * STRETCH) === 2 * rowBytes(STRETCH) && Number.isInteger(rowBytes(STRETCH)))
    && planes.every(({ rowBytes }) => rowBytes(3 * STRETCH + 1024) === 3 * rowBytes(STRETCH) + rowBytes(1024))
  );
}

/** Fills `target` with bytes of plane `i` from `offset` on. */
export function readRange(io: PassIo, { storage, paths }: TensorSource, i: number, offset: number, target: Uint8Array): void {
  const range = storage.planes[i];
  if ("inline" in range) target.set(range.inline.subarray(offset, offset + target.length));
  else io.readInto(paths[range.file], range.offset + offset, target);
}

export function lengthOf(range: ByteRange): number {
  return "inline" in range ? range.inline.length : range.byteLength;
}
