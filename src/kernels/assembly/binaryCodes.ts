// Codes of the elements of a group, what they cost, and rows of them in their bytes.
import { CODES, LEVELS, TAIL, THRESHOLDS } from "./binaryRoom";

/** Indices of four magnitudes' levels, each times −1. */
// @ts-ignore: decorator
@inline
function indicesOf(v: v128, thresholds: usize, end: usize): v128 {
  const a = f32x4.abs(v);
  let index = i32x4.splat(0);
  for (let at = thresholds; at < end; at += 4) index = i32x4.add(index, f32x4.gt(a, v128.load_splat<u32>(at)));
  return index;
}

// @ts-ignore: decorator
@inline
function narrowed(a: v128, b: v128, c: v128, d: v128): v128 {
  return i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d));
}

/** Sixteen sign codes. */
// @ts-ignore: decorator
@inline
function codesOf(x: usize, thresholds: usize, end: usize, low: v128, high: v128, top: v128): v128 {
  const a = v128.load(x);
  const b = v128.load(x, 16);
  const c = v128.load(x, 32);
  const d = v128.load(x, 48);
  const ab = i16x8.narrow_i32x4_s(indicesOf(a, thresholds, end), indicesOf(b, thresholds, end));
  const cd = i16x8.narrow_i32x4_s(indicesOf(c, thresholds, end), indicesOf(d, thresholds, end));
  const index = i8x16.neg(i8x16.narrow_i16x8_s(ab, cd));
  const code = v128.or(i8x16.swizzle(low, index), i8x16.swizzle(high, i8x16.sub(index, i8x16.splat(16))));
  const zero = f32x4.splat(0);
  return v128.xor(code, v128.and(top, narrowed(f32x4.lt(a, zero), f32x4.lt(b, zero), f32x4.lt(c, zero), f32x4.lt(d, zero))));
}

/** Writes the sign codes of a group, and up to fifteen bytes more. */
export function signCodes(x: usize, count: u32, bits: u32, scratch: usize, codes: usize): void {
  const thresholds = scratch + THRESHOLDS;
  const end = thresholds + (4 << (bits - 1)) - 4;
  const low = v128.load(scratch + CODES);
  const high = v128.load(scratch + CODES, 16);
  const top = i8x16.splat((((1 as u32) << bits) - 1) as i8);
  const whole = (count & ~15) as usize;
  for (let i: usize = 0; i < whole; i += 16) v128.store(codes + i, codesOf(x + (i << 2), thresholds, end, low, high, top));
  if (whole == (count as usize)) return;
  v128.store(codes + whole, codesOf(tailOf(x, whole, count, scratch), thresholds, end, low, high, top));
}

/** The last few values, with others behind them. */
function tailOf(x: usize, from: usize, count: usize, scratch: usize): usize {
  memory.copy(scratch + TAIL, x + (from << 2), (count - from) << 2);
  return scratch + TAIL;
}

/** Σ (|x| − level)², the levels being what is decoded. */
export function signError(x: usize, count: u32, bits: u32, scratch: usize): f64 {
  const thresholds = scratch + THRESHOLDS;
  const end = thresholds + (4 << (bits - 1)) - 4;
  const levels = scratch + LEVELS;
  let sum = f64x2.splat(0);
  let i: u32 = 0;
  for (; i + 4 <= count; i += 4) {
    const a = f32x4.abs(v128.load(x + ((i as usize) << 2)));
    let level = v128.load_splat<u32>(levels);
    for (let at = thresholds; at < end; at += 4) {
      level = v128.bitselect(v128.load_splat<u32>(at + (LEVELS - THRESHOLDS) + 4), level, f32x4.gt(a, v128.load_splat<u32>(at)));
    }
    sum = f64x2.add(sum, squared(a, level));
  }
  let total = f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
  for (; i < count; i++) {
    const a = abs<f32>(load<f32>(x + ((i as usize) << 2)));
    let at = thresholds;
    while (at < end && a > load<f32>(at)) at += 4;
    const d = (a as f64) - (load<f32>(at + (LEVELS - THRESHOLDS)) as f64);
    total += d * d;
  }
  return total;
}

