// What the searches of ggml's quantizers have in common, as in src/encodings/ggml/search.ts, with four sub-blocks or four candidate
// scales in the lanes of a vector. Within a lane every sum keeps its order: the results are those of the reference bit for bit.
import { highest } from "./lanes";

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
export function rounded(v: v128): v128 {
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
  const magnitude = highest(most);
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

/**
 * The values of largest magnitude of four interleaved runs, the first of equals; at `opposite` the largest magnitudes of the
 * other sign.
 */
export function extremes(x: usize, bytes: usize, opposite: usize): v128 {
  let low = f32x4.splat(0);
  let high = low;
  for (let i: usize = 0; i < bytes; i += 16) {
    const v = v128.load(x + i);
    low = f32x4.pmin(low, v);
    high = f32x4.pmax(high, v);
  }
  const fall = f32x4.neg(low);
  v128.store(opposite, f32x4.pmin(fall, high));
  let found = v128.bitselect(low, high, f32x4.gt(fall, high));
  let tied = v128.and(f32x4.eq(fall, high), f32x4.gt(high, f32x4.splat(0)));
  for (let i: usize = 0; v128.any_true(tied); i += 16) {
    const v = v128.load(x + i);
    const here = v128.and(tied, f32x4.eq(f32x4.abs(v), high));
    found = v128.bitselect(v, found, here);
    tied = v128.andnot(tied, here);
  }
  return found;
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
