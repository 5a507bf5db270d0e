/**
 * Least Squares Binary Quantization (Pouransari, Tu, Tuzel, CVPRW 2020): x ≈ Σ v_i s_i with k scalars v_1 ≥ … ≥ v_k ≥ 0 and
 * sign vectors s_i. One and two bits and ternary are solved exactly in O(N log N); more bits greedily, then refined.
 * The reference code tries every third data element as v_1, which loses up to 30 % on small groups; this does not.
 *
 * All functions take the N values of one group, with optional non-negative weights of their squared errors, compute in f64,
 * and count sign(0) as +1. Errors are Σ w (x − x̂)².
 */
import { Levels } from "./levels";
import { Magnitudes, sumsOf, type Values } from "./magnitudes";

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

/** Exact one bit: v = mean |x|. */
export function fitOneBit(x: Values, weights?: Values): BinaryFit {
  const { mass, moment, energy } = sumsOf(x, weights);
  const v = mass > 0 ? moment / mass : 0;
  return { scalars: Float64Array.of(v), squaredError: Math.max(0, energy - v * moment) };
}

/** Exact two bits. */
export function fitTwoBits(x: Values, weights?: Values): BinaryFit {
  return twoBits(new Magnitudes(x, weights));
}

/** The best split of the magnitudes into an inner and an outer level α ≤ β: v_1 = (β+α)/2, v_2 = (β−α)/2. */
function twoBits({ count, mass, moment, energy }: Magnitudes): BinaryFit {
  const allMass = mass[count];
  const allMoment = moment[count];
  // A single level serves when no proper split exists.
  let inner = allMass > 0 ? allMoment / allMass : 0;
  let outer = inner;
  let best = inner * allMoment;
  for (let t = 1; t < count; t++) {
    const above = allMass - mass[t];
    if (!(mass[t] > 0) || !(above > 0)) continue;
    const aboveMoment = allMoment - moment[t];
    const explained = (moment[t] * moment[t]) / mass[t] + (aboveMoment * aboveMoment) / above;
    if (explained > best) {
      best = explained;
      inner = moment[t] / mass[t];
      outer = aboveMoment / above;
    }
  }
  return {
    scalars: Float64Array.of((outer + inner) / 2, Math.max(0, (outer - inner) / 2)),
    squaredError: Math.max(0, energy - best),
  };
}

