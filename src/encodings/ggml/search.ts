import { nearestInt } from "./arithmetic";

/**
 * The scale searches of ggml's quantizers (ggml-quants.c). They fit the scale, or scale and minimum, of one sub-block by
 * trying neighbouring scales and solving each for least squares. Every sum runs in element order in f32: another order or a
 * fused multiply-add gives other bytes.
 */

const fround = Math.fround;

/** Below this a block counts as all zero. */
export const zeroBlock = fround(1e-15);
const tenth = fround(0.1);

/** The signed value of largest magnitude, the first of equals; 0 for an all-zero block. */
export function signedExtreme(x: Float32Array, from: number, count: number): number {
  let extreme = 0;
  let magnitude = 0;
  for (let i = from; i < from + count; i++) {
    const a = Math.abs(x[i]);
    if (a > magnitude) {
      magnitude = a;
      extreme = x[i];
    }
  }
  return extreme;
}

/** Σx² / count with the sum rounded at every step; times `factor` before the division. */
export function meanSquare(x: Float32Array, from: number, count: number, factor = 1): number {
  let sum = 0;
  for (let i = from; i < from + count; i++) sum = fround(sum + fround(x[i] * x[i]));
  return fround(fround(factor * sum) / count);
}

/** w = importance · √(σ² + x²), what an importance matrix makes of one sub-block. Returns Σw. */
export function importanceWeights(
  x: Float32Array, from: number, count: number, variance: number, importance: Float32Array, channel: number,
  weights: Float32Array,
): number {
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const v = x[from + i];
    weights[i] = importance[channel + i] * fround(Math.sqrt(fround(variance + fround(v * v))));
    sum = fround(sum + weights[i]);
  }
  return sum;
}

/**
 * Symmetric codes −nmax..nmax−1 (stored + nmax) for x[from..from+n): 19 scales around −nmax/extreme, each solved for the
 * weighted least-squares scale. Weights default to x². Returns the scale.
 */
export function fitSymmetric(
  n: number, nmax: number, x: Float32Array, from: number, codes: Uint8Array, to: number, weights?: Float32Array, weightsFrom = 0,
): number {
  const extreme = signedExtreme(x, from, n);
  if (Math.abs(extreme) < zeroBlock) {
    codes.fill(0, to, to + n);
    return 0;
  }
  let scale = 0;
  let best = 0;
  for (let step = -10; step <= 9; step++) {
    if (step === 0) continue;
    // The first candidate is the unshifted one; then −9..9 without 0.
    const inverse = step === -10 ? fround(-nmax / extreme) : fround(-fround(nmax + fround(tenth * step)) / extreme);
    let sumlx = 0;
    let suml2 = 0;
    for (let i = 0; i < n; i++) {
      const v = x[from + i];
      const l = Math.max(-nmax, Math.min(nmax - 1, nearestInt(fround(inverse * v))));
      const w = weights ? weights[weightsFrom + i] : fround(v * v);
      sumlx = fround(sumlx + fround(fround(w * v) * l));
      suml2 = fround(suml2 + fround(fround(w * l) * l));
    }
    if (step > -10 && !(suml2 > 0 && fround(sumlx * sumlx) > fround(best * suml2))) continue;
    for (let i = 0; i < n; i++) {
      codes[to + i] = nmax + Math.max(-nmax, Math.min(nmax - 1, nearestInt(fround(inverse * x[from + i]))));
    }
    scale = suml2 === 0 ? 0 : fround(sumlx / suml2);
    best = fround(scale * sumlx);
  }
  return scale;
}

const signed = new Int8Array(256);

