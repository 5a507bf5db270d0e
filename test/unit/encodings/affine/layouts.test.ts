import assert from "node:assert/strict";
import type { AffineLayout } from "../../../../src/core/model";
import { affineWindow, decodeAffine, decodeWholeAffine, gather } from "../../../../src/encodings";

const words = (...values: number[]) => new Uint8Array(Uint32Array.from(values).buffer);
const floats = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);
const halves = (...values: number[]) => new Uint8Array(Uint16Array.from(values).buffer);

const plain: AffineLayout = {
  bits: 8, signed: false, storedOffset: 0, packing: "lsb", codeOrder: "out-in", codeRowBytes: 0, rowsPerScale: 0,
  columnsPerScale: 0, scaleType: "f32", scaleRowStride: 0, scaleColumnStride: 0, zeroPoint: 0,
};
type Zeros = NonNullable<AffineLayout["zeros"]>;
const plainZeros: Zeros = {
  bits: 8, signed: false, storedOffset: 0, packing: "lsb", rowStride: 0, columnStride: 0, packedRowElements: 1, packedRowBytes: 1,
};

interface Row {
  readonly danger: string;
  readonly layout: Partial<Omit<AffineLayout, "zeros">>;
  readonly zeros?: Partial<Zeros>;
  readonly planes: readonly Uint8Array[];
  readonly values: readonly (readonly number[])[];
}

