import type { AffineLayout } from "../../core/model";
import { awqBits, bitField, codeValues, scaleValues, zeroValues } from "./values";
import { type AffineWindow, affineWindow, gather, type Region } from "./window";

/**
 * Decodes `region`, which lies in the window: w[r][c] = (code − zero) · scale, each step in f32. `planes`: the bytes of the
 * window's reads, laid one after another. Writes region.rows · region.columns values to `out`, row by row.
 */
export function decodeAffine(window: AffineWindow, planes: readonly Uint8Array[], region: Region, out: Float32Array): void {
  const { layout, rowGroups, columnGroups } = window;
  decodeCodes(window, planes[0], region, out);
  const scales = scaleValues(window, planes[1]);
  const zeros = window.zeros && zeroValues(window, planes[2]);
  const constant = layout.codeType ? 0 : layout.zeroPoint;
  const { rowsPerScale, columnsPerScale } = layout;
  for (let i = 0; i < region.rows; i++) {
    const row = region.row + i;
    const g = (rowsPerScale ? Math.floor(row / rowsPerScale) : 0) - rowGroups.first;
    const z = layout.zeros?.rowsPerWord ? row - window.region.row : g;
    const at = i * region.columns;
    for (let j = 0; j < region.columns; ) {
      const column = region.column + j;
      let end = j + 1; // columns j..end share a group
      let h: number;
      if (window.index) {
        h = window.index[column - window.region.column];
      } else {
        h = columnsPerScale ? Math.floor(column / columnsPerScale) : 0;
        end = columnsPerScale ? Math.min(region.columns, (h + 1) * columnsPerScale - region.column) : region.columns;
      }
      h -= columnGroups.first;
      const scale = scales[g * columnGroups.count + h];
      const zero = zeros ? zeros[z * columnGroups.count + h] : constant;
      for (; j < end; j++) out[at + j] = Math.fround(out[at + j] - zero) * scale;
    }
  }
}

/** The whole matrix from whole planes in memory: small tensors, and the tests. */
export function decodeWholeAffine(
  layout: AffineLayout, planes: readonly Uint8Array[], rows: number, columns: number, out: Float32Array,
): void {
  if (rows === 0 || columns === 0) return;
  const region = { row: 0, rows, column: 0, columns };
  const index = planes[layout.zeros ? 3 : 2];
  const window = affineWindow(layout, region, planes.map((plane) => plane.length), index);
  decodeAffine(window, window.reads.map((read, i) => gather(planes[i], read)), region, out);
}

/** Codes of the region as numbers, the stored offset taken away. */
function decodeCodes(window: AffineWindow, bytes: Uint8Array, region: Region, out: Float32Array): void {
  const { layout } = window;
  if (layout.codeOrder === "in-packed-out") return decodeWords(window, bytes, region, out);
  const { bits, packing, codeRowBytes } = layout;
  const values = codeValues(layout);
  const read = window.reads[0];
  // Stored rows are outputs ("out-in") or inputs.
  const outIn = layout.codeOrder === "out-in";
  const [outer, outerCount, inner, innerCount] = outIn
    ? [region.row, region.rows, region.column, region.columns]
    : [region.column, region.columns, region.row, region.rows];
  const windowOuter = outIn ? window.region.row : window.region.column;
  const [outerStep, innerStep] = outIn ? [region.columns, 1] : [1, region.columns];
  for (let o = 0; o < outerCount; o++) {
    const run = read.runs > 1 ? outer + o - windowOuter : 0;
    const start = 8 * ((outer + o) * codeRowBytes - read.offset - run * (read.stride - read.byteLength)); // bit of inner 0
    let to = o * outerStep;
    if (values instanceof Float32Array && packing === "lsb" && (bits === 8 || bits === 4)) {
      let bit = start + inner * bits;
      for (let i = 0; i < innerCount; i++, bit += bits, to += innerStep) {
        const byte = bytes[Math.floor(bit / 8)];
        out[to] = values[bits === 8 ? byte : bit % 8 ? byte >> 4 : byte & 15];
      }
      continue;
    }
    for (let i = 0; i < innerCount; i++, to += innerStep) {
      const element = inner + i;
      const bit = packing === "awq" ? start + Math.floor(element / 8) * 32 + awqBits[element % 8] : start + element * bits;
      const code = bitField(bytes, bit, bits);
      out[to] = values instanceof Float32Array ? values[code] : values(code);
    }
  }
}

/** GPTQ: codes run down the inputs through 32-bit words, one column of words per output. */
function decodeWords(window: AffineWindow, bytes: Uint8Array, region: Region, out: Float32Array): void {
  const { bits } = window.layout;
  const values = codeValues(window.layout);
  const width = window.region.rows;
  const first = Math.floor((window.region.column * bits) / 32);
  const field = 2 ** bits;
  for (let j = 0; j < region.columns; j++) {
    const bit = (region.column + j) * bits;
    const shift = bit % 32;
    const at = 4 * ((Math.floor(bit / 32) - first) * width + region.row - window.region.row);
    for (let i = 0; i < region.rows; i++) {
      let word = bitField(bytes, 8 * (at + 4 * i), 32);
      if (shift + bits > 32) word += bytes[at + 4 * (i + width)] * 2 ** 32;
      const code = Math.floor(word / 2 ** shift) % field;
      out[i * region.columns + j] = values instanceof Float32Array ? values[code] : values(code);
    }
  }
}
