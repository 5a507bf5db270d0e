// ggml's blocks of 32, encoded without importance weights in f32 steps as the reference does them, and their error without the
// bytes.
import { weighted_q4_0, weighted_q4_1, weighted_q5_0, weighted_q5_1 } from "./encodeWeighted";
import { half } from "./half";
import { highest, lowest } from "./lanes";

/** Beyond this a half-precision scale could become infinite: the encoding itself says what to do then. */
const LARGEST: f32 = 32768;

/** An f32 rounded to f16 and back; |x| below 65520. */
// @ts-ignore: decorator
@inline
function roundedHalf(x: f32): f32 {
  return half(halfBits(x));
}

/** f32 to f16 bits, round half to even; |x| below 65520. */
// @ts-ignore: decorator
@inline
function halfBits(x: f32): u32 {
  const bits = reinterpret<u32>(x);
  const sign = (bits >> 16) & 0x8000;
  const m = bits & 0x7fffffff;
  // Below the normal range the addition itself rounds to multiples of 2^-24.
  if (m < 0x38800000) return sign | (reinterpret<u32>(reinterpret<f32>(m) + 0.5) - 0x3f000000);
  return sign | ((m - 0x38000000 + 0xfff + ((m >> 13) & 1)) >> 13);
}

// @ts-ignore: decorator
@inline
function lowestOf(x: usize): f32 {
  let a = f32x4.pmin(v128.load(x), v128.load(x, 16));
  let b = f32x4.pmin(v128.load(x, 32), v128.load(x, 48));
  a = f32x4.pmin(a, v128.load(x, 64));
  b = f32x4.pmin(b, v128.load(x, 80));
  a = f32x4.pmin(a, v128.load(x, 96));
  b = f32x4.pmin(b, v128.load(x, 112));
  return lowest(f32x4.pmin(a, b));
}

// @ts-ignore: decorator
@inline
function highestOf(x: usize): f32 {
  let a = f32x4.pmax(v128.load(x), v128.load(x, 16));
  let b = f32x4.pmax(v128.load(x, 32), v128.load(x, 48));
  a = f32x4.pmax(a, v128.load(x, 64));
  b = f32x4.pmax(b, v128.load(x, 80));
  a = f32x4.pmax(a, v128.load(x, 96));
  b = f32x4.pmax(b, v128.load(x, 112));
  return highest(f32x4.pmax(a, b));
}

/** Signed value of largest magnitude, the first of equals. */
// @ts-ignore: decorator
@inline
function extreme(x: usize, low: f32, high: f32): f32 {
  if (-low < high) return high;
  if (-low > high) return low;
  if (high == 0) return 0;
  while (abs<f32>(load<f32>(x)) != high) x += 4;
  return load<f32>(x);
}

/** The first zero of a block: its sign is stored. */
function firstZero(x: usize): f32 {
  while (load<f32>(x) != 0) x += 4;
  return load<f32>(x);
}

// @ts-ignore: decorator
@inline
function finish(sum: v128): f64 {
  const pairs = f64x2.add(f64x2.promote_low_f32x4(sum), f64x2.promote_low_f32x4(v128.shuffle<i32>(sum, sum, 2, 3, 2, 3)));
  return f64x2.extract_lane(pairs, 0) + f64x2.extract_lane(pairs, 1);
}

/** Half away from zero, as C's roundf, of |v| < 2^22, as floats. */
// @ts-ignore: decorator
@inline
function roundAway(v: v128): v128 {
  const whole = f32x4.trunc(v);
  const rest = f32x4.abs(f32x4.sub(v, whole));
  const step = v128.or(v128.and(v, i32x4.splat(0x80000000)), f32x4.splat(1));
  return f32x4.add(whole, v128.and(f32x4.ge(rest, f32x4.splat(0.5)), step));
}

/**
 * The squares of a block's errors are summed in f32 after scaling by a power of two: `unit` brings the block's largest
 * magnitude near 1, so that nothing is lost to overflow or underflow.
 */
// @ts-ignore: decorator
@inline
function unitOf(magnitude: f32): f32 {
  return reinterpret<f32>(0x7f000000 - min<u32>(reinterpret<u32>(magnitude) & 0x7f800000, 0x7e800000));
}

