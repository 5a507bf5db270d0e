import assert from "node:assert/strict";
import { Random } from "../../../src/core/math/prng";
import { encoding as encodingNamed, encodings, fits } from "../../../src/encodings";
import { SCRATCH_BYTES } from "../../../src/kernels";
import { assertNear } from "../../builders/compareReports";
import { kernelsOver } from "../../builders/passHarness";
import { gaussian, heavyTailed } from "../../builders/weights";

const X = 1 << 16;
const CODES = 1 << 20;
const SCALES = CODES + (1 << 18);
const ZEROS = SCALES + (1 << 17);
const SCRATCH = 1 << 21;
const kernels = kernelsOver(SCRATCH + SCRATCH_BYTES);
const { buffer } = kernels.memory;

/** All that the lists know, and members of the grids' family that no list shows. */
const names = [
  ...new Set([
    ...encodings.map((e) => e.name),
    "int4-g64",
    "int2-g16",
    "int8-g64-asym",
    "int4-g512",
    "int4-g128-bf16",
    "int4-g128-asym-bf16",
    "int4-g32-f16",
    "int4-channel-asym-f16",
    "int8-g128-f16",
    "int8-channel-bf16",
    "int2-g32-f16",
    "int4-g32-absmax",
    "int4-g32-extreme",
    "int8-channel-bf16-absmax",
    "int2-g32-f16-extreme",
    "int2-g32-asym-minmax",
    "int2-g16-asym",
    "int2-g128-asym-f16",
    "int2-channel-asym-bf16",
    "int2-channel-asym-f16-minmax",
    "int4-qdq-g16",
    "int8-qdq-g64-asym",
    "gptq_v2-8bit-channel-asym",
    "awq-4bit-g32",
    "lsbq1-g7",
    "lsbq2-g24",
    "lsbq2-row",
    "lsbq3-g1",
    "lsbq4-row",
    "lsbq5-g40",
    "lsbq6-g64",
    "ternary-g7",
    "ternary-row",
  ]),
];

const rows: [what: string, x: (n: number) => Float32Array][] = [
  ["heavy tails", heavyTailed],
  ["Gaussian", (n) => gaussian(n, { seed: 5 })],
  ["uniform", (n) => uniform(n, 11)],
  ["all zeros", (n) => new Float32Array(n)],
  ["zeros of both signs", (n) => new Float32Array(n).map((_, i) => (i % 3 ? -0 : 0))],
  ["a constant", (n) => new Float32Array(n).fill(0.37)],
  ["a negative constant", (n) => new Float32Array(n).fill(-1.5)],
  ["one sign only", (n) => gaussian(n).map((v) => Math.abs(v) + 0.1)],
  ["the other sign only", (n) => gaussian(n).map((v) => -Math.abs(v) - 0.1)],
  ["extremes of both signs alike", (n) => Float32Array.from({ length: n }, (_, i) => [1, -1, 0.5, -0.25][i % 4])],
  ["a single weight in a block", (n) => new Float32Array(n).map((_, i) => (i % 64 === 37 ? -3 : 0))],
  ["whole numbers, which fall on ties", (n) => Float32Array.from({ length: n }, (_, i) => ((i * 37) % 31) - 15)],
  ["tiny values", (n) => gaussian(n).map((v) => v * 1e-12)],
  ["values below the half-precision scales", (n) => gaussian(n).map((v) => v * 1e-20)],
  ["denormals", (n) => gaussian(n).map((v) => v * 1e-42)],
  ["large values", (n) => gaussian(n).map((v) => v * 3000)],
  ["a far outlier", (n) => gaussian(n).map((v, i) => (i % 100 === 50 ? v * 300 : v))],
];

/** Only integer grids and what clips can store these. */
const huge: (typeof rows)[number] = ["values near the largest float", (n) => uniform(n, 12).map((v) => v * 6.8e38)];
const rowsFor = (name: string) => (/^(int|gptq|awq|lsbq|ternary)/.test(name) ? [...rows, huge] : rows);

function uniform(n: number, seed: number): Float32Array {
  const random = new Random(seed);
  return Float32Array.from({ length: n }, () => random.uniform() - 0.5);
}

const bytesAt = (at: number, length: number) => new Uint8Array(buffer, at, length);