/** Exact ternary: the m largest magnitudes become ± their mean, the rest 0. */
export function fitTernary(x: Values, weights?: Values): TernaryFit {
  const { count, mass, moment, energy } = new Magnitudes(x, weights);
  let best = 0;
  let level = 0;
  for (let t = count - 1; t >= 0; t--) {
    const above = mass[count] - mass[t];
    if (!(above > 0)) continue;
    const aboveMoment = moment[count] - moment[t];
    const explained = (aboveMoment * aboveMoment) / above;
    if (explained > best) {
      best = explained;
      level = aboveMoment / above;
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
  return { scalars, squaredError: sumsOf(residual, weights).energy };
}

/**
 * One and two bits exactly; more by alternating nearest levels and exact least squares for the scalars, from the greedy fit
 * and from the refined fit of one bit less with a greedy bit added, whichever ends better. Never worse than either.
 */
export function fitRefined(x: Values, bits: number, weights?: Values): BinaryFit {
  if (bits === 1) return fitOneBit(x, weights);
  const magnitudes = new Magnitudes(x, weights);
  let best = twoBits(magnitudes);
  for (let k = 3; k <= bits; k++) {
    const added = fitAdded(magnitudes, best);
    const continued = {
      scalars: Float64Array.of(...best.scalars, added.scalar).sort().reverse(),
      squaredError: added.squaredError,
    };
    const a = refine(magnitudes, fitGreedy(x, k, weights));
    const b = refine(magnitudes, continued);
    best = b.squaredError < a.squaredError ? b : a;
  }
  return best;
}

/** One bit more for the residual of a fit: its mean magnitude, from the sums between the fit's levels and midpoints. */
function fitAdded(group: Magnitudes, { scalars, squaredError }: BinaryFit) {
  const { mass, moment, count } = group;
  const levels = new Levels(scalars.length, scalars);
  const half = levels.values.length >> 1;
  const splits = splitsOf(group, levels);
  let total = 0;
  for (let j = 0; j < half; j++) {
    const level = levels.values[half + j];
    const middle = Math.max(splits[j], Math.min(splits[j + 1], group.countUpTo(level)));
    total += moment[splits[j + 1]] - moment[middle] - level * (mass[splits[j + 1]] - mass[middle]);
    total += level * (mass[middle] - mass[splits[j]]) - (moment[middle] - moment[splits[j]]);
  }
  total = Math.max(0, total);
  const scalar = mass[count] > 0 ? total / mass[count] : 0;
  return { scalar, squaredError: Math.max(0, squaredError - scalar * total) };
}

/**
 * One descent from given scalars; the error falls with every round, and it stops when it no longer does. `onRound` hears
 * the error after each round. A round costs 2^(k−1) searches, whatever the group's size.
 */
export function refine(group: Magnitudes, start: BinaryFit, onRound?: (squaredError: number) => void): BinaryFit {
  const { mass, moment } = group;
  const bits = start.scalars.length;
  const levels = new Levels(bits, start.scalars);
  const half = 1 << (bits - 1);
  const matrix = new Float64Array(bits * bits);
  const right = new Float64Array(bits);
  let splits = splitsOf(group, levels);
  let best = start;
  for (let round = 0; round < 200; round++) {
    matrix.fill(0);
    right.fill(0);
    for (let j = 0; j < half; j++) {
      const code = levels.codes[half + j];
      const partMass = mass[splits[j + 1]] - mass[splits[j]];
      const partMoment = moment[splits[j + 1]] - moment[splits[j]];
      for (let p = 0; p < bits; p++) {
        const sign = (code >> p) & 1 ? 1 : -1;
        right[p] += sign * partMoment;
        for (let q = 0; q < bits; q++) matrix[p * bits + q] += (code >> q) & 1 ? sign * partMass : -sign * partMass;
      }
    }
    if (!solveInPlace(matrix, right)) break;
    // A negative scalar is its plane flipped; their order is a matter of naming.
    const scalars = right.map(Math.abs).sort().reverse();
    splits = splitsOf(group, levels.set(scalars));
    const squaredError = errorOf(group, levels, splits);
    if (!(squaredError < best.squaredError * (1 - 1e-9))) break;
    best = { scalars, squaredError };
    onRound?.(squaredError);
  }
  return best;
}

/** How many magnitudes lie below the j-th of the upper half of the levels' cells, j = 0 … 2^(k−1). */
function splitsOf(group: Magnitudes, { midpoints, values }: Levels): Uint32Array {
  const half = values.length >> 1;
  const splits = new Uint32Array(half + 1);
  for (let j = 1; j < half; j++) splits[j] = group.countUpTo(midpoints[half + j - 1]);
  splits[half] = group.count;
  return splits;
}

/** Σw(x − nearest level)². */
function errorOf({ mass, moment, energy }: Magnitudes, { values }: Levels, splits: Uint32Array): number {
  const half = values.length >> 1;
  let error = energy;
  for (let j = 0; j < half; j++) {
    const level = values[half + j];
    const partMass = mass[splits[j + 1]] - mass[splits[j]];
    const partMoment = moment[splits[j + 1]] - moment[splits[j]];
    error += level * (level * partMass - 2 * partMoment);
  }
  return Math.max(0, error);
}

/** right ← matrix⁻¹ right by LDLᵀ, with L left above the diagonal; false for (nearly) dependent sign planes. */
function solveInPlace(a: Float64Array, b: Float64Array): boolean {
  const n = b.length;
  const least = 1e-10 * a[0];
  for (let c = 0; c < n; c++) {
    const pivot = a[c * n + c];
    if (!(pivot > least)) return false;
    const inverse = 1 / pivot;
    for (let r = c + 1; r < n; r++) {
      const f = a[r * n + c] * inverse;
      for (let s = c + 1; s <= r; s++) a[r * n + s] -= f * a[s * n + c];
      b[r] -= f * b[c];
      a[c * n + r] = f;
    }
    b[c] *= inverse;
  }
  for (let c = n - 2; c >= 0; c--) for (let r = c + 1; r < n; r++) b[c] -= a[c * n + r] * b[r];
  return true;
}
