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
 * - "transpose-bytes": elements of one byte, [rows][n] → [n][rows], n from the plane's length.
 * - "pack-4-bit-zeros-along-rows", "pack-8-…": one unsigned byte per [row][group] → little-endian 32-bit words
 *   [ceil(rows·bits/32)][groups]; word w of a group holds rows w·32/bits …, lowest bits first; bits beyond the last row are 0.
 *   compressed-tensors stores `weight_zero_point` so (`pack_to_int32(zero_point, num_bits, packed_dim=0)`); its offset of
 *   2^(bits−1) is already in the unsigned code.
 * - "pack-4-bit-zeros-in-rows", "pack-2-…": one unsigned byte per [row][group] → two or four per byte, the first in the lowest
 *   bits; each row starts a new byte, and what is left over is filled with 8 or 2 (onnxruntime's MatMulNBits).
 * - "transpose-nibbles": elements of 4 bits, two per byte and the even one in the low half, running on over row ends, [rows][n] →
 *   [n][rows], n from the plane's length; a half left over at the end is 0 (ONNX's INT4 and UINT4).
 * - "transpose-2-bytes", "transpose-4-bytes": elements of 2 or 4 bytes, [rows][n] → [n][rows], n from the plane's length. GPTQ
 *   and AWQ keep scales so; and GPTQ's `qweight`, as a row's 32-bit words of codes stay the same words.
 * - "pack-4-bit-zeros-by-group", "pack-8-…": one unsigned byte per [row][group] → little-endian 32-bit words
 *   [group][ceil(rows·bits/32)], rows lowest bits first (`qzeros` of GPTQ's second version).
 * - "awq-codes": 4-bit codes, two per byte and the even column in the low half, [rows][columns], rows padded to whole 32-bit
 *   words → words [columns][rows/8]: bits 4i of word b hold row 8b + (0 2 4 6 1 3 5 7)[i]. Rows must be a multiple of 8.
 * - "awq-zeros": one unsigned byte per [row][group] → words [group][rows/8] in the same order.
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
      return packInRows(input, 4);
    case "pack-2-bit-zeros-in-rows":
      return packInRows(input, 2);
    case "transpose-nibbles":
      return transposeNibbles(input);
    case "transpose-2-bytes":
      return transposeWide(input, Uint16Array);
    case "transpose-4-bytes":
      return transposeWide(input, Uint32Array);
    case "pack-4-bit-zeros-by-group":
      return packByGroup(input, 4);
    case "pack-8-bit-zeros-by-group":
      return packByGroup(input, 8);
    case "awq-codes":
      return awqCodes(input);
    case "awq-zeros":
      return awqZeros(input);
  }
}

/** Bytes of `rows` × `groups` zero points packed along the rows. */
export function packedZerosBytes(rows: number, groups: number, bits: 4 | 8): number {
  return Math.ceil((rows * bits) / 32) * 4 * groups;
}

