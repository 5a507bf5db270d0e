import assert from "node:assert/strict";
import type { AffineLayout } from "../../../src/core/model";
import { Random } from "../../../src/core/math/prng";
import { alternatingParts, lastRow, partOrder, ropeOrder, rowAt, type RowOrder } from "../../../src/core/rowOrder";
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
  readonly order?: CompareTask["order"];
  readonly offset?: number;
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

/** The rows where the order says, among others where it leaves some out, and two more below; of encodings whose rows depend on no other. */
function placed(x: Float32Array, columns: number, order: RowOrder): Float32Array {
  const out = heavyTailed((lastRow(order) + 3) * columns, 8);
  for (let r = 0; r * columns < x.length; r++) out.set(x.subarray(r * columns, (r + 1) * columns), rowAt(order, r) * columns);
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
  const { rows, columns, columnsPerInput = 1, hasChannels = true, encodings = ["f32", "f32"], transposed = [false, false], order, offset } = one;
  const harness = passHarness({ simd, rawBytes: one.rawBytes ?? 4 << 20 });
  const a = heavyTailed(rows * columns, 3);
  const noise = heavyTailed(rows * columns, 4);
  const b = a.map((v, i) => v + noise[i] / 16);
  one.change?.(a, b);
  const [sourceA, sourceB] = [a, b].map((x, i) => {
    const own = order?.[i === 0 ? "a" : "b"];
    const view = { rows: own ? lastRow(own) + 3 : rows, columns, columnsPerInput, hasChannels, transposed: transposed[i], offset: i };
    return sourceOf(harness.files, own ? placed(x, columns, own) : x, encodings[i], view);
  });
  const decoded = [a, b].map((x, i) => kept(x, encodings[i], rows, columns));
  const task: CompareTask = { kind: "compare", a: sourceA, b: sourceB, order, offset };
  const found = (await runTask(task, { threads: one.threads ?? 1, divideFrom: one.threads ? 1000 : undefined }, submitTo(harness))) as ComparePartial;
  assertCompare(found, compareReference(decoded[0], decoded[1], { rows, columns, columnsPerInput, hasChannels }, offset));
  const shares = [sourceA, sourceB].map((source) => rows / (source.rows || 1));
  const read = [...harness.files.values()].reduce((sum, f, i) => sum + (f.length - i) * (rows ? shares[i] : 1), 0);
  assertNear(harness.progress, read, "bytes of progress");
}

