import assert from "node:assert/strict";
import { Random } from "../../../src/core/math/prng";
import { fitGreedy, fitOneBit, fitRefined, fitTernary, fitTwoBits, refine } from "../../../src/core/math/lsbq/fit";
import { Levels } from "../../../src/core/math/lsbq/levels";
import { Magnitudes } from "../../../src/core/math/lsbq/magnitudes";
import { energy, gaussians } from "../../builders/random";

/** Least error over every assignment of the values to `levels` sign patterns, each with its best scalars. */
function bruteForce(x: ArrayLike<number>, kind: 1 | 2 | "ternary", weights?: ArrayLike<number>): number {
  const n = x.length;
  const count = kind === 1 ? 2 ** n : kind === 2 ? 4 ** n : 3 ** n;
  const base = kind === 1 ? 2 : kind === 2 ? 4 : 3;
  let best = Infinity;
  for (let code = 0; code < count; code++) {
    // s1 and s2 per element; a ternary value counts as (s1+s2)/2 with one scalar.
    let a11 = 0,
      a12 = 0,
      b1 = 0,
      b2 = 0,
      e = 0,
      t2 = 0,
      tb = 0;
    for (let i = 0, c = code; i < n; i++, c = Math.floor(c / base)) {
      const w = weights ? weights[i] : 1;
      const digit = c % base;
      const s1 = digit & 1 ? 1 : -1;
      const s2 = digit & 2 ? 1 : -1;
      const t = digit - 1;
      a11 += w;
      a12 += w * s1 * s2;
      b1 += w * s1 * x[i];
      b2 += w * s2 * x[i];
      t2 += w * t * t;
      tb += w * t * x[i];
      e += w * x[i] * x[i];
    }
    let explained: number;
    if (kind === 1) explained = (b1 * b1) / a11;
    else if (kind === "ternary") explained = t2 > 0 ? (tb * tb) / t2 : 0;
    else {
      const det = a11 * a11 - a12 * a12;
      explained = Math.abs(det) < 1e-12 ? (b1 * b1) / a11 : (a11 * b1 * b1 - 2 * a12 * b1 * b2 + a11 * b2 * b2) / det;
    }
    best = Math.min(best, e - explained);
  }
  return best;
}

/** The error that a fit's scalars really give. */
function achieved(x: ArrayLike<number>, scalars: ArrayLike<number>, weights?: ArrayLike<number>): number {
  const levels = new Levels(scalars.length, scalars);
  let error = 0;
  for (let i = 0; i < x.length; i++) error += (weights ? weights[i] : 1) * (x[i] - levels.values[levels.nearest(x[i])]) ** 2;
  return error;
}

const near = (a: number, b: number, tolerance: number, what = "") =>
  assert.ok(Math.abs(a - b) <= tolerance, `${what} ${a} is not ${b}`);

const groups: [string, number[]][] = [
  ["one value", [-0.7]],
  ["one zero", [0]],
  ["all zeros", [0, 0, 0, 0]],
  ["all equal", [0.5, 0.5, 0.5, 0.5, 0.5]],
  ["equal magnitudes of both signs", [2, -2, 2, -2]],
  ["zeros among values", [0, 0, 1, -3, 0, 0.25]],
  ["ties at the split", [1, 1, 1, 2, 2, 2, 3]],
  ["one outlier", [0.01, -0.02, 0.015, 100, -0.01]],
  ["negative zero", [-0, 1, -1]],
];

