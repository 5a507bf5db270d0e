// Scale and minimum of sub-blocks, and the scale of their scales.
import { clamped, clampedFirst, nearestInt, ZERO_BLOCK } from "./search";

/**
 * Codes 0..nmax with scale and minimum for four sub-blocks: candidates (first + step·i + nmax)/(max − min), i = 0..steps. Writes
 * one v128 each to scales, mins (negated minimum), and what makes the codes again: inverses and bases of
 * code = nearest(inverse·(x − base)), and a mask where these are from before the candidates, since only candidates clamp first.
 * `codes`: n · 16 bytes of scratch.
 */
// @ts-ignore: decorator
@inline
export function searchAffine(
  x: usize, weights: usize, n: u32, nmax: f32, first: f32, step: f32, steps: u32, absolute: bool, clampFirst: bool,
  codes: usize, scales: usize, mins: usize, inverses: usize, bases: usize, initials: usize,
): void {
  const bytes = (n as usize) << 4;
  const zero = f32x4.splat(0);
  const top = f32x4.splat(nmax);
  const high = i32x4.splat(nmax as i32);
  let min = v128.load(x);
  let max = min;
  let sumW = v128.load(weights);
  let sumX = f32x4.mul(sumW, min);
  for (let i: usize = 16; i < bytes; i += 16) {
    const v = v128.load(x + i);
    const w = v128.load(weights + i);
    min = f32x4.pmin(min, v);
    max = f32x4.pmax(max, v);
    sumW = f32x4.add(sumW, w);
    sumX = f32x4.add(sumX, f32x4.mul(w, v));
  }
  min = v128.bitselect(zero, min, f32x4.gt(min, zero));
  const alive = f32x4.gt(max, min);
  let inverse = f32x4.div(top, f32x4.sub(max, min));
  let scale = f32x4.div(f32x4.splat(1), inverse);
  let best = zero;
  for (let i: usize = 0; i < bytes; i += 16) {
    const v = v128.load(x + i);
    const l = clamped(f32x4.mul(inverse, f32x4.sub(v, min)), zero, high);
    const diff = f32x4.sub(f32x4.add(f32x4.mul(scale, l), min), v);
    best = f32x4.add(best, f32x4.mul(v128.load(weights + i), absolute ? f32x4.abs(diff) : f32x4.mul(diff, diff)));
  }
  let bestInverse = inverse;
  let bestBase = min;
  let initial = i32x4.splat(-1);
  for (let s: u32 = 0; s <= steps; s++) {
    inverse = f32x4.div(f32x4.splat(first + step * (s as f32) + nmax), f32x4.sub(max, min));
    let sumL = zero;
    let sumL2 = zero;
    let sumXL = zero;
    for (let i: usize = 0; i < bytes; i += 16) {
      const v = v128.load(x + i);
      const t = f32x4.mul(inverse, f32x4.sub(v, min));
      const l = clampFirst ? clampedFirst(t, top) : clamped(t, zero, high);
      v128.store(codes + i, l);
      const wl = f32x4.mul(v128.load(weights + i), l);
      sumL = f32x4.add(sumL, wl);
      sumL2 = f32x4.add(sumL2, f32x4.mul(wl, l));
      sumXL = f32x4.add(sumXL, f32x4.mul(wl, v));
    }
    const determinant = f32x4.sub(f32x4.mul(sumW, sumL2), f32x4.mul(sumL, sumL));
    let thisScale = f32x4.div(f32x4.sub(f32x4.mul(sumW, sumXL), f32x4.mul(sumX, sumL)), determinant);
    let thisMin = f32x4.div(f32x4.sub(f32x4.mul(sumL2, sumX), f32x4.mul(sumL, sumXL)), determinant);
    const positive = f32x4.gt(thisMin, zero);
    thisMin = v128.andnot(thisMin, positive);
    thisScale = v128.bitselect(f32x4.div(sumXL, sumL2), thisScale, positive);
    let error = zero;
    for (let i: usize = 0; i < bytes; i += 16) {
      const diff = f32x4.sub(f32x4.add(f32x4.mul(thisScale, v128.load(codes + i)), thisMin), v128.load(x + i));
      error = f32x4.add(error, f32x4.mul(v128.load(weights + i), absolute ? f32x4.abs(diff) : f32x4.mul(diff, diff)));
    }
    const better = v128.and(v128.and(f32x4.gt(determinant, zero), f32x4.lt(error, best)), alive);
    best = v128.bitselect(error, best, better);
    scale = v128.bitselect(thisScale, scale, better);
    bestInverse = v128.bitselect(inverse, bestInverse, better);
    bestBase = v128.bitselect(min, bestBase, better);
    initial = v128.andnot(initial, better);
    min = v128.bitselect(thisMin, min, better);
  }
  v128.store(scales, v128.and(scale, alive));
  v128.store(mins, f32x4.neg(min));
  v128.store(inverses, v128.and(bestInverse, alive));
  v128.store(bases, bestBase);
  v128.store(initials, initial);
}

/** Codes 0..nmax (u8) for n non-negative values with weights, all in memory. Returns the scale. */
export function fitPositive(n: u32, nmax: i32, x: usize, codes: usize, weights: usize): f32 {
  let max: f32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const v = load<f32>(x + (i << 2));
    max = max > v ? max : v;
  }
  if (max < ZERO_BLOCK) {
    for (let i: u32 = 0; i < n; i++) store<u8>(codes + i, 0);
    return 0;
  }
  const tenth: f32 = 0.1;
  let inverse: f32 = (nmax as f32) / max;
  let best: f32 = 0;
  for (let step = -5; step <= 4; step++) {
    if (step == 0) continue;
    const candidate: f32 = step == -5 ? inverse : (tenth * (step as f32) + (nmax as f32)) / max;
    const scale: f32 = 1 / candidate;
    let error: f32 = 0;
    for (let i: u32 = 0; i < n; i++) {
      const v = load<f32>(x + (i << 2));
      const l = nearestInt(candidate * v);
      const diff: f32 = v - scale * ((step == -5 ? l & 255 : min(nmax, l)) as f32);
      error += load<f32>(weights + (i << 2)) * diff * diff;
    }
    if (step > -5 && !(error < best)) continue;
    best = error;
    inverse = candidate;
  }
  let sumlx: f32 = 0;
  let suml2: f32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const v = load<f32>(x + (i << 2));
    const l = min(nmax, nearestInt(inverse * v));
    store<u8>(codes + i, l as u8);
    const w = load<f32>(weights + (i << 2));
    sumlx += w * v * (l as f32);
    suml2 += w * (l as f32) * (l as f32);
  }
  for (let pass = 0; pass < 5; pass++) {
    let changed = false;
    for (let i: u32 = 0; i < n; i++) {
      const v = load<f32>(x + (i << 2));
      const w = load<f32>(weights + (i << 2));
      const old = load<u8>(codes + i) as i32;
      let slx: f32 = sumlx - w * v * (old as f32);
      let sl2: f32 = suml2 - w * (old as f32) * (old as f32);
      if (!(slx > 0 && sl2 > 0)) continue;
      const l = min(nmax, nearestInt((v * sl2) / slx));
      if (l == old) continue;
      slx += w * v * (l as f32);
      sl2 += w * (l as f32) * (l as f32);
      if (slx * slx * suml2 > sumlx * sumlx * sl2) {
        store<u8>(codes + i, l as u8);
        sumlx = slx;
        suml2 = sl2;
        changed = true;
      }
    }
    if (!changed) break;
  }
  return suml2 > 0 ? sumlx / suml2 : 0;
}
