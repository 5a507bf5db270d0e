// The scale searches of ggml's quantizers, as in src/encodings/ggml/search.ts, with four sub-blocks or four candidate scales in the
// lanes of a vector. Within a lane every sum keeps its order, so that the results are those of the reference bit for bit.

/** Adding and subtracting it rounds an f32 of less than 2^22 to an integer, half to even. */
const MAGIC: f32 = 12582912;
/** Below this a block counts as all zero. */
export const ZERO_BLOCK: f32 = 1e-15;

/** ggml's nearest_int for one value, with its garbage beyond ±4194303. */
// @ts-ignore: decorator
@inline
export function nearestInt(value: f32): i32 {
  return (reinterpret<i32>(value + MAGIC) & 0x7fffff) - 0x400000;
}

/** The same in four lanes. */
// @ts-ignore: decorator
@inline
export function nearestInts(v: v128): v128 {
  return i32x4.sub(v128.and(f32x4.add(v, f32x4.splat(MAGIC)), i32x4.splat(0x7fffff)), i32x4.splat(0x400000));
}

/** Nearest integers clamped to low..high, as floats. */
// @ts-ignore: decorator
@inline
export function clamped(v: v128, low: v128, high: v128): v128 {
  return f32x4.convert_i32x4_s(i32x4.max_s(low, i32x4.min_s(high, nearestInts(v))));
}

/** Nearest integers of values that are known to be less than 2^22. */
// @ts-ignore: decorator
@inline
function rounded(v: v128): v128 {
  const magic = f32x4.splat(MAGIC);
  return f32x4.sub(f32x4.add(v, magic), magic);
}

/** Codes 0..top of v when it is clamped before rounding. */
// @ts-ignore: decorator
@inline
export function clampedFirst(v: v128, top: v128): v128 {
  const magic = f32x4.splat(MAGIC);
  const low = f32x4.pmax(f32x4.splat(0), v); // 0 for NaN, too
  return f32x4.sub(f32x4.add(f32x4.pmin(top, low), magic), magic);
}

/** target v128[n]: lane k of vector i is element i of the k-th of four runs, `stride` bytes apart. n is a multiple of 4. */
export function interleave(x: usize, stride: usize, n: u32, target: usize): void {
  for (let i: u32 = 0; i < n; i += 4, x += 16, target += 64) {
    const a = v128.load(x);
    const b = v128.load(x + stride);
    const c = v128.load(x + 2 * stride);
    const d = v128.load(x + 3 * stride);
    const ab0 = v128.shuffle<i32>(a, b, 0, 4, 1, 5);
    const ab1 = v128.shuffle<i32>(a, b, 2, 6, 3, 7);
    const cd0 = v128.shuffle<i32>(c, d, 0, 4, 1, 5);
    const cd1 = v128.shuffle<i32>(c, d, 2, 6, 3, 7);
    v128.store(target, v128.shuffle<i64>(ab0, cd0, 0, 2));
    v128.store(target, v128.shuffle<i64>(ab0, cd0, 1, 3), 16);
    v128.store(target, v128.shuffle<i64>(ab1, cd1, 0, 2), 32);
    v128.store(target, v128.shuffle<i64>(ab1, cd1, 1, 3), 48);
  }
}

/** The value of largest magnitude among `bytes` bytes of f32, a multiple of 16; the first of equals. */
export function signedExtreme(x: usize, bytes: usize): f32 {
  let most = f32x4.splat(0);
  for (let i: usize = 0; i < bytes; i += 16) most = f32x4.pmax(most, f32x4.abs(v128.load(x + i)));
  const magnitude = max(
    max(f32x4.extract_lane(most, 0), f32x4.extract_lane(most, 1)), max(f32x4.extract_lane(most, 2), f32x4.extract_lane(most, 3)));
  const m = f32x4.splat(magnitude);
  let positive = i32x4.splat(0);
  let negative = positive;
  for (let i: usize = 0; i < bytes; i += 16) {
    const v = v128.load(x + i);
    positive = v128.or(positive, f32x4.eq(v, m));
    negative = v128.or(negative, f32x4.eq(f32x4.neg(v), m));
  }
  if (!v128.any_true(negative)) return magnitude;
  if (!v128.any_true(positive)) return -magnitude;
  while (abs(load<f32>(x)) < magnitude) x += 4;
  return load<f32>(x);
}

/** Σx² / count · factor of one run, in order. */
export function meanSquare(x: usize, count: u32, factor: f32): f32 {
  let sum: f32 = 0;
  for (const end = x + ((count as usize) << 2); x < end; x += 4) {
    const v = load<f32>(x);
    sum += v * v;
  }
  return (factor * sum) / (count as f32);
}