const rows: Row[] = [
  {
    danger: "DequantizeLinear, one scale for all: signed bytes",
    layout: { signed: true, codeRowBytes: 3, zeroPoint: 1 },
    planes: [Uint8Array.of(0x80, 0xff, 0, 1, 2, 127), floats(0.5)],
    values: [[-64.5, -1, -0.5], [0, 0.5, 63]],
  },
  {
    danger: "DequantizeLinear, axis 0 of [out][in]: a scale and a signed zero point per row",
    layout: { signed: true, codeRowBytes: 2, rowsPerScale: 1, scaleRowStride: 1 },
    zeros: { signed: true, rowStride: 1, packedRowElements: 2, packedRowBytes: 2 },
    planes: [Uint8Array.of(0xfe, 2, 10, 20), floats(1, 0.25), Uint8Array.of(0xff, 2)],
    values: [[-1, 3], [2, 4.5]],
  },
  {
    danger: "DequantizeLinear, axis 1 of a MatMul weight [in][out]: the file's columns are outputs",
    layout: { signed: true, codeOrder: "in-out", codeRowBytes: 2, rowsPerScale: 1, scaleRowStride: 1 },
    planes: [Uint8Array.of(1, 2, 3, 4, 5, 6), floats(1, 10)],
    values: [[1, 3, 5], [20, 40, 60]],
  },
  {
    danger: "DequantizeLinear, int4 blocks along in, odd number of outputs: rows begin within a byte",
    layout: {
      bits: 4, signed: true, codeOrder: "in-out", codeRowBytes: 1.5, rowsPerScale: 1, columnsPerScale: 2, scaleRowStride: 1,
      scaleColumnStride: 3,
    },
    zeros: { bits: 4, signed: true, rowStride: 1, columnStride: 3, packedRowElements: 6, packedRowBytes: 3 },
    // Codes [in 4][out 3] = 1 2 3 / 4 5 6 / 7 -8 -7 / -6 -5 -4; zeros [2][3] = 0 1 2 / -1 -2 -3.
    planes: [Uint8Array.of(0x21, 0x43, 0x65, 0x87, 0xa9, 0xcb), floats(1, 2, 3, 0.5, 1, 1), Uint8Array.of(0x10, 0xf2, 0xde)],
    values: [[1, 4, 4, -2.5], [2, 8, -6, -3], [3, 12, -4, -1]],
  },
  {
    danger: "MatMulNBits: codes 0..7 are bytes 10 32 54 76, zero points packed per row with a filled odd nibble",
    layout: { bits: 4, codeRowBytes: 4, rowsPerScale: 1, columnsPerScale: 8, scaleRowStride: 1, scaleColumnStride: 1 },
    zeros: { bits: 4, rowStride: 1, columnStride: 1, packedRowElements: 1, packedRowBytes: 1 },
    planes: [Uint8Array.of(0x10, 0x32, 0x54, 0x76, 0xff, 0xff, 0xff, 0xff), floats(1, 2), Uint8Array.of(0x80, 0x8f)],
    values: [[0, 1, 2, 3, 4, 5, 6, 7], [0, 0, 0, 0, 0, 0, 0, 0]],
  },
  {
    danger: "MatMulNBits without zero points: 2^(bits−1), and a row padded to whole blocks",
    layout: {
      bits: 2, codeRowBytes: 4, rowsPerScale: 1, columnsPerScale: 8, scaleRowStride: 2, scaleColumnStride: 1,
      zeroPoint: 2, scaleType: "f16",
    },
    planes: [Uint8Array.of(0xe4, 0xe4, 0x1b, 0xff), halves(0x3c00, 0xc000)],
    values: [[-2, -1, 0, 1, -2, -1, 0, 1, -2, -0, 2]],
  },
  {
    danger: "MatMulNBits with zero points of the scales' float type",
    layout: { bits: 8, codeRowBytes: 2, rowsPerScale: 1, columnsPerScale: 1, scaleRowStride: 2, scaleColumnStride: 1 },
    zeros: { bits: 32, float: "f32", rowStride: 2, columnStride: 1, packedRowElements: 2, packedRowBytes: 8 },
    planes: [Uint8Array.of(10, 200), floats(2, 0.5), floats(7.5, 127.25)],
    values: [[5, 36.375]],
  },
  {
    danger: "compressed-tensors: q = −8..−1 is the word 0x76543210",
    layout: { bits: 4, storedOffset: 8, codeRowBytes: 4, rowsPerScale: 1, scaleRowStride: 1, scaleColumnStride: 1 },
    planes: [words(0x76543210), floats(1)],
    values: [[-8, -7, -6, -5, -4, -3, -2, -1]],
  },
  {
    danger: "compressed-tensors: zero points packed along the outputs, nine rows in two words",
    layout: {
      bits: 4, storedOffset: 8, codeRowBytes: 4, rowsPerScale: 1, columnsPerScale: 1, scaleRowStride: 2,
      scaleColumnStride: 1,
    },
    zeros: { bits: 4, storedOffset: -8, rowsPerWord: 8, packedRowBytes: 8 },
    planes: [
      words(...Array<number>(9).fill(0xf0)), // q = -8, 7
      floats(...Array.from({ length: 18 }, (_, i) => (i % 2 ? 1 : 2))),
      words(0x76543210, 0xfedcba98, 0x3, 0xc), // zero points -8..-1 | 0..7 | -5 | 4
    ],
    values: [...Array.from({ length: 8 }, (_, r) => [0 - 2 * r, 7 - r]), [-6, 3]],
  },
  {
    danger: "GPTQ: codes 0..7 down in are 0x76543210; v1 stores zero 8 as 0x77777777",
    layout: { bits: 4, codeOrder: "in-packed-out", codeRowBytes: 8, rowsPerScale: 1, scaleRowStride: 1, scaleColumnStride: 2 },
    zeros: { bits: 4, storedOffset: 1, rowStride: 1, columnStride: 2, packedRowElements: 2, packedRowBytes: 4 },
    planes: [words(0x76543210, 0x01234567), floats(1, 2), words(0x77777777)],
    values: [[-8, -7, -6, -5, -4, -3, -2, -1], [-2, -4, -6, -8, -10, -12, -14, -16]],
  },
  {
    danger: "GPTQ v2 with three bits: codes straddle words; g_idx sends columns to groups out of order",
    layout: {
      bits: 3, codeOrder: "in-packed-out", codeRowBytes: 4, rowsPerScale: 1, columnsPerScale: 16, scaleRowStride: 1,
      scaleColumnStride: 1,
    },
    zeros: { bits: 3, rowStride: 1, columnStride: 1, packedRowElements: 1, packedRowBytes: 4 },
    planes: [
      // Codes i mod 8 for i = 0..31, dense: 0xfac688 repeated.
      words(0x88fac688, 0xc688fac6, 0xfac688fa),
      floats(1, 100),
      words(4, 0),
      words(...Array.from({ length: 32 }, (_, i) => (i % 3 === 0 ? 1 : 0))),
    ],
    values: [Array.from({ length: 32 }, (_, i) => (i % 3 === 0 ? (i % 8) * 100 : (i % 8) - 4))],
  },
  {
    danger: "AWQ: codes 0..7 in columns 0..7 are the word 0x75316420, zero points in the same order",
    layout: {
      bits: 4, packing: "awq", codeOrder: "in-out", codeRowBytes: 4, rowsPerScale: 1, columnsPerScale: 1,
      scaleRowStride: 1, scaleColumnStride: 8,
    },
    zeros: { bits: 4, packing: "awq", rowStride: 1, columnStride: 8, packedRowElements: 8, packedRowBytes: 4 },
    planes: [
      words(0x75316420, 0xffffffff),
      floats(...Array.from({ length: 16 }, (_, i) => (i < 8 ? 1 : 2))),
      words(0x75316420, 0x75316420),
    ],
    values: Array.from({ length: 8 }, (_, r) => [0, 2 * (15 - r)]),
  },
  {
    danger: "8-bit floats in blocks of 2 × 2 with a global scale",
    layout: {
      codeType: "f8_e4m3", codeRowBytes: 3, rowsPerScale: 2, columnsPerScale: 2, scaleRowStride: 2,
      scaleColumnStride: 1, scaleType: "bf16", globalScale: 2,
    },
    planes: [Uint8Array.of(0x38, 0xb8, 0x7e, 0x38, 0, 0x80, 0x38, 0x38, 0x40), halves(0x3f80, 0x4000, 0x3f00, 0x4080)],
    values: [[2, -2, 1792], [2, 0, -0], [1, 1, 16]],
  },
  {
    danger: "32-bit codes (a bias) are not cut to 16",
    layout: { bits: 32, signed: true, codeRowBytes: 8 },
    planes: [words(0xfffe0000, 0x12345678), floats(2 ** -16)],
    values: [[-2, 0x12345678 * 2 ** -16]],
  },
];