const small = { rows: 70, columns: 96 };
const part = (first: number, rows: number) => partOrder({ first, rows });
/** Part `which` of q, k, v, of 5 groups with so many queries each, so that it has `rows`. */
const alternating = (which: number, queries: number, rows: number) => {
  const heads = which === 0 ? 5 * queries : 5;
  return partOrder(alternatingParts((rows / heads) * 5 * (queries + 2), { heads: 5 * queries, groups: 5 })[which]);
};
/** q, k and v of so many groups with two queries each. */
const sorted = (groups: number, rows: number) => alternatingParts(rows, { heads: 2 * groups, groups }).flatMap(partOrder);
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
  { danger: "the second in RoPE order", rows: 96, columns: 64, order: { b: ropeOrder(96, 4) }, encodings: ["f32", "q4_0"] },
  { danger: "the first in RoPE order", rows: 96, columns: 64, order: { a: ropeOrder(96, 4) }, encodings: ["q8_0", "f32"] },
  { danger: "one head of many rows in RoPE order", rows: 1000, columns: 64, order: { b: ropeOrder(1000, 1) } },
  { danger: "heads of two rows", rows: 64, columns: 33, order: { b: ropeOrder(64, 32) } },
  { danger: "RoPE order, against a transposed file", rows: 96, columns: 64, order: { b: ropeOrder(96, 2) }, transposed: [true, false] },
  { danger: "RoPE order, bands that cut heads", rows: 300, columns: 64, order: { b: ropeOrder(300, 3) }, threads: 4 },
  { danger: "RoPE order with rows longer than a stretch", rows: 8, columns: 40_960, order: { a: ropeOrder(8, 2) }, encodings: ["q8_0", "f32"] },
  { danger: "RoPE order in a file larger than the arena", rows: 512, columns: 320, order: { b: ropeOrder(512, 4) }, rawBytes: 1 << 17 },
  { danger: "a bias in RoPE order", rows: 96, columns: 1, hasChannels: false, order: { b: ropeOrder(96, 4) } },
  { danger: "an offset", rows: 1, columns: 300, hasChannels: false, offset: -1 },
  { danger: "an offset that no f32 sum would keep", rows: 1, columns: 64, hasChannels: false, offset: 1, change: (a, b) => { a.fill(2 ** -30); b.fill(2 ** -31); } },
  { danger: "rows of a taller tensor, the second", ...small, order: { b: part(13, 70) }, encodings: ["q8_0", "f32"] },
  { danger: "rows of a taller tensor, the first, in blocks", rows: 33, columns: 256, order: { a: part(33, 33) }, encodings: ["q4_K", "f32"] },
  { danger: "rows of a taller tensor whose codes begin within a byte", rows: 21, columns: 33, order: { b: part(7, 21) }, encodings: ["f32", "int4-channel"] },
  { danger: "rows of a taller transposed tensor", rows: 40, columns: 131, order: { b: part(5, 40) }, transposed: [false, true] },
  { danger: "rows of a taller tensor, bands over threads", rows: 301, columns: 64, order: { a: part(9, 301) }, threads: 3 },
  { danger: "rows of a taller tensor, longer than a stretch", rows: 3, columns: 70_016, order: { a: part(2, 3) }, encodings: ["q8_0", "f32"] },
  { danger: "rows of a taller tensor, longer than a stretch, cut over threads", rows: 2, columns: 1_100_032, order: { a: part(1, 2) }, threads: 3 },
  { danger: "rows of a taller tensor against RoPE order", rows: 96, columns: 64, order: { a: part(31, 96), b: ropeOrder(96, 4) } },
  { danger: "rows of a taller transposed tensor, in RoPE order", rows: 96, columns: 64, order: { b: [{ first: 31, digits: ropeOrder(96, 4)[0].digits }] },
    transposed: [true, true], threads: 2 },
  { danger: "elements of a longer bias", rows: 96, columns: 1, hasChannels: false, order: { b: part(31, 96) } },
  { danger: "queries of each group of heads", rows: 90, columns: 64, order: { a: alternating(0, 3, 90) }, encodings: ["q8_0", "f32"] },
  { danger: "keys of each group, bands that cut heads", rows: 75, columns: 64, order: { b: alternating(1, 1, 75) }, threads: 4 },
  { danger: "values of each group, against RoPE order", rows: 120, columns: 64, order: { a: alternating(2, 1, 120), b: ropeOrder(120, 5) }, threads: 2 },
  { danger: "queries of each group in RoPE order, bands that cut groups", rows: 360, columns: 64, order: { a: alternating(0, 2, 360), b: ropeOrder(360, 10) }, threads: 4 },
  { danger: "queries of each group in a transposed file", rows: 120, columns: 131, order: { b: alternating(0, 3, 120) }, transposed: [false, true], threads: 2 },
  { danger: "keys of each group whose codes begin within a byte", rows: 35, columns: 33, order: { b: alternating(1, 1, 35) }, encodings: ["f32", "int4-channel"] },
  { danger: "alternating q, k, v against q above k above v", rows: 600, columns: 64, order: { a: sorted(5, 600) }, encodings: ["f32", "q4_0"], threads: 4 },
  { danger: "alternating q, k, v in a file larger than the arena", rows: 600, columns: 320, order: { b: sorted(5, 600) }, rawBytes: 1 << 17 },
  { danger: "alternating q, k, v of heads larger than what is kept", rows: 64, columns: 32_768, order: { a: sorted(2, 64) } },
  { danger: "alternating q, k, v with rows longer than a stretch", rows: 16, columns: 40_960, order: { a: sorted(2, 16) }, encodings: ["q8_0", "f32"] },
  { danger: "a bias of alternating q, k, v", rows: 600, columns: 1, hasChannels: false, order: { a: sorted(5, 600) } },
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
interface AffineCase {
  readonly what: string;
  readonly rows: number;
  readonly columns: number;
  readonly layout: AffineLayout;
  readonly planes: readonly Uint8Array[];
}

const affine: AffineCase[] = [
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
        const pairs: [TensorSource, TensorSource, Float32Array, Float32Array][] = [[grid, float, x, y], [float, grid, y, x]];
        for (const [a, b, first, second] of pairs) {
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

  for (const [groups, size, columns] of [[64, 16, 512], [3, 48, 8192]]) {
    it(`reads each row of each group once, and nothing between them: keys of ${groups} groups, ${size} × ${columns} each`, async () => {
      const harness = passHarness();
      const rows = groups * size;
      const order = { a: partOrder(alternatingParts(3 * rows, { heads: groups, groups })[1]) };
      const [a, b] = [3 * rows, rows].map((n) => sourceOf(harness.files, heavyTailed(n * columns), "f32", { rows: n, columns }));
      await runTask({ kind: "compare", a, b, order }, { threads: 2, divideFrom: 300_000 }, submitTo(harness));
      assert.equal(harness.readBytes, 2 * rows * columns * 4);
    });
  }

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
    const ordered = (order: CompareTask["order"], other = b) => ({ kind, task: { kind, a, b: other, order }, band: { ...whole, rows: 256 } }) as const;
    assert.throws(() => runPass(harness.context, ordered({ a: part(257, 256) })), { code: "bad-request" });
    assert.throws(() => runPass(harness.context, ordered({ a: part(0, 255) })), { code: "bad-request" });
    assert.throws(() => runPass(harness.context, ordered({ a: alternating(2, 1, 260) }, a)), { code: "bad-request" });
    assert.throws(() => ropeOrder(512, 3), { code: "malformed" });
  });
});