/** weights v128[n] of interleaved x: √(mean x²) + |x|. */
export function rmsWeights(x: usize, n: u32, weights: usize): void {
  let sum = f32x4.splat(0);
  for (let i: usize = 0; i < ((n as usize) << 4); i += 16) {
    const v = v128.load(x + i);
    sum = f32x4.add(sum, f32x4.mul(v, v));
  }
  const rms = f32x4.sqrt(f32x4.div(sum, f32x4.splat(n as f32)));
  for (let i: usize = 0; i < ((n as usize) << 4); i += 16) v128.store(weights + i, f32x4.add(rms, f32x4.abs(v128.load(x + i))));
}

/** Turns interleaved importance in `weights` into importance · √(σ² + x²); sums v128 at `sums` get Σ of them. */
export function importanceWeights(x: usize, n: u32, variance: f32, weights: usize, sums: usize): void {
  const level = f32x4.splat(variance);
  let sum = f32x4.splat(0);
  for (let i: usize = 0; i < ((n as usize) << 4); i += 16) {
    const v = v128.load(x + i);
    const w = f32x4.mul(v128.load(weights + i), f32x4.sqrt(f32x4.add(level, f32x4.mul(v, v))));
    v128.store(weights + i, w);
    sum = f32x4.add(sum, w);
  }
  v128.store(sums, sum);
}

/** Sixteen weights importance · √(σ² + x²) to `weights`; returns their sum in order. */
export function importanceWeights16(x: usize, importance: usize, variance: f32, weights: usize): f32 {
  const level = f32x4.splat(variance);
  let sum: f32 = 0;
  for (let i: usize = 0; i < 64; i += 16) {
    const v = v128.load(x + i);
    const w = f32x4.mul(v128.load(importance + i), f32x4.sqrt(f32x4.add(level, f32x4.mul(v, v))));
    v128.store(weights + i, w);
    sum += f32x4.extract_lane(w, 0);
    sum += f32x4.extract_lane(w, 1);
    sum += f32x4.extract_lane(w, 2);
    sum += f32x4.extract_lane(w, 3);
  }
  return sum;
}

/**
 * Codes 0..nmax with scale and minimum for four sub-blocks: candidates (first + step·i + nmax)/(max − min), i = 0..steps. Writes
 * one v128 each to scales, mins (negated minimum), and what makes the codes again: inverses and bases of
 * code = nearest(inverse·(x − base)), and where they are those from before the candidates a mask, since only these clamp first. `codes`: n · 16 bytes of scratch.
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

/**
 * Symmetric codes −nmax..nmax−1 for one run of n values: 19 scales around −nmax/extreme and that one itself, in the lanes of five
 * vectors. `weights` f32[n], or 0 for x². Returns the scale; `inverse` f32 gets what makes the codes again: nearest(inverse·x),
 * NaN for an all-zero block, whose codes are 0 without the offset.
 */
