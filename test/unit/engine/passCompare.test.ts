import assert from "node:assert/strict";
import { ropeRow } from "../../../src/core/rope";
import type { AffineLayout } from "../../../src/core/model";
import { Random } from "../../../src/core/math/prng";
import { encoding as encodingNamed } from "../../../src/encodings";
import { decodeWholeAffine } from "../../../src/encodings/affine";
import { runPass } from "../../../src/engine/pass";
import { runTask, type Submit } from "../../../src/engine/runTask";
import type { CompareTask, TensorSource } from "../../../src/engine/tasks";
import { type ComparePartial, compareReference, compareShares, momentsOf, signalToNoise } from "../../../src/metrics";
import { assertNear } from "../../builders/compareReports";
import { type Harness, passHarness, sourceOf, sourceOfBytes } from "../../builders/passHarness";
import { heavyTailed } from "../../builders/weights";

interface Case {
  readonly danger: string;
  readonly rows: number;
  readonly columns: number;
  readonly columnsPerInput?: number;
  readonly hasChannels?: boolean;
  readonly encodings?: readonly [a: string, b: string];
  readonly transposed?: readonly [a: boolean, b: boolean];
  readonly rope?: CompareTask["rope"];
  readonly offset?: number;
  readonly part?: CompareTask["part"];
  readonly rawBytes?: number;
  readonly threads?: number;
  /** Changes the second tensor's values, or the first's. */
  change?(a: Float32Array, b: Float32Array): void;
}

/** The values as the encoding keeps them, by its plain decode. */
function kept(x: Float32Array, encoding: string, rows: number, columns: number): Float32Array {
  if (encoding === "f32") return x;
  const member = encodingNamed(encoding);
  const planes = member.planes.map((plane) => new Uint8Array(Math.ceil(rows * plane.rowBytes(columns))));
  const out = new Float32Array(x.length);
  member.encode!(x, rows, columns, planes);
  member.decode(planes, rows, columns, out);
  return out;
}

function inRopeOrder(x: Float32Array, rows: number, columns: number, heads: number, back = false): Float32Array {
  const out = new Float32Array(x.length);
  const row = ropeRow(rows, heads);
  for (let r = 0; r < rows; r++) {
    const [from, to] = back ? [row(r), r] : [r, row(r)];
    out.set(x.subarray(from * columns, (from + 1) * columns), to * columns);
  }
  return out;
}

/** The rows between `row` others and two more; of encodings whose rows depend on no other. */
function amongOthers(x: Float32Array, columns: number, row: number): Float32Array {
  const out = heavyTailed(x.length + (row + 2) * columns, 8);
  out.set(x, row * columns);
  return out;
}

const submitTo = (harness: Harness): Submit => async (job) => runPass(harness.context, job);

/** Counts equal, sums within 1e-6. */
function assertCompare(actual: ComparePartial, expected: ComparePartial): void {
  for (const key of ["count", "nonFinite", "maxDifference"] as const) assert.equal(actual[key], expected[key], key);
  assertNear(actual.sum, expected.sum, "sum", 1e-6, 1e-12 * Math.sqrt(actual.energy * actual.count));
  assertNear(actual.squaredError, expected.squaredError, "squared error");
  assertNear(actual.energy, expected.energy, "energy");
  assert.deepEqual(actual.logCountsA, expected.logCountsA, "first histogram");
  assert.deepEqual(actual.logCountsB, expected.logCountsB, "second histogram");
  for (const key of ["rowErrors", "columnErrors"] as const) {
    assert.equal(actual[key]?.length, expected[key]?.length, key);
    actual[key]?.forEach((e, i) => assertNear(e, expected[key]![i], `${key} ${i}`));
  }
}

