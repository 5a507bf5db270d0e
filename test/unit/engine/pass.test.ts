import assert from "node:assert/strict";
import { encoding as encodingNamed } from "../../../src/encodings";
import { runPass } from "../../../src/engine/pass";
import { runTask, type Submit } from "../../../src/engine/runTask";
import { analyseReference } from "../../../src/metrics";
import { assertReport } from "../../builders/compareReports";
import { type Harness, passHarness, type SourceOptions, sourceOf, sourceOfBytes } from "../../builders/passHarness";
import { gaussian, heavyTailed } from "../../builders/weights";

interface Case extends SourceOptions {
  readonly danger: string;
  readonly x: Float32Array;
  readonly encoding?: string;
  readonly measure?: readonly string[];
  readonly rawBytes?: number;
}

/** The tensor as the encoding stores it, decoded by the plain reference. */
function decoded({ x, encoding = "f32", rows, columns }: Case): Float32Array {
  if (encoding === "f64" || encoding === "f32") return x;
  const member = encodingNamed(encoding);
  const planes = member.planes.map((plane) => new Uint8Array(Math.ceil(rows * plane.rowBytes(columns))));
  const out = new Float32Array(x.length);
  member.encode!(x, rows, columns, planes);
  member.decode(planes, rows, columns, out);
  return out;
}

const submitTo =
  (harness: Harness): Submit =>
  async (job) =>
    runPass(harness.context, job);

async function check(one: Case, simd: boolean): Promise<void> {
  const { rows, columns, columnsPerInput = 1, hasChannels = true, measure = [], encoding = "f32" } = one;
  const harness = passHarness({ simd, rawBytes: one.rawBytes });
  const tensor = sourceOf(harness.files, one.x, encoding, one);
  const report = await runTask({ kind: "analyse", tensor, encodings: measure }, { threads: 1 }, submitTo(harness));
  const expected = analyseReference(
    decoded(one),
    { rows, columns, columnsPerInput, hasChannels },
    measure.map(encodingNamed),
    tensor.name,
  );
  assertReport(report as typeof expected, expected);
}

const withSpecials = (x: Float32Array, every: number) =>
  x.map((v, i) => (i % every ? v : [NaN, Infinity, -Infinity][(i / every) % 3]));
const scaled = (x: Float32Array, by: number) => x.map((v) => v * by);
const common = ["q8_0", "q4_0", "int4-g32", "int8-channel"];