describe("least-squares binary fits", () => {
  for (const [name, x] of groups) {
    it(`no sign pattern does better: ${name}`, () => checkAgainstBruteForce(x));
  }

  it("no sign pattern does better: random groups of up to 9, with and without weights", () => {
    const random = new Random(11);
    for (let t = 0; t < 40; t++) {
      const n = 1 + random.integer(t < 36 ? 7 : 9);
      const x = Array.from({ length: n }, () => (t % 3 ? random.gaussian() : Math.round(4 * random.gaussian()) / 4));
      checkAgainstBruteForce(x);
      checkAgainstBruteForce(
        x,
        Array.from({ length: n }, () => (random.integer(6) ? random.uniform() : 0)),
      );
    }
  });

  it("no sign pattern does better: all 2^12 and 3^12 patterns of twelve values", () => {
    const x = [...gaussians(12, 3)];
    near(fitOneBit(x).squaredError, bruteForce(x, 1), 1e-12);
    near(fitTernary(x).squaredError, bruteForce(x, "ternary"), 1e-12);
  });

  it("more bits never hurt: two bits ≤ ternary ≤ one, two bits ≤ greedy ≤ one, refined ≤ greedy", () => {
    const random = new Random(5);
    for (let t = 0; t < 200; t++) {
      const x = Float32Array.from({ length: 1 + random.integer(60) }, () => random.gaussian() ** (t % 2 ? 1 : 3));
      const slack = 1e-9 * energy(x);
      const one = fitOneBit(x).squaredError;
      const two = fitTwoBits(x).squaredError;
      assert.ok(two <= fitTernary(x).squaredError + slack && fitTernary(x).squaredError <= one + slack);
      assert.ok(two <= fitGreedy(x, 2).squaredError + slack && fitGreedy(x, 2).squaredError <= one + slack);
      let previous = Infinity;
      for (let bits = 1; bits <= 5; bits++) {
        const refined = fitRefined(x, bits);
        assert.ok(refined.squaredError <= fitGreedy(x, bits).squaredError + slack, `${bits} bits refined`);
        assert.ok(refined.squaredError <= previous + slack, `${bits} bits are no worse than ${bits - 1}`);
        near(achieved(x, refined.scalars), refined.squaredError, slack, "the error told is the error made:");
        for (let i = 1; i < bits; i++)
          assert.ok(refined.scalars[i - 1] >= refined.scalars[i] && refined.scalars[i] >= 0, "scalars fall");
        previous = refined.squaredError;
      }
    }
  });

  it("refining only ever lowers the error", () => {
    for (const bits of [2, 3, 4, 6]) {
      const x = gaussians(500, bits);
      const start = fitGreedy(x, bits);
      let last = start.squaredError;
      let rounds = 0;
      refine(new Magnitudes(x), start, (error) => {
        assert.ok(error < last);
        last = error;
        rounds++;
      });
      assert.ok(rounds > 3);
    }
  });

  it("the optimum is stationary: each level is the mean of its weights", () => {
    const x = gaussians(1000, 8).map(Math.abs);
    const [v1, v2] = fitTwoBits(x).scalars;
    const mean = (values: Float32Array) => values.reduce((sum, v) => sum + v, 0) / values.length;
    const outer = mean(x.filter((a) => a > v1));
    const inner = mean(x.filter((a) => a <= v1));
    near(v1, (outer + inner) / 2, 1e-12);
    near(v2, (outer - inner) / 2, 1e-12);
    const { level, threshold } = fitTernary(x);
    near(level, mean(x.filter((a) => a > threshold)), 1e-12);
    assert.equal(threshold, level / 2);
  });

  it("the worked example of ten values", () => {
    const x = [-2, -1.5, -1, -0.25, 0.1, 0.5, 0.75, 1.25, 3, -0.6];
    const one = fitOneBit(x);
    near(one.scalars[0], 1.095, 1e-12);
    near(one.squaredError, 7.06725, 1e-12);
    const ternary = fitTernary(x);
    near(ternary.level, 1.75, 1e-12);
    near(ternary.squaredError, 3.745, 1e-12);
    const two = fitTwoBits(x);
    near(two.scalars[0], 1.621875, 1e-12);
    near(two.scalars[1], 0.878125, 1e-12);
    near(two.squaredError, 2.1321875, 1e-12);
    const greedy = [
      [1.095, 7.06725],
      [0.674, 2.52449],
      [0.3908, 0.9972436],
      [0.23132, 0.462154176],
    ];
    greedy.forEach(([v, error], i) => {
      near(fitGreedy(x, i + 1).scalars[i], v, 1e-12);
      near(fitGreedy(x, i + 1).squaredError, error, 1e-12);
    });
  });

  it("a million Gaussians: scalars and errors of the known optima within 1 %", () => {
    const x = gaussians(1_000_000, 2);
    const total = energy(x);
    const within = (value: number, want: number, what: string) => near(value / want, 1, 0.01, what);
    within(fitOneBit(x).scalars[0], 0.79788, "one bit");
    within(fitOneBit(x).squaredError / total, 0.36338, "one bit");
    const ternary = fitTernary(x);
    within(ternary.level, 1.224, "ternary level");
    within(ternary.threshold, 0.612, "ternary threshold");
    within(ternary.squaredError / total, 0.19017, "ternary");
    within(x.filter((v) => Math.abs(v) <= ternary.threshold).length / x.length, 0.4595, "share of zeros");
    const two = fitTwoBits(x);
    within(two.scalars[0], 0.9816, "two bits");
    within(two.scalars[1], 0.52882, "two bits");
    within(two.squaredError / total, 0.117482, "two bits");
    within(fitGreedy(x, 2).scalars[1], 0.4825, "greedy");
    for (const [bits, want] of [
      [2, 0.1307],
      [3, 0.0586],
      [4, 0.033],
      [5, 0.0227],
    ]) {
      within(fitGreedy(x, bits).squaredError / total, want, `greedy ${bits}`);
    }
  });

  it("scaling by a power of two scales the fit exactly, flipping signs changes nothing", () => {
    const x = gaussians(100, 9);
    const scaled = x.map((v, i) => (i % 3 ? v : -v) * 2 ** -20);
    for (const bits of [1, 2, 3])
      assert.deepEqual(
        fitRefined(scaled, bits).scalars,
        fitRefined(x, bits).scalars.map((v) => v * 2 ** -20),
      );
  });
});

function checkAgainstBruteForce(x: readonly number[], weights?: readonly number[]): void {
  const scale = 1e-12 * (1 + energy(x));
  const one = fitOneBit(x, weights);
  near(one.squaredError, bruteForce(x, 1, weights), scale, "one bit:");
  near(achieved(x, one.scalars, weights), one.squaredError, scale, "one bit made:");
  const ternary = fitTernary(x, weights);
  near(ternary.squaredError, bruteForce(x, "ternary", weights), scale, "ternary:");
  const two = fitTwoBits(x, weights);
  near(two.squaredError, bruteForce(x, 2, weights), scale, "two bits:");
  near(achieved(x, two.scalars, weights), two.squaredError, scale, "two bits made:");
}