export function searchSymmetric(x: usize, n: u32, nmax: i32, weights: usize, inverse: usize): f32 {
  const bytes = (n as usize) << 2;
  const extreme = signedExtreme(x, bytes);
  if (abs(extreme) < ZERO_BLOCK) {
    store<f32>(inverse, NaN);
    return 0;
  }
  // Lane 0 is the unshifted one, then −9..−1 and 1..9, then a copy of the last that changes nothing.
  const t = f32x4.splat(0.1);
  const m = f32x4.splat(nmax as f32);
  const e = f32x4.splat(extreme);
  const i0 = f32x4.replace_lane(f32x4.div(f32x4.neg(f32x4.add(m, f32x4.mul(t, f32x4(0, -9, -8, -7)))), e), 0, (-nmax as f32) / extreme);
  const i1 = f32x4.div(f32x4.neg(f32x4.add(m, f32x4.mul(t, f32x4(-6, -5, -4, -3)))), e);
  const i2 = f32x4.div(f32x4.neg(f32x4.add(m, f32x4.mul(t, f32x4(-2, -1, 1, 2)))), e);
  const i3 = f32x4.div(f32x4.neg(f32x4.add(m, f32x4.mul(t, f32x4(3, 4, 5, 6)))), e);
  const i4 = f32x4.div(f32x4.neg(f32x4.add(m, f32x4.mul(t, f32x4(7, 8, 9, 9)))), e);
  const low = f32x4.splat(-nmax as f32);
  const high = f32x4.splat((nmax - 1) as f32);
  const zero = f32x4.splat(0);
  let lx0 = zero, lx1 = zero, lx2 = zero, lx3 = zero, lx4 = zero;
  let l20 = zero, l21 = zero, l22 = zero, l23 = zero, l24 = zero;
  // Three vectors, then two: all five do not fit into registers. The first three reach −nmax − 0.2 at most, which needs no
  // clamping below.
  for (let i: usize = 0; i < bytes; i += 4) {
    const v = v128.load_splat<u32>(x + i);
    const w = weights ? v128.load_splat<u32>(weights + i) : f32x4.mul(v, v);
    const wv = f32x4.mul(w, v);
    let l = f32x4.pmin(high, rounded(f32x4.mul(i0, v)));
    lx0 = f32x4.add(lx0, f32x4.mul(wv, l));
    l20 = f32x4.add(l20, f32x4.mul(f32x4.mul(w, l), l));
    l = f32x4.pmin(high, rounded(f32x4.mul(i1, v)));
    lx1 = f32x4.add(lx1, f32x4.mul(wv, l));
    l21 = f32x4.add(l21, f32x4.mul(f32x4.mul(w, l), l));
    l = f32x4.pmin(high, rounded(f32x4.mul(i2, v)));
    lx2 = f32x4.add(lx2, f32x4.mul(wv, l));
    l22 = f32x4.add(l22, f32x4.mul(f32x4.mul(w, l), l));
  }
  for (let i: usize = 0; i < bytes; i += 4) {
    const v = v128.load_splat<u32>(x + i);
    const w = weights ? v128.load_splat<u32>(weights + i) : f32x4.mul(v, v);
    const wv = f32x4.mul(w, v);
    let l = f32x4.pmax(low, f32x4.pmin(high, rounded(f32x4.mul(i3, v))));
    lx3 = f32x4.add(lx3, f32x4.mul(wv, l));
    l23 = f32x4.add(l23, f32x4.mul(f32x4.mul(w, l), l));
    l = f32x4.pmax(low, f32x4.pmin(high, rounded(f32x4.mul(i4, v))));
    lx4 = f32x4.add(lx4, f32x4.mul(wv, l));
    l24 = f32x4.add(l24, f32x4.mul(f32x4.mul(w, l), l));
  }
  const firstLx = f32x4.extract_lane(lx0, 0);
  const firstL2 = f32x4.extract_lane(l20, 0);
  chosenScale = firstL2 == 0 ? 0 : firstLx / firstL2;
  chosenBest = chosenScale * firstLx;
  chosenInverse = f32x4.extract_lane(i0, 0);
  // The first lane again changes nothing: its own square is not greater.
  choose4(lx0, l20, i0, 1);
  choose4(lx1, l21, i1, 0);
  choose4(lx2, l22, i2, 0);
  choose4(lx3, l23, i3, 0);
  choose4(lx4, l24, i4, 0);
  store<f32>(inverse, chosenInverse);
  return chosenScale;
}

// What the candidates so far have come to; only within one call.
let chosenScale: f32 = 0;
let chosenBest: f32 = 0;
let chosenInverse: f32 = 0;

// @ts-ignore: decorator
@inline
function choose(sumlx: f32, suml2: f32, inverse: f32): void {
  if (!(suml2 > 0 && sumlx * sumlx > chosenBest * suml2)) return;
  chosenScale = sumlx / suml2;
  chosenBest = chosenScale * sumlx;
  chosenInverse = inverse;
}

/** Four candidates in the order of their lanes, without the first when `from` is 1. Mostly none is better than what there is. */
// @ts-ignore: decorator
@inline
function choose4(lx: v128, l2: v128, inverse: v128, from: i32): void {
  if (!v128.any_true(f32x4.gt(f32x4.mul(lx, lx), f32x4.mul(f32x4.splat(chosenBest), l2)))) return;
  if (from == 0) choose(f32x4.extract_lane(lx, 0), f32x4.extract_lane(l2, 0), f32x4.extract_lane(inverse, 0));
  choose(f32x4.extract_lane(lx, 1), f32x4.extract_lane(l2, 1), f32x4.extract_lane(inverse, 1));
  choose(f32x4.extract_lane(lx, 2), f32x4.extract_lane(l2, 2), f32x4.extract_lane(inverse, 2));
  choose(f32x4.extract_lane(lx, 3), f32x4.extract_lane(l2, 3), f32x4.extract_lane(inverse, 3));
}

/**
 * Symmetric codes of sixteen sub-blocks of 16 by coordinate descent from the signed extreme, weights x². `x` holds four times sixteen
 * v128, each of them interleaving four sub-blocks; codes alike as f32, the code + nmax (0 for an all-zero block). Writes sixteen
 * scales. The four vectors advance side by side, since each waits for a division. `sums`: 256 bytes.
 */
