/**
 * Least Squares Binary Quantization (Pouransari, Tu, Tuzel, CVPRW 2020): x ≈ Σ v_i s_i with k scalars v_1 ≥ … ≥ v_k ≥ 0 and
 * sign vectors s_i. One and two bits and ternary are solved exactly in O(N log N); more bits greedily, then refined.
 * The reference code tries every third data element as v_1, which loses up to 30 % on small groups; this does not.
 *
 * All functions take the N values of one group, with optional non-negative weights of their squared errors, compute in f64,
 * and count sign(0) as +1. Errors are Σ w (x − x̂)².
 */

export interface BinaryFit {
  /** v_1 ≥ … ≥ v_k ≥ 0. */
  readonly scalars: Float64Array;
  readonly squaredError: number;
}

export interface TernaryFit {
  /** The values become −level, 0, level (= 2v). */
  readonly level: number;
  /** Values of magnitude above this are not zero; half of the level at the optimum. */
  readonly threshold: number;
  readonly squaredError: number;
}

type Values = ArrayLike<number>;

/** Exact one bit: v = mean |x|. */
export function fitOneBit(x: Values, weights?: Values): BinaryFit {
  let sum = 0;
  let total = 0;
  let energy = 0;
  for (let i = 0; i < x.length; i++) {
    const w = weights ? weights[i] : 1;
    const a = Math.abs(x[i]);
    sum += w * a;
    total += w;
    energy += w * a * a;
  }
  const v = total > 0 ? sum / total : 0;
  return { scalars: Float64Array.of(v), squaredError: Math.max(0, energy - v * sum) };
}

/** Exact two bits: the best split of the sorted |x| into an inner and an outer level α ≤ β; v = (β+α)/2, (β−α)/2. */
export function fitTwoBits(x: Values, weights?: Values): BinaryFit {
  const { a, w } = sortedMagnitudes(x, weights);
  const n = a.length;
  let total = 0;
  let sum = 0;
  let energy = 0;
  for (let i = 0; i < n; i++) {
    total += w ? w[i] : 1;
    sum += (w ? w[i] : 1) * a[i];
    energy += (w ? w[i] : 1) * a[i] * a[i];
  }
  // Weightless ends have no say; a single level serves when no proper split exists.
  let inner = total > 0 ? sum / total : 0;
  let outer = inner;
  let best = total > 0 ? (sum * sum) / total : 0;
  let below = 0;
  let belowSum = 0;
  for (let t = 1; t < n; t++) {
    const weight = w ? w[t - 1] : 1;
    below += weight;
    belowSum += weight * a[t - 1];
    const above = total - below;
    if (!(below > 0) || !(above > 0)) continue;
    const aboveSum = sum - belowSum;
    const explained = (belowSum * belowSum) / below + (aboveSum * aboveSum) / above;
    if (explained > best) {
      best = explained;
      inner = belowSum / below;
      outer = aboveSum / above;
    }
  }
  return { scalars: Float64Array.of((inner + outer) / 2, Math.max(0, (outer - inner) / 2)), squaredError: Math.max(0, energy - best) };
}

/** Exact ternary: the m largest magnitudes become ± their mean, the rest 0. */
export function fitTernary(x: Values, weights?: Values): TernaryFit {
  const { a, w } = sortedMagnitudes(x, weights);
  let energy = 0;
  let sum = 0;
  let total = 0;
  let best = 0;
  let level = 0;
  for (let i = a.length - 1; i >= 0; i--) {
    const weight = w ? w[i] : 1;
    sum += weight * a[i];
    total += weight;
    energy += weight * a[i] * a[i];
    if (!(total > 0)) continue;
    const explained = (sum * sum) / total;
    if (explained > best) {
      best = explained;
      level = sum / total;
    }
  }
  return { level, threshold: level / 2, squaredError: Math.max(0, energy - best) };
}

/** The paper's greedy foldable fit: each v_i is the mean |residual|. Optimal for k = 1 only. */
export function fitGreedy(x: Values, bits: number, weights?: Values): BinaryFit {
  const residual = Float64Array.from(x);
  const scalars = new Float64Array(bits);
  for (let k = 0; k < bits; k++) {
    const v = fitOneBit(residual, weights).scalars[0];
    scalars[k] = v;
    for (let i = 0; i < residual.length; i++) residual[i] -= residual[i] >= 0 ? v : -v;
  }
  let squaredError = 0;
  for (let i = 0; i < residual.length; i++) squaredError += (weights ? weights[i] : 1) * residual[i] * residual[i];
  return { scalars, squaredError };
}

/**
 * Alternates nearest level and exact least squares for the scalars, from the better of the greedy fit and (k > 2) the exact
 * two-bit fit continued greedily. The error never rises; it stops when it no longer falls, or after `rounds`.
 */
export function fitRefined(x: Values, bits: number, weights?: Values, rounds = 50): BinaryFit {
  if (bits === 1) return fitOneBit(x, weights);
  if (bits === 2) return fitTwoBits(x, weights);
  const starts = [fitGreedy(x, bits, weights), continueGreedily(x, fitTwoBits(x, weights), bits, weights)];
  let best = starts[0];
  for (const start of starts) {
    const fit = refine(x, start, weights, rounds);
    if (fit.squaredError < best.squaredError) best = fit;
  }
  return best;
}

function continueGreedily(x: Values, start: BinaryFit, bits: number, weights?: Values): BinaryFit {
  const levels = new Levels(start.scalars);
  const residual = Float64Array.from(x, (value) => value - levels.values[levels.nearest(value)]);
  const rest = fitGreedy(residual, bits - start.scalars.length, weights);
  return { scalars: Float64Array.of(...start.scalars, ...rest.scalars), squaredError: rest.squaredError };
}

