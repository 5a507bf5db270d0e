import assert from "node:assert/strict";
import type { Kernels } from "../../../src/kernels";
import { assertNear } from "../../builders/compareReports";
import { kernelsOver } from "../../builders/passHarness";
import { gaussian, heavyTailed } from "../../builders/weights";

// Addresses in a small memory: the input, two areas of results.
const X = 1 << 16;
const A = 1 << 19;
const B = A + (1 << 17);
const C = B + (1 << 16);
const BYTES = 1 << 20;

const specials = (x: Float32Array) => x.map((v, i) => (i % 7 === 3 ? [NaN, Infinity, -Infinity, -NaN][(i >> 3) % 4] : v));
const lengths = [0, 1, 2, 3, 4, 5, 31, 32, 33, 1000];
const contents: [string, (n: number) => Float32Array][] = [
  ["heavy tails", heavyTailed],
  ["zeros of both signs", (n) => new Float32Array(n).map((_, i) => (i % 2 ? -0 : 0))],
  ["denormals", (n) => gaussian(n).map((v) => v * 1e-40)],
  ["huge values", (n) => gaussian(n).map((v) => v * 1e37)],
  ["a far mean", (n) => gaussian(n, { mean: 1e4, std: 1e-2 })],
];

/** Runs the same on compiled and plain kernels and gives both memories. */
function both(x: Float32Array, run: (k: Kernels) => number | void): { memories: ArrayBufferLike[]; results: (number | void)[] } {
  const all = [true, false].map((simd) => kernelsOver(BYTES, simd));
  const results = all.map((k) => {
    new Float32Array(k.memory.buffer).set(x, X / 4);
    return run(k);
  });
  return { memories: all.map((k) => k.memory.buffer), results };
}

function assertSame(memories: ArrayBufferLike[], words: [at: number, count: number][], what: string): void {
  for (const [at, count] of words) {
    const [a, b] = memories.map((m) => new Uint32Array(m, at, count));
    assert.deepEqual(a, b, `${what}: words at ${at}`);
  }
}

/** Minimum and maximum at A; which of the zeros it is does not matter. */
function assertExtremes(memories: ArrayBufferLike[], what: string): void {
  const [a, b] = memories.map((m) => new Float32Array(m, A, 2));
  assert.ok(a[0] === b[0] && a[1] === b[1], `${what}: ${a} instead of ${b}`);
}

