import assert from "node:assert/strict";
import { arrange } from "../../../src/formats/arrange";

const nibble = (bytes: Uint8Array, i: number) => (bytes[i >> 1] >> (4 * (i & 1))) & 15;

describe("arranging elements of less than a byte", () => {
  // Rows that begin in the middle of a byte, more than one tile, an odd number of elements in all, one row, one column.
  const shapes: [rows: number, columns: number][] = [[2, 2], [3, 5], [67, 131], [5, 64], [1, 7], [7, 1], [2, 1], [1, 1]];
  for (const [rows, columns] of shapes) {
    it(`transposes nibbles of ${rows} × ${columns}; a half left over is 0`, () => {
      const plane = new Uint8Array(Math.ceil((rows * columns) / 2));
      const value = (r: number, c: number) => (7 * r + 3 * c + 1) % 16;
      for (let i = 0; i < rows * columns; i++) plane[i >> 1] |= value(Math.floor(i / columns), i % columns) << (4 * (i & 1));
      const out = arrange("transpose-nibbles", { plane, rows, columns });
      assert.equal(out.length, plane.length);
      for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) assert.equal(nibble(out, c * rows + r), value(r, c), `${r},${c}`);
      if ((rows * columns) % 2) assert.equal(out.at(-1)! >> 4, 0);
    });
  }

  it("transposes the nibbles of zero points, whose rows are shorter than the matrix's", () => {
    const plane = Uint8Array.of(0x21, 0x43, 0x65); // two rows of three groups: 1 2 3, 4 5 6
    assert.deepEqual([...arrange("transpose-nibbles", { plane, rows: 2, columns: 96 })], [0x41, 0x52, 0x63]);
  });

  it("packs 2-bit zero points, four groups to a byte; what is left over is 2", () => {
    const plane = Uint8Array.of(0, 1, 2, 3, 1, 3, 3, 3, 0, 0); // two rows of five groups
    assert.deepEqual([...arrange("pack-2-bit-zeros-in-rows", { plane, rows: 2, columns: 160 })], [0xe4, 0xa9, 0x3f, 0xa8]);
  });
});
