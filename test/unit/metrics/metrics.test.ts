import assert from "node:assert/strict";
import {
  addFirst,
  analyseReference,
  channelProfile,
  emptyFirst,
  encodingError,
  gaussianBound,
  heatBorder,
  heatCell,
  linearBin,
  logHistogram,
  median,
  outliers,
  scaleOf,
  tensorReport,
  emptySecond,
  MAX_CHANNELS,
  keepsRows,
} from "../../../src/metrics";

const shape = (rows: number, columns: number) => ({ rows, columns, columnsPerInput: 1, hasChannels: true });

describe("outlier channels", () => {
  const of = (...absMax: number[]) => outliers({ absMax: Float32Array.from(absMax), rms: new Float32Array(absMax.length) });

  it("an even count takes the mean of the middle two as its median", () => {
    assert.equal(median(Float32Array.of(4, 1, 3, 2)), 2.5);
    assert.equal(median(Float32Array.of(5, 1, 3)), 3);
    assert.equal(median(new Float32Array(0)), 0);
  });

  it("the cuts include their borders", () => {
    const { over1_5, over2, over4, median: middle } = of(2, 2, 2, 2, 2, 3, 4, 8, 2.999);
    assert.deepEqual([middle, over1_5, over2, over4], [2, 3, 2, 1]);
  });

  it("the list is sorted by ratio, equal ones by index, and ends after 64", () => {
    const { channels } = of(1, 5, 1, 5, 9, 1, 1);
    assert.deepEqual(
      channels.map((c) => c.index),
      [4, 1, 3, 0, 2, 5, 6],
    );
    assert.deepEqual(channels[0], { index: 4, absMax: 9, ratio: 9 });
    const many = of(...Array.from({ length: 1000 }, (_, i) => (i * 7919) % 1000));
    assert.equal(many.channels.length, 64);
    assert.deepEqual(
      many.channels.map((c) => c.absMax),
      Array.from({ length: 64 }, (_, i) => 999 - i),
    );
  });

  it("mostly dead channels do not divide by 0", () => {
    assert.deepEqual(
      of(0, 0, 0, 2).channels.map((c) => c.ratio),
      [Infinity, 1, 1, 1],
    );
    assert.equal(of(0, 0, 0, 2).over4, 1);
    assert.equal(of(0, 0).over1_5, 0);
  });
});

describe("channel profiles", () => {
  it("neighbouring columns of a kernel are one input channel", () => {
    const sums = { absMax: Float32Array.of(1, 4, 2, 3), squares: Float64Array.of(2, 16, 4, 9) };
    const { absMax, rms } = channelProfile(sums, 2, 3);
    assert.deepEqual([...absMax], [4, 3]);
    assert.deepEqual([...rms], [Math.fround(Math.sqrt(18 / 6)), Math.fround(Math.sqrt(13 / 6))]);
  });

  it("elements that are not finite are no part of the mean square", () => {
    const sums = { absMax: Float32Array.of(2, 0), squares: Float64Array.of(8, 0), left: Float64Array.of(1, 3) };
    assert.deepEqual([...channelProfile(sums, 1, 3).rms], [2, 0]);
  });

  it("a direction with too many channels to show has none", () => {
    assert.equal(keepsRows(shape(MAX_CHANNELS, 2)), true);
    assert.equal(keepsRows(shape(MAX_CHANNELS + 1, 2)), false);
    assert.equal(emptyFirst(shape(MAX_CHANNELS + 1, 2)).rowSums, undefined);
  });
});

