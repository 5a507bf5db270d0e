import assert from "node:assert/strict";
import { bitsPerWeight, type Encoding, encodedBytes, encoding } from "../../../src/encodings";
import { fitRefined, fitTernary } from "../../../src/core/math/lsbq/fit";
import { energy, gaussians, relativeError } from "../../builders/random";

function through(member: Encoding, x: Float32Array, rows: number, columns: number, importance?: Float32Array) {
  const planes = member.planes.map((p) => new Uint8Array(rows * p.rowBytes(columns)).fill(0xa5));
  member.encode!(x, rows, columns, planes, importance);
  const out = new Float32Array(x.length).fill(NaN);
  member.decode(planes, rows, columns, out);
  return { planes, out };
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

describe("least-squares binary encodings", () => {
  it("two bits, byte by byte: planes per row, lowest bit first, outer scalar first", () => {
    // Levels ±1 and ±3: v = 2, 1. The last group of three weights is ±0.5.
    const x = Float32Array.of(3, 1, -1, -3, 3, 3, 1, -1, 0.5, -0.5, 0.5);
    const { planes, out } = through(encoding("lsbq2-g8"), x, 1, 11);
    assert.equal(hex(planes[0]), "73" + "05" + "b5" + "02"); // s1: 1,1,0,0,1,1,1,0 and 1,0,1; s2: 1,0,1,0,1,1,0,1 and 0,1,0
    assert.equal(hex(planes[1]), "0040" + "003c" + "0038" + "0000");
    assert.deepEqual(out, x);
  });

  it("ternary, byte by byte: five trits a byte, first lowest", () => {
    const x = Float32Array.of(2, 0, -2, 0, 2, -2, 2);
    const { planes, out } = through(encoding("ternary-row"), x, 1, 7);
    assert.deepEqual([...planes[0]], [2 + 3 + 0 + 27 + 162, 0 + 6]);
    assert.equal(hex(planes[1]), "0040");
    assert.deepEqual(out, x);
  });

  const sizes: [string, number, number, number][] = [
    ["lsbq1-g128", 4, 4096, 1 + 16 / 128],
    ["lsbq2-g128", 4, 4096, 2 + 32 / 128],
    ["lsbq4-g64", 4, 4096, 4 + 64 / 64],
    ["lsbq3-row", 4, 4096, 3 + 48 / 4096],
    ["ternary-g128", 5, 5120, 1.6 + 16 / 128],
    ["ternary-g4096", 5, 5120, 1.6 + (2 * 16) / 5120],
  ];
  for (const [name, rows, columns, bits] of sizes) {
    it(`${name} takes ${bits} bits per weight`, () =>
      assert.ok(Math.abs(bitsPerWeight(encoding(name), rows, columns) - bits) < 1e-12));
  }

  it("what is decoded is the exact fit with its scalars in half precision", () => {
    const columns = 300; // two whole groups and a shorter one
    const x = gaussians(3 * columns, 3, 0.02);
    for (const bits of [1, 2, 3, 5]) {
      const { out } = through(encoding(`lsbq${bits}-g128`), x, 3, columns);
      let best = 0;
      for (let row = 0; row < 3; row++) {
        for (let from = 0; from < columns; from += 128) {
          best += fitRefined(x.subarray(row * columns + from, row * columns + Math.min(from + 128, columns)), bits).squaredError;
        }
      }
      const made = relativeError(x, out) * energy(x);
      assert.ok(made >= best * (1 - 1e-9) && made <= best + 1e-6 * energy(x), `${bits} bits: ${made}, best ${best}`);
    }
    const { out } = through(encoding("ternary-row"), x, 3, columns);
    const best = [0, 1, 2].reduce((sum, row) => sum + fitTernary(x.subarray(row * columns, (row + 1) * columns)).squaredError, 0);
    assert.ok(Math.abs(relativeError(x, out) * energy(x) - best) < 1e-6 * energy(x));
  });

  it("one bit in groups of 128 is ggml's Q1_0: the same signs and scales", () => {
    // Quarters: their mean magnitude is exact in any order of summation.
    const x = gaussians(512, 4).map((v) => Math.round(v * 64) / 64);
    const { planes } = through(encoding("lsbq1-g128"), x, 2, 256);
    const block = new Uint8Array(encodedBytes(encoding("q1_0"), 2, 256));
    encoding("q1_0").encode!(x, 2, 256, [block]);
    for (let b = 0; b < 4; b++) {
      assert.equal(hex(block.subarray(18 * b, 18 * b + 2)), hex(planes[1].subarray(2 * b, 2 * b + 2)));
      assert.equal(hex(block.subarray(18 * b + 2, 18 * b + 18)), hex(planes[0].subarray(16 * b, 16 * b + 16)));
    }
  });

  it("importance moves the scalars towards the weights that matter", () => {
    const x = gaussians(256, 5);
    const importance = Float32Array.from({ length: 256 }, (_, i) => (i % 4 === 0 ? 100 : 1));
    const weighted = (y: Float32Array) => x.reduce((sum, v, i) => sum + importance[i] * (v - y[i]) ** 2, 0);
    for (const name of ["lsbq1-row", "lsbq2-row", "lsbq3-row", "ternary-row"]) {
      assert.ok(
        weighted(through(encoding(name), x, 1, 256, importance).out) < weighted(through(encoding(name), x, 1, 256).out),
        name,
      );
    }
  });

  const edges: [string, number[]][] = [
    ["zeros", new Array(20).fill(0)],
    ["all equal", new Array(20).fill(0.25)],
    ["one huge outlier", [...new Array(19).fill(0.5), 60000]],
    ["one weight", [-0.5]],
  ];
  for (const [name, values] of edges) {
    it(`${name}: decoded to something finite, no worse than zeros`, () => {
      const x = Float32Array.from(values);
      for (const member of ["lsbq1-row", "lsbq2-g8", "lsbq3-g8", "lsbq6-row", "ternary-g8"]) {
        const { out } = through(encoding(member), x, 1, x.length);
        assert.ok(out.every(Number.isFinite), member);
        assert.ok(x.reduce((sum, v, i) => sum + (v - out[i]) ** 2, 0) <= energy(x), member);
      }
    });
  }

  it("scalars beyond half precision stay finite", () => {
    const { out } = through(encoding("lsbq1-row"), Float32Array.of(1e30, -1e30), 1, 2);
    assert.deepEqual([...out], [65504, -65504]);
  });

  it("NaN and infinity are refused with their place", () => {
    const planes = [new Uint8Array(10), new Uint8Array(10)];
    assert.throws(() => encoding("lsbq2-row").encode!(Float32Array.of(1, NaN, 2, 3), 2, 2, planes), /NaN \(row 0, column 1\)/);
    assert.throws(
      () => encoding("ternary-row").encode!(Float32Array.of(1, 2, 3, Infinity), 2, 2, planes),
      /Infinity \(row 1, column 1\)/,
    );
  });

  for (const name of ["lsbq0-g128", "lsbq7-g128", "lsbq2", "lsbq2-g0", "lsbq2-g128-x", "ternary-channel", "lsbq2-g1234567"]) {
    it(`there is no ${name}`, () => assert.throws(() => encoding(name), { code: "bad-request" }));
  }
});