// @ts-ignore: decorator
@inline
function squared(a: v128, b: v128): v128 {
  const low = f64x2.sub(f64x2.promote_low_f32x4(a), f64x2.promote_low_f32x4(b));
  const aHigh = f64x2.promote_low_f32x4(v128.shuffle<i32>(a, a, 2, 3, 2, 3));
  const high = f64x2.sub(aHigh, f64x2.promote_low_f32x4(v128.shuffle<i32>(b, b, 2, 3, 2, 3)));
  return f64x2.add(f64x2.mul(low, low), f64x2.mul(high, high));
}

/** Sixteen trits 0, 1, 2. */
// @ts-ignore: decorator
@inline
function tritsOf(x: usize, threshold: v128): v128 {
  const below = f32x4.neg(threshold);
  const a = v128.load(x);
  const b = v128.load(x, 16);
  const c = v128.load(x, 32);
  const d = v128.load(x, 48);
  const up = narrowed(f32x4.gt(a, threshold), f32x4.gt(b, threshold), f32x4.gt(c, threshold), f32x4.gt(d, threshold));
  const down = narrowed(f32x4.lt(a, below), f32x4.lt(b, below), f32x4.lt(c, below), f32x4.lt(d, below));
  return i8x16.add(i8x16.sub(i8x16.splat(1), up), down);
}

/** Writes the trits of a group, and up to fifteen bytes more. */
export function trits(x: usize, count: u32, threshold: f32, scratch: usize, codes: usize): void {
  const thresholds = f32x4.splat(threshold);
  const whole = (count & ~15) as usize;
  for (let i: usize = 0; i < whole; i += 16) v128.store(codes + i, tritsOf(x + (i << 2), thresholds));
  if (whole < (count as usize)) v128.store(codes + whole, tritsOf(tailOf(x, whole, count, scratch), thresholds));
}

/** Σ (x − x̂)², x̂ being −level, 0 or level. */
export function ternaryError(x: usize, count: u32, level: f32): f64 {
  const levels = f32x4.splat(level);
  const thresholds = f32x4.splat(level / 2);
  let sum = f64x2.splat(0);
  let i: u32 = 0;
  for (; i + 4 <= count; i += 4) {
    const a = f32x4.abs(v128.load(x + ((i as usize) << 2)));
    sum = f64x2.add(sum, squared(a, v128.and(levels, f32x4.gt(a, thresholds))));
  }
  let total = f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
  for (; i < count; i++) {
    const a = abs<f32>(load<f32>(x + ((i as usize) << 2)));
    const d = (a as f64) - (a > level / 2 ? level as f64 : 0);
    total += d * d;
  }
  return total;
}

/** One bit of each of sixteen codes, 7 − shift. */
// @ts-ignore: decorator
@inline
function planeOf(codes: usize, shift: u32): i32 {
  return i8x16.bitmask(i8x16.shl(v128.load(codes), shift));
}

/** Sign codes of a row as bit planes of ⌈columns/8⌉ bytes each; the codes have room behind them, which is cleared. */
export function packPlanes(codes: usize, columns: u32, bits: u32, out: usize): void {
  v128.store(codes + (columns as usize), i8x16.splat(0));
  const planeBytes = ((columns + 7) >> 3) as usize;
  for (let p: u32 = 0; p < bits; p++, out += planeBytes) {
    const shift = 7 - p;
    let at: usize = 0;
    for (; at + 2 <= planeBytes; at += 2) store<u16>(out + at, planeOf(codes + (at << 3), shift) as u16);
    if (at < planeBytes) store<u8>(out + at, planeOf(codes + (at << 3), shift) as u8);
  }
}

/** Trits of a row, five to a byte, the first lowest. */
export function packTrits(codes: usize, columns: u32, out: usize): void {
  v128.store(codes + (columns as usize), i8x16.splat(0));
  const end = out + ((columns + 4) / 5);
  // The fifth byte of this product is the sum of all t_i·3^i.
  for (; out < end; out++, codes += 5) store<u8>(out, ((load<u64>(codes) * 0x0103091b51) >> 32) as u8);
}