const cases: Case[] = [
  { danger: "an ordinary matrix", x: heavyTailed(96 * 160), rows: 96, columns: 160, measure: common },
  {
    danger: "rows that are no multiple of four",
    x: heavyTailed(77 * 131),
    rows: 77,
    columns: 131,
    measure: ["q8_0", "int4-g32", "int4-channel"],
  },
  { danger: "fewer columns than a vector", x: heavyTailed(300 * 3), rows: 300, columns: 3 },
  { danger: "one column", x: heavyTailed(500), rows: 500, columns: 1 },
  { danger: "one row", x: heavyTailed(500), rows: 1, columns: 500 },
  { danger: "one element", x: Float32Array.of(-2.5), rows: 1, columns: 1 },
  { danger: "no elements", x: new Float32Array(0), rows: 0, columns: 8 },
  { danger: "rows without elements", x: new Float32Array(0), rows: 8, columns: 0 },
  { danger: "a vector, which has no channels", x: heavyTailed(4099), rows: 1, columns: 4099, hasChannels: false },
  { danger: "an empty vector", x: new Float32Array(0), rows: 1, columns: 0, hasChannels: false },
  {
    danger: "a vector longer than a stretch",
    x: heavyTailed(100_000),
    rows: 1,
    columns: 100_000,
    hasChannels: false,
    measure: ["q8_0", "int4-g32"],
  },
  {
    danger: "rows longer than a stretch",
    x: heavyTailed(3 * 70_016),
    rows: 3,
    columns: 70_016,
    measure: ["q4_0", "int4-g32", "int8-channel"],
  },
  { danger: "a convolution: nine columns to an input", x: heavyTailed(48 * 5 * 9), rows: 48, columns: 45, columnsPerInput: 9 },
  { danger: "more rows than heat rows", x: heavyTailed(1000 * 48), rows: 1000, columns: 48 },
  { danger: "rows and columns just over the strip's cells", x: heavyTailed(65 * 257), rows: 65, columns: 257 },
  { danger: "a mean far from 0 against the deviation", x: gaussian(64 * 64, { mean: 1000, std: 0.01 }), rows: 64, columns: 64 },
  { danger: "a negative mean far from 0", x: gaussian(64 * 64, { mean: -3e4, std: 1 }), rows: 64, columns: 64 },
  { danger: "a mean next to 0", x: gaussian(64 * 64, { seed: 3, mean: 1e-6, std: 1 }), rows: 64, columns: 64 },
  { danger: "huge values, whose squares no f32 holds", x: scaled(gaussian(64 * 64), 1e30), rows: 64, columns: 64 },
  { danger: "tiny values, whose squares no f32 holds", x: scaled(gaussian(64 * 64), 1e-30), rows: 64, columns: 64 },
  { danger: "denormal values", x: scaled(gaussian(64 * 64), 1e-40), rows: 64, columns: 64 },
  { danger: "the smallest denormal alone", x: new Float32Array(64).fill(2 ** -149), rows: 8, columns: 8 },
  {
    danger: "values from end to end of the format",
    x: Float32Array.from({ length: 512 }, (_, i) => (i % 2 ? -1 : 1) * 2 ** (i / 2 - 128)),
    rows: 8,
    columns: 64,
  },
  { danger: "zeros only", x: new Float32Array(640), rows: 10, columns: 64, measure: ["q8_0", "q4_0", "int4-g32"] },
  { danger: "negative zeros", x: new Float32Array(640).fill(-0), rows: 10, columns: 64 },
  { danger: "a constant", x: new Float32Array(640).fill(0.1), rows: 10, columns: 64 },
  { danger: "a constant but for one element", x: new Float32Array(6400).fill(0.1).fill(7, 5000, 5001), rows: 100, columns: 64 },
  {
    danger: "values on the edges of the linear bins",
    x: Float32Array.from({ length: 514 }, (_, i) => ((i % 257) - 128) / 128),
    rows: 2,
    columns: 257,
  },
  {
    danger: "values a hair from the edges",
    x: Float32Array.from({ length: 510 }, (_, i) => (((i % 255) - 127) / 128) * (1 + (i < 255 ? 1 : -1) * 2 ** -23)).fill(
      1,
      0,
      1,
    ),
    rows: 2,
    columns: 255,
  },
  {
    danger: "negatives too close to 0 for the sum with the middle bin",
    x: Float32Array.of(1, -1e-20, 1e-20, -1e-38, -1e-45, 0, -0, -1),
    rows: 1,
    columns: 8,
  },
  {
    danger: "NaN and infinities among the values",
    x: withSpecials(heavyTailed(64 * 100), 37),
    rows: 64,
    columns: 100,
    measure: ["q8_0"],
  },
  {
    danger: "NaN far from a mean that is not 0",
    x: withSpecials(gaussian(64 * 64, { mean: 1000, std: 0.01 }), 11),
    rows: 64,
    columns: 64,
  },
  { danger: "nothing but NaN", x: new Float32Array(64).fill(NaN), rows: 8, columns: 8 },
  { danger: "a row of nothing but NaN", x: heavyTailed(640).fill(NaN, 64, 128), rows: 10, columns: 64 },
  { danger: "a transposed file", x: heavyTailed(96 * 160), rows: 96, columns: 160, transposed: true, measure: common },
  {
    danger: "a transposed file of odd lengths",
    x: heavyTailed(77 * 131),
    rows: 77,
    columns: 131,
    transposed: true,
    measure: ["int4-g32", "int8-channel"],
  },
  {
    danger: "a transposed file with NaN",
    x: withSpecials(heavyTailed(70 * 66), 41),
    rows: 70,
    columns: 66,
    transposed: true,
    measure: ["int8-g32"],
  },
  {
    danger: "a transposed file in half precision",
    x: heavyTailed(80 * 300),
    rows: 80,
    columns: 300,
    transposed: true,
    encoding: "bf16",
    measure: ["int8-channel"],
  },
  {
    danger: "a transposed file with more outputs than a stretch",
    x: heavyTailed(33_000 * 3),
    rows: 33_000,
    columns: 3,
    transposed: true,
  },
  {
    danger: "a transposed file larger than the arena",
    x: heavyTailed(700 * 640),
    rows: 700,
    columns: 640,
    transposed: true,
    rawBytes: 1 << 18,
    measure: ["q4_0"],
  },
  {
    danger: "a file larger than the arena",
    x: heavyTailed(700 * 640),
    rows: 700,
    columns: 640,
    rawBytes: 1 << 19,
    measure: ["q4_0"],
  },
  { danger: "a tensor at an odd offset", x: heavyTailed(32 * 64), rows: 32, columns: 64, offset: 13 },
  { danger: "values of 64 bits", x: heavyTailed(32 * 67), rows: 32, columns: 67, encoding: "f64" },
  { danger: "codes and scales in two planes", x: heavyTailed(67 * 96), rows: 67, columns: 96, encoding: "int4-g32" },
  {
    danger: "rows with one scale that are longer than a stretch",
    x: heavyTailed(2 * 40_000),
    rows: 2,
    columns: 40_000,
    encoding: "int8-channel",
  },
  ...["f16", "bf16", "q8_0", "q4_0", "q4_1", "q5_0", "q5_1"].map((encoding) => ({
    danger: `stored as ${encoding}`,
    x: heavyTailed(70 * 256),
    rows: 70,
    columns: 256,
    encoding,
    measure: ["q4_0"],
  })),
];