async function check(one: Case, simd: boolean): Promise<void> {
  const { rows, columns, columnsPerInput = 1, hasChannels = true, encodings = ["f32", "f32"], transposed = [false, false], rope, offset, part } = one;
  const harness = passHarness({ simd, rawBytes: one.rawBytes ?? 4 << 20 });
  const a = heavyTailed(rows * columns, 3);
  const noise = heavyTailed(rows * columns, 4);
  const b = a.map((v, i) => v + noise[i] / 16);
  one.change?.(a, b);
  // Both in the network's order; the side in RoPE order is stored so, and its blocks cut that order's rows.
  const stored = (x: Float32Array, side: "a" | "b") => (rope?.side === side ? inRopeOrder(x, rows, columns, rope.heads) : x);
  const sides = [stored(a, "a"), stored(b, "b")];
  const [sourceA, sourceB] = sides.map((x, i) => {
    const isPart = part?.side === (i === 0 ? "a" : "b");
    const view = { rows: isPart ? rows + part.row + 2 : rows, columns, columnsPerInput, hasChannels, transposed: transposed[i], offset: i };
    return sourceOf(harness.files, isPart ? amongOthers(x, columns, part.row) : x, encodings[i], view);
  });
  const decoded = sides.map((x, i) => {
    const values = kept(x, encodings[i], rows, columns);
    return rope?.side === (i === 0 ? "a" : "b") ? inRopeOrder(values, rows, columns, rope.heads, true) : values;
  });
  const task: CompareTask = { kind: "compare", a: sourceA, b: sourceB, rope, offset, part };
  const found = (await runTask(task, { threads: one.threads ?? 1, divideFrom: one.threads ? 1000 : undefined }, submitTo(harness))) as ComparePartial;
  assertCompare(found, compareReference(decoded[0], decoded[1], { rows, columns, columnsPerInput, hasChannels }, offset));
  const shares = [sourceA, sourceB].map((source) => rows / (source.rows || 1));
  const read = [...harness.files.values()].reduce((sum, f, i) => sum + (f.length - i) * (rows ? shares[i] : 1), 0);
  assertNear(harness.progress, read, "bytes of progress");
}

const small = { rows: 70, columns: 96 };
const cases: Case[] = [
  { danger: "an ordinary pair", ...small },
  { danger: "rows that are no multiple of anything", rows: 77, columns: 131 },
  { danger: "one row", rows: 1, columns: 500 },
  { danger: "one column", rows: 500, columns: 1 },
  { danger: "a vector, which has no channels", rows: 1, columns: 4099, hasChannels: false },
  { danger: "no elements", rows: 0, columns: 8 },
  { danger: "a convolution", rows: 48, columns: 45, columnsPerInput: 9 },
  { danger: "rows longer than a stretch", rows: 3, columns: 70_016, encodings: ["f32", "q8_0"] },
  { danger: "rows longer than a stretch that are decoded whole", rows: 2, columns: 40_000, encodings: ["bf16", "int8-channel"] },
  { danger: "a vector cut over threads", rows: 1, columns: 100_003, hasChannels: false, threads: 3 },
  { danger: "the first transposed", ...small, transposed: [true, false] },
  { danger: "the second transposed", ...small, transposed: [false, true], encodings: ["q4_0", "f16"] },
  { danger: "both transposed", rows: 77, columns: 131, transposed: [true, true], encodings: ["f32", "bf16"] },
  { danger: "a transposed tensor larger than its half of the arena", rows: 700, columns: 640, transposed: [true, false], rawBytes: 1 << 18 },
  { danger: "a transposed tensor whose window is a few rows", rows: 90, columns: 640, transposed: [false, true], rawBytes: 1 << 17 },
  { danger: "both larger than their halves of the arena", rows: 700, columns: 640, rawBytes: 1 << 18, encodings: ["f32", "f32"] },
  { danger: "blocks against blocks", rows: 70, columns: 256, encodings: ["q4_0", "q8_0"] },
  { danger: "codes and scales in two planes", rows: 67, columns: 96, encodings: ["f32", "int4-g32"] },
  { danger: "bands over threads", rows: 301, columns: 64, threads: 3, encodings: ["f32", "q8_0"] },
  { danger: "bands over threads, transposed", rows: 301, columns: 64, threads: 3, transposed: [true, false] },
  { danger: "the second in RoPE order", rows: 96, columns: 64, rope: { side: "b", heads: 4 }, encodings: ["f32", "q4_0"] },
  { danger: "the first in RoPE order", rows: 96, columns: 64, rope: { side: "a", heads: 4 }, encodings: ["q8_0", "f32"] },
  { danger: "one head of many rows in RoPE order", rows: 1000, columns: 64, rope: { side: "b", heads: 1 } },
  { danger: "heads of two rows", rows: 64, columns: 33, rope: { side: "b", heads: 32 } },
  { danger: "RoPE order, against a transposed file", rows: 96, columns: 64, rope: { side: "b", heads: 2 }, transposed: [true, false] },
  { danger: "RoPE order, bands that cut heads", rows: 300, columns: 64, rope: { side: "b", heads: 3 }, threads: 4 },
  { danger: "RoPE order with rows longer than a stretch", rows: 8, columns: 40_960, rope: { side: "a", heads: 2 }, encodings: ["q8_0", "f32"] },
  { danger: "RoPE order in a file larger than the arena", rows: 512, columns: 320, rope: { side: "b", heads: 4 }, rawBytes: 1 << 17 },
  { danger: "a bias in RoPE order", rows: 96, columns: 1, hasChannels: false, rope: { side: "b", heads: 4 } },
  { danger: "an offset", rows: 1, columns: 300, hasChannels: false, offset: -1 },
  { danger: "an offset that no f32 sum would keep", rows: 1, columns: 64, hasChannels: false, offset: 1, change: (a, b) => { a.fill(2 ** -30); b.fill(2 ** -31); } },
  { danger: "rows of a taller tensor, the second", ...small, part: { side: "b", row: 13 }, encodings: ["q8_0", "f32"] },
  { danger: "rows of a taller tensor, the first, in blocks", rows: 33, columns: 256, part: { side: "a", row: 33 }, encodings: ["q4_K", "f32"] },
  { danger: "rows of a taller tensor whose codes begin within a byte", rows: 21, columns: 33, part: { side: "b", row: 7 }, encodings: ["f32", "int4-channel"] },
  { danger: "rows of a taller transposed tensor", rows: 40, columns: 131, part: { side: "b", row: 5 }, transposed: [false, true] },
  { danger: "rows of a taller tensor, bands over threads", rows: 301, columns: 64, part: { side: "a", row: 9 }, threads: 3 },
  { danger: "rows of a taller tensor, longer than a stretch", rows: 3, columns: 70_016, part: { side: "a", row: 2 }, encodings: ["q8_0", "f32"] },
  { danger: "rows of a taller tensor against RoPE order", rows: 96, columns: 64, part: { side: "a", row: 31 }, rope: { side: "b", heads: 4 } },
  { danger: "rows of a taller tensor, themselves in RoPE order, transposed", rows: 96, columns: 64, part: { side: "b", row: 31 }, rope: { side: "b", heads: 4 },
    transposed: [true, true], threads: 2 },
  { danger: "elements of a longer bias", rows: 96, columns: 1, hasChannels: false, part: { side: "b", row: 31 } },
  { danger: "zeros in the reference", ...small, change: (a) => a.fill(0) },
  { danger: "huge values, whose squares no f32 holds", ...small, change: (a, b) => { a.forEach((v, i) => (a[i] = v * 1e30)); b.fill(-1e30); } },
  { danger: "NaN and infinities on one side, both sides, and differently", ...small, change: (a, b) => {
    a.set([NaN, 1, NaN, Infinity, -Infinity, Infinity]);
    b.set([NaN, NaN, 1, Infinity, Infinity, 2]);
  } },
];

