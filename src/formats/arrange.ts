import type { ArrangementName } from "./format";

export interface ArrangeInput {
  /** The whole plane as its encoding lays it out, row after row. */
  readonly plane: Uint8Array;
  /** The tensor as a matrix. */
  readonly rows: number;
  readonly columns: number;
}

/**
 * A whole plane in the order a container wants.
 *
 * - "transpose-bytes": one byte per element, [rows][columns] → [columns][rows].
 * - "pack-4-bit-zeros-along-rows", "pack-8-…": one unsigned byte per [row][group] → little-endian 32-bit words
 *   [ceil(rows·bits/32)][groups]; word w of a group holds rows w·32/bits …, lowest bits first; bits beyond the last row are 0.
 *   compressed-tensors stores `weight_zero_point` so (`pack_to_int32(zero_point, num_bits, packed_dim=0)`); its offset of
 *   2^(bits−1) is already in the unsigned code.
 * - "pack-4-bit-zeros-in-rows": one unsigned byte per [row][group] → two per byte, the even group in the low half; each row
 *   starts a new byte, and a half that is left over is 8 (onnxruntime's MatMulNBits).
 */
export function arrange(name: ArrangementName, input: ArrangeInput): Uint8Array {
  switch (name) {
    case "transpose-bytes":
      return transposeBytes(input);
    case "pack-4-bit-zeros-along-rows":
      return packAlongRows(input, 4);
    case "pack-8-bit-zeros-along-rows":
      return packAlongRows(input, 8);
    case "pack-4-bit-zeros-in-rows":
      return packInRows(input);
  }
}

/** Bytes of `rows` × `groups` zero points packed along the rows. */
export function packedZerosBytes(rows: number, groups: number, bits: 4 | 8): number {
  return Math.ceil((rows * bits) / 32) * 4 * groups;
}

function transposeBytes({ plane, rows, columns }: ArrangeInput): Uint8Array {
  const out = new Uint8Array(rows * columns);
  // Square tiles keep both sides in the cache: a plain double loop over a large matrix misses on every write.
  const tile = 64;
  for (let top = 0; top < rows; top += tile) {
    for (let left = 0; left < columns; left += tile) {
      const bottom = Math.min(rows, top + tile);
      const right = Math.min(columns, left + tile);
      for (let r = top; r < bottom; r++) for (let c = left; c < right; c++) out[c * rows + r] = plane[r * columns + c];
    }
  }
  return out;
}

function packAlongRows({ plane, rows }: ArrangeInput, bits: 4 | 8): Uint8Array {
  const groups = rows === 0 ? 0 : plane.length / rows;
  const perWord = 32 / bits;
  const out = new Uint8Array(packedZerosBytes(rows, groups, bits));
  for (let row = 0; row < rows; row++) {
    const word = Math.floor(row / perWord) * groups * 4;
    const bit = (row % perWord) * bits;
    for (let group = 0; group < groups; group++) out[word + group * 4 + (bit >> 3)] |= plane[row * groups + group] << (bit & 7);
  }
  return out;
}

function packInRows({ plane, rows }: ArrangeInput): Uint8Array {
  const groups = rows === 0 ? 0 : plane.length / rows;
  const rowBytes = Math.ceil(groups / 2);
  const out = new Uint8Array(rows * rowBytes);
  for (let row = 0; row < rows; row++) {
    for (let group = 0; group < groups; group += 2) {
      const high = group + 1 < groups ? plane[row * groups + group + 1] : 8;
      out[row * rowBytes + group / 2] = plane[row * groups + group] | (high << 4);
    }
  }
  return out;
}
