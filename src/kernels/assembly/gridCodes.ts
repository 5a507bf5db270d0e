// Codes of integer grids, and what they cost: f32 quotients rounded half to even, errors summed in f64 in the encodings' own order.
import { highHalf, highest, lowest } from "./lanes";

// @ts-ignore: decorator
@inline
export function codesOf(v: v128, scale: v128, low: v128, high: v128): v128 {
  return f32x4.pmin(high, f32x4.pmax(low, f32x4.nearest(f32x4.div(v, scale))));
}

// @ts-ignore: decorator
@inline
export function codeOf(v: f32, scale: f32, low: f32, high: f32): f32 {
  return min<f32>(high, max<f32>(low, nearest<f32>(v / scale)));
}

/** The largest magnitude. */
export function largestOf(x: usize, count: u32): f32 {
  let most = f32x4.splat(0);
  let i: u32 = 0;
  for (; i + 4 <= count; i += 4) most = f32x4.pmax(most, f32x4.abs(v128.load(x + ((i as usize) << 2))));
  for (; i < count; i++) most = f32x4.pmax(most, f32x4.abs(v128.load32_splat(x + ((i as usize) << 2))));
  return highest(most);
}

/** The least and the greatest value in the first two lanes, both with 0 among them. */
export function rangeOf(x: usize, count: u32): v128 {
  let lows = f32x4.splat(0);
  let highs = lows;
  let i: u32 = 0;
  for (; i + 4 <= count; i += 4) {
    const v = v128.load(x + ((i as usize) << 2));
    lows = f32x4.pmin(lows, v);
    highs = f32x4.pmax(highs, v);
  }
  for (; i < count; i++) {
    const v = v128.load32_splat(x + ((i as usize) << 2));
    lows = f32x4.pmin(lows, v);
    highs = f32x4.pmax(highs, v);
  }
  return f32x4.replace_lane(f32x4.splat(lowest(lows)), 1, highest(highs));
}

/** Signed value of largest magnitude, the first of equals. */
export function extremeOf(x: usize, count: u32): f32 {
  const range = rangeOf(x, count);
  const low = f32x4.extract_lane(range, 0);
  const high = f32x4.extract_lane(range, 1);
  if (-low == high) {
    if (high == 0) return 0;
    while (abs<f32>(load<f32>(x)) != high) x += 4;
    return load<f32>(x);
  }
  // No branch on the sign, which nothing foretells.
  return reinterpret<f32>(select<u32>(reinterpret<u32>(high), reinterpret<u32>(low), -low < high));
}

/** Σ (x − q·s)² before the product is rounded, as the search for a scale measures it. */
export function searchError(x: usize, count: u32, scale: f32, low: f32, high: f32): f64 {
  const s = f32x4.splat(scale);
  const wide = f64x2.splat(scale as f64);
  const lows = f32x4.splat(low);
  const highs = f32x4.splat(high);
  let sum = f64x2.splat(0);
  let i: u32 = 0;
  for (; i + 4 <= count; i += 4) {
    const v = v128.load(x + ((i as usize) << 2));
    const q = codesOf(v, s, lows, highs);
    const a = f64x2.sub(f64x2.promote_low_f32x4(v), f64x2.mul(f64x2.promote_low_f32x4(q), wide));
    const b = f64x2.sub(highHalf(v), f64x2.mul(highHalf(q), wide));
    sum = f64x2.add(sum, f64x2.add(f64x2.mul(a, a), f64x2.mul(b, b)));
  }
  let total = f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
  for (; i < count; i++) {
    const v = load<f32>(x + ((i as usize) << 2));
    const d = (v as f64) - (codeOf(v, scale, low, high) as f64) * (scale as f64);
    total += d * d;
  }
  return total;
}

/** Σ (x − f32(q·s))²: what decoding gives. */
export function decodedError(x: usize, count: u32, scale: f32, low: f32, high: f32): f64 {
  const s = f32x4.splat(scale);
  const lows = f32x4.splat(low);
  const highs = f32x4.splat(high);
  let sum = f64x2.splat(0);
  let i: u32 = 0;
  for (; i + 4 <= count; i += 4) {
    const v = v128.load(x + ((i as usize) << 2));
    const w = f32x4.mul(codesOf(v, s, lows, highs), s);
    const a = f64x2.sub(f64x2.promote_low_f32x4(v), f64x2.promote_low_f32x4(w));
    const b = f64x2.sub(highHalf(v), highHalf(w));
    sum = f64x2.add(sum, f64x2.add(f64x2.mul(a, a), f64x2.mul(b, b)));
  }
  let total = f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
  for (; i < count; i++) {
    const v = load<f32>(x + ((i as usize) << 2));
    const d = (v as f64) - (codeOf(v, scale, low, high) * scale as f64);
    total += d * d;
  }
  return total;
}