describe("compiled decoders equal the encodings", () => {
  const decodable = names.filter((name) => kernels.decoder(name));

  it("are there for what models are stored in most", () => {
    for (const name of ["f16", "bf16", "f64", "i8", "u8", "q8_0", "q4_0", "q4_1", "q5_0", "q5_1", "q4_K", "q6_K"]) {
      assert.ok(kernels.decoder(name), name);
    }
  });

  for (const name of decodable) {
    it(`${name}: any bytes at all, bit for bit`, () => {
      const member = encodingNamed(name);
      for (const count of member.blockElements > 1 ? [1, 2, 5].map((n) => n * member.blockElements) : [0, 1, 3, 7, 8, 9, 1023]) {
        const random = new Random(count + 1);
        const bytes = Uint8Array.from({ length: Math.ceil(member.planes[0].rowBytes(count)) }, () => random.integer(256));
        const expected = new Float32Array(count);
        member.decode([bytes], 1, count, expected);
        bytesAt(CODES + 1, bytes.length).set(bytes); // an odd address: blocks are not aligned
        new Float32Array(buffer, X, count + 1).fill(7);
        kernels.decoder(name)!(CODES + 1, count, X);
        const actual = new Float32Array(buffer, X, count + 1);
        for (let i = 0; i < count; i++)
          assert.ok(Object.is(actual[i], expected[i]), `element ${i} of ${count}: ${actual[i]} instead of ${expected[i]}`);
        assert.equal(actual[count], 7, "what follows stays");
      }
    });
  }

  it("f16: every bit pattern there is", () => {
    const all = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const bytes = new Uint8Array(all.buffer);
    const expected = new Float32Array(65536);
    encodingNamed("f16").decode([bytes], 1, 65536, expected);
    bytesAt(CODES, bytes.length).set(bytes);
    kernels.decoder("f16")!(CODES, 65536, X);
    assert.deepEqual(new Float32Array(buffer, X, 65536).slice(), expected);
  });
});

describe("compiled encoders give the encodings' own bytes", () => {
  for (const name of names.filter((n) => kernels.encoder(n) && encodingNamed(n).encode)) {
    it(name, () => {
      let used = 0;
      for (const [what, make] of rowsFor(name)) {
        for (const [rowCount, columns] of [
          [1, 256],
          [3, 512],
          [2, 100],
          [3, 33],
        ]) {
          const member = encodingNamed(name);
          if (!fits(member, columns)) continue;
          const x = make(rowCount * columns);
          const sizes = member.planes.map((plane) => Math.ceil(rowCount * plane.rowBytes(columns)));
          const expected = sizes.map((size) => new Uint8Array(size));
          member.encode!(x, rowCount, columns, expected);
          new Float32Array(buffer, X, x.length).set(x);
          [CODES, SCALES, ZEROS].forEach((at, i) => bytesAt(at, (sizes[i] ?? 0) + 1).fill(0xa5));
          if (!kernels.encoder(name)!(X, rowCount, columns, 0, SCRATCH, CODES, SCALES, ZEROS)) continue;
          used++;
          [CODES, SCALES, ZEROS].slice(0, sizes.length).forEach((at, i) => {
            const actual = bytesAt(at, sizes[i] + 1);
            const bad = expected[i].findIndex((b, j) => b !== actual[j]);
            assert.equal(
              bad,
              -1,
              `${what}, ${rowCount} × ${columns}: ${member.planes[i].name}[${bad}] is ${actual[bad]} instead of ${expected[i][bad]}`,
            );
            assert.equal(actual[sizes[i]], 0xa5, `${what}: what follows ${member.planes[i].name} stays`);
          });
        }
      }
      assert.ok(used > 0.6 * rows.length, "the kernel covers ordinary values");
    });
  }
});