/** One descent from given scalars; exported for its monotonicity test. `onRound` hears the error after each round. */
export function refine(x: Values, start: BinaryFit, weights?: Values, rounds = 50, onRound?: (error: number) => void): BinaryFit {
  const bits = start.scalars.length;
  let best = start;
  for (let round = 0; round < rounds; round++) {
    const levels = new Levels(best.scalars);
    const solved = leastSquaresScalars(x, levels, weights);
    if (!solved) break;
    // A negative scalar flips its plane; order is a matter of naming.
    const scalars = solved.map(Math.abs).sort().reverse();
    const error = errorOf(x, new Levels(scalars), weights);
    if (!(error < best.squaredError * (1 - 1e-12))) break;
    best = { scalars, squaredError: error };
    onRound?.(error);
    if (bits === 1) break;
  }
  return best;
}

function errorOf(x: Values, levels: Levels, weights?: Values): number {
  let error = 0;
  for (let i = 0; i < x.length; i++) {
    const d = x[i] - levels.values[levels.nearest(x[i])];
    error += (weights ? weights[i] : 1) * d * d;
  }
  return error;
}

/** v = (BᵀB)⁻¹Bᵀx for the signs of the nearest levels; undefined when the sign planes are dependent. */
function leastSquaresScalars(x: Values, levels: Levels, weights?: Values): Float64Array | undefined {
  const k = levels.bits;
  // Count per level first: the k × k sums follow from the 2^k cells.
  const mass = new Float64Array(levels.values.length);
  const moment = new Float64Array(levels.values.length);
  for (let i = 0; i < x.length; i++) {
    const at = levels.nearest(x[i]);
    const w = weights ? weights[i] : 1;
    mass[at] += w;
    moment[at] += w * x[i];
  }
  const matrix = new Float64Array(k * k);
  const right = new Float64Array(k);
  for (let at = 0; at < mass.length; at++) {
    const code = levels.codes[at];
    for (let i = 0; i < k; i++) {
      const si = (code >> i) & 1 ? 1 : -1;
      right[i] += si * moment[at];
      for (let j = 0; j < k; j++) matrix[i * k + j] += si * ((code >> j) & 1 ? mass[at] : -mass[at]);
    }
  }
  return solve(matrix, right);
}

/** Gaussian elimination with partial pivoting; undefined for a (nearly) singular matrix. */
function solve(matrix: Float64Array, right: Float64Array): Float64Array | undefined {
  const n = right.length;
  const a = matrix.slice();
  const b = right.slice();
  for (let c = 0; c < n; c++) {
    let pivot = c;
    for (let r = c + 1; r < n; r++) if (Math.abs(a[r * n + c]) > Math.abs(a[pivot * n + c])) pivot = r;
    if (!(Math.abs(a[pivot * n + c]) > 1e-10 * Math.abs(matrix[0]))) return undefined;
    for (let j = 0; j < n; j++) [a[c * n + j], a[pivot * n + j]] = [a[pivot * n + j], a[c * n + j]];
    [b[c], b[pivot]] = [b[pivot], b[c]];
    for (let r = 0; r < n; r++) {
      if (r === c) continue;
      const f = a[r * n + c] / a[c * n + c];
      for (let j = c; j < n; j++) a[r * n + j] -= f * a[c * n + j];
      b[r] -= f * b[c];
    }
  }
  return b.map((value, i) => value / a[i * n + i]);
}

/** The 2^k levels of k scalars in ascending order, each with its sign code (bit i set ⇔ s_i = +1). */
export class Levels {
  readonly bits: number;
  readonly values: Float64Array;
  readonly codes: Uint16Array;
  readonly #midpoints: Float64Array;

  constructor(readonly scalars: ArrayLike<number>) {
    this.bits = scalars.length;
    const count = 1 << this.bits;
    const raw = new Float64Array(count);
    for (let code = 0; code < count; code++) {
      let value = 0;
      for (let i = 0; i < this.bits; i++) value += (code >> i) & 1 ? scalars[i] : -scalars[i];
      raw[code] = value;
    }
    // Among equal levels the one with more pluses in front comes last, so that 0 counts as +.
    this.codes = Uint16Array.from(Array.from(raw, (_, code) => code).sort((p, q) => raw[p] - raw[q] || reversed(p, this.bits) - reversed(q, this.bits)));
    this.values = Float64Array.from(this.codes, (code) => raw[code]);
    this.#midpoints = new Float64Array(count - 1);
    for (let i = 0; i + 1 < count; i++) this.#midpoints[i] = (this.values[i] + this.values[i + 1]) / 2;
  }

  /** Index of the level nearest to `value`; at a midpoint the upper one for value ≥ 0 … mirrored for negatives. */
  nearest(value: number): number {
    let low = 0;
    let high = this.#midpoints.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (value >= 0 ? value > this.#midpoints[middle] || this.#midpoints[middle] <= 0 : value >= this.#midpoints[middle]) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function reversed(code: number, bits: number): number {
  let out = 0;
  for (let i = 0; i < bits; i++) out |= ((code >> i) & 1) << (bits - 1 - i);
  return out;
}

function sortedMagnitudes(x: Values, weights?: Values): { a: Float64Array; w?: Float64Array } {
  const a = new Float64Array(x.length);
  for (let i = 0; i < a.length; i++) a[i] = Math.abs(x[i]);
  if (!weights) return { a: a.sort() };
  const order = Uint32Array.from(a, (_, i) => i).sort((i, j) => a[i] - a[j]);
  return { a: Float64Array.from(order, (i) => a[i]), w: Float64Array.from(order, (i) => weights[i]) };
}