function check({ layout, zeros, planes, values }: Row): void {
  const full: AffineLayout = { ...plain, ...layout, ...(zeros && { zeros: { ...plainZeros, ...zeros } }) };
  const [rowCount, columnCount] = [values.length, values[0].length];
  const out = new Float32Array(rowCount * columnCount);
  decodeWholeAffine(full, planes, rowCount, columnCount, out);
  assert.deepEqual([...out], values.flat().map(Math.fround));
}

/** Every window of the matrix, and every region of a window, must give the same values as the whole. */
function checkWindows({ layout, zeros, planes, values }: Row): void {
  const full: AffineLayout = { ...plain, ...layout, ...(zeros && { zeros: { ...plainZeros, ...zeros } }) };
  const sizes = planes.map((plane) => plane.length);
  const index = planes[full.zeros ? 3 : 2];
  const [rowCount, columnCount] = [values.length, values[0].length];
  for (let row = 0; row < rowCount; row++) {
    for (let column = 0; column < columnCount; column += 1 + (columnCount >> 3)) {
      const window = affineWindow(full, { row, rows: rowCount - row, column, columns: columnCount - column }, sizes, index);
      const read = window.reads.map((r, i) => gather(planes[i], r).slice());
      const region = { row: rowCount - 1, rows: 1, column: Math.max(column, columnCount - 2), columns: 1 };
      const out = new Float32Array(1);
      decodeAffine(window, read, region, out);
      assert.equal(out[0], Math.fround(values[region.row][region.column]), `window from row ${row}, column ${column}`);
      const all = new Float32Array((rowCount - row) * (columnCount - column));
      decodeAffine(window, read, window.region, all);
      assert.deepEqual([...all], values.slice(row).flatMap((r) => r.slice(column)).map(Math.fround), `from ${row}, ${column}`);
    }
  }
}

describe("affine layouts: a code, scale or zero point taken from its neighbour", () => {
  for (const row of rows) {
    it(row.danger, () => check(row));
    it(`${row.danger} (in windows)`, () => checkWindows(row));
  }
});

describe("affine layouts that do not fit their file", () => {
  const layout = { ...plain, codeRowBytes: 2, rowsPerScale: 1, scaleRowStride: 1 };
  const region = { row: 0, rows: 2, column: 0, columns: 2 };
  const refused: [string, () => unknown, RegExp][] = [
    ["too few codes", () => affineWindow(layout, region, [3, 8]), /codes .* 3 bytes; its shape needs 4/],
    ["too few scales", () => affineWindow(layout, region, [4, 7]), /scales .* 7 bytes; its shape needs 8/],
    ["a group index that is too short", () => affineWindow(layout, region, [4, 8], words(0)), /group index/],
    ["a negative group", () => affineWindow(layout, region, [4, 8], words(0, 0xffffffff)), /group index of column 1 is -1/],
    [
      "a group far outside the scales",
      () => affineWindow({ ...layout, scaleColumnStride: 1 }, region, [4, 8], words(0, 0x7fffffff)),
      /scales/,
    ],
  ];
  for (const [danger, attempt, message] of refused) {
    it(danger, () => assert.throws(attempt, (e: Error) => e.name === "EngineError" && message.test(e.message)));
  }
});