function transposeBytes({ plane, rows }: ArrangeInput): Uint8Array {
  const columns = rows === 0 ? 0 : plane.length / rows;
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

function transposeWide({ plane, rows }: ArrangeInput, Elements: typeof Uint16Array | typeof Uint32Array): Uint8Array {
  const columns = rows === 0 ? 0 : plane.length / Elements.BYTES_PER_ELEMENT / rows;
  // A copy, as a plane may begin anywhere in its buffer.
  const source = new Elements(rows * columns);
  new Uint8Array(source.buffer).set(plane.subarray(0, source.byteLength));
  const out = new Elements(rows * columns);
  const tile = 32;
  for (let top = 0; top < rows; top += tile) {
    for (let left = 0; left < columns; left += tile) {
      const bottom = Math.min(rows, top + tile);
      const right = Math.min(columns, left + tile);
      for (let r = top; r < bottom; r++) for (let c = left; c < right; c++) out[c * rows + r] = source[r * columns + c];
    }
  }
  return new Uint8Array(out.buffer);
}

function packByGroup({ plane, rows }: ArrangeInput, bits: 4 | 8): Uint8Array {
  const groups = rows === 0 ? 0 : plane.length / rows;
  const groupBytes = Math.ceil((rows * bits) / 32) * 4;
  const out = new Uint8Array(groups * groupBytes);
  for (let row = 0; row < rows; row++) {
    const at = (row * bits) >> 3;
    const shift = (row * bits) & 7;
    for (let group = 0; group < groups; group++) out[group * groupBytes + at] |= plane[row * groups + group] << shift;
  }
  return out;
}

/** Bit of row i of eight in AWQ's words. */
const awqBits = [0, 16, 4, 20, 8, 24, 12, 28];

function awqCodes({ plane, rows, columns }: ArrangeInput): Uint8Array {
  const rowBytes = rows === 0 ? 0 : plane.length / rows;
  const blocks = rows / 8;
  const words = new Uint32Array(columns * blocks);
  // 16 blocks are a cache line of words.
  const tile = { blocks: 16, columns: 128 };
  for (let top = 0; top < blocks; top += tile.blocks) {
    for (let left = 0; left < columns; left += tile.columns) {
      const bottom = Math.min(blocks, top + tile.blocks);
      const right = Math.min(columns, left + tile.columns);
      for (let b = top; b < bottom; b++) {
        for (let c = left; c < right; c += 2) {
          // Two inputs at once: even columns stand in the low halves of the bytes, odd ones in the high.
          let at = 8 * b * rowBytes + (c >> 1);
          let low = 0;
          let high = 0;
          for (let i = 0; i < 8; i++, at += rowBytes) {
            const bit = awqBits[i];
            low |= (plane[at] & 15) << bit;
            high |= (plane[at] >> 4) << bit;
          }
          words[c * blocks + b] = low;
          if (c + 1 < right) words[(c + 1) * blocks + b] = high;
        }
      }
    }
  }
  return new Uint8Array(words.buffer);
}

function awqZeros({ plane, rows }: ArrangeInput): Uint8Array {
  const groups = rows === 0 ? 0 : plane.length / rows;
  const blocks = rows / 8;
  const words = new Uint32Array(groups * blocks);
  for (let row = 0; row < rows; row++) {
    const bit = awqBits[row & 7];
    for (let group = 0; group < groups; group++) words[group * blocks + (row >> 3)] |= plane[row * groups + group] << bit;
  }
  return new Uint8Array(words.buffer);
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

function packInRows({ plane, rows }: ArrangeInput, bits: 2 | 4): Uint8Array {
  const groups = rows === 0 ? 0 : plane.length / rows;
  const perByte = 8 / bits;
  const rowBytes = Math.ceil(groups / perByte);
  const out = new Uint8Array(rows * rowBytes);
  for (let row = 0; row < rows; row++) {
    for (let group = 0; group < rowBytes * perByte; group++) {
      const zero = group < groups ? plane[row * groups + group] : 2 ** (bits - 1);
      out[row * rowBytes + Math.floor(group / perByte)] |= zero << (bits * (group % perByte));
    }
  }
  return out;
}

function transposeNibbles({ plane, rows }: ArrangeInput): Uint8Array {
  // A half byte left over is less than one element per row, but for a single row, whose order stays.
  const columns = rows === 0 ? 0 : Math.floor((plane.length * 2) / rows);
  if (rows < 2 || columns < 2) return plane.slice();
  const out = new Uint8Array(plane.length);
  const tile = 64;
  for (let top = 0; top < rows; top += tile) {
    for (let left = 0; left < columns; left += tile) {
      const bottom = Math.min(rows, top + tile);
      const right = Math.min(columns, left + tile);
      for (let c = left; c < right; c++) {
        for (let r = top; r < bottom; r++) {
          const from = r * columns + c;
          const to = c * rows + r;
          const nibble = from % 2 ? plane[(from - 1) / 2] >> 4 : plane[from / 2] & 15;
          out[Math.floor(to / 2)] |= to % 2 ? nibble << 4 : nibble;
        }
      }
    }
  }
  return out;
}
