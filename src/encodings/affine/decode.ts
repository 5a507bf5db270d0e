import type { AffineLayout } from "../../core/model";
import { awqBits, bitField, codeValues, scaleValues, zeroValues } from "./values";
import { type AffineWindow, affineWindow, gather, type Region, span } from "./window";

/**
 * Decodes `region`, which lies in the window: w[r][c] = (code − zero) · scale, each step in f32. `planes`: the bytes of the
 * window's reads, laid one after another. Writes region.rows · region.columns values to `out`, row by row.
 */
export function decodeAffine(window: AffineWindow, planes: readonly Uint8Array[], region: Region, out: Float32Array): void {
  const { layout } = window;
  const { rowsPerScale, columnsPerScale } = layout;
  decodeCodes(window, planes[0], region, out);
  const rowGroups = span(rowsPerScale, region.row, region.rows);
  const columnGroups = window.index ? window.columnGroups : span(columnsPerScale, region.column, region.columns);
  const part = { window, rowGroups, columnGroups, rows: { first: region.row, count: region.rows } };
  const scales = scaleValues(part, planes[1]);
  const zeros = window.zeros && zeroValues(part, planes[2]);
  const constant = layout.codeType ? 0 : layout.zeroPoint;
  for (let i = 0; i < region.rows; i++) {
    const row = region.row + i;
    const g = (rowsPerScale ? Math.floor(row / rowsPerScale) : 0) - rowGroups.first;
    const z = layout.zeros?.rowsPerWord ? i : g;
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
  if (layout.packing === "awq") return decodeAwq(window, bytes, region, out);
  const { bits, codeRowBytes } = layout;
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
    if (values instanceof Float32Array && (bits === 8 || bits === 4)) {
      let bit = start + inner * bits;
      for (let i = 0; i < innerCount; i++, bit += bits, to += innerStep) {
        const byte = bytes[Math.floor(bit / 8)];
        out[to] = values[bits === 8 ? byte : bit % 8 ? byte >> 4 : byte & 15];
      }
      continue;
    }
    for (let i = 0; i < innerCount; i++, to += innerStep) {
      const code = bitField(bytes, start + (inner + i) * bits, bits);
      out[to] = values instanceof Float32Array ? values[code] : values(code);
    }
  }
}

const word = (bytes: Uint8Array, at: number) => bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);

/** GPTQ: codes run down the inputs through 32-bit words, one column of words per output. */
function decodeWords(window: AffineWindow, bytes: Uint8Array, region: Region, out: Float32Array): void {
  const { bits } = window.layout;
  const values = codeValues(window.layout) as Float32Array;
  const width = window.region.rows;
  const first = Math.floor((window.region.column * bits) / 32);
  const mask = 2 ** bits - 1;
  for (let i = 0; i < region.rows; i++) {
    const base = region.row - window.region.row + i;
    for (let j = 0; j < region.columns; j++) {
      const bit = (region.column + j) * bits;
      const shift = bit % 32;
      const at = 4 * ((Math.floor(bit / 32) - first) * width + base);
      let code = word(bytes, at) >>> shift;
      if (shift + bits > 32) code |= bytes[at + 4 * width] << (32 - shift);
      out[i * region.columns + j] = values[code & mask];
    }
  }
}

/** AWQ: one word for eight outputs of one input. */
function decodeAwq(window: AffineWindow, bytes: Uint8Array, region: Region, out: Float32Array): void {
  const { layout, reads, region: whole } = window;
  const values = codeValues(layout) as Float32Array;
  const [read] = reads;
  const end = region.row + region.rows;
  for (let block = Math.floor(region.row / 8); 8 * block < end; block++) {
    for (let j = 0; j < region.columns; j++) {
      const column = region.column + j;
      const run = read.runs > 1 ? column - whole.column : 0;
      const codes = word(bytes, column * layout.codeRowBytes + 4 * block - read.offset - run * (read.stride - read.byteLength));
      for (let row = Math.max(8 * block, region.row); row < Math.min(8 * block + 8, end); row++) {
        out[(row - region.row) * region.columns + j] = values[(codes >>> awqBits[row % 8]) & 15];
      }
    }
  }
}
