import assert from "node:assert/strict";
import {
  domainOf,
  linearScale,
  linearTicks,
  logScale,
  logTicks,
  niceStep,
  sigmaScale,
  sigmaTicks,
  symlogScale,
} from "../../../webview/scales";

const near = (a: number, b: number, tolerance = 1e-12) => assert.ok(Math.abs(a - b) <= tolerance, `${a} is not ${b}`);

describe("scales", () => {
  it("a position and its value are inverse on every kind of axis", () => {
    for (const scale of [
      linearScale(-3, 7),
      logScale(1e-6, 40),
      symlogScale(-64, 64),
      symlogScale(-0.2, 900, 0.01),
      sigmaScale,
    ]) {
      for (let p = 0; p <= 1; p += 1 / 64) near(scale.at(scale.value(p)), p, 1e-9);
    }
  });
  it("values outside stay on the axis instead of running off the picture", () => {
    for (const scale of [linearScale(1, 2), logScale(1, 2), sigmaScale]) {
      assert.equal(scale.at(-1e300), 0);
      assert.equal(scale.at(Infinity), 1);
      assert.ok(Number.isNaN(scale.at(NaN)));
    }
  });
  it("the σ axis is symmetric, and its middle is the mean", () => {
    assert.equal(sigmaScale.at(0), 0.5);
    for (const t of sigmaTicks) near(sigmaScale.at(t) + sigmaScale.at(-t), 1);
    assert.equal(sigmaScale.at(64), 1);
    assert.equal(sigmaScale.at(-64), 0);
    assert.ok(
      sigmaScale.at(1) - sigmaScale.at(0) > sigmaScale.at(64) - sigmaScale.at(48),
      "the core has more room than the tail",
    );
  });
  it("a domain of one value, or of none, is not empty", () => {
    for (const kind of ["linear", "log", "symlog"] as const) {
      for (const values of [[], [5], [NaN, Infinity], [0]]) {
        const [low, high] = domainOf(values, kind);
        assert.ok(high > low && Number.isFinite(low) && Number.isFinite(high), `${kind} of ${values}: ${low} to ${high}`);
      }
    }
  });
  it("a domain covers its finite values and keeps a natural floor", () => {
    assert.deepEqual(domainOf([1.4, 34.6, Infinity], "log", 1), [1, 40]);
    assert.deepEqual(domainOf([18.8, 21.6], "linear"), [18, 22]);
    const [low, high] = domainOf([-1.2, 417], "symlog");
    assert.ok(low <= -1.2 && high >= 417);
  });
  it("ticks are round, ascending and inside", () => {
    assert.deepEqual(linearTicks(-0.4, 0.4, 4), [-0.4, -0.2, 0, 0.2, 0.4]);
    assert.deepEqual(logTicks(1, 5000, 4), [1, 10, 100, 1000]);
    assert.deepEqual(linearTicks(3, 3, 4), [3]);
    for (const ticks of [linearTicks(0, 127_999, 7), logTicks(0.013, 1.9, 4), symlogScale(-2, 420).ticks(6)]) {
      assert.deepEqual(
        ticks,
        [...ticks].sort((a, b) => a - b),
      );
      assert.ok(ticks.length >= 2);
    }
  });
  it("steps are 1, 2 or 5 times a power of ten", () => {
    for (const [x, step] of [
      [0.9, 1],
      [1, 1],
      [1.01, 2],
      [3, 5],
      [6, 10],
      [0.013, 0.02],
      [0, 1],
    ])
      near(niceStep(x), step);
  });
});
