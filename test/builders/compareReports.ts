import assert from "node:assert/strict";
import type { ChannelProfile, TensorReport } from "../../src/core/series";

/** |a − b| ≤ tolerance·|b|, equal non-finite numbers included. `slack` is absolute, for numbers that cancel. */
export function assertNear(actual: number, expected: number, what: string, tolerance = 1e-6, slack = 0): void {
  if (Object.is(actual, expected) || actual === expected) return;
  const error = Math.abs(actual - expected);
  assert.ok(error <= tolerance * Math.abs(expected) + slack, `${what}: ${actual} instead of ${expected}`);
}

function assertProfile(actual: ChannelProfile | undefined, expected: ChannelProfile | undefined, what: string): void {
  assert.equal(actual === undefined, expected === undefined, `${what} is there`);
  if (!actual || !expected) return;
  assert.deepEqual(actual.absMax, expected.absMax, `${what}: absolute maxima`);
  assert.equal(actual.rms.length, expected.rms.length, what);
  actual.rms.forEach((rms, i) => assertNear(rms, expected.rms[i], `${what}: RMS of channel ${i}`));
}

/** Counts exactly equal, moments within 1e-6 of each (kurtosis: of the fourth moment that it is taken from). */
export function assertReport(actual: TensorReport, expected: TensorReport, errorTolerance = 1e-6): void {
  const { stats: a } = actual;
  const { stats: e } = expected;
  for (const key of ["count", "min", "max", "absMax", "zeroCount", "nanCount", "infCount", "sixSigmaShare"] as const) {
    assert.equal(a[key], e[key], key);
  }
  for (const key of ["std", "incoherence", "sumOfSquares"] as const) assertNear(a[key], e[key], key);
  // What sums of float64 can hold of values that cancel.
  assertNear(a.mean, e.mean, "mean", 1e-6, 2 ** -53 * e.absMax);
  assertNear(a.kurtosis + 3, e.kurtosis + 3, "kurtosis + 3");
  assert.deepEqual(actual.histogram, expected.histogram, "linear histogram");
  assert.deepEqual(actual.logHistogram, expected.logHistogram, "logarithmic histogram");
  assertProfile(actual.output, expected.output, "output channels");
  assertProfile(actual.input, expected.input, "input channels");
  assert.deepEqual(actual.outliers, expected.outliers, "outliers");
  assert.deepEqual(actual.heat, expected.heat, "heat strip");
  assert.deepEqual(
    actual.errors.map((x) => x.encoding),
    expected.errors.map((x) => x.encoding),
    "measured encodings",
  );
  actual.errors.forEach((x, i) => {
    assert.equal(x.bitsPerWeight, expected.errors[i].bitsPerWeight);
    assertNear(x.relativeSquaredError, expected.errors[i].relativeSquaredError, `error of ${x.encoding}`, errorTolerance);
  });
}
