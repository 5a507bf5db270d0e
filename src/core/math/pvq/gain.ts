/**
 * Levels for the gain of a group: when a row of D weights points in a uniformly random direction, the norm s of G of them,
 * relative to the row's, has s² ~ Beta(G/2, (D−G)/2). The levels are the Lloyd–Max quantizer of that law.
 */
import { betaDensity, incompleteBeta, inverseIncompleteBeta, lnBeta } from "../special";

const cells = 4096;
const tables = new Map<string, Float32Array>();

/**
 * 2^bits ascending levels of ‖group‖/‖row‖, rounded to f32 (what decoding uses). One group per row (D = G) has the one
 * level 1 in every place. Cached per (G, D, bits).
 */
export function gainLevels(group: number, row: number, bits: number): Float32Array {
  const key = `${group},${row},${bits}`;
  let levels = tables.get(key);
  if (!levels) {
    levels = row <= group ? new Float32Array(1 << bits).fill(1) : Float32Array.from(lloydMax(new GainLaw(group, row), 1 << bits));
    tables.set(key, levels);
  }
  return levels;
}

/** The law of s, tabulated between its 1e-9 and 1−1e-9 quantiles. */
export class GainLaw {
  readonly #a: number;
  readonly #b: number;
  readonly low: number;
  readonly high: number;
  /** Probability and first moment below each of the cell edges. */
  readonly #mass = new Float64Array(cells + 1);
  readonly #moment = new Float64Array(cells + 1);

  constructor(group: number, row: number) {
    this.#a = group / 2;
    this.#b = (row - group) / 2;
    this.low = this.quantile(1e-9);
    this.high = this.quantile(1 - 1e-9);
    // E[s; s < t] = B(a+½,b)/B(a,b) · I_{t²}(a+½,b): both tables are exact at the edges.
    const factor = Math.exp(lnBeta(this.#a + 0.5, this.#b) - lnBeta(this.#a, this.#b));
    for (let i = 0; i <= cells; i++) {
      const s = this.#edge(i);
      this.#mass[i] = incompleteBeta(s * s, this.#a, this.#b);
      this.#moment[i] = factor * incompleteBeta(s * s, this.#a + 0.5, this.#b);
    }
  }

  #edge(i: number): number {
    return this.low + ((this.high - this.low) * i) / cells;
  }

  density(s: number): number {
    return 2 * s * betaDensity(s * s, this.#a, this.#b);
  }

  quantile(p: number): number {
    return Math.sqrt(inverseIncompleteBeta(p, this.#a, this.#b));
  }

  /** E[s²] = G/D. */
  get meanSquare(): number {
    return this.#a / (this.#a + this.#b);
  }

  /** Probability and first moment below s; inside a cell the density counts as constant. */
  below(s: number): { mass: number; moment: number } {
    const place = ((s - this.low) / (this.high - this.low)) * cells;
    if (!(place > 0)) return { mass: this.#mass[0], moment: this.#moment[0] };
    if (place >= cells) return { mass: this.#mass[cells], moment: this.#moment[cells] };
    const i = Math.floor(place);
    const part = place - i;
    const mass = part * (this.#mass[i + 1] - this.#mass[i]);
    // Mean of the cell's lower part: between its left edge and s, shifted so that the whole cell is exact.
    const whole = this.#mass[i + 1] - this.#mass[i];
    const mean = whole > 0 ? (this.#moment[i + 1] - this.#moment[i]) / whole : s;
    const middle = (this.#edge(i) + this.#edge(i + 1)) / 2;
    return { mass: this.#mass[i] + mass, moment: this.#moment[i] + mass * ((this.#edge(i) + s) / 2 + (mean - middle)) };
  }
}

/** Fixed point of levels = conditional means, thresholds = midpoints, started from the quantiles (i+½)/count. */
function lloydMax(law: GainLaw, count: number): Float64Array {
  const levels = Float64Array.from({ length: count }, (_, i) => law.quantile((i + 0.5) / count));
  for (let round = 0; round < 20000; round++) {
    let change = 0;
    let before = { mass: 0, moment: 0 };
    for (let i = 0; i < count; i++) {
      const after = i + 1 < count ? law.below((levels[i] + levels[i + 1]) / 2) : law.below(law.high);
      const mass = after.mass - before.mass;
      // The old right neighbour was used for the threshold, the new left one already moved: one sweep of Gauss–Seidel kind.
      const level = mass > 0 ? (after.moment - before.moment) / mass : levels[i];
      change = Math.max(change, Math.abs(level - levels[i]));
      levels[i] = level;
      before = after;
    }
    if (change < 1e-12) break;
  }
  return levels;
}

/** Mean squared error of a level table under the law, relative to E[s²] = G/D: the error that the gain adds. */
export function gainError(law: GainLaw, levels: ArrayLike<number>): number {
  const steps = 200000;
  const width = (law.high - law.low) / steps;
  let error = 0;
  for (let i = 0, at = 0; i < steps; i++) {
    const s = law.low + (i + 0.5) * width;
    while (at + 1 < levels.length && s > (levels[at] + levels[at + 1]) / 2) at++;
    error += (s - levels[at]) ** 2 * law.density(s) * width;
  }
  return error / law.meanSquare;
}