export function error_q8_0(x: usize, rows: u32, columns: u32): f64 {
  let sum: f64 = 0;
  for (const end = x + (rows as usize) * ((columns as usize) << 2); x < end; x += 128) {
    const absmax = max<f32>(-lowestOf(x), highestOf(x));
    if (absmax > LARGEST) return NaN;
    if (absmax == 0) continue;
    const scale = absmax / 127;
    const inverse = f32x4.splat(1 / scale);
    if (f32x4.extract_lane(inverse, 0) == Infinity) return NaN;
    const d = f32x4.splat(roundedHalf(scale));
    const unit = unitOf(absmax);
    const u = f32x4.splat(unit);
    let block = f32x4.splat(0);
    for (let i: usize = 0; i < 128; i += 16) {
      const v = v128.load(x + i);
      const q = roundAway(f32x4.mul(v, inverse));
      const e = f32x4.mul(f32x4.sub(v, f32x4.mul(q, d)), u);
      block = f32x4.add(block, f32x4.mul(e, e));
    }
    sum += finish(block) / ((unit as f64) * (unit as f64));
  }
  return sum;
}

export function encode_q8_0(x: usize, rows: u32, columns: u32, importance: usize, scratch: usize, target: usize): u32 {
  for (const end = x + (rows as usize) * ((columns as usize) << 2); x < end; x += 128, target += 34) {
    const absmax = max<f32>(-lowestOf(x), highestOf(x));
    if (absmax > LARGEST) return 0;
    const scale = absmax / 127;
    const inverse = f32x4.splat(scale == 0 ? 0 : 1 / scale);
    if (scale != 0 && f32x4.extract_lane(inverse, 0) == Infinity) return 0;
    store<u16>(target, halfBits(scale) as u16);
    for (let i: usize = 0; i < 2; i++) {
      const p = x + (i << 6);
      const a = i32x4.trunc_sat_f32x4_s(roundAway(f32x4.mul(v128.load(p), inverse)));
      const b = i32x4.trunc_sat_f32x4_s(roundAway(f32x4.mul(v128.load(p, 16), inverse)));
      const c = i32x4.trunc_sat_f32x4_s(roundAway(f32x4.mul(v128.load(p, 32), inverse)));
      const d = i32x4.trunc_sat_f32x4_s(roundAway(f32x4.mul(v128.load(p, 48), inverse)));
      v128.store(target + (i << 4), i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d)), 2);
    }
  }
  return 1;
}

/** Codes of Q4_0 (top 15) and Q5_0 (top 31) as floats: min(top, trunc(x·id + half + ½)). */
// @ts-ignore: decorator
@inline
function symmetricCodes(v: v128, inverse: v128, offset: v128, top: v128): v128 {
  return f32x4.pmin(top, f32x4.trunc(f32x4.add(f32x4.mul(v, inverse), offset)));
}

// @ts-ignore: decorator
@inline
function symmetricError(x: usize, rows: u32, columns: u32, middle: f32): f64 {
  let sum: f64 = 0;
  const offset = f32x4.splat(middle + 0.5);
  const top = f32x4.splat(2 * middle - 1);
  const m = f32x4.splat(middle);
  for (const end = x + (rows as usize) * ((columns as usize) << 2); x < end; x += 128) {
    const low = lowestOf(x);
    const high = highestOf(x);
    const absmax = max<f32>(-low, high);
    if (absmax > LARGEST) return NaN;
    if (absmax == 0) continue;
    const scale = extreme(x, low, high) / -middle;
    const inverse = f32x4.splat(1 / scale);
    if (scale == 0 || abs<f32>(f32x4.extract_lane(inverse, 0)) == Infinity) return NaN;
    const d = f32x4.splat(roundedHalf(scale));
    const unit = unitOf(absmax);
    const u = f32x4.splat(unit);
    let block = f32x4.splat(0);
    for (let i: usize = 0; i < 128; i += 16) {
      const v = v128.load(x + i);
      const q = f32x4.sub(symmetricCodes(v, inverse, offset, top), m);
      const e = f32x4.mul(f32x4.sub(v, f32x4.mul(q, d)), u);
      block = f32x4.add(block, f32x4.mul(e, e));
    }
    sum += finish(block) / ((unit as f64) * (unit as f64));
  }
  return sum;
}