const random = new Random(5);
const anyBytes = (n: number) => Uint8Array.from({ length: n }, () => random.integer(256));
const scales = (n: number) => new Uint8Array(Float32Array.from({ length: n }, () => 0.001 + 0.01 * random.uniform()).buffer);
const base = { signed: false, storedOffset: 0, packing: "lsb", scaleType: "f32", zeroPoint: 8 } as const;
const affine: { readonly what: string; readonly rows: number; readonly columns: number; readonly layout: AffineLayout; readonly planes: readonly Uint8Array[] }[] = [
  { what: "4-bit codes row by row", rows: 70, columns: 96, planes: [anyBytes(70 * 48), scales(70 * 3)],
    layout: { ...base, bits: 4, codeOrder: "out-in", codeRowBytes: 48, rowsPerScale: 1, columnsPerScale: 32, scaleRowStride: 3, scaleColumnStride: 1 } },
  { what: "8-bit codes in the order of the inputs", rows: 600, columns: 500, planes: [anyBytes(600 * 500), scales(600)],
    layout: { ...base, bits: 8, signed: true, zeroPoint: 0, codeOrder: "in-out", codeRowBytes: 600, rowsPerScale: 1, columnsPerScale: 0,
      scaleRowStride: 1, scaleColumnStride: 0 } },
  { what: "words of eight inputs", rows: 64, columns: 256, planes: [anyBytes(32 * 64 * 4), scales(4 * 64)],
    layout: { ...base, bits: 4, codeOrder: "in-packed-out", codeRowBytes: 64 * 4, rowsPerScale: 1, columnsPerScale: 64, scaleRowStride: 1, scaleColumnStride: 64 } },
];

