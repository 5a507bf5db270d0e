import assert from "node:assert/strict";
import { poolMatrix, poolMax } from "../../../webview/charts/pool";

describe("pooling by maximum", () => {
  for (const [n, cells] of [
    [128_000, 517],
    [1000, 999],
    [7, 3],
    [5, 5],
    [3, 100],
  ]) {
    it(`a single outlier among ${n} survives on ${cells} cells wherever it is, and is found again`, () => {
      for (const at of [0, 1, n >> 1, n - 2, n - 1]) {
        const values = new Float32Array(n).fill(0.1);
        values[at] = 9;
        const pooled = poolMax(values, cells);
        assert.equal(pooled.values.length, Math.min(n, cells));
        const k = pooled.values.indexOf(9);
        assert.equal(pooled.indices[k], at);
      }
    });
  }
  it("a NaN does not hide the values beside it", () => {
    assert.deepEqual([...poolMax(Float32Array.of(NaN, 2, 3, NaN), 2).values], [2, 3]);
  });
  it("nothing pools to nothing", () => {
    assert.equal(poolMax(new Float32Array(0), 10).values.length, 0);
    assert.equal(poolMax(Float32Array.of(1), 0).values.length, 0);
  });
  it("every corner of a matrix reaches the pooled one", () => {
    for (const [rows, columns, r, c] of [
      [64, 256, 20, 50],
      [64, 256, 64, 256],
      [3, 256, 64, 10],
      [1, 1, 5, 5],
    ]) {
      for (const at of [0, columns - 1, (rows - 1) * columns, rows * columns - 1]) {
        const values = new Float32Array(rows * columns);
        values[at] = 5;
        const pooled = poolMatrix(values, rows, columns, r, c);
        assert.equal(pooled.values.length, pooled.rows * pooled.columns);
        assert.equal(Math.max(...pooled.values), 5);
        assert.ok(pooled.rows <= Math.max(1, r) && pooled.columns <= Math.max(1, c));
      }
    }
  });
});