/** Codes of Q4_1 (top 15) and Q5_1 (top 31): min(top, trunc((x − min)·id + ½)). */
// @ts-ignore: decorator
@inline
function shiftedError(x: usize, rows: u32, columns: u32, topCode: f32): f64 {
  let sum: f64 = 0;
  const top = f32x4.splat(topCode);
  const offset = f32x4.splat(0.5);
  for (const end = x + (rows as usize) * ((columns as usize) << 2); x < end; x += 128) {
    const low = lowestOf(x);
    const high = highestOf(x);
    const absmax = max<f32>(-low, high);
    if (absmax > LARGEST) return NaN;
    if (absmax == 0) continue;
    const scale = (high - low) / topCode;
    const inverse = f32x4.splat(scale == 0 ? 0 : 1 / scale);
    if (scale == 0 || f32x4.extract_lane(inverse, 0) == Infinity) return NaN;
    const lows = f32x4.splat(low);
    const d = f32x4.splat(roundedHalf(scale));
    const m = f32x4.splat(roundedHalf(low));
    const unit = unitOf(absmax);
    const u = f32x4.splat(unit);
    let block = f32x4.splat(0);
    for (let i: usize = 0; i < 128; i += 16) {
      const v = v128.load(x + i);
      const q = f32x4.pmin(top, f32x4.trunc(f32x4.add(f32x4.mul(f32x4.sub(v, lows), inverse), offset)));
      const e = f32x4.mul(f32x4.sub(v, f32x4.add(f32x4.mul(q, d), m)), u);
      block = f32x4.add(block, f32x4.mul(e, e));
    }
    sum += finish(block) / ((unit as f64) * (unit as f64));
  }
  return sum;
}

export function error_q4_0(x: usize, rows: u32, columns: u32): f64 {
  return symmetricError(x, rows, columns, 8);
}

export function error_q5_0(x: usize, rows: u32, columns: u32): f64 {
  return symmetricError(x, rows, columns, 16);
}

export function error_q4_1(x: usize, rows: u32, columns: u32): f64 {
  return shiftedError(x, rows, columns, 15);
}

export function error_q5_1(x: usize, rows: u32, columns: u32): f64 {
  return shiftedError(x, rows, columns, 31);
}

/** Sixteen codes as bytes. */
// @ts-ignore: decorator
@inline
function bytesOf(a: v128, b: v128, c: v128, d: v128): v128 {
  return i8x16.narrow_i16x8_u(
    i16x8.narrow_i32x4_s(i32x4.trunc_sat_f32x4_s(a), i32x4.trunc_sat_f32x4_s(b)),
    i16x8.narrow_i32x4_s(i32x4.trunc_sat_f32x4_s(c), i32x4.trunc_sat_f32x4_s(d)));
}

/** Fifth bits of sixteen codes as a mask. */
// @ts-ignore: decorator
@inline
function fifths(codes: v128): u32 {
  return i8x16.bitmask(i8x16.shl(codes, 3)) as u32;
}

// @ts-ignore: decorator
@inline
function nibbles(low: v128, high: v128): v128 {
  return v128.or(v128.and(low, i8x16.splat(15)), i8x16.shl(high, 4));
}

// @ts-ignore: decorator
@inline
function symmetricBytes(x: usize, inverse: v128, offset: v128, top: v128): v128 {
  return bytesOf(
    symmetricCodes(v128.load(x), inverse, offset, top), symmetricCodes(v128.load(x, 16), inverse, offset, top),
    symmetricCodes(v128.load(x, 32), inverse, offset, top), symmetricCodes(v128.load(x, 48), inverse, offset, top));
}

// @ts-ignore: decorator
@inline
function encodeSymmetric(x: usize, rows: u32, columns: u32, target: usize, middle: f32, five: bool): u32 {
  const offset = f32x4.splat(middle + 0.5);
  const top = f32x4.splat(2 * middle - 1);
  for (const end = x + (rows as usize) * ((columns as usize) << 2); x < end; x += 128) {
    const low = lowestOf(x);
    const high = highestOf(x);
    if (max<f32>(-low, high) > LARGEST) return 0;
    const scale = extreme(x, low, high) / -middle;
    const inverse = f32x4.splat(scale == 0 ? 0 : 1 / scale);
    if (abs<f32>(f32x4.extract_lane(inverse, 0)) == Infinity) return 0;
    store<u16>(target, halfBits(scale) as u16);
    const a = symmetricBytes(x, inverse, offset, top);
    const b = symmetricBytes(x + 64, inverse, offset, top);
    if (five) {
      store<u32>(target, fifths(a) | (fifths(b) << 16), 2);
      v128.store(target, nibbles(a, b), 6);
      target += 22;
    } else {
      v128.store(target, nibbles(a, b), 2);
      target += 18;
    }
  }
  return 1;
}

