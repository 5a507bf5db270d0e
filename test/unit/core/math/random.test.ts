import assert from "node:assert/strict";
import { Random, splitMix64 } from "../../../../src/core/math/prng";
import { betaDensity, incompleteBeta, inverseIncompleteBeta, lnGamma } from "../../../../src/core/math/special";

describe("seeded randomness", () => {
  it("SplitMix64 gives its published first outputs", () => {
    assert.deepEqual(splitMix64(1234567n, 5), [
      6457827717110365317n,
      3203168211198807973n,
      9817491932198370423n,
      4593380528125082431n,
      16408922859458223821n,
    ]);
  });

  it("a recorded seed gives the same words for ever", () => {
    const random = new Random(42);
    const words = Array.from({ length: 6 }, () => random.word());
    assert.deepEqual(words, [1776835114, 4165204688, 17111135, 2317295270, 2792088233, 2554630222]);
  });

  it("seeds that cannot be recorded exactly are refused", () => {
    for (const seed of [-1, 0.5, NaN, 2 ** 53]) assert.throws(() => new Random(seed), RangeError);
  });

  it("uniform, integer and Gaussian draws have their moments", () => {
    const random = new Random(3);
    const n = 100_000;
    const moments = (draw: () => number) => {
      let sum = 0;
      let squares = 0;
      let fourth = 0;
      for (let i = 0; i < n; i++) {
        const v = draw();
        sum += v;
        squares += v * v;
        fourth += v ** 4;
      }
      return [sum / n, squares / n, fourth / n];
    };
    const near = (got: number[], want: number[], tolerance: number) =>
      got.forEach((v, i) => assert.ok(Math.abs(v - want[i]) < tolerance, `moment ${i + 1}: ${v}, not ${want[i]}`));
    near(
      moments(() => random.uniform()),
      [1 / 2, 1 / 3, 1 / 5],
      0.01,
    );
    near(
      moments(() => random.gaussian()),
      [0, 1, 3],
      0.1,
    );
    near(
      moments(() => random.integer(3)),
      [1, 5 / 3, 17 / 3],
      0.05,
    );
  });

  it("signs come from the bits of the words, lowest first", () => {
    const words = new Random(7);
    const first = words.word();
    const second = words.word();
    const signs = new Random(7).signs(40);
    signs.forEach((s, i) => assert.equal(s, ((i < 32 ? first : second) >>> (i % 32)) & 1 ? -1 : 1));
  });
});

describe("special functions", () => {
  const gammas = [
    [0.5, 0.5723649429247],
    [1, 0],
    [3.7, 1.428072326665388],
    [64, 201.00931639928152],
    [2048, 13564.326353384677],
  ];
  for (const [x, want] of gammas) it(`ln Γ(${x})`, () => assert.ok(Math.abs(lnGamma(x) - want) < 1e-13 * (1 + want)));

  const betas = [
    [0.3, 2, 3, 0.3483],
    [0.004, 8, 2040, 0.5732831866381484],
    [0.03125, 64, 1984, 0.5158353931244021],
    [0.5, 0.5, 0.5, 0.5],
    [0.9, 8, 4, 0.9814652388],
    [0.0005, 4, 2044, 0.020431276093966135],
  ];
  for (const [x, a, b, want] of betas) {
    it(`I_${x}(${a}, ${b})`, () => assert.ok(Math.abs(incompleteBeta(x, a, b) / want - 1) < 2e-11));
  }

  const quantiles = [
    [1e-9, 8, 2040, 0.00014266948804409233],
    [0.5, 64, 1984, 0.031097511381667647],
    [1 - 1e-9, 64, 1984, 0.05975551361419795],
    [0.25, 0.5, 0.5, 0.14644660940672624],
    [0.1, 4, 2044, 0.0008526159859671615],
  ];
  for (const [p, a, b, want] of quantiles) {
    it(`quantile ${p} of Beta(${a}, ${b})`, () => assert.ok(Math.abs(inverseIncompleteBeta(p, a, b) / want - 1) < 1e-8));
  }

  it("the density integrates to the distribution function", () => {
    let sum = 0;
    const steps = 20_000;
    for (let i = 0; i < steps; i++) sum += (betaDensity((0.4 * (i + 0.5)) / steps, 3, 5) * 0.4) / steps;
    assert.ok(Math.abs(sum - incompleteBeta(0.4, 3, 5)) < 1e-8);
  });

  it("the ends are exact", () => {
    assert.deepEqual(
      [incompleteBeta(0, 2, 3), incompleteBeta(1, 2, 3), inverseIncompleteBeta(0, 2, 3), inverseIncompleteBeta(1, 2, 3)],
      [0, 1, 0, 1],
    );
  });
});