describe("statistics kernels equal their plain reference", () => {
  for (const [what, make] of contents) {
    it(`scan, scrub and centred on ${what} of every length`, () => {
      for (const n of lengths) {
        const x = make(n);
        const scanned = both(x, (k) => k.scan(X, n, A)).memories;
        assertExtremes(scanned, `scan of ${n}`);
        assertSame(scanned, [[A + 8, 2]], `scan of ${n}`);
        const scrubbed = both(specials(x), (k) => k.scrub(X, n, B, 2.5, A)).memories;
        assertExtremes(scrubbed, `scrub of ${n}`);
        assertSame(
          scrubbed,
          [
            [A + 8, 4],
            [B, n],
          ],
          `scrub of ${n}`,
        );
        const { memories } = both(x, (k) => k.centred(X, n, 0.5, A));
        const [a, b] = memories.map((m) => new Float64Array(m, A, 4));
        const size = [1, 2, 3, 4].map((p) => x.reduce((sum, v) => sum + Math.abs(v - 0.5) ** p, 0));
        a.forEach((v, i) => assert.ok(Math.abs(v - b[i]) <= 1e-13 * size[i], `Σd^${i + 1} of ${n}: ${v} instead of ${b[i]}`));
      }
    });

    it(`accumulate on ${what} of every shape`, () => {
      for (const [rows, columns] of [
        [1, 1],
        [1, 3],
        [2, 4],
        [3, 5],
        [4, 33],
        [5, 64],
        [7, 100],
        [1, 1000],
      ]) {
        const x = make(rows * columns);
        const words = { rowBits: A, columnBits: A + 4096, log: B };
        const { memories } = both(x, (k) => {
          new Uint32Array(k.memory.buffer, words.columnBits, columns).fill(3);
          new Float64Array(k.memory.buffer, A + 16384, columns).fill(0.25);
          k.accumulate(X, rows, columns, words.rowBits, A + 8192, words.columnBits, A + 16384, B, C + 65536);
          // Four sub-counters to a bin: only their sums are promised.
          const counts = new Uint32Array(k.memory.buffer, B, 4096 * 4);
          for (let b = 0; b < 4096; b++) {
            for (let j = 1; j < 4; j++) {
              counts[4 * b] += counts[4 * b + j];
              counts[4 * b + j] = 0;
            }
          }
        });
        const shape = `${rows} × ${columns}`;
        assertSame(
          memories,
          [
            [words.rowBits, rows],
            [words.columnBits, columns],
            [B, 4096 * 4],
          ],
          shape,
        );
        for (const [at, count] of [
          [A + 8192, rows],
          [A + 16384, columns],
        ]) {
          const [a, b] = memories.map((m) => new Float64Array(m, at, count));
          a.forEach((v, i) => assertNear(v, b[i], `${shape}: squares ${i}`, 1e-13));
        }
        const [a, b] = memories.map((m) => new Float64Array(m, C + 65536, 4));
        const size = [1, 2, 3, 4].map((p) => x.reduce((sum, v) => sum + Math.abs(v) ** p, 0));
        a.forEach((v, i) => assert.ok(Math.abs(v - b[i]) <= 1e-13 * size[i], `${shape}: Σx^${i + 1} is ${v} instead of ${b[i]}`));
      }
    });

    it(`distribute on ${what} of every length`, () => {
      for (const n of lengths) {
        const x = make(n);
        const absMax = x.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
        const scale = absMax ? 128 / absMax : 0;
        const least = -Math.max(Math.fround(absMax * 2 ** -45), 2 ** -149);
        const { memories, results } = both(x, (k) => {
          const outside = k.distribute(X, n, scale, least, -absMax / 3, absMax / 2, A);
          const counts = new Uint32Array(k.memory.buffer, A, 257 * 4);
          for (let b = 0; b < 257; b++) {
            for (let j = 1; j < 4; j++) {
              counts[4 * b] += counts[4 * b + j];
              counts[4 * b + j] = 0;
            }
          }
          return outside;
        });
        assertSame(memories, [[A, 257 * 4]], `distribute ${n}`);
        assert.equal(results[0], results[1]);
      }
    });
  }

  it("pool gives every cell of the strip its columns, wherever the stretch starts", () => {
    for (const [start, columns, total, width] of [
      [0, 5, 5, 5],
      [0, 300, 300, 256],
      [0, 1000, 1000, 256],
      [32768, 1000, 33768, 256],
      [96, 17, 1024, 256],
      [0, 7, 7, 0],
      [0, 64, 64, 64],
      [1000, 3, 100_000, 256],
    ]) {
      const bits = heavyTailed(columns).map(Math.abs);
      const { memories } = both(bits, (k) => {
        new Float32Array(k.memory.buffer, A, columns).fill(0.01);
        k.pool(X, A, columns, start, total, B, width);
      });
      assertSame(
        memories,
        [
          [X, columns],
          [A, columns],
          [B, width + 1],
        ],
        `${columns} columns from ${start} of ${total}`,
      );
    }
  });

  it("transpose and squared difference", () => {
    for (const [rows, columns] of [
      [1, 1],
      [3, 5],
      [4, 4],
      [7, 33],
      [64, 20],
    ]) {
      const { memories, results } = both(heavyTailed(rows * (columns + 3)), (k) => {
        k.transpose(X, rows, columns, columns + 3, A, rows + 2);
        return k.squaredDifference(X, A, rows * columns);
      });
      assertSame(memories, [[A, columns * (rows + 2)]], `${rows} × ${columns}`);
      assertNear(results[0] as number, results[1] as number, "Σ(a−b)²", 1e-13);
    }
  });
});
