import type { FormatName } from "../core/model";

/** One byte stream of an encoding. Rows follow each other without gaps. */
export interface PlaneLayout {
  readonly name: "data" | "codes" | "scales" | "zeros";
  /**
   * Bytes of one row of `columns` elements. Scalars of 6, 4 or 2 bits run on over row ends without padding, so for them this
   * may have a fraction: a window of rows must begin at a multiple of `rowAlignment`, and the whole plane is rounded up.
   */
  rowBytes(columns: number): number;
}

/**
 * A storage layout: how a row of weights becomes bytes. Plain reference code, f32 arithmetic in the order the format's own
 * library uses; everything faster is tested against it. Encodings never choose values cleverly: that is a method's work.
 */
export interface Encoding {
  /** Stable name used in recipes, on the command line and in TensorStorage: "q4_0", "bf16", "int4-g32". */
  readonly name: string;
  /** For people: "Q4_0", "INT4 g32". */
  readonly label: string;
  readonly description: string;
  /** Row length must be a multiple of this; grids pad the last group themselves and say 1. */
  readonly blockElements: number;
  readonly planes: readonly PlaneLayout[];
  /** Rows cannot be cut into parts, whatever their lengths: their bytes are not in the order of their elements. */
  readonly wholeRows?: boolean;
  /** Which containers can hold it, beyond our own display. */
  readonly targets: readonly FormatName[];
  /**
   * Decodes whole rows. `planes[i]` holds rows·rowBytes bytes, 1-byte aligned. Writes rows·columns values to `out`.
   */
  decode(planes: readonly Uint8Array[], rows: number, columns: number, out: Float32Array): void;
  /**
   * Encodes whole rows into `planes`. `importance` has `columns` non-negative weights shared by all rows (an importance
   * matrix); encodings that cannot use it ignore it. Absent for layouts we only read.
   */
  encode?(x: Float32Array, rows: number, columns: number, planes: readonly Uint8Array[], importance?: Float32Array): void;
}

/** Rows at a multiple of this begin at a whole byte in every plane: 1, or up to 8 for packed scalars of odd row lengths. */
export function rowAlignment(encoding: Encoding, columns: number): number {
  let alignment = 1;
  for (const plane of encoding.planes) {
    while (!Number.isInteger(plane.rowBytes(columns) * alignment)) alignment *= 2;
  }
  return alignment;
}

/** Total bytes of a tensor of `rows` × `columns` in this encoding. */
export function encodedBytes(encoding: Encoding, rows: number, columns: number): number {
  let bytes = 0;
  for (const plane of encoding.planes) bytes += Math.ceil(rows * plane.rowBytes(columns));
  return bytes;
}

/** True stored bits per weight for this shape. */
export function bitsPerWeight(encoding: Encoding, rows: number, columns: number): number {
  return (8 * encodedBytes(encoding, rows, columns)) / (rows * columns);
}

/** Can a row of this length be stored without padding? */
export function fits(encoding: Encoding, columns: number): boolean {
  return columns > 0 && columns % encoding.blockElements === 0;
}
