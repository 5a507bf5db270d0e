import assert from "node:assert/strict";
import type { CompareSummary, TensorComparison } from "../../../src/core/api/compare";
import { compareReport } from "../../../src/vscode/compareReport";

const side = { architecture: "llama", tensorCount: 3, parameterCount: 10, byteLength: 1234 } as const;
const summary: CompareSummary = {
  a: { ...side, path: "/m/a.safetensors", format: "safetensors" },
  b: { ...side, path: "/m/b.gguf", format: "gguf" },
  unmatched: [{ reason: "missing", message: "rope.cos is in the second model only." }],
  squaredError: 1,
  relativeSquaredError: 0.01,
  sqnr: 20,
  failed: 0,
  progress: { tensorsDone: 2, tensorsTotal: 2, bytesDone: 1, bytesTotal: 1, seconds: 1 },
};

/** Counts at 0, 1 and 2 of either sign. */
const histogram = (zeros: number, ones: number, twos: number) => ({
  bins: Uint16Array.of(0, 0x3f8, 0x400, 0xbf8, 0xc00), counts: Float64Array.of(zeros, ones, twos, ones, 0) });

const pair = (name: string, sqnr: number, more: Partial<TensorComparison> = {}): TensorComparison => ({
  a: { name, shape: [4, 8], encodingLabel: "BF16" }, b: { name: `blk.${name}`, shape: [4, 8], encodingLabel: "Q8_0" }, role: "other", undone: [], count: 32,
  nonFinite: 0, squaredError: 1, relativeSquaredError: 10 ** (-sqnr / 10), sqnr, mean: 0, std: 1, maxDifference: sqnr === Infinity ? 0 : 0.25,
  worstOutputs: [{ index: 7, share: 0.5 }], worstInputs: [], logHistogramA: histogram(2, 8, 4), logHistogramB: histogram(0, 16, 0), ...more,
});

const lines = (...pairs: TensorComparison[]) => compareReport(summary, pairs, []).split("\n").map((line) => line.replace(/ {2,}/g, "  "));

describe("the comparison as a document", () => {
  it("ranks by damage, writes units, and says what was undone and left out", () => {
    const found = lines(pair("fine", Infinity), pair("bad", 20, { undone: ["rope"] }), pair("broken", -Infinity, { nonFinite: 3 }));
    assert.deepEqual(found.slice(0, 6), ["A  /m/a.safetensors", "  safetensors, llama, 3 tensors, 1.23 kB", "B  /m/b.gguf", "  gguf, llama, 3 tensors, 1.23 kB", "",
      "3 pairs of tensors, 1 equal; SQNR over all 20.0 dB."]);
    const at = found.findIndex((line) => line.startsWith("tensor  counterpart"));
    assert.deepEqual(found.slice(at + 1, at + 4), [
      "broken  blk.broken  [4 × 8]  BF16 → Q8_0  -∞  ∞  0.250  7 (50.0 %)  -  3 not finite",
      "bad  blk.bad  [4 × 8]  BF16 → Q8_0  20.0 dB  0.0100  0.250  7 (50.0 %)  -  RoPE order undone",
      "fine  blk.fine  [4 × 8]  BF16 → Q8_0  ∞  0  0  7 (50.0 %)  -",
    ]);
    assert.deepEqual(found.slice(-3), ["Not compared (1):", "  rope.cos is in the second model only.", ""]);
  });

  it("draws both histograms over the same powers of two", () => {
    const text = compareReport(summary, [pair("bad", 20)], []);
    assert.ok(text.includes("bad, 2^0 to 2^2\n  A |▄▁| 2 at 0\n  B |█ | 0 at 0\n"), text);
  });

  it("draws no more than the range of the largest 32 powers, and zeros alone as such", () => {
    const wide = { bins: Uint16Array.of(1 << 3, 200 << 3), counts: Float64Array.of(1, 1) };
    const none = { bins: Uint16Array.of(0), counts: Float64Array.of(5) };
    const text = compareReport(summary, [pair("wide", 1, { logHistogramA: wide, logHistogramB: wide }), pair("zero", 2, { logHistogramA: none, logHistogramB: none })], []);
    assert.match(text, /wide, 2\^42 to 2\^74\n {2}A \| {31}█\| 0 at 0\n/);
    assert.match(text, /zero\n {2}zeros only\n/);
  });

  it("equal models draw nothing, and a column without content is not there", () => {
    const same = pair("x", Infinity, { b: { name: "x", shape: [4, 8], encodingLabel: "BF16" } });
    const found = compareReport({ ...summary, sqnr: Infinity, unmatched: [] }, [same], [{ a: "bad\u0007", b: "y", message: "The file ends early." }]);
    assert.match(found, /SQNR over all ∞\.\nFailed: bad\ufffd: The file ends early\.\n/);
    assert.doesNotMatch(found, /counterpart|Distribution|Not compared/);
  });
});
