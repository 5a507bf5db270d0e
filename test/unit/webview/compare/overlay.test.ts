import assert from "node:assert/strict";
import type { LogHistogram } from "../../../../src/core/series";
import { overlay, overlayCells, overlayData } from "../../../../webview/charts/overlay";

const word = new DataView(new ArrayBuffer(4));
const bin = (v: number) => {
  word.setFloat32(0, v);
  return word.getUint32(0) >>> 20;
};
/** So many elements at each value. */
function histogram(...counted: readonly (readonly [value: number, count: number])[]): LogHistogram {
  const sorted = counted.map(([v, n]) => [bin(v), n] as const).sort((a, b) => a[0] - b[0]);
  return { bins: Uint16Array.from(sorted, (s) => s[0]), counts: Float64Array.from(sorted, (s) => s[1]) };
}
const sum = (x: Float64Array) => x.reduce((a, b) => a + b, 0);
const names = { nameA: "a", nameB: "b" };
const cells = (x: Float64Array) => [...x].flatMap((n, i) => (n > 0 ? [i] : []));

describe("two distributions on one axis", () => {
  it("every element is somewhere, in either unit", () => {
    const a = histogram([-1, 5], [0, 100], [0.5, 7], [100, 1]);
    const b = histogram([0, 90], [2, 23]);
    for (const unit of ["sigma", "value"] as const) {
      const data = overlayData({ ...names, a, b, mean: 0.1, std: 0.7 }, unit);
      assert.ok(Math.abs(sum(data.a) - 113) < 1e-9 && Math.abs(sum(data.b) - 113) < 1e-9);
      assert.deepEqual([data.totalA, data.totalB, data.unit], [113, 113, unit]);
      assert.ok(data.a[overlayCells - 1] === 0 || data.scale.value(1) * (unit === "sigma" ? 0.7 : 1) >= 100, "the far outlier is on the axis");
    }
  });

  it("zeros stand in one cell at zero, and in σ at minus the mean", () => {
    const zeros = histogram([0, 10]);
    const at = (unit: "sigma" | "value") => {
      const data = overlayData({ ...names, a: histogram([-2, 1], [2, 1]), b: zeros, mean: 1, std: 2 }, unit);
      const [cell, ...more] = cells(data.b);
      assert.deepEqual(more, []);
      return [data.scale.value(cell / overlayCells), data.scale.value((cell + 1) / overlayCells)];
    };
    const [low, high] = at("value");
    assert.ok(low <= 0 && high > 0);
    const [from, to] = at("sigma");
    assert.ok(from <= -0.5 && to > -0.5);
  });

  it("a constant is shown in values, zeros alone around zero, nothing at all too", () => {
    const constant = overlayData({ ...names, a: histogram([3, 8]), b: histogram([3, 8]), mean: 3, std: 0 }, "sigma");
    assert.equal(constant.unit, "value");
    assert.ok(constant.scale.high > 3 && sum(constant.a) === 8);
    const zeros = overlayData({ ...names, a: histogram([0, 8]), b: histogram(), mean: 0, std: 0 }, "sigma");
    assert.deepEqual([cells(zeros.a).length, sum(zeros.b), zeros.scale.low], [1, 0, -1]);
    assert.equal(overlayData({ ...names, a: histogram(), b: histogram(), mean: NaN, std: NaN }, "sigma").totalA, 0);
  });

  it("its table has every cell, and the card names the values where the axis counts in σ", () => {
    const data = overlayData({ ...names, a: histogram([-1, 5], [1, 5]), b: histogram([1, 10]), mean: 0, std: 1 }, "sigma");
    const table = overlay.table(data);
    assert.equal(table.rows.length, overlayCells);
    assert.deepEqual(table.columns.map((c) => c.title).slice(0, 4), ["from (σ)", "to (σ)", "A", "B"]);
    assert.deepEqual(overlay.card(data, { width: 400, height: 200 }, 0).lines.map((l) => l[0]), ["A", "B", "values"]);
  });
});
