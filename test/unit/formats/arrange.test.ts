import assert from "node:assert/strict";
import { arrange, packedZerosBytes } from "../../../src/formats/arrange";

describe("arranging a whole plane", () => {
  it("transposes bytes beyond one tile", () => {
    const [rows, columns] = [67, 130];
    const plane = Uint8Array.from({ length: rows * columns }, (_, i) => i % 251);
    const out = arrange("transpose-bytes", { plane, rows, columns });
    for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) assert.equal(out[c * rows + r], plane[r * columns + c]);
  });

  it("packs 4-bit zero points along the rows: eight rows of one group are a word, lowest first", () => {
    // Two groups; rows 0…8 hold 0…8 in the first and 15…7 in the second.
    const plane = Uint8Array.from({ length: 18 }, (_, i) => (i % 2 ? 15 - (i >> 1) : i >> 1));
    const out = arrange("pack-4-bit-zeros-along-rows", { plane, rows: 9, columns: 64 });
    assert.deepEqual([...new Uint32Array(out.buffer)], [0x76543210, 0x89abcdef, 8, 7]);
    assert.equal(out.length, packedZerosBytes(9, 2, 4));
  });

  it("packs 8-bit zero points along the rows", () => {
    const out = arrange("pack-8-bit-zeros-along-rows", { plane: Uint8Array.of(1, 2, 3, 4, 255), rows: 5, columns: 8 });
    assert.deepEqual([...out], [1, 2, 3, 4, 255, 0, 0, 0]);
  });

  for (const [name, width] of [
    ["transpose-2-bytes", 2],
    ["transpose-4-bytes", 4],
  ] as const) {
    it(`${name}: elements keep their bytes, beyond one tile and from any place of a buffer`, () => {
      const [rows, columns] = [37, 70];
      const plane = new Uint8Array(rows * columns * width + 1).subarray(1).map((_, i) => (i * 7919) >> 3);
      const out = arrange(name, { plane, rows, columns: 999 });
      const element = (bytes: Uint8Array, i: number) => [...bytes.subarray(i * width, (i + 1) * width)];
      for (let r = 0; r < rows; r++) {
        for (let c = 0; c < columns; c++) assert.deepEqual(element(out, c * rows + r), element(plane, r * columns + c));
      }
      assert.equal(out.length, plane.length);
    });
  }

  it("packs zero points by group: all rows of one group follow each other, eight or four in a word", () => {
    // Two groups; rows 0…8 hold 0…8 in the first and 15…7 in the second.
    const plane = Uint8Array.from({ length: 18 }, (_, i) => (i % 2 ? 15 - (i >> 1) : i >> 1));
    const four = arrange("pack-4-bit-zeros-by-group", { plane, rows: 9, columns: 64 });
    assert.deepEqual([...new Uint32Array(four.buffer)], [0x76543210, 8, 0x89abcdef, 7]);
    const eight = arrange("pack-8-bit-zeros-by-group", { plane, rows: 9, columns: 64 });
    assert.deepEqual([...new Uint32Array(eight.buffer)], [0x03020100, 0x07060504, 8, 0x0c0d0e0f, 0x08090a0b, 7]);
  });

  it("AWQ's words: eight outputs of one input in the order 0 2 4 6 1 3 5 7", () => {
    // Output r of input c has the code (r + c) mod 16; 131 inputs and 17 blocks of outputs pass a tile, rows fill words.
    const [rows, columns, rowBytes] = [136, 131, 68];
    const code = (r: number, c: number) => (r + c) & 15;
    const plane = Uint8Array.from({ length: rows * rowBytes }, (_, i) => {
      const [r, c] = [Math.floor(i / rowBytes), 2 * (i % rowBytes)];
      return code(r, c) | (code(r, c + 1) << 4);
    });
    const words = new Uint32Array(arrange("awq-codes", { plane, rows, columns }).buffer);
    assert.equal(words.length, 17 * columns);
    assert.deepEqual([words[0], words[1]], [0x75316420, 0xfdb9eca8]);
    for (let c = 0; c < columns; c++) {
      for (let i = 0; i < rows; i++) {
        const output = 8 * (i >> 3) + [0, 2, 4, 6, 1, 3, 5, 7][i & 7];
        assert.equal((words[17 * c + (i >> 3)] >>> (4 * (i & 7))) & 15, code(output, c));
      }
    }
  });

  it("AWQ's zero points stand in the same order, one row of words per group", () => {
    const plane = Uint8Array.from({ length: 16 }, (_, i) => (i % 2 ? 15 - (i >> 1) : i >> 1));
    const words = new Uint32Array(arrange("awq-zeros", { plane, rows: 8, columns: 64 }).buffer);
    assert.deepEqual([...words], [0x75316420, 0x8ace9bdf]);
  });

  it("an empty matrix stays empty", () => {
    for (const name of [
      "transpose-bytes", "pack-4-bit-zeros-along-rows", "pack-8-bit-zeros-along-rows", "transpose-2-bytes", "transpose-4-bytes",
      "pack-4-bit-zeros-by-group", "pack-8-bit-zeros-by-group", "awq-codes", "awq-zeros",
    ] as const) {
      assert.equal(arrange(name, { plane: new Uint8Array(0), rows: 0, columns: 7 }).length, 0);
    }
  });
});
