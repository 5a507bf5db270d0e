import type { LogHistogram } from "../core/series";
import { LOG_BINS, logHistogram } from "./logHistogram";
import { type Band, keepsColumns, keepsRows, type MatrixShape } from "./partial";

const TOP_CHANNELS = 16;

/** What comparing a band of two tensors found. Plain data; mergeable. */
export interface ComparePartial {
  readonly band: Band;
  /** Elements where both are finite. */
  readonly count: number;
  /** Elements that are not finite on one side, or not finite in different ways; they count nowhere else. */
  readonly nonFinite: number;
  readonly squaredError: number;
  /** Σa and Σa² where both are finite. */
  readonly sum: number;
  readonly energy: number;
  readonly maxDifference: number;
  /** Σ(a − b)² by row and by column of the band. */
  readonly rowErrors?: Float64Array;
  readonly columnErrors?: Float64Array;
  /** Dense, 4096, of all finite elements. */
  readonly logCountsA: Float64Array;
  readonly logCountsB: Float64Array;
}

/** Nothing read yet. `band` bounds what will be. */
export function emptyCompare(shape: MatrixShape, band: Band): ComparePartial {
  return {
    band,
    count: 0,
    nonFinite: 0,
    squaredError: 0,
    sum: 0,
    energy: 0,
    maxDifference: 0,
    rowErrors: keepsRows(shape) ? new Float64Array(band.rows) : undefined,
    columnErrors: keepsColumns(shape) ? new Float64Array(band.columns) : undefined,
    logCountsA: new Float64Array(LOG_BINS),
    logCountsB: new Float64Array(LOG_BINS),
  };
}

/** Adds a band to what is known of the whole matrix. Arrays of `whole` are changed in place. */
export function addCompare(whole: ComparePartial, part: ComparePartial): ComparePartial {
  addInto(whole.logCountsA, part.logCountsA, 0);
  addInto(whole.logCountsB, part.logCountsB, 0);
  if (whole.rowErrors && part.rowErrors) addInto(whole.rowErrors, part.rowErrors, part.band.row - whole.band.row);
  if (whole.columnErrors && part.columnErrors) addInto(whole.columnErrors, part.columnErrors, part.band.column - whole.band.column);
  return {
    ...whole,
    count: whole.count + part.count,
    nonFinite: whole.nonFinite + part.nonFinite,
    squaredError: whole.squaredError + part.squaredError,
    sum: whole.sum + part.sum,
    energy: whole.energy + part.energy,
    maxDifference: Math.max(whole.maxDifference, part.maxDifference),
  };
}

function addInto(into: Float64Array, from: Float64Array, start: number): void {
  for (let i = 0; i < from.length; i++) into[start + i] += from[i];
}

/** Σ(a − b)² and Σa² as a ratio and in dB; where something is not finite on one side alone, nothing is left of the signal. */
export function signalToNoise(
  { squaredError, energy, nonFinite }: Pick<ComparePartial, "squaredError" | "energy" | "nonFinite">,
): { readonly relativeSquaredError: number; readonly sqnr: number } {
  const relativeSquaredError = nonFinite > 0 ? Infinity : squaredError === 0 ? 0 : squaredError / energy;
  return { relativeSquaredError, sqnr: relativeSquaredError === 0 ? Infinity : -10 * Math.log10(relativeSquaredError) };
}

/** Of the first side's elements that are finite on both; the standard deviation is 0 where no more than rounding is left of it. */
export function momentsOf({ count, sum, energy }: Pick<ComparePartial, "count" | "sum" | "energy">): { readonly mean: number; readonly std: number } {
  const mean = sum / count;
  const variance = energy / count - mean * mean;
  return { mean, std: variance > 1e-13 * mean * mean ? Math.sqrt(variance) : count > 0 ? 0 : NaN };
}

interface Damaged {
  readonly a: { readonly name: string };
  readonly layer?: number;
  readonly sqnr: number;
  readonly maxDifference: number;
}

