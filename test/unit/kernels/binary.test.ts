import assert from "node:assert/strict";
import { Random } from "../../../src/core/math/prng";
import { encoding as encodingNamed } from "../../../src/encodings";
import { SCRATCH_BYTES } from "../../../src/kernels";
import { method } from "../../../src/methods";
import { assertNear } from "../../builders/compareReports";
import { kernelsOver } from "../../builders/passHarness";

const X = 64;
const CODES = 1 << 20;
const SCALES = CODES + (1 << 19);
const SCRATCH = 1 << 21;
const kernels = kernelsOver(SCRATCH + SCRATCH_BYTES);
const { buffer } = kernels.memory;
const random = new Random(21);
const pick = <T>(of: readonly T[]) => of[random.integer(of.length)];
const sign = () => pick([1, -1]);

/** Groups of few magnitudes are full of ties between splits, levels and sign planes. */
const makers: [what: string, value: () => () => number][] = [
  ["Gaussian", () => () => random.gaussian()],
  ["heavy tails", () => () => random.gaussian() ** 5],
  ["magnitudes of all sizes", () => () => sign() * Math.exp(60 * random.gaussian())],
  ["a constant", () => { const v = random.gaussian(); return () => v; }],
  ["one magnitude", () => { const v = random.gaussian(); return () => sign() * v; }],
  ["two magnitudes", () => { const small = random.uniform(); return () => sign() * pick([1, small]); }],
  ["few whole numbers", () => { const n = 1 + random.integer(9); return () => Math.round(n * random.gaussian()); }],
  ["levels of sign planes", () => { const v = [2, 1, 0.5].map((s) => s * pick([1, 1, 0.9])); return () => v.reduce((sum, s) => sum + sign() * s, 0); }],
  ["mostly zeros of both signs", () => () => (random.integer(12) ? sign() * 0 : random.gaussian())],
  ["zeros", () => () => 0],
  ["one far outlier", () => { let i = 0; return () => (i++ === 5 ? 1e6 : 1e-6 * random.gaussian()); }],
  ["nearly one magnitude", () => () => sign() * (1 + 1e-6 * random.gaussian())],
];
const scales = [1, 0.02, 1e-6, 1e-20, 1e-40, 2 ** -149, 3e4, 1e30];

/** A row whose groups of up to 128 are of one kind each. */
function row(columns: number, round: number): { what: string; x: Float32Array } {
  const [what, make] = makers[round % makers.length];
  const scale = pick(scales);
  const x = new Float32Array(columns);
  for (let i = 0, value = make(); i < columns; i++) {
    if (i % 128 === 0) value = make();
    x[i] = Math.max(-3.4e38, Math.min(3.4e38, scale * value()));
  }
  return { what: `${what} · ${scale}, round ${round}`, x };
}

function check(name: string, columns: number, { what, x }: { what: string; x: Float32Array }): void {
  const member = encodingNamed(name);
  const planes = member.planes.map((plane) => new Uint8Array(plane.rowBytes(columns)));
  member.encode!(x, 1, columns, planes);
  new Float32Array(buffer, X, columns).set(x);
  assert.equal(kernels.encoder(name)!(X, 1, columns, 0, SCRATCH, CODES, SCALES), 1);
  for (const [i, at] of [SCALES, CODES].entries()) {
    const wanted = planes[1 - i];
    const bad = wanted.findIndex((b, j) => b !== new Uint8Array(buffer, at, wanted.length)[j]);
    assert.equal(bad, -1, `${name}, ${columns} columns, ${what}: ${member.planes[1 - i].name}[${bad}]`);
  }
  const decoded = new Float32Array(columns);
  member.decode(planes, 1, columns, decoded);
  const expected = x.reduce((sum, v, i) => sum + (v - decoded[i]) ** 2, 0);
  assertNear(kernels.errorOf(name)!(X, 1, columns, SCRATCH), expected, `${name}, ${what}: error`, 1e-9, 1e-300);
}

