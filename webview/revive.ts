import type { TensorReport } from "../src/core/series";

const number = (x: number | null | undefined): number => (typeof x === "number" ? x : NaN);

/** Puts back the numbers that JSON cannot carry: an SQNR without an error is Infinity, any other absent number NaN. */
export function revive(report: TensorReport): TensorReport {
  const s = report.stats;
  return {
    ...report,
    stats: {
      ...s,
      min: number(s.min),
      max: number(s.max),
      mean: number(s.mean),
      std: number(s.std),
      absMax: number(s.absMax),
      kurtosis: number(s.kurtosis),
      sixSigmaShare: number(s.sixSigmaShare),
      incoherence: number(s.incoherence),
      sumOfSquares: number(s.sumOfSquares),
    },
    errors: report.errors.map((e) => ({
      ...e,
      relativeSquaredError: number(e.relativeSquaredError),
      sqnr: typeof e.sqnr === "number" ? e.sqnr : e.relativeSquaredError === 0 ? Infinity : NaN,
    })),
    outliers: report.outliers && { output: outliers(report.outliers.output), input: outliers(report.outliers.input) },
  };
}

function outliers<T extends NonNullable<TensorReport["outliers"]>["output"]>(o: T): T {
  return {
    ...o,
    median: number(o.median),
    channels: o.channels.map((c) => ({
      ...c,
      absMax: number(c.absMax),
      ratio: typeof c.ratio === "number" ? c.ratio : Infinity,
    })),
  };
}