describe("the comparison of two tensors", () => {
  for (const simd of [true, false]) {
    describe(simd ? "with the compiled kernels" : "with the plain kernels", () => {
      for (const one of cases) it(one.danger, () => check(one, simd));
    });
  }

  for (const { what, rows, columns, layout, planes } of affine) {
    for (const transposed of [false, true]) {
      it(`integer grids of other programs, ${what}, against a ${transposed ? "transposed " : ""}float`, async () => {
        const harness = passHarness({ rawBytes: 1 << 17 });
        const grid = sourceOfBytes(harness.files, planes, { encoding: "affine", affine: layout }, { rows, columns });
        const x = new Float32Array(rows * columns);
        decodeWholeAffine(layout, planes, rows, columns, x);
        const y = heavyTailed(rows * columns, 9);
        const float = sourceOf(harness.files, y, "f32", { rows, columns, transposed });
        for (const [a, b, first, second] of [[grid, float, x, y], [float, grid, y, x]] as [TensorSource, TensorSource, Float32Array, Float32Array][]) {
          const found = await runTask({ kind: "compare", a, b }, { threads: 2, divideFrom: 10_000 }, submitTo(harness));
          assertCompare(found as ComparePartial, compareReference(first, second, { rows, columns, columnsPerInput: 1, hasChannels: true }));
        }
      });
    }
  }

  const pair = (harness: Harness, rows = 512) => {
    const x = heavyTailed(rows * 128);
    const [a, b] = [1, 2].map(() => sourceOf(harness.files, x, "f32", { rows, columns: 128 }));
    return { kind: "compare", a, b } as const;
  };
  const whole = { row: 0, rows: 512, column: 0, columns: 128 };

  it("equal tensors have no error and infinite SQNR, zeros too", async () => {
    const found = await runTask(pair(passHarness()), { threads: 1 }, submitTo(passHarness())).catch((e: unknown) => e);
    assert.ok(found instanceof Error, "files of another harness");
    const harness = passHarness();
    const same = (await runTask(pair(harness), { threads: 1 }, submitTo(harness))) as ComparePartial;
    assert.deepEqual([same.squaredError, same.maxDifference, same.nonFinite, same.count], [0, 0, 0, 512 * 128]);
    assert.deepEqual(signalToNoise(same), { relativeSquaredError: 0, sqnr: Infinity });
    assert.deepEqual(compareShares(same, 1).worstOutputs, []);
    assert.deepEqual(signalToNoise({ squaredError: 0, energy: 0, nonFinite: 0 }), { relativeSquaredError: 0, sqnr: Infinity });
    assert.deepEqual(signalToNoise({ squaredError: 1, energy: 0, nonFinite: 0 }), { relativeSquaredError: Infinity, sqnr: -Infinity });
    assert.deepEqual(signalToNoise({ squaredError: 0, energy: 1, nonFinite: 1 }), { relativeSquaredError: Infinity, sqnr: -Infinity });
  });

  it("mean and deviation of the first side; a constant has none, whatever rounding leaves", () => {
    assert.deepEqual(momentsOf({ count: 4, sum: 4, energy: 8 }), { mean: 1, std: 1 });
    assert.deepEqual(momentsOf({ count: 3, sum: 3 * 0.1, energy: 3 * 0.1 * 0.1 }), { mean: 0.10000000000000002, std: 0 });
    assert.deepEqual(momentsOf({ count: 0, sum: 0, energy: 0 }), { mean: NaN, std: NaN });
  });

  it("names the 16 worst channels by their share, inputs of a convolution pooled", () => {
    const rows = 20;
    const x = new Float32Array(rows * 6);
    const y = Float32Array.from(x, (_, i) => Math.floor(i / 6));
    const shape = { rows, columns: 6, columnsPerInput: 3, hasChannels: true };
    const { worstOutputs, worstInputs } = compareShares(compareReference(x, y, shape), 3);
    assert.deepEqual(worstOutputs!.map((c) => c.index), Array.from({ length: 16 }, (_, i) => 19 - i));
    const total = Array.from({ length: rows }, (_, r) => r * r).reduce((a, b) => a + b);
    assert.equal(worstOutputs![0].share, 361 / total);
    assert.deepEqual(worstInputs, [{ index: 0, share: 0.5 }, { index: 1, share: 0.5 }]);
  });

  it("stops between tiles when cancelled", () => {
    const harness = passHarness();
    const task = pair(harness);
    harness.cancelAfter = 2;
    assert.throws(() => runPass(harness.context, { kind: "compare", task, band: whole }), { code: "cancelled" });
  });

  it("names the tensor whose file ends early", () => {
    const harness = passHarness();
    const task = pair(harness);
    harness.files.set(task.b.paths[0], harness.files.get(task.b.paths[0])!.subarray(0, 1000));
    assert.throws(() => runPass(harness.context, { kind: "compare", task, band: whole }), { code: "truncated", place: { tensor: task.b.name, file: task.b.name, offset: 0 } });
  });

  it("refuses pairs of other shapes and heads that do not divide the rows", () => {
    const harness = passHarness();
    const { kind, a } = pair(harness);
    const { b } = pair(harness, 256);
    assert.throws(() => runPass(harness.context, { kind, task: { kind, a, b }, band: whole }), { code: "bad-request" });
    const beyond = { kind, a, b, part: { side: "a", row: 257 } } as const;
    assert.throws(() => runPass(harness.context, { kind, task: beyond, band: { ...whole, rows: 256 } }), { code: "bad-request" });
    assert.throws(() => runPass(harness.context, { kind, task: { kind, a, b: a, rope: { side: "b", heads: 3 } }, band: whole }), { code: "malformed" });
  });
});