describe("the quick search for symmetric scales finds what walking every assignment finds", () => {
  const random = new Random(77);
  const pick = <T>(of: readonly T[]) => of[random.integer(of.length)];
  /** Groups of few levels are full of ties, of equal weights, and of scales that are as good as their halves. */
  const makers: [what: string, value: () => () => number][] = [
    ["Gaussian", () => () => random.gaussian()],
    ["heavy tails", () => () => random.gaussian() ** 3],
    ["few levels", () => { const levels = 1 + random.integer(9); return () => Math.round(levels * (2 * random.uniform() - 1)) / levels; }],
    ["mostly zeros", () => { const zeros = pick([0.5, 0.9, 0.99]); return () => (random.uniform() < zeros ? 0 : random.gaussian()); }],
    ["two magnitudes", () => { const small = random.uniform(); return () => pick([1, -1, small, -small]); }],
    ["one large, many small", () => { const small = 10 ** -random.integer(7); return () => (random.integer(16) ? small * random.gaussian() : 1); }],
    ["near multiples of one step", () => { const noise = 10 ** -(1 + random.integer(7)); return () => random.integer(15) - 7 + noise * random.gaussian(); }],
    ["one sign", () => () => random.uniform()],
    // Largest weights of both signs: no scale gives both of them the outermost code.
    ["three to one", () => { let i = 0; return () => (i++ % 4 ? pick([1, -1]) : pick([1, -1]) * 0.4576); }],
  ];
  for (const name of ["int4-g32", "int4-g32-f16", "int4-g32-bf16", "int4-g64", "int4-g128", "int4-g256", "int4-g8", "int2-g16", "int2-g32", "int2-g128", "int4-qdq-g32",
  ]) {
    it(name, () => {
      const member = encodingNamed(name);
      const columns = 1024;
      const planes = member.planes.map((plane) => new Uint8Array(plane.rowBytes(columns)));
      for (let round = 0; round < 180; round++) {
        const [what, value] = makers[round % makers.length];
        const scale = pick([1, 1, 0.02, 1e-6, 3000]);
        const x = new Float32Array(columns);
        for (let from = 0, draw = value(); from < columns; from++) {
          if (from % 128 === 0) draw = value();
          x[from] = scale * draw();
        }
        member.encode!(x, 1, columns, planes);
        new Float32Array(buffer, X, columns).set(x);
        assert.ok(kernels.encoder(name)!(X, 1, columns, 0, SCRATCH, CODES, SCALES, ZEROS));
        const at = bytesAt(SCALES, planes[1].length);
        const bad = planes[1].findIndex((b, j) => b !== at[j]);
        assert.equal(bad, -1, `${what}, round ${round}: scale byte ${bad}`);
        assert.deepEqual(Buffer.from(bytesAt(CODES, planes[0].length)), Buffer.from(planes[0]), `${what}, round ${round}: codes`);
      }
    });
  }
});

describe("compiled encoders refuse what the encodings refuse", () => {
  for (const [name, value] of [
    ["f16", 65520],
    ["bf16", 3.4e38],
    ["q4_0", 1e30],
    ["q8_0", 1e30],
    ["q4_K", 1e30],
    ["iq4_nl", 1e30],
  ] as const) {
    it(`${value} in ${name}`, () => {
      const x = new Float32Array(256).fill(1);
      x[100] = -value;
      const planes = encodingNamed(name).planes.map((plane) => new Uint8Array(plane.rowBytes(256)));
      assert.throws(() => encodingNamed(name).encode!(x, 1, 256, planes), /too large|cannot hold/);
      new Float32Array(buffer, X, x.length).set(x);
      assert.equal(kernels.encoder(name)!(X, 1, 256, 0, SCRATCH, CODES), 0);
    });
  }
});

describe("compiled errors equal the way through the bytes", () => {
  for (const name of names.filter((n) => kernels.errorOf(n) && encodingNamed(n).encode)) {
    it(name, () => {
      let used = 0;
      for (const [what, make] of rowsFor(name)) {
        for (const [rowCount, columns] of [
          [1, 256],
          [3, 512],
          [2, 100],
          [3, 33],
        ]) {
          const member = encodingNamed(name);
          if (!fits(member, columns)) continue;
          const x = make(rowCount * columns);
          const planes = member.planes.map((plane) => new Uint8Array(Math.ceil(rowCount * plane.rowBytes(columns))));
          const decoded = new Float32Array(x.length);
          member.encode!(x, rowCount, columns, planes);
          member.decode(planes, rowCount, columns, decoded);
          const expected = x.reduce((sum, v, i) => sum + (v - decoded[i]) ** 2, 0);
          new Float32Array(buffer, X, x.length).set(x);
          const actual = kernels.errorOf(name)!(X, rowCount, columns, SCRATCH);
          if (actual !== actual) continue;
          used++;
          const power = x.reduce((sum, v) => sum + v * v, 0);
          assertNear(actual, expected, `${what}, ${rowCount} × ${columns}`, 1e-6, 1e-15 * power);
        }
      }
      assert.ok(used > 0.6 * rows.length, "the kernel covers ordinary values");
    });
  }
});