describe("the pass", () => {
  for (const simd of [true, false]) {
    describe(simd ? "with the compiled kernels" : "with the plain kernels", () => {
      for (const one of cases) it(one.danger, () => check(one, simd));
    });
  }

  it("decodes packed elements whose rows end within a byte", async () => {
    const harness = passHarness({ rawBytes: 1 << 14 });
    const [rows, columns] = [1001, 33];
    const bytes = Uint8Array.from({ length: Math.ceil((rows * columns) / 2) }, (_, i) => (i * 73) ^ (i >> 3));
    const tensor = sourceOfBytes(harness.files, [bytes], { encoding: "i4" }, { rows, columns });
    const x = Float32Array.from({ length: rows * columns }, (_, i) => ((bytes[i >> 1] >> (4 * (i & 1))) << 28) >> 28);
    const report = await runTask({ kind: "analyse", tensor, encodings: [] }, { threads: 1 }, submitTo(harness));
    const expected = analyseReference(x, { rows, columns, columnsPerInput: 1, hasChannels: true }, [], tensor.name);
    assertReport(report as typeof expected, expected);
  });

  it("reads a small tensor once, and one that does not fit into the arena twice", async () => {
    for (const [rawBytes, times] of [
      [1 << 20, 1],
      [1 << 17, 2],
    ]) {
      const harness = passHarness({ rawBytes });
      const tensor = sourceOf(harness.files, heavyTailed(512 * 128), "f32", { rows: 512, columns: 128 });
      await runTask({ kind: "analyse", tensor, encodings: [] }, { threads: 1 }, submitTo(harness));
      assert.equal(harness.readBytes, times * 512 * 128 * 4);
      assert.equal(harness.progress, 512 * 128 * 4);
    }
  });

  it("stops between tiles when cancelled", () => {
    const harness = passHarness();
    const tensor = sourceOf(harness.files, heavyTailed(512 * 128), "f32", { rows: 512, columns: 128 });
    harness.cancelAfter = 2;
    assert.throws(() => runPass(harness.context, { kind: "analyse", task: { kind: "analyse", tensor, encodings: [] } }), {
      code: "cancelled",
    });
  });

  it("names the tensor when its bytes are too few for its shape", () => {
    const harness = passHarness();
    const tensor = { ...sourceOf(harness.files, heavyTailed(64), "f32", { rows: 8, columns: 8 }), rows: 9 };
    assert.throws(() => runPass(harness.context, { kind: "analyse", task: { kind: "analyse", tensor, encodings: [] } }), {
      code: "malformed",
      place: { tensor: "file0", file: "file0" },
    });
  });
});
