import assert from "node:assert/strict";
import { Random } from "../../../src/core/math/prng";
import { encoding as encodingNamed } from "../../../src/encodings";
import { SCRATCH_BYTES } from "../../../src/kernels";
import { kernelsOver } from "../../builders/passHarness";

const X = 64;
const PLANES = [1 << 18, 1 << 19, 3 << 18];
const SCRATCH = 1 << 20;
const kernels = kernelsOver(SCRATCH + SCRATCH_BYTES);
const { buffer } = kernels.memory;
const random = new Random(61);
const pick = <T>(of: readonly T[]) => of[random.integer(of.length)];

/** Groups whose zero points are anywhere, full of ties, or cut short by the bounds of the search. */
const makers: [what: string, value: () => () => number][] = [
  ["Gaussian", () => () => random.gaussian()],
  ["heavy tails", () => () => random.gaussian() ** 5],
  ["shifted", () => { const by = 3 * random.gaussian(); return () => by + random.gaussian(); }],
  ["one sign", () => { const sign = pick([1, -1]); return () => sign * random.uniform(); }],
  ["few levels", () => { const levels = 1 + random.integer(5); return () => Math.round(levels * random.gaussian()) / levels; }],
  ["on a grid of its own", () => { const zero = random.integer(4); return () => random.integer(4) - zero; }],
  ["nearly on a grid", () => { const zero = random.integer(4); return () => random.integer(4) - zero + 1e-6 * random.gaussian(); }],
  ["mostly zeros", () => () => (random.integer(10) ? 0 : random.gaussian())],
  ["one far outlier", () => { let i = 0; return () => (i++ ? random.gaussian() : pick([1, -1]) * 10 ** random.integer(8)); }],
  ["a constant", () => { const v = random.gaussian(); return () => v; }],
];

describe("compiled search for zero points of two bits: bytes other than the plain one's", () => {
  const names = ["int2-g16-asym", "int2-g32-asym", "int2-g32-asym-f16", "int2-g32-asym-bf16", "int2-g128-asym", "int2-channel-asym-f16"];
  for (const name of names) {
    it(name, () => {
      const member = encodingNamed(name);
      for (let round = 0; round < 300; round++) {
        const [what, make] = makers[round % makers.length];
        const scale = pick([1, 1, 0.02, 1e-4, 1e-6, 1e-20, 1e-42, 3000, 1e30]);
        const columns = pick([256, 128, 77, 3]);
        const x = new Float32Array(columns);
        for (let i = 0, value = make(); i < columns; i++) {
          if (i % 64 === 0) value = make();
          x[i] = scale * value();
        }
        const planes = member.planes.map((plane) => new Uint8Array(plane.rowBytes(columns)));
        member.encode!(x, 1, columns, planes);
        new Float32Array(buffer, X, columns).set(x);
        const [codes, scales, zeros] = PLANES;
        assert.equal(kernels.encoder(name)!(X, 1, columns, 0, SCRATCH, codes, scales, zeros), 1);
        planes.forEach((plane, i) => {
          const got = Buffer.from(new Uint8Array(buffer, PLANES[i], plane.length));
          assert.deepEqual(got, Buffer.from(plane), `${what} · ${scale}, round ${round}: ${member.planes[i].name}`);
        });
      }
    });
  }

  it("a row of too many weights for the scratch, and importance, are left to the plain code", () => {
    const [codes, scales, zeros] = PLANES;
    new Float32Array(buffer, X, 20_000).fill(1);
    assert.equal(kernels.encoder("int2-channel-asym")!(X, 1, 20_000, 0, SCRATCH, codes, scales, zeros), 0);
    assert.ok(Number.isNaN(kernels.errorOf("int2-channel-asym")!(X, 1, 20_000, SCRATCH)));
    assert.equal(kernels.encoder("int2-g32-asym")!(X, 1, 64, X, SCRATCH, codes, scales, zeros), 0);
  });
});
