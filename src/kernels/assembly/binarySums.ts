// Magnitudes of a group, their order and their sums, added up in the order of src/core/math/lsbq/magnitudes.ts.
import { highHalf } from "./lanes";
import { sortKeys } from "./sortKeys";

/** Σ|x|. */
export function momentOf(x: usize, count: u32): f64 {
  let sum = f64x2.splat(0);
  let i: u32 = 0;
  for (; i + 4 <= count; i += 4) {
    const a = f32x4.abs(v128.load(x + ((i as usize) << 2)));
    sum = f64x2.add(sum, f64x2.add(f64x2.promote_low_f32x4(a), highHalf(a)));
  }
  let moment = f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
  for (; i < count; i++) moment += abs<f32>(load<f32>(x + ((i as usize) << 2))) as f64;
  return moment;
}

/** Fills in the sorted magnitudes and f64 sums of the first t = 0 … count of them; returns the last. */
export function sortedSums(x: usize, count: u32, keys: usize, sums: usize): f64 {
  let i: u32 = 0;
  for (; i + 4 <= count; i += 4) v128.store(keys + ((i as usize) << 2), f32x4.abs(v128.load(x + ((i as usize) << 2))));
  for (; i < count; i++) store<f32>(keys + ((i as usize) << 2), abs<f32>(load<f32>(x + ((i as usize) << 2))));
  sortKeys(keys, count);
  const zero = f64x2.splat(0);
  let before = zero;
  store<f64>(sums, 0);
  for (i = 0; i + 4 <= count; i += 4) {
    const v = v128.load(keys + ((i as usize) << 2));
    const low = f64x2.promote_low_f32x4(v);
    const high = highHalf(v);
    const pair = f64x2.add(low, v128.shuffle<i64>(zero, low, 0, 2));
    const rest = f64x2.add(high, v128.shuffle<i64>(zero, high, 0, 2));
    const to = sums + ((i as usize) << 3);
    v128.store(to, f64x2.add(before, pair), 8);
    const last = f64x2.add(before, f64x2.add(v128.shuffle<i64>(pair, pair, 1, 1), rest));
    v128.store(to, last, 24);
    before = v128.shuffle<i64>(last, last, 1, 1);
  }
  let sum = f64x2.extract_lane(before, 0);
  for (; i < count; i++) {
    sum += load<f32>(keys + ((i as usize) << 2)) as f64;
    store<f64>(sums + ((i as usize) << 3), sum, 8);
  }
  return sum;
}

/** The greatest f32 up to a limit ≥ 0: the same magnitudes of f32 are above it. */
// @ts-ignore: decorator
@inline
export function floorOf(limit: f64): f32 {
  const near = limit as f32;
  return reinterpret<f32>(reinterpret<u32>(near) - u32((near as f64) > limit));
}

/** How many of the sorted magnitudes, in `size` places, are at most `limit`. */
// @ts-ignore: decorator
@inline
export function countUpTo(keys: usize, size: u32, limit: f64): u32 {
  const most = reinterpret<i32>(floorOf(limit));
  let at = keys;
  for (let half = (size as usize) << 1; half >= 64; half >>= 1) at += half & -usize(load<i32>(at + half - 4) <= most);
  const mosts = i32x4.splat(most);
  const a = i32x4.le_s(v128.load(at), mosts);
  const b = i32x4.le_s(v128.load(at, 16), mosts);
  const c = i32x4.le_s(v128.load(at, 32), mosts);
  const d = i32x4.le_s(v128.load(at, 48), mosts);
  const all = i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d));
  return (((at - keys) >> 2) as u32) + popcnt(i8x16.bitmask(all));
}
