// Exact sums of those assignments of codes that may be the best ones of a symmetric group.
import { highHalf, total } from "./lanes";

/** (Σ|x|q)²/Σq² and Σ|x|q/Σq² of the best assignment since both were set to 0; only within one call. */
export let exactGain: f64 = 0;
export let exactScale: f64 = 0;

export function startWeighing(): void {
  exactGain = 0;
  exactScale = 0;
}

/**
 * Weighs the codes of scales 1/t between two places, in units of 1/largest magnitude. False when these lie too close to tell, or on
 * a tie. `unit` is 1 over the largest magnitude, `h` the outermost code, which exists for scales of one sign only.
 */
export function weigh(x: usize, count: u32, h: f32, unit: f32, from: f32, to: f32, isMinus: u32): bool {
  // In units of the last place: several times what the places may be off.
  if (reinterpret<i32>(to) - reinterpret<i32>(from) < 32) return false;
  const bytes = (count as usize) << 2;
  const t = f32x4.splat((from + to) * 0.5 * unit);
  const top = f32x4.splat(h);
  const one = f32x4.splat(1);
  // The sign whose codes end one earlier.
  const sign = i32x4.splat((isMinus as i32) - 1);
  let sum = f64x2.splat(0);
  let sumHigh = sum;
  let squares = f32x4.splat(0);
  let odd = i32x4.splat(0);
  for (let i: usize = 0; i < bytes; i += 16) {
    const v = v128.load(x + i);
    const a = f32x4.abs(v);
    const short = v128.xor(i32x4.shr_s(v, 31), sign);
    const q = f32x4.pmin(f32x4.sub(top, v128.and(one, short)), f32x4.nearest(f32x4.mul(a, t)));
    squares = f32x4.add(squares, f32x4.mul(q, q));
    odd = v128.or(odd, f32x4.add(q, f32x4.splat(8388608))); // the lowest bit
    sum = f64x2.add(sum, f64x2.mul(f64x2.promote_low_f32x4(a), f64x2.promote_low_f32x4(q)));
    sumHigh = f64x2.add(sumHigh, f64x2.mul(highHalf(a), highHalf(q)));
  }
  sum = f64x2.add(sum, sumHigh);
  const lx = f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
  const l2 = total(squares) as f64;
  const gain = (lx * lx) / l2;
  if (gain == exactGain) return lx / l2 == exactScale; // the same codes again
  if (gain > exactGain) {
    // Even codes alone are those of twice the scale, which comes first in the walk.
    if (!(i32x4.bitmask(i32x4.shl(odd, 31)))) return false;
    exactGain = gain;
    exactScale = lx / l2;
    // So near the middle of two f32 the walk's own sums, in another order, may round the other way.
    const rest = (reinterpret<u64>(exactScale) & 0x1fffffff) as i32;
    if (abs<i32>(rest - 0x10000000) < 1024) return false;
  }
  return true;
}
