import type { LinearHistogram, LogHistogram, TensorReport } from "../../src/core/series";
import { sigmaLimit, sigmaScale, type Scale } from "../scales";

const word = new DataView(new ArrayBuffer(4));
const magnitude = (bin: number): number => {
  word.setUint32(0, (bin & 2047) << 20);
  return word.getFloat32(0);
};

/** Values covered by a bin of the log histogram, low < high. Bins of Inf and NaN give undefined. */
export function logBinRange(bin: number): readonly [low: number, high: number] | undefined {
  if ((bin & 2047) >= 2040) return undefined;
  const near = magnitude(bin);
  const far = (bin & 2047) === 2039 ? 3.4028234663852886e38 : magnitude((bin & 2047) + 1);
  return bin < 2048 ? [near, far] : [-far, -near];
}

/**
 * Adds `count` elements spread evenly over the values [low, high] to the cells of an axis. The parts beyond either end
 * fall into the end cells, so that nothing is lost.
 */
function spread(cells: Float64Array, scale: Scale, low: number, high: number, count: number): void {
  const n = cells.length;
  const cellOf = (v: number) => Math.min(n - 1, Math.max(0, Math.floor(scale.at(v) * n)));
  const first = cellOf(low);
  const last = cellOf(high);
  if (first === last || !(high > low)) {
    cells[first] += count;
    return;
  }
  let rest = count;
  let from = low;
  for (let c = first; c < last; c++) {
    const to = Math.min(high, scale.value((c + 1) / n));
    const share = Math.min(rest, Math.max(0, ((to - from) / (high - low)) * count));
    cells[c] += share;
    rest -= share;
    from = to;
  }
  cells[last] += rest;
}

/** The log histogram poured onto the cells of an axis of values. Adds up to the finite elements. */
export function pourLog(histogram: LogHistogram, scale: Scale, cells: number): Float64Array {
  const out = new Float64Array(cells);
  for (let i = 0; i < histogram.bins.length; i++) {
    const range = logBinRange(histogram.bins[i]);
    if (range) spread(out, scale, range[0], range[1], histogram.counts[i]);
  }
  return out;
}

export function pourLinear(histogram: LinearHistogram, scale: Scale, cells: number): Float64Array {
  const out = new Float64Array(cells);
  const n = histogram.counts.length;
  const width = (histogram.high - histogram.low) / n;
  for (let i = 0; i < n; i++) {
    const low = histogram.low + i * width;
    if (histogram.counts[i] > 0) spread(out, scale, low, low + width, histogram.counts[i]);
  }
  return out;
}

/**
 * Elements per cell of the σ axis, distance from the mean in units of the tensor's own σ. The log histogram is finest near
 * zero; where the mean is far from zero (norm weights) the linear one is, and is used. A constant tensor is all in the middle.
 */
export function sigmaCounts(report: Pick<TensorReport, "stats" | "histogram" | "logHistogram">, cells: number): Float64Array {
  const { mean, std } = report.stats;
  const inSigma: Scale = {
    low: -sigmaLimit,
    high: sigmaLimit,
    at: (v) => sigmaScale.at(std > 0 ? (v - mean) / std : 0),
    value: (p) => mean + sigmaScale.value(p) * std,
    ticks: () => [],
  };
  return std > 0 && Math.abs(mean) > std
    ? pourLinear(report.histogram, inSigma, cells)
    : pourLog(report.logHistogram, inSigma, cells);
}

/** Densities told apart lie between 10^−6.5 and 1 elements per element and σ; what is rarer is drawn as faintest. */
const decades = 6.5;
const faintest = 40;

/**
 * Levels 0…255 of log density along the σ axis: 0 where there is nothing, at least `faintest` where there is a single
 * element, however many there are in all.
 */
export function densityLevels(counts: Float64Array): Uint8Array {
  const n = counts.length;
  const out = new Uint8Array(n);
  let total = 0;
  for (let i = 0; i < n; i++) total += counts[i];
  for (let i = 0; i < n; i++) {
    if (!(counts[i] > 0)) continue;
    const width = sigmaScale.value((i + 1) / n) - sigmaScale.value(i / n);
    const level = 1 + Math.log10(counts[i] / total / width) / decades;
    out[i] = Math.round(faintest + (255 - faintest) * Math.min(1, Math.max(0, level)));
  }
  return out;
}
