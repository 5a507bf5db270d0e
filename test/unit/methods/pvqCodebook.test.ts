import assert from "node:assert/strict";
import { Random } from "../../../src/core/math/prng";
import {
  codewordCount,
  codewordCountClosed,
  largestPulseCount,
  PyramidCodebook,
  pyramidCodebook,
} from "../../../src/core/math/pvq/codebook";

/** All integer vectors with Σ|y| = k. */
function* codewords(n: number, k: number): Generator<number[]> {
  if (n === 0) {
    if (k === 0) yield [];
    return;
  }
  for (let v = -k; v <= k; v++) for (const rest of codewords(n - 1, k - Math.abs(v))) yield [v | 0, ...rest];
}

describe("pyramid codebooks", () => {
  const published: [number, number[]][] = [
    [3, [1, 6, 18, 38, 66, 102, 146, 198, 258]],
    [4, [1, 8, 32, 88, 192, 360, 608, 952, 1408]],
    [8, [1, 16, 128, 688, 2816, 9424, 27008, 68464, 157184]],
    [16, [1, 32, 512, 5472, 44032, 285088, 1549824, 7288544, 30316544]],
  ];
  for (const [n, counts] of published) {
    it(`V(${n}, 0…8)`, () => {
      for (let k = 1; k <= 8; k++) assert.equal(codewordCount(n, k), BigInt(counts[k]));
    });
  }

  it("the recurrence and the closed form agree, small and large", () => {
    for (const n of [1, 2, 3, 5, 8, 16, 64, 128, 256]) {
      for (const k of [1, 2, 3, 5, 16, 27, 187, 386])
        assert.equal(codewordCount(n, k), codewordCountClosed(n, k), `V(${n},${k})`);
    }
    const bits = Math.log2(Number(codewordCount(128, 187) >> 300n)) + 300;
    assert.ok(Math.abs(bits - 383.72041) < 1e-5, `log2 V(128,187) is ${bits}`);
  });

  it("every codeword of a small codebook has its own index, and every index its codeword", () => {
    for (const [n, k] of [
      [1, 1],
      [1, 6],
      [2, 5],
      [3, 4],
      [4, 4],
      [5, 3],
      [5, 5],
      [6, 1],
      [7, 2],
      [8, 4],
    ]) {
      const codebook = new PyramidCodebook(n, k);
      const seen = new Set<number>();
      const back = new Int32Array(n);
      for (const y of codewords(n, k)) {
        const index = codebook.encode(y);
        assert.ok(index >= 0 && index < Number(codebook.count) && !seen.has(index), `${y} has index ${index}`);
        seen.add(index);
        assert.equal(codebook.encodeBig(y), BigInt(index));
        codebook.decode(index, back);
        assert.deepEqual([...back], y);
        codebook.decodeBig(BigInt(index), back);
        assert.deepEqual([...back], y);
      }
      assert.equal(seen.size, Number(codebook.count));
    }
  });

  it("numbers and big integers give the same indices up to 2^53, big ones go on beyond", () => {
    const random = new Random(4);
    for (const [n, k] of [
      [16, 27],
      [16, 34],
      [12, 64],
      [8, 291],
      [32, 16],
      [32, 50],
      [128, 187],
      [256, 369],
    ]) {
      const codebook = pyramidCodebook(n, k);
      assert.equal(codebook.numeric, codebook.count <= 2n ** 53n);
      for (let t = 0; t < 20; t++) {
        const y = new Int32Array(n);
        for (let pulse = 0; pulse < k; pulse++) y[Math.min(n - 1, Math.floor(Math.abs(random.gaussian()) * n * 0.4))]++;
        for (let i = 0; i < n; i++) if (random.integer(2)) y[i] = -y[i] | 0;
        const back = new Int32Array(n);
        const index = codebook.encodeBig(y);
        assert.ok(index < codebook.count);
        codebook.decodeBig(index, back);
        assert.deepEqual(back, y);
        if (!codebook.numeric) continue;
        assert.equal(BigInt(codebook.encode(y)), index);
        codebook.decode(Number(index), back);
        assert.deepEqual(back, y);
      }
    }
  });

  it("the last index of the widest numeric codebooks is exact", () => {
    for (const [n, k] of [
      [8, 291],
      [12, 64],
      [16, 34],
      [20, 25],
      [24, 20],
      [32, 16],
    ]) {
      const codebook = pyramidCodebook(n, k);
      assert.ok(codebook.numeric, `P(${n},${k})`);
      const y = new Int32Array(n);
      codebook.decode(Number(codebook.count - 1n), y);
      assert.equal(BigInt(codebook.encode(y)), codebook.count - 1n);
      assert.ok(!new PyramidCodebook(n, k + 1).numeric);
    }
  });

  const largest: [number, number[]][] = [
    [8, [4, 6, 10, 16, 24, 36]],
    [16, [7, 12, 18, 27, 40, 58]],
    [32, [14, 22, 34, 50, 73, 105]],
    [64, [26, 43, 65, 96, 139, 199]],
    [128, [52, 84, 127, 187, 270, 386]],
  ];
  for (const [n, pulses] of largest) {
    it(`the most pulses for ${n} weights at 1.5 to 4 bits`, () => {
      assert.deepEqual(
        [1.5, 2, 2.5, 3, 3.5, 4].map((bits) => largestPulseCount(n, n * bits)),
        pulses,
      );
    });
  }

  it("sizes that no table is built for are refused", () => {
    for (const [n, k] of [
      [0, 1],
      [1, 0],
      [257, 1],
      [2, 1025],
      [1.5, 2],
      [NaN, 1],
    ])
      assert.throws(() => pyramidCodebook(n, k), RangeError);
  });
});
