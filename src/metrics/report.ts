import type { EncodingError, TensorReport, TensorStats } from "../core/series";
import { channelProfile, outliers } from "./channels";
import { encodingError } from "./error";
import { heatStrip } from "./heat";
import { linearHistogram, scaleOf, type Scale } from "./linearHistogram";
import { logHistogram } from "./logHistogram";
import { excessKurtosis, standardDeviation } from "./moments";
import type { FirstPartial, MatrixShape, SecondPartial } from "./partial";

/** What the second reading must know of the first. */
export function scaleAfter(first: FirstPartial): Scale {
  return scaleOf(absMaxOf(first), first.moments.mean, standardDeviation(first.moments));
}

function absMaxOf(first: FirstPartial): number {
  return first.moments.count === 0 ? 0 : Math.max(Math.abs(first.min), Math.abs(first.max));
}

/** An encoding whose error was measured, at its true bits per weight for the tensor's shape. */
export interface Measured {
  readonly encoding: string;
  readonly bitsPerWeight: number;
}

/**
 * Everything a person sees of one tensor, from the two readings of all its bands. A tensor without finite elements has min, max
 * and mean 0.
 */
export function tensorReport(
  name: string,
  shape: MatrixShape,
  first: FirstPartial,
  second: SecondPartial,
  measured: readonly Measured[],
): TensorReport {
  const { count } = first.moments;
  const absMax = absMaxOf(first);
  const stats: TensorStats = {
    count,
    min: count ? first.min : 0,
    max: count ? first.max : 0,
    mean: first.moments.mean,
    std: standardDeviation(first.moments),
    absMax,
    kurtosis: excessKurtosis(first.moments),
    zeroCount: first.zeroCount,
    nanCount: first.nanCount,
    infCount: first.infCount,
    sixSigmaShare: count ? second.far / count : 0,
    // Not √(n/Σw²): of values near 1e-160 the squares are gone in any order of work, of f32 they never are.
    incoherence: absMax > 0 ? (absMax * Math.sqrt(count)) / Math.sqrt(first.sumOfSquares) : 0,
    sumOfSquares: first.sumOfSquares,
  };
  const output = first.rowSums && channelProfile(first.rowSums, 1, shape.columns);
  const input = first.columnSums && channelProfile(first.columnSums, shape.columnsPerInput, shape.rows);
  const errors: EncodingError[] = [];
  measured.forEach(({ encoding, bitsPerWeight }, i) => {
    const squared = second.squaredErrors[i];
    if (squared !== undefined) errors.push(encodingError(encoding, bitsPerWeight, squared, first.sumOfSquares));
  });
  return {
    name,
    stats,
    histogram: linearHistogram(absMax, second.counts),
    logHistogram: logHistogram(first.logCounts),
    output,
    input,
    outliers: output && input && { output: outliers(output), input: outliers(input) },
    errors,
    heat: first.heat && heatStrip(first.heat, shape.rows, shape.columns),
  };
}
