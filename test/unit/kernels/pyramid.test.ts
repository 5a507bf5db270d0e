import assert from "node:assert/strict";
import { encoding } from "../../../src/encodings";
import { plainSearch } from "../../../src/encodings/pvq";
import { SCRATCH_BYTES } from "../../../src/kernels";
import { method } from "../../../src/methods";
import { Random } from "../../../src/core/math/prng";
import { kernelsOver } from "../../builders/passHarness";
import { gaussians } from "../../builders/random";

const SCRATCH = 64;
const random = new Random(5);
const contents: [string, () => number][] = [
  ["Gaussians", () => random.gaussian()],
  ["heavy tails", () => random.gaussian() ** 5],
  ["huge values", () => random.gaussian() * 1e37],
  ["denormals", () => random.gaussian() * 1e-41],
  ["many ties", () => Math.round(2 * random.gaussian()) / 2],
  ["mostly zeros", () => (random.integer(8) ? 0 : random.gaussian())],
  ["zeros of both signs", () => (random.integer(2) ? 0 : -0)],
  ["some not finite", () => (random.integer(40) ? random.gaussian() : [NaN, Infinity, -Infinity][random.integer(3)])],
];
const sizes = [
  [4, 3],
  [8, 6],
  [12, 20],
  [16, 1],
  [16, 27],
  [16, 58],
  [16, 1024],
  [32, 50],
  [64, 96],
  [128, 187],
  [256, 369],
];

describe("the pyramid search kernel equals its plain reference", () => {
  const kernels = kernelsOver(SCRATCH + SCRATCH_BYTES, true);
  for (const [what, draw] of contents) {
    it(`on ${what}, every codeword`, () => {
      for (const [n, k] of sizes) {
        const count = Math.max(3, Math.floor(3000 / n));
        const x = Float32Array.from({ length: count * n }, draw);
        const got = new Int32Array(x.length).fill(-9);
        const want = new Int32Array(x.length).fill(-9);
        assert.ok(kernels.pyramidSearch!(x, count, n, k, got, SCRATCH));
        plainSearch(x, count, n, k, want);
        assert.deepEqual(got, want, `P(${n},${k})`);
      }
    });
  }

  it("more groups than the scratch holds are searched in parts", () => {
    const count = 10_000;
    const x = gaussians(count * 16, 3);
    const got = new Int32Array(x.length);
    assert.ok(kernels.pyramidSearch!(x, count, 16, 5, got, SCRATCH));
    const want = new Int32Array(x.length);
    plainSearch(x, count, 16, 5, want);
    assert.deepEqual(got, want);
  });

  it("group sizes that it does not cover are left to the plain search", () => {
    const y = new Int32Array(10).fill(7);
    assert.equal(kernels.pyramidSearch!(new Float32Array(10), 1, 10, 5, y, SCRATCH), false);
    assert.ok(y.every((v) => v === 7));
  });

  for (const name of ["pvq-g16-k27-b4", "pvq-g16-k27-b4-r1", "pvq-g10-k5-b2", "pvq-g32-k50-b3"]) {
    it(`${name} has the same bytes with and without`, () => {
      const member = encoding(name);
      const x = gaussians(3 * 320, 4);
      const encode = (fast: boolean) => {
        const planes = member.planes.map((p) => new Uint8Array(3 * p.rowBytes(320)));
        method("pvq").encode({
          encoding: member,
          x,
          rows: 3,
          columns: 320,
          planes,
          ...(fast && { kernels: { kernels, scratch: SCRATCH } }),
        });
        return planes;
      };
      assert.deepEqual(encode(true), encode(false));
    });
  }
});