describe("linear histogram", () => {
  it("bins are half open, the last one closed", () => {
    const scale = scaleOf(1, 0, 1);
    const rows: [number, number][] = [
      [-1, 0],
      [-1 + 2 ** -24, 0],
      [-127 / 128, 1],
      [-1 / 128, 127],
      [-1e-30, 127],
      [-0, 128],
      [0, 128],
      [1e-45, 128],
      [1 / 128 - 2 ** -31, 128],
      [1 / 128, 129],
      [127 / 128, 255],
      [1, 255],
    ];
    for (const [x, bin] of rows) assert.equal(linearBin(x, scale), bin, `${x}`);
  });

  it("agrees with exact arithmetic for every edge and its neighbours, also where the width is no power of two", () => {
    // Every f32 is a whole multiple of 2^-149.
    const units = (x: number) => BigInt(x * 2 ** 149);
    for (const absMax of [0.1, 3, 1.7e-39, 2 ** -149, 3.4e38].map(Math.fround)) {
      const scale = scaleOf(absMax, 0, 1);
      for (let k = -128; k <= 128; k++) {
        const word = new Int32Array(new Float32Array([(absMax * k) / 128]).buffer)[0];
        for (const step of [-1, 0, 1]) {
          const x = new Float32Array(Int32Array.of(word + step).buffer)[0];
          if (!(Math.abs(x) <= absMax)) continue;
          const bin = Number((128n * (units(x) + units(absMax))) / units(absMax));
          assert.equal(linearBin(x, scale), Math.min(255, bin), `${x} of ${absMax}`);
        }
      }
    }
  });

  it("the far tails are told apart to the last bit", () => {
    const { low, high } = scaleOf(100, 1e-3, 0.1);
    const f = Math.fround;
    assert.ok(f(high) === high && f(low) === low);
    assert.ok(high <= 1e-3 + 0.6 && f(high + 2 ** -24) > 1e-3 + 0.6);
    assert.ok(low >= 1e-3 - 0.6 && f(low - 2 ** -24) < 1e-3 - 0.6);
  });
});

describe("heat strip", () => {
  it("cells cover all elements once, in order, for every length", () => {
    for (const [length, cells] of [
      [1, 1],
      [63, 63],
      [64, 64],
      [65, 64],
      [1000, 64],
      [257, 256],
      [100_003, 256],
    ]) {
      assert.equal(heatBorder(0, cells, length), 0);
      assert.equal(heatBorder(cells, cells, length), length);
      for (let i = 0; i < length; i++) {
        const cell = heatCell(i, cells, length);
        assert.ok(heatBorder(cell, cells, length) <= i && i < heatBorder(cell + 1, cells, length), `${i} of ${length}`);
      }
    }
  });

  it("a single outlier survives pooling", () => {
    const x = new Float32Array(512 * 1024).fill(0.01);
    x[300 * 1024 + 777] = -5;
    const { heat } = analyseReference(x, { ...shape(512, 1024) });
    assert.equal(heat!.values.filter((v) => v === 5).length, 1);
    assert.equal(heat!.values[heatCell(300, 64, 512) * 256 + heatCell(777, 256, 1024)], 5);
  });
});

describe("errors of encodings", () => {
  it("nothing lost is Infinity dB, also of a tensor of zeros", () => {
    assert.deepEqual(encodingError("f32", 32, 0, 5), {
      encoding: "f32",
      bitsPerWeight: 32,
      relativeSquaredError: 0,
      sqnr: Infinity,
    });
    assert.equal(encodingError("q4_0", 4.5, 0, 0).relativeSquaredError, 0);
  });

  it("a hundredth of the power is 20 dB, and the Gaussian bound is 6.02 dB per bit", () => {
    assert.equal(encodingError("q4_0", 4.5, 0.01, 1).sqnr, 20);
    assert.equal(gaussianBound(4).toFixed(2), "24.08");
  });
});

describe("reports", () => {
  it("counts of the histograms add up", () => {
    const x = Float32Array.from({ length: 1000 }, (_, i) => Math.sin(i) * (i % 10 ? 1 : 20));
    const { histogram, logHistogram: log, stats } = analyseReference(x, shape(10, 100));
    const total = (counts: Float64Array) => counts.reduce((a, b) => a + b, 0);
    assert.deepEqual([total(histogram.counts), total(log.counts), stats.count], [1000, 1000, 1000]);
  });

  it("the logarithmic histogram keeps only the bins that hold something", () => {
    const dense = new Float64Array(4096);
    dense[0x3f8] = 3;
    dense[4095] = 1;
    assert.deepEqual(logHistogram(dense), { bins: Uint16Array.of(0x3f8, 4095), counts: Float64Array.of(3, 1) });
  });

  it("a tensor without elements has zeros for extremes and NaN for its kurtosis", () => {
    const empty = shape(0, 4);
    const { stats } = tensorReport("empty", empty, addFirst(emptyFirst(empty), emptyFirst(empty)), emptySecond(0), []);
    assert.deepEqual(
      { ...stats, kurtosis: 0 },
      {
        count: 0,
        min: 0,
        max: 0,
        mean: 0,
        std: 0,
        absMax: 0,
        kurtosis: 0,
        zeroCount: 0,
        nanCount: 0,
        infCount: 0,
        sixSigmaShare: 0,
        incoherence: 0,
        sumOfSquares: 0,
      },
    );
    assert.ok(Number.isNaN(stats.kurtosis));
  });
});
