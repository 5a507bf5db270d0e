import assert from "node:assert/strict";
import { arrange } from "../../../../src/formats/arrange";

describe("zero points of MatMulNBits", () => {
  const rows: [name: string, rows: number, plane: number[], expected: number[]][] = [
    ["two to a byte, the even block low", 1, [1, 2, 3, 4], [0x21, 0x43]],
    ["each row begins a byte, and a half left over is 8", 2, [1, 2, 3, 4, 5, 6], [0x21, 0x83, 0x54, 0x86]],
    ["one block per row", 3, [15, 0, 7], [0x8f, 0x80, 0x87]],
    ["no rows", 0, [], []],
  ];
  for (const [name, count, plane, expected] of rows) {
    it(name, () => {
      const packed = arrange("pack-4-bit-zeros-in-rows", { plane: Uint8Array.from(plane), rows: count, columns: 99 });
      assert.deepEqual([...packed], expected);
    });
  }
});
