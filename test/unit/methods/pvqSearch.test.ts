import assert from "node:assert/strict";
import { Random } from "../../../src/core/math/prng";
import { pyramidCodebook } from "../../../src/core/math/pvq/codebook";
import { searchPyramid } from "../../../src/core/math/pvq/search";
import { gaussians } from "../../builders/random";

function search(x: ArrayLike<number>, k: number, polish = true): Int32Array {
  const y = new Int32Array(x.length);
  searchPyramid(Float32Array.from(x), 0, x.length, k, y, 0, polish);
  return y;
}

function cosine(x: ArrayLike<number>, y: ArrayLike<number>): number {
  let xy = 0, xx = 0, yy = 0;
  for (let i = 0; i < x.length; i++) {
    xy += x[i] * y[i];
    xx += x[i] * x[i];
    yy += y[i] * y[i];
  }
  return xy / Math.sqrt(xx * yy);
}

describe("pyramid search", () => {
  const example = [0.9, -0.4, 0.05, 0.3, -1.2, 0, 0.7, -0.15];
  const golden: [number, number[], number, number, number][] = [
    [4, [1, 0, 0, 0, -2, 0, 1, 0], 1748, 12, 0.9404608],
    [8, [2, -1, 0, 1, -3, 0, 1, 0], 125780, 18, 0.9790508],
    [11, [3, -1, 0, 1, -4, 0, 2, 0], 1044896, 21, 0.9929942],
    [16, [4, -2, 0, 1, -5, 0, 3, -1], 12765521, 24, 0.9966257],
  ];
  for (const [k, y, index, bits, cos] of golden) {
    it(`the worked example with ${k} pulses`, () => {
      const found = search(example, k);
      assert.deepEqual([...found], y);
      assert.equal(pyramidCodebook(8, k).encode(found), index);
      assert.equal(pyramidCodebook(8, k).indexBits, bits);
      assert.ok(Math.abs(cosine(example, found) - cos) < 1e-7);
    });
  }

  it("is all but always the best of the whole codebook", () => {
    const random = new Random(2);
    for (const [n, k] of [[2, 5], [3, 4], [4, 4], [5, 5], [8, 3]]) {
      const codebook = pyramidCodebook(n, k);
      const y = new Int32Array(n);
      let best = 0;
      let greedyBest = 0;
      for (let t = 0; t < 60; t++) {
        const x = Float32Array.from({ length: n }, () => random.gaussian());
        let top = -1;
        for (let index = 0; index < Number(codebook.count); index++) {
          codebook.decode(index, y);
          top = Math.max(top, cosine(x, y));
        }
        if (top - cosine(x, search(x, k)) < 1e-6) best++;
        if (top - cosine(x, search(x, k, false)) < 1e-6) greedyBest++;
        assert.ok(top - cosine(x, search(x, k)) < 0.02, "never far off");
      }
      assert.ok(best >= 58 && best >= greedyBest, `P(${n},${k}): ${best} of 60, greedy alone ${greedyBest}`);
    }
  });

  // Ideal gains, N(0,1). The figures are of the greedy search alone; the polish makes small groups up to 5 % better.
  const rates: [number, number, number][] = [
    [8, 4, 0.164], [8, 10, 0.0361], [8, 16, 0.01486], [16, 12, 0.0832], [16, 27, 0.01939], [16, 58, 0.00443],
    [32, 22, 0.0917], [32, 50, 0.0214], [64, 43, 0.0934], [64, 96, 0.0227], [64, 199, 0.00553],
    [128, 28, 0.356], [128, 84, 0.0955], [128, 187, 0.0238], [128, 386, 0.00581], [256, 369, 0.0241],
  ];
  for (const [n, k, want] of rates) {
    it(`rate and distortion of P(${n},${k})`, () => {
      const count = Math.ceil((n < 32 ? 160_000 : 50_000) / n);
      const x = gaussians(count * n, 1);
      const error = (polish: boolean) => {
        const y = new Int32Array(n);
        let lost = 0;
        let total = 0;
        for (let g = 0; g < count; g++) {
          const values = x.subarray(g * n, (g + 1) * n);
          searchPyramid(values, 0, n, k, y, 0, polish);
          const all = values.reduce((sum, v) => sum + v * v, 0);
          lost += all * (1 - cosine(values, y) ** 2);
          total += all;
        }
        return lost / total;
      };
      const greedy = error(false);
      assert.ok(Math.abs(greedy / want - 1) < 0.02, `greedy ${greedy}, known ${want}`);
      const polished = error(true);
      assert.ok(polished <= greedy, `polished ${polished}, greedy ${greedy}`);
    });
  }

  it("uses all pulses, keeps signs, and never moves a zero off zero before the others", () => {
    const random = new Random(6);
    for (let t = 0; t < 300; t++) {
      const n = 1 + random.integer(40);
      const k = 1 + random.integer(60);
      const x = Float32Array.from({ length: n }, () => (random.integer(4) ? random.gaussian() ** 3 : 0));
      if (x.every((v) => v === 0)) continue;
      const y = search(x, k);
      assert.equal(y.reduce((sum, v) => sum + Math.abs(v), 0), k);
      y.forEach((v, i) => assert.ok(v === 0 || Math.sign(v) === Math.sign(x[i]) || x[i] === 0));
    }
  });

  it("any positive factor, any signs and any order give the same codeword", () => {
    const x = gaussians(16, 12);
    const y = search(x, 27);
    for (const c of [2, 2 ** -100, 2 ** 100, 3, 0.1]) assert.deepEqual(search(x.map((v) => v * c), 27), y, `times ${c}`);
    assert.deepEqual(search(x.map((v, i) => (i % 2 ? -v : v)), 27), y.map((v, i) => (i % 2 ? -v : v)));
    const order = Array.from(x, (_, i) => (i * 5) % 16);
    assert.deepEqual(search(order.map((i) => x[i]), 27), Int32Array.from(order, (i) => y[i]));
  });

  it("ties go to the lower coordinate", () => {
    assert.deepEqual([...search([1, 1, 1, 1], 5)], [2, 1, 1, 1]);
    assert.deepEqual([...search([-1, 1, -1], 4)], [-2, 1, -1]);
  });

  const hostile: [string, number[]][] = [
    ["all zeros", [0, -0, 0, 0]], ["not a number", [1, NaN, 0, 0]], ["infinite", [1, Infinity, 0, 0]],
  ];
  for (const [name, x] of hostile) {
    it(`a group that has no direction is told as such: ${name}`, () => {
      const y = new Int32Array(4);
      assert.equal(searchPyramid(Float32Array.from(x), 0, 4, 7, y, 0), false);
      assert.deepEqual([...y], [7, 0, 0, 0]);
    });
  }

  it("the largest and the smallest f32 are searched like any other", () => {
    const huge = 3.4e38;
    assert.deepEqual([...search([huge, -huge, huge, 0], 6)], [2, -2, 2, 0]);
    assert.deepEqual([...search([1e-45, 0, -1e-45], 4)], [2, 0, -2]);
  });
});