/** Lowest SQNR first; of equals the larger difference, then by layer and name, so that the order is the same every time. */
export function byDamage<T extends Damaged>(comparisons: readonly T[]): T[] {
  const order = (x: number, y: number) => (x === y ? 0 : x < y ? -1 : 1);
  return [...comparisons].sort((x, y) =>
    order(x.sqnr, y.sqnr) || order(y.maxDifference, x.maxDifference) || order(x.layer ?? -1, y.layer ?? -1) ||
    (x.a.name < y.a.name ? -1 : x.a.name > y.a.name ? 1 : 0));
}

export interface CompareShares {
  readonly worstOutputs?: readonly { readonly index: number; readonly share: number }[];
  readonly worstInputs?: readonly { readonly index: number; readonly share: number }[];
  readonly logHistogramA: LogHistogram;
  readonly logHistogramB: LogHistogram;
}

/** The small part of a whole comparison that a person sees: the worst 16 channels each way, sparse histograms. */
export function compareShares(
  { rowErrors, columnErrors, squaredError, logCountsA, logCountsB }: ComparePartial, columnsPerInput: number,
): CompareShares {
  return {
    worstOutputs: rowErrors && shares(rowErrors, squaredError),
    worstInputs: columnErrors && shares(pooled(columnErrors, columnsPerInput), squaredError),
    logHistogramA: logHistogram(logCountsA),
    logHistogramB: logHistogram(logCountsB),
  };
}

function pooled(errors: Float64Array, per: number): Float64Array {
  if (per === 1) return errors;
  const out = new Float64Array(Math.floor(errors.length / per));
  for (let i = 0; i < out.length; i++) for (let k = 0; k < per; k++) out[i] += errors[i * per + k];
  return out;
}

/** Largest first, ties by lower index; what has no error is left out. */
function shares(errors: Float64Array, total: number): { index: number; share: number }[] {
  const best: number[] = [];
  for (let i = 0; i < errors.length; i++) {
    if (!(errors[i] > 0) || (best.length === TOP_CHANNELS && !(errors[i] > errors[best[TOP_CHANNELS - 1]]))) continue;
    let at = best.length;
    while (at > 0 && errors[best[at - 1]] < errors[i]) at--;
    best.splice(at, 0, i);
    if (best.length > TOP_CHANNELS) best.pop();
  }
  return best.map((index) => ({ index, share: errors[index] / total }));
}

const isFinite = (v: number) => v - v === 0;

/**
 * Everything that a comparison finds, in the plainest way, of two decoded tensors whose rows already correspond. `offset` is
 * added to b.
 */
export function compareReference(a: Float32Array, b: Float32Array, shape: MatrixShape, offset = 0): ComparePartial {
  const { rows, columns } = shape;
  const band = { row: 0, rows, column: 0, columns };
  const found = emptyCompare(shape, band);
  const word = new Uint32Array(1);
  const real = new Float32Array(word.buffer);
  const bin = (v: number) => {
    real[0] = v;
    return word[0] >>> 20;
  };
  let [count, nonFinite, squaredError, sum, energy, maxDifference] = [0, 0, 0, 0, 0, 0];
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      const x = a[r * columns + c];
      const y = offset === 0 ? b[r * columns + c] : b[r * columns + c] + offset; // -0 + 0 would lose its sign
      if (isFinite(x)) found.logCountsA[bin(x)]++;
      if (isFinite(y)) found.logCountsB[bin(y)]++;
      if (!isFinite(x) || !isFinite(y)) {
        if (!Object.is(x, y)) nonFinite++;
        continue;
      }
      count++;
      squaredError += (x - y) ** 2;
      sum += x;
      energy += x * x;
      maxDifference = Math.max(maxDifference, Math.abs(x - y));
      if (found.rowErrors) found.rowErrors[r] += (x - y) ** 2;
      if (found.columnErrors) found.columnErrors[c] += (x - y) ** 2;
    }
  }
  return { ...found, count, nonFinite, squaredError, sum, energy, maxDifference };
}
