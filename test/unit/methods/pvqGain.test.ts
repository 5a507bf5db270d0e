import assert from "node:assert/strict";
import { Random } from "../../../src/core/math/prng";
import { gainError, GainLaw, gainLevels } from "../../../src/core/math/pvq/gain";

describe("gains of pyramid vectors", () => {
  // G, bits, relative squared error that the gain adds, rows of 4096 weights.
  const rows: [number, number, number][] = [
    [128, 0, 3.78e-3],
    [128, 1, 1.37e-3],
    [128, 2, 4.43e-4],
    [128, 3, 1.3e-4],
    [128, 4, 3.58e-5],
    [16, 0, 0.0306],
    [16, 2, 3.55e-3],
    [16, 4, 2.84e-4],
    [8, 0, 0.06],
    [8, 4, 5.5e-4],
    [256, 0, 1.83e-3],
    [256, 4, 1.7e-5],
  ];
  for (const [group, bits, want] of rows) {
    it(`${bits} bits for ${group} of 4096 weights`, () => {
      const error = gainError(new GainLaw(group, 4096), gainLevels(group, 4096, bits));
      assert.ok(Math.abs(error / want - 1) < 0.025, `${error}, known ${want}`);
    });
  }

  it("six bits are no worse than known", () => {
    assert.ok(gainError(new GainLaw(128, 4096), gainLevels(128, 4096, 6)) < 3.2e-6);
    assert.ok(gainError(new GainLaw(16, 4096), gainLevels(16, 4096, 6)) < 2.5e-5);
  });

  it("the published sixteen levels for 128 of 4096", () => {
    const want = [
      0.8358, 0.8748, 0.9016, 0.9232, 0.9421, 0.9594, 0.9757, 0.9916, 1.0074, 1.0234, 1.0401, 1.0579, 1.0775, 1.1002, 1.1288,
      1.171,
    ];
    gainLevels(128, 4096, 4).forEach((level, i) => assert.ok(Math.abs(level * Math.sqrt(32) - want[i]) < 2.5e-4, `level ${i}`));
  });

  it("levels are the means of their cells", () => {
    const law = new GainLaw(16, 1024);
    const levels = gainLevels(16, 1024, 3);
    let before = { mass: 0, moment: 0 };
    levels.forEach((level, i) => {
      const after = law.below(i + 1 < levels.length ? (level + levels[i + 1]) / 2 : law.high);
      assert.ok(Math.abs((after.moment - before.moment) / (after.mass - before.mass) - level) < 1e-6);
      before = after;
    });
    assert.ok(Math.abs(before.mass - 1) < 1e-8);
  });

  it("the law is that of a uniform direction: mean square G/D and its quantiles", () => {
    const [group, row, n] = [8, 64, 20_000];
    const law = new GainLaw(group, row);
    assert.equal(law.meanSquare, group / row);
    const random = new Random(9);
    const edges = [0.1, 0.25, 0.5, 0.75, 0.9].map((p) => law.quantile(p));
    const below = edges.map(() => 0);
    let squares = 0;
    for (let t = 0; t < n; t++) {
      let part = 0;
      let whole = 0;
      for (let i = 0; i < row; i++) {
        const v = random.gaussian() ** 2;
        if (i < group) part += v;
        whole += v;
      }
      squares += part / whole;
      edges.forEach((edge, i) => (below[i] += Math.sqrt(part / whole) < edge ? 1 : 0));
    }
    assert.ok(Math.abs(squares / n / law.meanSquare - 1) < 0.01);
    [0.1, 0.25, 0.5, 0.75, 0.9].forEach((p, i) =>
      assert.ok(Math.abs(below[i] / n - p) < 0.012, `quantile ${p}: ${below[i] / n}`),
    );
  });

  it("odd shapes have usable levels: one group per row, the last weight alone outside, eight bits", () => {
    assert.deepEqual([...gainLevels(16, 16, 2)], [1, 1, 1, 1]);
    for (const [group, row, bits] of [
      [16, 17, 4],
      [2, 4, 1],
      [256, 512, 8],
      [16, 1 << 20, 4],
    ]) {
      const levels = gainLevels(group, row, bits);
      assert.equal(levels.length, 2 ** bits);
      levels.forEach((level, i) =>
        assert.ok(level > (i ? levels[i - 1] : 0) && level <= 1, `${group}/${row}: level ${i} is ${level}`),
      );
    }
  });
});
