import assert from "node:assert/strict";
import { alternatingParts, lastRow, partOrder, ropeOrder, rowAt, rowCount, runAt, type RowOrder } from "../../../src/core/rowOrder";

const all = (order: RowOrder) => Array.from({ length: rowCount(order) }, (_, row) => rowAt(order, row));

/** q, k and v of [groups][queries, k, v][size], as a person would write the loops. */
function byLoops(groups: number, queries: number, size: number): number[][] {
  const parts: number[][] = [[], [], []];
  let row = 0;
  for (let g = 0; g < groups; g++) {
    for (let j = 0; j < queries + 2; j++) {
      for (let e = 0; e < size; e++) parts[j < queries ? 0 : j - queries + 1].push(row++);
    }
  }
  return parts;
}

describe("orders of rows", () => {
  for (const [heads, groups, size] of [[4, 4, 3], [6, 2, 4], [8, 8, 1], [5, 1, 7], [1, 1, 2]]) {
    it(`q, k and v of ${heads} heads in ${groups} groups: each row once, where plain loops put it`, () => {
      const rows = (heads + 2 * groups) * size;
      const orders = alternatingParts(rows, { heads, groups }).map(partOrder);
      assert.deepEqual(orders.map(all), byLoops(groups, heads / groups, size));
      assert.deepEqual(all(orders.flat()), byLoops(groups, heads / groups, size).flat());
      assert.equal(lastRow(orders.flat()), rows - 1);
    });
  }

  it("one group of all heads is q above k above v, said so", () => {
    assert.deepEqual(alternatingParts(42, { heads: 4, groups: 1 }), [{ first: 0, rows: 28 }, { first: 28, rows: 7 }, { first: 35, rows: 7 }]);
  });

  it("RoPE order: halves of each head become pairs", () => {
    // Two heads of six: 0 1 2 | 3 4 5 is stored as 0 3 1 4 2 5.
    assert.deepEqual(all(ropeOrder(12, 2)), [0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11]);
    assert.throws(() => ropeOrder(12, 4), { code: "malformed", message: "12 rows cannot be split into 4 heads of even size." });
    assert.throws(() => ropeOrder(12, 5), { code: "malformed" });
  });

  it("a run goes on just as far as its rows are evenly apart", () => {
    for (const order of [ropeOrder(24, 2), alternatingParts(48, { heads: 4, groups: 2 }).flatMap(partOrder), partOrder({ first: 5, rows: 9 })]) {
      const rows = all(order);
      rows.forEach((row, i) => {
        const run = runAt(order, i);
        assert.equal(run.row, row);
        for (let k = 0; k < run.rows; k++) assert.equal(rows[i + k], row + k * run.stride);
      });
    }
    assert.throws(() => rowAt(partOrder({ first: 5, rows: 9 }), 9), RangeError);
  });
});
