import assert from "node:assert/strict";
import { densityLevels, logBinRange, pourLinear, pourLog, sigmaCounts } from "../../../webview/charts/strip";
import { linearScale, sigmaScale } from "../../../webview/scales";
import { report } from "../../builders/report";

const sum = (x: Float64Array) => x.reduce((a, b) => a + b, 0);
const gaussian = (n: number, mean = 0, std = 1) => {
  let seed = 7;
  const next = () => ((seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) + 0.5) / 2 ** 32;
  return Float32Array.from({ length: n }, () => mean + std * Math.sqrt(-2 * Math.log(next())) * Math.cos(2 * Math.PI * next()));
};

describe("bins of the log histogram", () => {
  it("a value lies in the range of its bin, of either sign", () => {
    const word = new DataView(new ArrayBuffer(4));
    for (const v of [0, -0, 1, -1, 1.2, -3.75e-5, 6e30, 1e-42, 3.4028234663852886e38]) {
      word.setFloat32(0, v);
      const range = logBinRange(word.getUint32(0) >>> 20)!;
      const f = Math.fround(v);
      assert.ok(range[0] <= f && f <= range[1], `${v} in ${range}`);
    }
  });
  it("Inf and NaN have no range", () => {
    for (const bin of [2040, 2047, 4088, 4095]) assert.equal(logBinRange(bin), undefined);
  });
});

describe("pouring histograms onto an axis", () => {
  for (const [title, values] of [
    ["a Gaussian", gaussian(5000)],
    ["a Gaussian far from zero", gaussian(5000, 1, 0.01)],
    ["one value", Float32Array.of(3)],
    ["zeros", new Float32Array(10)],
    ["an outlier beyond 64σ", Float32Array.from([...gaussian(20_000), 900])],
    ["both signs and zero", Float32Array.of(-1e-40, 0, 1e30, -2)],
  ] as const) {
    it(`nothing is lost or made: ${title}`, () => {
      const r = report("w", values);
      for (const cells of [1, 2, 97, 1024]) {
        for (const poured of [
          sigmaCounts(r, cells),
          pourLog(r.logHistogram, linearScale(-2, 2), cells),
          pourLinear(r.histogram, linearScale(-0.5, 0.1), cells),
        ]) {
          assert.ok(Math.abs(sum(poured) - values.length) < 1e-6, `${sum(poured)} of ${values.length} on ${cells} cells`);
          assert.ok(poured.every((x) => x >= 0));
        }
      }
    });
  }
  it("a lone outlier at 30σ lands at 30σ", () => {
    const values = Float32Array.from([...gaussian(50_000), 30]);
    const counts = sigmaCounts(report("w", values), 512);
    const places = [...counts.keys()].filter((i) => counts[i] > 0 && sigmaScale.value(i / 512) > 10);
    assert.ok(places.length > 0 && places.every((i) => sigmaScale.value((i + 1) / 512) > 27 && sigmaScale.value(i / 512) < 33));
  });
  it("norm weights around 1 are centred on their mean, not on zero", () => {
    const counts = sigmaCounts(report("w", gaussian(4000, 1, 0.02)), 101);
    assert.ok(counts.indexOf(Math.max(...counts)) >= 40 && counts.indexOf(Math.max(...counts)) <= 60);
  });
});

describe("density levels", () => {
  it("a single element among a billion is seen, an empty cell is not", () => {
    const counts = new Float64Array(256);
    counts[128] = 1e9;
    counts[250] = 1;
    const levels = densityLevels(counts);
    assert.equal(levels[0], 0);
    assert.ok(levels[250] >= 40);
    assert.ok(levels[128] > levels[250]);
  });
  it("nothing at all gives an empty strip", () => {
    assert.equal(Math.max(...densityLevels(new Float64Array(16))), 0);
  });
});