describe("least-squares binary kernels: bytes other than the plain fit's", () => {
  const names = ["lsbq1-g128", "lsbq2-g128", "lsbq2-g32", "lsbq3-g128", "lsbq4-g128", "lsbq5-g64", "lsbq6-g128", "ternary-g128", "ternary-g32"];
  for (const name of names) {
    it(`${name}: ties, extremes, groups that end early`, () => {
      for (let round = 0; round < 240; round++) {
        const columns = pick([512, 128, 131, 129, 1 + random.integer(40)]);
        check(name, columns, row(columns, round));
      }
    });
  }

  const times = (count: number, value: number) => new Array<number>(count).fill(value);
  const contrived: [what: string, x: number[]][] = [
    ["one weight or all nine: as good", [1, ...times(8, 0.25)]],
    ["four weights or all nine: as good", [...times(4, 5), ...times(5, 2)]],
    ["two splits into halves: as good", [1, 2, 3]],
    ["sign planes that differ in one weight", [...times(5000, 1), 1.5, 3, 0.25]],
    ["sign planes that differ in two of many weights", [...times(4000, 1), ...times(2, 4), 7, 7.5]],
  ];
  for (const [what, values] of contrived) {
    it(what, () => {
      for (const name of ["lsbq2-row", "lsbq3-row", "lsbq4-row", "lsbq6-row", "ternary-row"]) {
        check(name, values.length, { what, x: Float32Array.from(values) });
      }
    });
  }

  it("groups of every size up to 70, sixteens and what is left", () => {
    for (const family of ["lsbq1", "lsbq2", "lsbq3", "lsbq4", "ternary"]) {
      for (let group = 1; group <= 70; group++) check(`${family}-g${group}`, 141, row(141, group));
    }
  });

  it("rows as one group", () => {
    for (const name of ["lsbq1-row", "lsbq2-row", "lsbq3-row", "lsbq6-row", "ternary-row"]) {
      for (const columns of [1, 33, 1000, 4096, 5001]) for (let round = 0; round < 6; round++) check(name, columns, row(columns, 5 * round));
    }
  });

  it("a row too long for the scratch is left to the plain code", () => {
    for (const [name, columns] of [["lsbq2-row", 70_000], ["ternary-g128", 1_050_000]] as const) {
      assert.equal(kernels.encoder(name)!(X, 1, columns, 0, SCRATCH, CODES, SCALES), 0);
      assert.ok(Number.isNaN(kernels.errorOf(name)!(X, 1, columns, SCRATCH)));
    }
  });

  it("nothing is written behind the planes", () => {
    for (const [name, columns] of [["lsbq3-g16", 137], ["lsbq2-row", 121], ["ternary-g16", 136]] as const) {
      const [codes, scales] = encodingNamed(name).planes.map((plane) => 3 * plane.rowBytes(columns));
      new Float32Array(buffer, X, 3 * columns).set(row(3 * columns, 0).x);
      new Uint8Array(buffer, CODES, 1 << 20).fill(0xa5);
      kernels.encoder(name)!(X, 3, columns, 0, SCRATCH, CODES, SCALES);
      for (const end of [CODES + codes, SCALES + scales]) assert.equal(new Uint8Array(buffer)[end], 0xa5, name);
    }
  });
});

describe("least-squares ternary in ggml's blocks: the kernel's bytes are the method's", () => {
  for (const name of ["tq1_0", "tq2_0", "q2_0"]) {
    it(name, () => {
      const encoding = encodingNamed(name);
      let covered = 0;
      for (let round = 0; round < 120; round++) {
        const { what, x } = row(512, round);
        const wanted = new Uint8Array(encoding.planes[0].rowBytes(512));
        new Float32Array(buffer, X, 512).set(x);
        const done = kernels.encoder(`lsbq-${name}`)!(X, 1, 512, 0, SCRATCH, CODES);
        if (!done) continue;
        covered++;
        method("lsbq").encode({ encoding, x, rows: 1, columns: 512, planes: [wanted] });
        assert.deepEqual(Buffer.from(new Uint8Array(buffer, CODES, wanted.length)), Buffer.from(wanted), what);
      }
      assert.ok(covered > 60, "ordinary values are covered");
    });
  }
});
