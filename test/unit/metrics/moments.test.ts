import assert from "node:assert/strict";
import { Random } from "../../../src/core/math/prng";
import { excessKurtosis, mergeMoments, type Moments, momentsFromSums, noMoments, standardDeviation } from "../../../src/metrics";
import { assertNear } from "../../builders/compareReports";

/** The moments of one number list, in the plainest way. */
function momentsOf(x: readonly number[]): Moments {
  const count = x.length;
  const mean = x.reduce((a, b) => a + b, 0) / count;
  const power = (p: number) => x.reduce((sum, v) => sum + (v - mean) ** p, 0);
  return { count, mean, m2: power(2), m3: power(3), m4: power(4) };
}

function check(actual: Moments, expected: Moments, tolerance = 1e-9): void {
  assert.equal(actual.count, expected.count);
  const scale = Math.sqrt(expected.m2 / expected.count);
  assertNear(actual.mean, expected.mean, "mean", tolerance, tolerance * scale);
  assertNear(actual.m2, expected.m2, "m2", tolerance);
  assertNear(actual.m3, expected.m3, "m3", tolerance, tolerance * expected.count * scale ** 3);
  assertNear(actual.m4, expected.m4, "m4", tolerance);
}

function draw(count: number, mean: number, std: number, seed: number): number[] {
  const random = new Random(seed);
  return Array.from({ length: count }, () => mean + std * random.gaussian() ** 3);
}

describe("moments", () => {
  it("from power sums about a pivot", () => {
    const x = draw(1000, 5000, 0.1, 1);
    const sum = (p: number) => x.reduce((total, v) => total + (v - 5000) ** p, 0);
    check(momentsFromSums(1000, 5000, sum(1), sum(2), sum(3), sum(4)), momentsOf(x));
    assert.deepEqual(momentsFromSums(0, 7, 0, 0, 0, 0), noMoments);
  });

  it("of parts merge to those of the whole, whatever the sizes and however far the parts lie apart", () => {
    for (const [n, m, distance] of [
      [1, 1, 3],
      [1, 1000, 100],
      [500, 700, 0],
      [3, 900, -1e4],
      [400, 1, 1e6],
    ]) {
      const [a, b] = [draw(n, 0, 1, n), draw(m, distance, 2, m)];
      check(mergeMoments(momentsOf(a), momentsOf(b)), momentsOf([...a, ...b]));
    }
  });

  it("merge with nothing to themselves", () => {
    const some = momentsOf([1, 2, 4]);
    assert.deepEqual(mergeMoments(some, noMoments), some);
    assert.deepEqual(mergeMoments(noMoments, some), some);
  });

  for (const [what, mean, std] of [
    ["a mean of 0", 0, 1],
    ["a mean of a thousand deviations", 1, 1e-3],
    ["tiny values", 1e-30, 1e-30],
    ["huge values", -1e30, 1e29],
  ]) {
    it(`keep twelve digits over a hundred thousand merges: ${what}`, () => {
      // A band that repeats has the same mean, deviation and kurtosis however often: what a tensor of 10⁹ elements is made of.
      const band = momentsOf(draw(10_000, mean as number, std as number, 9));
      let whole = noMoments;
      for (let i = 0; i < 100_000; i++) whole = mergeMoments(whole, band);
      assert.equal(whole.count, 1e9);
      assertNear(whole.mean, band.mean, "mean", 1e-12, 1e-12 * standardDeviation(band));
      assertNear(standardDeviation(whole), standardDeviation(band), "standard deviation", 1e-11);
      assertNear(excessKurtosis(whole), excessKurtosis(band), "kurtosis", 1e-10);
    });
  }

  it("a constant has no kurtosis, and nothing has neither", () => {
    assert.ok(Number.isNaN(excessKurtosis(momentsFromSums(5, 3, 0, 0, 0, 0))));
    assert.equal(standardDeviation(noMoments), 0);
    assert.ok(Number.isNaN(excessKurtosis(noMoments)));
  });
});
