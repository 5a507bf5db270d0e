// Second reading of a tile, when the absolute maximum, mean and standard deviation are known.

// @ts-ignore: decorator
@inline
function bump(table: usize, pair: i64): void {
  const a = table + ((pair as u32) as usize);
  store<u32>(a, load<u32>(a) + 1);
  const b = table + (((pair as u64) >>> 32) as usize);
  store<u32>(b, load<u32>(b, 4) + 1, 4);
}

// @ts-ignore: decorator
@inline
function bump2(table: usize, pair: i64): void {
  const a = table + ((pair as u32) as usize);
  store<u32>(a, load<u32>(a, 8) + 1, 8);
  const b = table + (((pair as u64) >>> 32) as usize);
  store<u32>(b, load<u32>(b, 12) + 1, 12);
}

/**
 * Adds to counts u32[257][4] the bins ⌊128 + x·scale⌋, where scale is 128 / absMax; bin 256 holds x = absMax alone. Returns how
 * many elements lie below `low` or above `high`.
 *
 * Exact: the sum with 2^12 keeps 40 fractional bits, and an f32 that is not on an edge is at least 2^-32 of a bin away from it,
 * except next to 0, where `leastNegative` (a tiny negative number) keeps negatives below the middle edge.
 */
export function distribute(x: usize, count: u32, scale: f64, leastNegative: f32, low: f32, high: f32, counts: usize): u32 {
  const factor = f64x2.splat(scale);
  const offset = f64x2.splat(4096 + 128);
  const least = f32x4.splat(leastNegative);
  const lows = f32x4.splat(low);
  const highs = f32x4.splat(high);
  const mask = i32x4.splat(0x1ff0);
  let outside = i32x4.splat(0);
  const end = x + ((count as usize) << 2);
  const whole = x + (((count & ~3) as usize) << 2);
  for (; x < whole; x += 16) {
    const v = v128.load(x);
    outside = i32x4.sub(outside, v128.or(f32x4.lt(v, lows), f32x4.gt(v, highs)));
    const u = v128.bitselect(f32x4.pmin(v, least), v, f32x4.lt(v, f32x4.splat(0)));
    const a = f64x2.add(f64x2.mul(f64x2.promote_low_f32x4(u), factor), offset);
    const b = f64x2.add(f64x2.mul(f64x2.promote_low_f32x4(v128.shuffle<i32>(u, u, 2, 3, 2, 3)), factor), offset);
    const bins = v128.and(i32x4.shr_u(v128.shuffle<i32>(a, b, 1, 3, 5, 7), 4), mask);
    const i0 = counts + (i32x4.extract_lane(bins, 0) as usize);
    store<u32>(i0, load<u32>(i0) + 1);
    const i1 = counts + (i32x4.extract_lane(bins, 1) as usize);
    store<u32>(i1, load<u32>(i1, 4) + 1, 4);
    const i2 = counts + (i32x4.extract_lane(bins, 2) as usize);
    store<u32>(i2, load<u32>(i2, 8) + 1, 8);
    const i3 = counts + (i32x4.extract_lane(bins, 3) as usize);
    store<u32>(i3, load<u32>(i3, 12) + 1, 12);
  }
  let total: u32 = i32x4.extract_lane(outside, 0) + i32x4.extract_lane(outside, 1) + i32x4.extract_lane(outside, 2)
    + i32x4.extract_lane(outside, 3);
  for (; x < end; x += 4) {
    const v = load<f32>(x);
    if (v < low || v > high) total++;
    const u = v < 0 ? min<f32>(v, leastNegative) : v;
    const bits = reinterpret<u64>((u as f64) * scale + (4096.0 + 128.0));
    const a = counts + ((((bits >>> 32) as u32 >>> 4) & 0x1ff0) as usize);
    store<u32>(a, load<u32>(a) + 1);
  }
  return total;
}
