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

  it("an empty matrix stays empty", () => {
    for (const name of ["transpose-bytes", "pack-4-bit-zeros-along-rows", "pack-8-bit-zeros-along-rows"] as const) {
      assert.equal(arrange(name, { plane: new Uint8Array(0), rows: 0, columns: 7 }).length, 0);
    }
  });
});
