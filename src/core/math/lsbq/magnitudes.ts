/** Values of one group and, optionally, non-negative weights of their squared errors. */
export type Values = ArrayLike<number>;

/**
 * Σw, Σw|x| and Σwx². Even and odd elements are summed apart, in fours, as vectors do it: compiled code then finds the same bits.
 */
export function sumsOf(x: Values, weights?: Values): { readonly mass: number; readonly moment: number; readonly energy: number } {
  const whole = x.length & ~3;
  const mass = [0, 0];
  const moment = [0, 0];
  const energy = [0, 0];
  for (let i = 0; i < whole; i += 4) {
    for (let odd = 0; odd < 2; odd++) {
      const v = weights ? weights[i + odd] : 1;
      const w = weights ? weights[i + odd + 2] : 1;
      const a = Math.abs(x[i + odd]);
      const b = Math.abs(x[i + odd + 2]);
      mass[odd] += v + w;
      moment[odd] += v * a + w * b;
      energy[odd] += v * (a * a) + w * (b * b);
    }
  }
  const sums = { mass: mass[0] + mass[1], moment: moment[0] + moment[1], energy: energy[0] + energy[1] };
  for (let i = whole; i < x.length; i++) {
    const w = weights ? weights[i] : 1;
    const a = Math.abs(x[i]);
    sums.mass += w;
    sums.moment += w * a;
    sums.energy += w * (a * a);
  }
  return sums;
}

/**
 * The magnitudes of a group in ascending order with their prefix sums: all that least-squares binary quantization needs,
 * because its levels are symmetric and the values nearest to a level are neighbours.
 */
export class Magnitudes {
  readonly count: number;
  /** |x| ascending. */
  readonly values: Float64Array;
  /** Σw and Σw|x| of the first t values, t = 0 … N. */
  readonly mass: Float64Array;
  readonly moment: Float64Array;
  /** Σw x². */
  readonly energy: number;

  constructor(x: Values, weights?: Values) {
    const n = x.length;
    const magnitudes = new Float64Array(n);
    for (let i = 0; i < n; i++) magnitudes[i] = Math.abs(x[i]);
    this.count = n;
    if (weights) {
      const order = Uint32Array.from(magnitudes, (_, i) => i).sort((i, j) => magnitudes[i] - magnitudes[j]);
      this.values = Float64Array.from(order, (i) => magnitudes[i]);
      const masses = Float64Array.from(order, (i) => weights[i]);
      this.mass = runningSums(masses);
      this.moment = runningSums(masses.map((w, t) => w * this.values[t]));
    } else {
      this.values = magnitudes.sort();
      this.mass = new Float64Array(n + 1);
      for (let t = 1; t <= n; t++) this.mass[t] = t;
      this.moment = runningSums(this.values);
    }
    this.energy = sumsOf(x, weights).energy;
  }

  /** How many values are ≤ limit. */
  countUpTo(limit: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.values[middle] <= limit) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Sums of the first t terms, t = 0 … N, in fours as vectors do it. */
function runningSums(terms: Float64Array): Float64Array {
  const sums = new Float64Array(terms.length + 1);
  const whole = terms.length & ~3;
  for (let t = 0; t < whole; t += 4) {
    const pair = terms[t] + terms[t + 1];
    sums[t + 1] = sums[t] + terms[t];
    sums[t + 2] = sums[t] + pair;
    sums[t + 3] = sums[t] + (pair + terms[t + 2]);
    sums[t + 4] = sums[t] + (pair + (terms[t + 2] + terms[t + 3]));
  }
  for (let t = whole; t < terms.length; t++) sums[t + 1] = sums[t] + terms[t];
  return sums;
}
