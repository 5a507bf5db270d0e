import type { CompareSummary, TensorComparison } from "../../src/core/api/compare";

const noHistogram = { bins: new Uint16Array(0), counts: new Float64Array(0) };

/** A pair of some SQNR; of 100 weights with σ 1, so that its squared error is 100 · 10^(−dB/10). */
export function comparison(a: string, sqnr: number, more: Partial<TensorComparison> & { readonly b?: TensorComparison["b"] } = {}): TensorComparison {
  const relativeSquaredError = 10 ** (-sqnr / 10);
  return {
    a: { name: a, shape: [10, 10], encodingLabel: "F32" }, b: { name: a, shape: [10, 10], encodingLabel: "Q8_0" }, role: "other", undone: [],
    count: 100, nonFinite: 0, squaredError: 100 * Math.min(1, relativeSquaredError), relativeSquaredError, sqnr, mean: 0, std: 1,
    maxDifference: sqnr === Infinity ? 0 : 1, logHistogramA: noHistogram, logHistogramB: noHistogram, ...more,
  };
}

const side = { architecture: "llama", tensorCount: 2, parameterCount: 200, byteLength: 800 } as const;

export const compareSummary = (more: Partial<CompareSummary> = {}): CompareSummary => ({
  a: { ...side, path: "/m/a.safetensors", format: "safetensors" }, b: { ...side, path: "/m/b.gguf", format: "gguf" }, unmatched: [], squaredError: 1,
  relativeSquaredError: 0.01, sqnr: 20, failed: 0, progress: { tensorsDone: 2, tensorsTotal: 2, bytesDone: 8, bytesTotal: 8, seconds: 1 }, ...more,
});
