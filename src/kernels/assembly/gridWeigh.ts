// Exact sums of those assignments of codes that may be the best ones of a symmetric group.
import { total } from "./lanes";

/** (Σ|x|q)²/Σq² and Σ|x|q/Σq² of the best assignment since both were set to 0; only within one call. */
export let exactGain: f64 = 0;
export let exactScale: f64 = 0;

export function startWeighing(): void {
  exactGain = 0;
  exactScale = 0;
}

/**
 * Weighs the assignments behind keys `from` to `end` (byte places) whose f32 gain reaches `least`. False when a tie is near.
 * `unit` is 1 over the largest magnitude, `h` the outermost code, which exists for scales of one sign only.
 */
export function weighAll(
  x: usize, bytes: usize, h: f32, unit: f32, from: usize, end: usize, least: f32, gains: usize, keys: usize, isNegative: bool,
): bool {
  const threshold = f32x4.splat(least);
  for (let i = from; i < end; i += 16) {
    for (let mask = i32x4.bitmask(f32x4.ge(v128.load(gains + i), threshold)); mask; mask &= mask - 1) {
      const at = i + ((ctz(mask) as usize) << 2);
      if (at < end && !weigh(x, bytes, h, unit, keys + at, isNegative)) return false;
    }
  }
  return true;
}

/** Exact sums of the codes between this key and the next. False when they lie too close to tell, or on a tie. */
export function weigh(x: usize, bytes: usize, h: f32, unit: f32, key: usize, isNegative: bool): bool {
  // The outermost code of the other side changes nothing on this one.
  const payload = load<u32>(key) & 15;
  if ((payload >> 1) + 1 == (h as u32) && (payload & 1) == (isNegative as u32)) return true;
  const from = load<u32>(key) & ~15;
  const to = load<u32>(key, 4) & ~15;
  if ((to as i32) - (from as i32) < 128) return false; // units of the last place: several times what keys may be off
  const t = f32x4.splat((reinterpret<f32>(from) + reinterpret<f32>(to)) * 0.5 * unit);
  const top = f32x4.splat(h);
  const one = f32x4.splat(1);
  // The sign whose codes end one earlier.
  const sign = isNegative ? i32x4.splat(0) : i32x4.splat(-1);
  let sum = f64x2.splat(0);
  let squares = f32x4.splat(0);
  let odd = i32x4.splat(0);
  for (let i: usize = 0; i < bytes; i += 16) {
    const v = v128.load(x + i);
    const a = f32x4.abs(v);
    const short = v128.xor(i32x4.shr_s(v, 31), sign);
    const q = f32x4.pmin(f32x4.sub(top, v128.and(one, short)), f32x4.nearest(f32x4.mul(a, t)));
    squares = f32x4.add(squares, f32x4.mul(q, q));
    odd = v128.or(odd, i32x4.trunc_sat_f32x4_s(q));
    sum = f64x2.add(sum, f64x2.mul(f64x2.promote_low_f32x4(a), f64x2.promote_low_f32x4(q)));
    const aHigh = f64x2.promote_low_f32x4(v128.shuffle<i32>(a, a, 2, 3, 2, 3));
    sum = f64x2.add(sum, f64x2.mul(aHigh, f64x2.promote_low_f32x4(v128.shuffle<i32>(q, q, 2, 3, 2, 3))));
  }
  const lx = f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
  const l2 = total(squares) as f64;
  const gain = (lx * lx) / l2;
  if (gain == exactGain) return false;
  if (gain > exactGain) {
    // Even codes alone are those of twice the scale, which comes first in the walk.
    if (!(i32x4.bitmask(i32x4.shl(odd, 31)))) return false;
    exactGain = gain;
    exactScale = lx / l2;
  }
  return true;
}
