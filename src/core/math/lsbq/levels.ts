/**
 * The 2^k values ±v_1 ± … ± v_k of k scalars in ascending order, each with its sign code: bit i is set where s_{i+1} = +1.
 * Symmetric: values[2^k−1−j] = −values[j], and the codes are complements.
 */
export class Levels {
  readonly values: Float64Array;
  readonly codes: Uint16Array;
  /** midpoints[j] lies between values[j] and values[j+1]. */
  readonly midpoints: Float64Array;

  constructor(readonly bits: number, scalars?: ArrayLike<number>) {
    this.values = new Float64Array(1 << bits);
    this.codes = new Uint16Array(1 << bits);
    this.midpoints = new Float64Array((1 << bits) - 1);
    if (scalars) this.set(scalars);
  }

  /** Recomputes for other scalars, without allocating. */
  set(scalars: ArrayLike<number>): this {
    const { bits, values, codes, midpoints } = this;
    const half = values.length >> 1;
    // The upper half by insertion; among equal values the code with earlier pluses goes up, so that 0 counts as plus.
    let count = 0;
    for (let code = 0; code < values.length; code++) {
      let value = 0;
      for (let i = 0; i < bits; i++) value += (code >> i) & 1 ? scalars[i] : -scalars[i];
      if (value < 0 || (value === 0 && !(code & 1))) continue;
      let at = half + count++;
      for (; at > half && values[at - 1] > value; at--) {
        values[at] = values[at - 1];
        codes[at] = codes[at - 1];
      }
      values[at] = value;
      codes[at] = code;
    }
    const top = values.length - 1;
    for (let j = 0; j < half; j++) {
      values[j] = -values[top - j];
      codes[j] = codes[top - j] ^ top;
    }
    for (let j = 0; j < top; j++) midpoints[j] = (values[j] + values[j + 1]) / 2;
    return this;
  }

  /** Index of the level nearest to `value`: from the middle outwards, the inner one on a tie; 0 counts as positive. */
  nearest(value: number): number {
    const { midpoints } = this;
    const half = this.values.length >> 1;
    const magnitude = Math.abs(value);
    let low = half;
    let high = midpoints.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (magnitude > midpoints[middle]) low = middle + 1;
      else high = middle;
    }
    return value < 0 ? midpoints.length - low : low;
  }
}