export function descendSymmetric(x: usize, nmax: i32, codes: usize, scales: usize, sums: usize): void {
  for (let k: usize = 0; k < 4; k++) startDescent(x + 256 * k, nmax, codes + 256 * k, sums + 64 * k);
  const low = i32x4.splat(-nmax);
  const high = i32x4.splat(nmax - 1);
  // A vector in which nothing changed will not change any more.
  let active = 15;
  for (let pass = 0; pass < 5 && active; pass++) {
    let a = i32x4.splat(0);
    let b = a;
    let c = a;
    let d = a;
    for (let i: usize = 0; i < 256; i += 16) {
      if (active & 1) a = v128.or(a, descendStep(x + i, codes + i, sums, low, high));
      if (active & 2) b = v128.or(b, descendStep(x + i + 256, codes + i + 256, sums + 64, low, high));
      if (active & 4) c = v128.or(c, descendStep(x + i + 512, codes + i + 512, sums + 128, low, high));
      if (active & 8) d = v128.or(d, descendStep(x + i + 768, codes + i + 768, sums + 192, low, high));
    }
    active = i32(v128.any_true(a)) | (i32(v128.any_true(b)) << 1) | (i32(v128.any_true(c)) << 2) | (i32(v128.any_true(d)) << 3);
  }
  const offset = f32x4.splat(nmax as f32);
  for (let k: usize = 0; k < 4; k++) {
    const sumlx = v128.load(sums + 64 * k);
    const suml2 = v128.load(sums + 64 * k, 16);
    const alive = v128.load(sums + 64 * k, 32);
    for (let i: usize = 0; i < 256; i += 16) {
      const at = codes + 256 * k + i;
      v128.store(at, v128.and(f32x4.add(v128.load(at), offset), alive));
    }
    v128.store(scales + 16 * k, v128.and(f32x4.div(sumlx, suml2), v128.and(alive, f32x4.gt(suml2, f32x4.splat(0)))));
  }
}

/** First codes of four sub-blocks, then in `sums` Σw·x·l, Σw·l² and a mask of those that are not all zero. */
function startDescent(x: usize, nmax: i32, codes: usize, sums: usize): void {
  const zero = f32x4.splat(0);
  let extreme = zero;
  let magnitude = zero;
  for (let i: usize = 0; i < 256; i += 16) {
    const v = v128.load(x + i);
    const a = f32x4.abs(v);
    const more = f32x4.gt(a, magnitude);
    extreme = v128.bitselect(v, extreme, more);
    magnitude = v128.bitselect(a, magnitude, more);
  }
  const alive = f32x4.ge(magnitude, f32x4.splat(ZERO_BLOCK));
  const inverse = f32x4.div(f32x4.splat(-nmax as f32), extreme);
  let sumlx = zero;
  let suml2 = zero;
  for (let i: usize = 0; i < 256; i += 16) {
    const v = v128.load(x + i);
    const w = f32x4.mul(v, v);
    const l = clamped(f32x4.mul(inverse, v), i32x4.splat(-nmax), i32x4.splat(nmax - 1));
    v128.store(codes + i, l);
    sumlx = f32x4.add(sumlx, f32x4.mul(f32x4.mul(w, v), l));
    suml2 = f32x4.add(suml2, f32x4.mul(f32x4.mul(w, l), l));
  }
  v128.store(sums, sumlx);
  v128.store(sums, suml2, 16);
  v128.store(sums, alive, 32);
}

/** Takes one element of four sub-blocks out of the sums and puts it back with a better code, if there is one. Returns where. */
// @ts-ignore: decorator
@inline
function descendStep(x: usize, codes: usize, sums: usize, low: v128, high: v128): v128 {
  const zero = f32x4.splat(0);
  const sumlx = v128.load(sums);
  const suml2 = v128.load(sums, 16);
  const v = v128.load(x);
  const w = f32x4.mul(v, v);
  const wv = f32x4.mul(w, v);
  const old = v128.load(codes);
  let slx = f32x4.sub(sumlx, f32x4.mul(wv, old));
  const positive = f32x4.gt(slx, zero);
  let sl2 = f32x4.sub(suml2, f32x4.mul(f32x4.mul(w, old), old));
  const l = clamped(f32x4.div(f32x4.mul(v, sl2), slx), low, high);
  if (!v128.any_true(v128.and(positive, f32x4.ne(l, old)))) return i32x4.splat(0);
  slx = f32x4.add(slx, f32x4.mul(wv, l));
  sl2 = f32x4.add(sl2, f32x4.mul(f32x4.mul(w, l), l));
  const gain = f32x4.gt(f32x4.mul(f32x4.mul(slx, slx), suml2), f32x4.mul(f32x4.mul(sumlx, sumlx), sl2));
  const accept = v128.and(v128.and(positive, f32x4.ne(l, old)), v128.and(f32x4.gt(sl2, zero), gain));
  v128.store(codes, v128.bitselect(l, old, accept));
  v128.store(sums, v128.bitselect(slx, sumlx, accept));
  v128.store(sums, v128.bitselect(sl2, suml2, accept), 16);
  return accept;
}