// @ts-ignore: decorator
@inline
function shiftedBytes(x: usize, lows: v128, inverse: v128, top: v128): v128 {
  const h = f32x4.splat(0.5);
  return bytesOf(
    f32x4.pmin(top, f32x4.add(f32x4.mul(f32x4.sub(v128.load(x), lows), inverse), h)),
    f32x4.pmin(top, f32x4.add(f32x4.mul(f32x4.sub(v128.load(x, 16), lows), inverse), h)),
    f32x4.pmin(top, f32x4.add(f32x4.mul(f32x4.sub(v128.load(x, 32), lows), inverse), h)),
    f32x4.pmin(top, f32x4.add(f32x4.mul(f32x4.sub(v128.load(x, 48), lows), inverse), h)));
}

// @ts-ignore: decorator
@inline
function encodeShifted(x: usize, rows: u32, columns: u32, target: usize, topCode: f32, five: bool): u32 {
  const top = f32x4.splat(topCode);
  for (const end = x + (rows as usize) * ((columns as usize) << 2); x < end; x += 128) {
    const low = lowestOf(x);
    const high = highestOf(x);
    if (max<f32>(-low, high) > LARGEST) return 0;
    const scale = (high - low) / topCode;
    const inverse = f32x4.splat(scale == 0 ? 0 : 1 / scale);
    if (f32x4.extract_lane(inverse, 0) == Infinity) return 0;
    store<u16>(target, halfBits(scale) as u16);
    store<u16>(target, halfBits(low == 0 ? firstZero(x) : low) as u16, 2);
    const lows = f32x4.splat(low);
    const a = shiftedBytes(x, lows, inverse, top);
    const b = shiftedBytes(x + 64, lows, inverse, top);
    if (five) {
      store<u32>(target, fifths(a) | (fifths(b) << 16), 4);
      v128.store(target, nibbles(a, b), 8);
      target += 24;
    } else {
      v128.store(target, nibbles(a, b), 4);
      target += 20;
    }
  }
  return 1;
}

// With importance weights these types search.

export function encode_q4_0(x: usize, rows: u32, columns: u32, importance: usize, scratch: usize, target: usize): u32 {
  return importance ? weighted_q4_0(x, rows, columns, importance, scratch, target) : encodeSymmetric(x, rows, columns, target, 8, false);
}

export function encode_q5_0(x: usize, rows: u32, columns: u32, importance: usize, scratch: usize, target: usize): u32 {
  return importance ? weighted_q5_0(x, rows, columns, importance, scratch, target) : encodeSymmetric(x, rows, columns, target, 16, true);
}

export function encode_q4_1(x: usize, rows: u32, columns: u32, importance: usize, scratch: usize, target: usize): u32 {
  return importance ? weighted_q4_1(x, rows, columns, importance, scratch, target) : encodeShifted(x, rows, columns, target, 15, false);
}

export function encode_q5_1(x: usize, rows: u32, columns: u32, importance: usize, scratch: usize, target: usize): u32 {
  return importance ? weighted_q5_1(x, rows, columns, importance, scratch, target) : encodeShifted(x, rows, columns, target, 31, true);
}

export function encode_f16(x: usize, rows: u32, columns: u32, importance: usize, scratch: usize, target: usize): u32 {
  for (const end = x + (rows as usize) * ((columns as usize) << 2); x < end; x += 4, target += 2) {
    const v = load<f32>(x);
    if (abs<f32>(v) >= 65520) return 0;
    store<u16>(target, halfBits(v) as u16);
  }
  return 1;
}

export function encode_bf16(x: usize, rows: u32, columns: u32, importance: usize, scratch: usize, target: usize): u32 {
  for (const end = x + (rows as usize) * ((columns as usize) << 2); x < end; x += 4, target += 2) {
    const bits = load<u32>(x);
    if ((bits & 0x7fffffff) > 0x7f7f7fff) return 0; // would become infinite
    store<u16>(target, ((bits + 0x7fff + ((bits >> 16) & 1)) >> 16) as u16);
  }
  return 1;
}