/** Symmetric codes by coordinate descent from the signed-extreme scale, weights x² (Q3_K). Returns the scale. */
export function descendSymmetric(n: number, nmax: number, x: Float32Array, from: number, codes: Uint8Array, to: number): number {
  const extreme = signedExtreme(x, from, n);
  if (Math.abs(extreme) < zeroBlock) {
    codes.fill(0, to, to + n);
    return 0;
  }
  const inverse = fround(-nmax / extreme);
  let sumlx = 0;
  let suml2 = 0;
  for (let i = 0; i < n; i++) {
    const v = x[from + i];
    const l = Math.max(-nmax, Math.min(nmax - 1, nearestInt(fround(inverse * v))));
    const w = fround(v * v);
    signed[i] = l;
    sumlx = fround(sumlx + fround(fround(w * v) * l));
    suml2 = fround(suml2 + fround(fround(w * l) * l));
  }
  for (let pass = 0; pass < 5; pass++) {
    let changed = false;
    for (let i = 0; i < n; i++) {
      const v = x[from + i];
      const w = fround(v * v);
      const old = signed[i];
      let slx = fround(sumlx - fround(fround(w * v) * old));
      if (!(slx > 0)) continue;
      let sl2 = fround(suml2 - fround(fround(w * old) * old));
      const l = Math.max(-nmax, Math.min(nmax - 1, nearestInt(fround(fround(v * sl2) / slx))));
      if (l === old) continue;
      slx = fround(slx + fround(fround(w * v) * l));
      sl2 = fround(sl2 + fround(fround(w * l) * l));
      if (sl2 > 0 && fround(fround(slx * slx) * suml2) > fround(fround(sumlx * sumlx) * sl2)) {
        signed[i] = l;
        sumlx = slx;
        suml2 = sl2;
        changed = true;
      }
    }
    if (!changed) break;
  }
  for (let i = 0; i < n; i++) codes[to + i] = signed[i] + nmax;
  return suml2 > 0 ? fround(sumlx / suml2) : 0;
}

/** How `fitAffine` walks: candidate scales (first + step·i + nmax)/(max − min), squared or absolute error. */
export interface AffineSearch {
  readonly first: number;
  readonly step: number;
  readonly steps: number;
  readonly absolute?: boolean;
  /** The search used with an importance matrix clamps before rounding, since min may have moved close to max. */
  readonly clampFirst?: boolean;
}

/** The search that every affine type uses with an importance matrix. */
export const weightedSearch: AffineSearch = { first: fround(-0.9), step: fround(0.05), steps: 36, clampFirst: true };

const trial = new Uint8Array(32);

/**
 * Codes 0..nmax with scale and minimum: x ≈ scale·code − mins[at]. The best minimum so far shifts the later candidates, as
 * in the original. Returns the scale, stores the negated minimum (≥ 0).
 */
export function fitAffine(
  n: number, nmax: number, x: Float32Array, from: number, weights: Float32Array, codes: Uint8Array, to: number,
  mins: Float32Array, at: number, search: AffineSearch,
): number {
  let min = x[from];
  let max = x[from];
  let sumW = weights[0];
  let sumX = fround(sumW * x[from]);
  for (let i = 1; i < n; i++) {
    const v = x[from + i];
    if (v < min) min = v;
    if (v > max) max = v;
    const w = weights[i];
    sumW = fround(sumW + w);
    sumX = fround(sumX + fround(w * v));
  }
  if (min > 0) min = 0;
  if (max <= min) {
    codes.fill(0, to, to + n);
    mins[at] = -min;
    return 0;
  }
  const { absolute, clampFirst } = search;
  let inverse = fround(nmax / fround(max - min));
  let scale = fround(1 / inverse);
  let best = 0;
  for (let i = 0; i < n; i++) {
    const v = x[from + i];
    const l = Math.max(0, Math.min(nmax, nearestInt(fround(inverse * fround(v - min)))));
    codes[to + i] = l;
    const diff = fround(fround(fround(scale * l) + min) - v);
    best = fround(best + fround(weights[i] * (absolute ? Math.abs(diff) : fround(diff * diff))));
  }
  for (let s = 0; s <= search.steps; s++) {
    inverse = fround(fround(fround(search.first + fround(search.step * s)) + nmax) / fround(max - min));
    let sumL = 0;
    let sumL2 = 0;
    let sumXL = 0;
    for (let i = 0; i < n; i++) {
      const v = fround(inverse * fround(x[from + i] - min));
      const l = clampFirst ? (v > 0 ? nearestInt(Math.min(v, nmax)) : 0) : Math.max(0, Math.min(nmax, nearestInt(v)));
      trial[i] = l;
      const wl = fround(weights[i] * l);
      sumL = fround(sumL + wl);
      sumL2 = fround(sumL2 + fround(wl * l));
      sumXL = fround(sumXL + fround(wl * x[from + i]));
    }
    const determinant = fround(fround(sumW * sumL2) - fround(sumL * sumL));
    if (!(determinant > 0)) continue;
    let thisScale = fround(fround(fround(sumW * sumXL) - fround(sumX * sumL)) / determinant);
    let thisMin = fround(fround(fround(sumL2 * sumX) - fround(sumL * sumXL)) / determinant);
    if (thisMin > 0) {
      thisMin = 0;
      thisScale = fround(sumXL / sumL2);
    }
    let error = 0;
    for (let i = 0; i < n; i++) {
      const diff = fround(fround(fround(thisScale * trial[i]) + thisMin) - x[from + i]);
      error = fround(error + fround(weights[i] * (absolute ? Math.abs(diff) : fround(diff * diff))));
    }
    if (error < best) {
      for (let i = 0; i < n; i++) codes[to + i] = trial[i];
      best = error;
      scale = thisScale;
      min = thisMin;
    }
  }
  mins[at] = -min;
  return scale;
}

