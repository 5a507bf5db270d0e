/** Values of one group and, optionally, non-negative weights of their squared errors. */
export type Values = ArrayLike<number>;

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
    this.count = n;
    this.mass = new Float64Array(n + 1);
    this.moment = new Float64Array(n + 1);
    let energy = 0;
    let order: Uint32Array | undefined;
    const magnitudes = new Float64Array(n);
    for (let i = 0; i < n; i++) magnitudes[i] = Math.abs(x[i]);
    if (weights) {
      order = Uint32Array.from(magnitudes, (_, i) => i).sort((i, j) => magnitudes[i] - magnitudes[j]);
      this.values = Float64Array.from(order, (i) => magnitudes[i]);
    } else {
      this.values = magnitudes.sort();
    }
    for (let t = 0; t < n; t++) {
      const w = weights && order ? weights[order[t]] : 1;
      const a = this.values[t];
      this.mass[t + 1] = this.mass[t] + w;
      this.moment[t + 1] = this.moment[t] + w * a;
      energy += w * a * a;
    }
    this.energy = energy;
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
