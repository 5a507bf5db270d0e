/**
 * Least Squares Binary Quantization (Pouransari, Tu, Tuzel, CVPRW 2020): x ≈ Σ v_i s_i with k scalars v_1 ≥ … ≥ v_k ≥ 0 and
 * sign vectors s_i. One and two bits and ternary are solved exactly in O(N log N); more bits greedily, then refined.
 * The reference code tries every third data element as v_1, which loses up to 30 % on small groups; this does not.
 *
 * All functions take the N values of one group, with optional non-negative weights of their squared errors, compute in f64,
 * and count sign(0) as +1. Errors are Σ w (x − x̂)².
 */
import { Levels } from "./levels";
import { Magnitudes, type Values } from "./magnitudes";

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
  let mass = 0;
  let moment = 0;
  let energy = 0;
  for (let i = 0; i < x.length; i++) {
    const w = weights ? weights[i] : 1;
    const a = Math.abs(x[i]);
    mass += w;
    moment += w * a;
    energy += w * a * a;
  }
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
  let squaredError = 0;
  for (let i = 0; i < residual.length; i++) squaredError += (weights ? weights[i] : 1) * residual[i] * residual[i];
  return { scalars, squaredError };
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
    const levels = new Levels(k - 1, best.scalars);
    const residual = Float64Array.from(x, (value) => value - levels.values[levels.nearest(value)]);
    const added = fitOneBit(residual, weights);
    const continued = {
      scalars: Float64Array.of(...best.scalars, added.scalars[0])
        .sort()
        .reverse(),
      squaredError: added.squaredError,
    };
    const a = refine(magnitudes, fitGreedy(x, k, weights));
    const b = refine(magnitudes, continued);
    best = b.squaredError < a.squaredError ? b : a;
  }
  return best;
}

/**
 * One descent from given scalars; the error falls with every round, and it stops when it no longer does. `onRound` hears
 * the error after each round. A round costs 2^k searches, whatever the group's size.
 */
export function refine(group: Magnitudes, start: BinaryFit, onRound?: (squaredError: number) => void): BinaryFit {
  const bits = start.scalars.length;
  const levels = new Levels(bits);
  const half = 1 << (bits - 1);
  const matrix = new Float64Array(bits * bits);
  const right = new Float64Array(bits);
  let best = start;
  for (let round = 0; round < 200; round++) {
    levels.set(best.scalars);
    matrix.fill(0);
    right.fill(0);
    for (let j = half, from = 0; j < 2 * half; j++) {
      const to = j + 1 < 2 * half ? group.countUpTo(levels.midpoints[j]) : group.count;
      const mass = group.mass[to] - group.mass[from];
      const moment = group.moment[to] - group.moment[from];
      from = to;
      for (let p = 0; p < bits; p++) {
        const sign = (levels.codes[j] >> p) & 1 ? 1 : -1;
        right[p] += sign * moment;
        for (let q = 0; q < bits; q++) matrix[p * bits + q] += (levels.codes[j] >> q) & 1 ? sign * mass : -sign * mass;
      }
    }
    if (!solveInPlace(matrix, right)) break;
    // A negative scalar is its plane flipped; their order is a matter of naming.
    const scalars = right.map(Math.abs).sort().reverse();
    const squaredError = errorOf(group, levels.set(scalars));
    if (!(squaredError < best.squaredError * (1 - 1e-9))) break;
    best = { scalars, squaredError };
    onRound?.(squaredError);
  }
  return best;
}

/** Σw(x − nearest level)². */
export function errorOf(group: Magnitudes, levels: Levels): number {
  const half = levels.values.length >> 1;
  let error = group.energy;
  for (let j = half, from = 0; j < 2 * half; j++) {
    const to = j + 1 < 2 * half ? group.countUpTo(levels.midpoints[j]) : group.count;
    const level = levels.values[j];
    error += level * (level * (group.mass[to] - group.mass[from]) - 2 * (group.moment[to] - group.moment[from]));
    from = to;
  }
  return Math.max(0, error);
}

/** right ← matrix⁻¹ right by elimination with partial pivoting; false for (nearly) dependent sign planes. */
function solveInPlace(a: Float64Array, b: Float64Array): boolean {
  const n = b.length;
  const scale = Math.abs(a[0]);
  for (let c = 0; c < n; c++) {
    let pivot = c;
    for (let r = c + 1; r < n; r++) if (Math.abs(a[r * n + c]) > Math.abs(a[pivot * n + c])) pivot = r;
    if (!(Math.abs(a[pivot * n + c]) > 1e-10 * scale)) return false;
    if (pivot !== c) {
      for (let j = 0; j < n; j++) {
        const swap = a[c * n + j];
        a[c * n + j] = a[pivot * n + j];
        a[pivot * n + j] = swap;
      }
      const swap = b[c];
      b[c] = b[pivot];
      b[pivot] = swap;
    }
    for (let r = 0; r < n; r++) {
      if (r === c) continue;
      const f = a[r * n + c] / a[c * n + c];
      for (let j = c; j < n; j++) a[r * n + j] -= f * a[c * n + j];
      b[r] -= f * b[c];
    }
  }
  for (let i = 0; i < n; i++) b[i] /= a[i * n + i];
  return true;
}