/**
 * Codes 0..nmax for non-negative values (the sub-block scales and minima of a super-block): nine scales by plain error, then
 * coordinate descent. Returns the scale.
 */
export function fitPositive(n: number, nmax: number, x: Float32Array, codes: Uint8Array, weights: Float32Array): number {
  let max = 0;
  for (let i = 0; i < n; i++) max = max > x[i] ? max : x[i];
  if (max < zeroBlock) {
    codes.fill(0, 0, n);
    return 0;
  }
  let inverse = fround(nmax / max);
  let best = 0;
  for (let step = -5; step <= 4; step++) {
    if (step === 0) continue;
    const candidate = step === -5 ? inverse : fround(fround(fround(tenth * step) + nmax) / max);
    const scale = fround(1 / candidate);
    let error = 0;
    for (let i = 0; i < n; i++) {
      const l = nearestInt(fround(candidate * x[i]));
      const diff = fround(x[i] - fround(scale * (step === -5 ? l & 255 : Math.min(nmax, l))));
      error = fround(error + fround(fround(weights[i] * diff) * diff));
    }
    if (step > -5 && !(error < best)) continue;
    best = error;
    inverse = candidate;
  }
  let sumlx = 0;
  let suml2 = 0;
  for (let i = 0; i < n; i++) {
    const l = Math.min(nmax, nearestInt(fround(inverse * x[i])));
    codes[i] = l;
    const w = weights[i];
    sumlx = fround(sumlx + fround(fround(w * x[i]) * l));
    suml2 = fround(suml2 + fround(fround(w * l) * l));
  }
  for (let pass = 0; pass < 5; pass++) {
    let changed = false;
    for (let i = 0; i < n; i++) {
      const w = weights[i];
      const old = codes[i];
      let slx = fround(sumlx - fround(fround(w * x[i]) * old));
      let sl2 = fround(suml2 - fround(fround(w * old) * old));
      if (!(slx > 0 && sl2 > 0)) continue;
      const l = Math.min(nmax, nearestInt(fround(fround(x[i] * sl2) / slx)));
      if (l === old) continue;
      slx = fround(slx + fround(fround(w * x[i]) * l));
      sl2 = fround(sl2 + fround(fround(w * l) * l));
      if (fround(fround(slx * slx) * suml2) > fround(fround(sumlx * sumlx) * sl2)) {
        codes[i] = l;
        sumlx = slx;
        suml2 = sl2;
        changed = true;
      }
    }
    if (!changed) break;
  }
  return suml2 > 0 ? fround(sumlx / suml2) : 0;
}
