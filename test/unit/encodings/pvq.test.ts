import assert from "node:assert/strict";
import { bitsPerWeight, type Encoding, encodedBytes, encoding, fits } from "../../../src/encodings";
import { pyramidCodebook } from "../../../src/core/math/pvq/codebook";
import { gaussians, relativeError } from "../../builders/random";

function through(member: Encoding, x: Float32Array, rows: number, columns: number) {
  const planes = member.planes.map((p) => new Uint8Array(rows * p.rowBytes(columns)).fill(0xa5));
  member.encode!(x, rows, columns, planes);
  const out = new Float32Array(x.length).fill(NaN);
  member.decode(planes, rows, columns, out);
  return { planes, out };
}

describe("pyramid vector quantization as an encoding", () => {
  it("byte by byte: index, then gain, lowest bits first, bf16 scale", () => {
    // One group of a row: the only gain level is 1 and the scale is the projection on the codeword.
    const x = Float32Array.of(0.9, -0.4, 0.05, 0.3, -1.2, 0, 0.7, -0.15);
    const { planes, out } = through(encoding("pvq-g8-k8-b2"), x, 1, 8);
    assert.equal(planes[0].length, 3); // 18 + 2 bits
    assert.equal(planes[0][0] | (planes[0][1] << 8) | (planes[0][2] << 16), 125780);
    const y = [2, -1, 0, 1, -3, 0, 1, 0];
    const projection = 6.8 / 4;
    const scale = Buffer.from([0, 0, ...planes[1]]).readFloatLE();
    assert.ok(Math.abs(scale / projection - 1) < 2 ** -8);
    out.forEach((v, i) => assert.equal(v, Math.fround((scale * y[i]) / 4)));
  });

  const sizes: [string, number, number][] = [
    ["pvq-g16-k27-b4", 4096, 3.25 + 16 / 4096],
    ["pvq-g16-k12-b4", 1024, 2.25 + 16 / 1024],
    ["pvq-g128-k187-b4", 4096, 3 + 4 / 128 + 16 / 4096],
    ["pvq-g8-k6-b0-r5", 4096, 15 / 8 + 16 / 4096],
  ];
  for (const [name, columns, bits] of sizes) {
    it(`${name} takes ${bits} bits per weight`, () =>
      assert.ok(Math.abs(bitsPerWeight(encoding(name), 1, columns) - bits) < 1e-12));
  }

  // Shape error of the search plus gain error of the table, N(0,1), rows of 1024.
  const errors: [string, number][] = [
    ["pvq-g16-k12-b4", 0.0823],
    ["pvq-g16-k27-b4", 0.0192],
    ["pvq-g8-k16-b4", 0.0148],
    ["pvq-g32-k50-b4", 0.0213],
    ["pvq-g64-k96-b2", 0.0234],
  ];
  for (const [name, want] of errors) {
    it(`${name} loses what shape and gain together must`, () => {
      const x = gaussians(32 * 1024, 8, 0.03);
      const lost = relativeError(x, through(encoding(name), x, 32, 1024).out);
      assert.ok(Math.abs(lost / want - 1) < 0.02, `${lost}`);
      // No quantizer of independent Gaussians gets below 2^(−2·bits) when all bits are counted.
      assert.ok(lost > 2 ** (-2 * bitsPerWeight(encoding(name), 32, 1024)));
    });
  }

  it("rotation rescues a matrix with outlier columns, and is undone on decoding", () => {
    const [rows, columns] = [8, 576];
    const outliers = new Set([17, 40, 111, 150, 206, 251, 333, 390, 402, 477, 518, 560]);
    const x = gaussians(rows * columns, 9, 0.02).map((v, i) => (outliers.has(i % columns) ? 20 * v : v));
    const plain = relativeError(x, through(encoding("pvq-g16-k27-b4"), x, rows, columns).out);
    const rotated = relativeError(x, through(encoding("pvq-g16-k27-b4-r1"), x, rows, columns).out);
    assert.ok(rotated < 0.021, `rotated ${rotated}`);
    assert.ok(rotated < plain / 3, `plain ${plain}, rotated ${rotated}`);
    const other = through(encoding("pvq-g16-k27-b4-r2"), x, rows, columns).planes[0];
    assert.notDeepEqual(other, through(encoding("pvq-g16-k27-b4-r1"), x, rows, columns).planes[0], "the seed matters");
  });

  for (const columns of [64, 96, 144, 1000]) {
    it(`a row of ${columns} can be rotated whatever its factors are`, () => {
      const name = columns % 16 ? "pvq-g8-k16-b4-r3" : "pvq-g16-k27-b4-r3";
      const x = gaussians(16 * columns, 10);
      assert.ok(relativeError(x, through(encoding(name), x, 16, columns).out) < 0.025);
    });
  }

  it("rows do not see each other", () => {
    const member = encoding("pvq-g16-k27-b4-r1");
    const x = gaussians(3 * 160, 11);
    const whole = through(member, x, 3, 160);
    for (let row = 0; row < 3; row++) {
      const { planes, out } = through(member, x.slice(row * 160, (row + 1) * 160), 1, 160);
      assert.deepEqual(planes[0], whole.planes[0].slice(row * planes[0].length, (row + 1) * planes[0].length));
      assert.deepEqual(out, whole.out.slice(row * 160, (row + 1) * 160));
    }
  });

  it("groups of zeros stay zeros, and so do rows of zeros", () => {
    const x = gaussians(3 * 64, 12);
    x.fill(0, 16, 48);
    x.fill(0, 64, 128);
    for (const name of ["pvq-g16-k27-b4", "pvq-g16-k58-b4", "pvq-g16-k27-b0", "pvq-g32-k50-b3"]) {
      const { out } = through(encoding(name), x, 3, 64);
      const first = name.includes("g32") ? 32 : 16;
      assert.ok(out.subarray(first, 16 + 16).every((v) => v === 0) && out.subarray(64, 128).every((v) => v === 0), name);
      assert.ok(
        out.subarray(128).some((v) => v !== 0),
        name,
      );
    }
  });

  it("tiny and huge rows keep their relative error", () => {
    const x = gaussians(4 * 256, 13);
    const scaled = x.map((v, i) => v * [1e-35, 1e-10, 1e10, 1e36][i >> 8]);
    const { out } = through(encoding("pvq-g16-k27-b4"), scaled, 4, 256);
    for (let row = 0; row < 4; row++) {
      const lost = relativeError(scaled.subarray(row * 256, row * 256 + 256), out.subarray(row * 256, row * 256 + 256));
      assert.ok(lost < 0.03, `row ${row}: ${lost}`);
    }
  });

  it("any bytes decode to something finite within the pyramid's bounds", () => {
    for (const name of ["pvq-g16-k27-b4", "pvq-g2-k4-b1", "pvq-g32-k50-b3-r1"]) {
      const member = encoding(name);
      const planes = member.planes.map((p) => new Uint8Array(2 * p.rowBytes(64)).fill(0xff));
      planes[1].set([0x80, 0x3f, 0x80, 0x3f]); // scale 1
      const out = new Float32Array(128);
      member.decode(planes, 2, 64, out);
      assert.ok(
        out.every((v) => Math.abs(v) <= 8),
        name,
      );
    }
  });

  it("codebooks without a spare index still store everything", () => {
    assert.equal(pyramidCodebook(2, 4).count, 16n); // exactly four bits
    const x = gaussians(64, 14);
    x.fill(0, 10, 12);
    assert.ok(relativeError(x, through(encoding("pvq-g2-k4-b4"), x, 1, 64).out) < 0.1);
  });

  it("rows that are not whole groups are refused, as are NaN and infinity", () => {
    const member = encoding("pvq-g16-k27-b4");
    assert.equal(fits(member, 100), false);
    const planes = [new Uint8Array(1000), new Uint8Array(1000)];
    assert.throws(() => member.encode!(new Float32Array(100), 1, 100, planes), /multiple of 16 weights; this one has 100/);
    assert.throws(() => member.encode!(new Float32Array(32).fill(NaN), 1, 32, planes), /NaN \(row 0, column 0\)/);
  });

  it("says that it is a reconstruction", () => assert.match(encoding("pvq-g16-k27-b4").label, /reconstruction/));

  for (const name of [
    "pvq-g1-k4-b4",
    "pvq-g257-k4-b4",
    "pvq-g16-k1025-b4",
    "pvq-g16-k27-b9",
    "pvq-g16-k27",
    "pvq-g016-k27-b4",
    "pvq-g16-k27-b4-r-1",
  ]) {
    it(`there is no ${name}`, () => assert.throws(() => encoding(name), { code: "bad-request" }));
  }

  it("every name is understood in any case and keeps its size", () => {
    assert.equal(encodedBytes(encoding("PVQ-G24-K20-B3-R77"), 2, 48), 2 * (Math.ceil((2 * (53 + 3)) / 8) + 2));
  });
});
