/** Central moments of a set of numbers: sums of powers of (x − mean). */
export interface Moments {
  readonly count: number;
  readonly mean: number;
  readonly m2: number;
  readonly m3: number;
  readonly m4: number;
}

export const noMoments: Moments = { count: 0, mean: 0, m2: 0, m3: 0, m4: 0 };

/** From power sums of d = x − pivot over `count` numbers. Accurate when the pivot lies within a few deviations of the mean. */
export function momentsFromSums(count: number, pivot: number, s1: number, s2: number, s3: number, s4: number): Moments {
  if (count === 0) return noMoments;
  const d = s1 / count;
  return {
    count,
    mean: pivot + d,
    m2: Math.max(0, s2 - d * s1),
    m3: s3 - 3 * d * s2 + 2 * d * d * s1,
    m4: Math.max(0, s4 - 4 * d * s3 + 6 * d * d * s2 - 3 * d * d * d * s1),
  };
}

/** The moments of two disjoint sets together (Chan et al. 1979; Pébay, SAND2008-6212, equations 2.1 and 3.1). */
export function mergeMoments(a: Moments, b: Moments): Moments {
  if (a.count === 0) return b;
  if (b.count === 0) return a;
  const count = a.count + b.count;
  const delta = b.mean - a.mean;
  const r = delta / count;
  const p = a.count * b.count;
  return {
    count,
    mean: a.mean + b.count * r,
    m2: a.m2 + b.m2 + p * r * delta,
    m3: a.m3 + b.m3 + p * (a.count - b.count) * r * r * delta + 3 * r * (a.count * b.m2 - b.count * a.m2),
    m4:
      a.m4
      + b.m4
      + p * (a.count * a.count - p + b.count * b.count) * r * r * r * delta
      + 6 * r * r * (a.count * a.count * b.m2 + b.count * b.count * a.m2)
      + 4 * r * (a.count * b.m3 - b.count * a.m3),
  };
}

/** Population standard deviation; 0 for no numbers. */
export function standardDeviation(m: Moments): number {
  return m.count === 0 ? 0 : Math.sqrt(m.m2 / m.count);
}

/** Excess kurtosis; NaN when the deviation is 0. */
export function excessKurtosis(m: Moments): number {
  return m.m2 > 0 ? (m.count * m.m4) / m.m2 / m.m2 - 3 : NaN;
}
