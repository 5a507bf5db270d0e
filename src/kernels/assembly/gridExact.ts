// The exact search for the scale of a symmetric grid of at most 4 bits.
import { consider } from "./gridStored";

/** Scratch: the best so far, then counters of buckets, then breakpoints unsorted and sorted; 1 MB in all. */
const BUCKETS: u32 = 1 << 14;
const BREAKPOINTS: u32 = 60000;

/** Σ max(0, |x| − edge)²: what clipping at `edge` costs at least. */
function clipped(x: usize, count: u32, edge: f32): f32 {
  const e = f32x4.splat(edge);
  const zero = f32x4.splat(0);
  let sum = zero;
  let i: u32 = 0;
  for (; i + 4 <= count; i += 4) {
    const d = f32x4.pmax(zero, f32x4.sub(f32x4.abs(v128.load(x + ((i as usize) << 2))), e));
    sum = f32x4.add(sum, f32x4.mul(d, d));
  }
  let total = f32x4.extract_lane(sum, 0) + f32x4.extract_lane(sum, 1) + f32x4.extract_lane(sum, 2) + f32x4.extract_lane(sum, 3);
  for (; i < count; i++) {
    const d = max<f32>(0, abs<f32>(load<f32>(x + ((i as usize) << 2))) - edge);
    total += d * d;
  }
  return total;
}

/** Σ x² of |x| ≤ edge: what taking all of them for 0 costs. */
function erased(x: usize, count: u32, edge: f32): f32 {
  const e = f32x4.splat(edge);
  let sum = f32x4.splat(0);
  let i: u32 = 0;
  for (; i + 4 <= count; i += 4) {
    const v = v128.load(x + ((i as usize) << 2));
    sum = f32x4.add(sum, v128.and(f32x4.mul(v, v), f32x4.le(f32x4.abs(v), e)));
  }
  let total = f32x4.extract_lane(sum, 0) + f32x4.extract_lane(sum, 1) + f32x4.extract_lane(sum, 2) + f32x4.extract_lane(sum, 3);
  for (; i < count; i++) {
    const v = load<f32>(x + ((i as usize) << 2));
    if (abs<f32>(v) <= edge) total += v * v;
  }
  return total;
}

/**
 * The scales s > 0 and s < 0 of least squared error over all assignments of codes, by walking the sorted magnitudes |x|/(k+½) at which a
 * code changes, from the largest down. Lane 0 is s > 0, where positive weights stop one code earlier; lane 1 is s < 0.
 *
 * Only scales between two bounds are walked: below the lower one clipping alone, above the upper one the weights that become 0 alone cost
 * more than the error that is known already. The sums at the upper bound are exact (f32 values within a few powers of two of one
 * another), so that leaving the rest out changes no bit. False when there are too many breakpoints for the scratch.
 */
export function exact(
  x: usize, count: u32, bits: u32, absmax: f64, type: u32, positive: bool, best: usize, scratch: usize,
): bool {
  const half: u32 = 1 << (bits - 1);
  const known = load<f64>(best, 8);
  let lowest = max<f64>(0, absmax - sqrt<f64>(known)) / (half as f64);
  let highest: f64 = Infinity;
  if (absmax > 1e-15 && absmax < 1e15 && known > 0) {
    // f32 sums of up to a million terms are good to a tenth; smaller groups are far better.
    const enough = (known * (count > 4096 ? 1.1 : 1.001)) as f32;
    const h = half as f64;
    for (let next = max<f64>(lowest, absmax / (h * 8)); next < absmax / h; next *= 1.07) {
      if (!(clipped(x, count, (next * h) as f32) > enough)) break;
      lowest = next;
    }
    for (let next = absmax / h; next < 2 * absmax; next *= 1.2) {
      if (erased(x, count, (next / 2) as f32) > enough) {
        highest = next;
        break;
      }
    }
    if (lowest < absmax / 4096) highest = Infinity; // sums over so wide a range may be rounded
  }
  const payloadBits: u64 = 32 - (clz<u32>(count * half - 1) as u64);
  const mask: u64 = ((1 as u64) << payloadBits) - 1;
  const shift = ctz<u32>(half);
  const counters = scratch;
  const keys = scratch + BUCKETS * 4;
  const sorted = keys + BREAKPOINTS * 8;
  const fine: u64 = 52 - (7 + (count > 64 ? 26 - clz<u32>(count - 1) : 0) as u64);
  const top = (reinterpret<u64>(min<f64>(highest, absmax * 2)) >> fine) as i32;
  const base = max<i32>(top - (BUCKETS as i32) + 1, (reinterpret<u64>(lowest) >> fine) as i32);
  const buckets = ((top - base + 1) as u32 + 3) & ~3;
  memory.fill(counters, 0, buckets << 2);
  let n: u32 = 0;
  let x0: f64 = 0;
  let x1: f64 = 0;
  let q0: f64 = 0;
  let q1: f64 = 0;
  const last = half - 1;
  for (let i: u32 = 0; i < count; i++) {
    const v = load<f32>(x + ((i as usize) << 2));
    const magnitude = abs<f32>(v) as f64;
    if (n + half > BREAKPOINTS) return false;
    for (let k: u32 = 0; k < half; k++) {
      const breakpoint = magnitude / ((k as f64) + 0.5);
      if (breakpoint < lowest || breakpoint == 0) break;
      if (breakpoint > highest) {
        const q = ((2 * k + 1) as i32) as f64;
        if (k != last || v < 0) {
          x0 += magnitude;
          q0 += q;
        }
        if (k != last || v > 0) {
          x1 += magnitude;
          q1 += q;
        }
        continue;
      }
      const key = (reinterpret<u64>(breakpoint) & ~mask) | ((i << shift) | k);
      store<u64>(keys + ((n as usize) << 3), key);
      n++;
      const c = counters + ((max<i32>(0, (key >> fine) as i32 - base) as usize) << 2);
      store<u32>(c, load<u32>(c) + 1);
    }
  }
  let before: u32 = 0;
  for (let b: u32 = 0; b < buckets; b += 4) {
    const c = counters + ((b as usize) << 2);
    const n0 = load<u32>(c);
    const n1 = load<u32>(c, 4);
    const n2 = load<u32>(c, 8);
    const n3 = load<u32>(c, 12);
    store<u32>(c, before);
    store<u32>(c, before + n0, 4);
    store<u32>(c, before + n0 + n1, 8);
    store<u32>(c, before + n0 + n1 + n2, 12);
    before += n0 + n1 + n2 + n3;
  }
  for (let j: u32 = 0; j < n; j++) {
    const key = load<u64>(keys + ((j as usize) << 3));
    const c = counters + ((max<i32>(0, (key >> fine) as i32 - base) as usize) << 2);
    const at = load<u32>(c);
    store<u32>(c, at + 1);
    store<u64>(sorted + ((at as usize) << 3), key);
  }
  for (let j: u32 = 1; j < n; j++) {
    let at = sorted + ((j as usize) << 3);
    const key = load<u64>(at);
    while (at > sorted && load<u64>(at - 8) > key) {
      store<u64>(at, load<u64>(at - 8));
      at -= 8;
    }
    store<u64>(at, key);
  }
  let sumlx = f64x2.replace_lane(f64x2.splat(x0), 1, x1);
  let suml2 = f64x2.replace_lane(f64x2.splat(q0), 1, q1);
  let gain = f64x2.splat(0);
  let bestlx = gain;
  let bestl2 = f64x2.splat(1);
  const sides = f64x2(1, -1);
  for (let j = n; j > 0; j--) {
    const payload = (load<u64>(sorted + (((j - 1) as usize) << 3)) & mask) as u32;
    const k = payload & last;
    const v = load<f32>(x + ((payload >> shift) as usize << 2)) as f64;
    // The lane where this weight's sign and the scale's give the missing code stays as it is.
    const keep = v128.or(f64x2.lt(f64x2.mul(f64x2.splat(v), sides), f64x2.splat(0)), i64x2.splat(-((k != last) as i64)));
    sumlx = f64x2.add(sumlx, v128.and(f64x2.splat(abs<f64>(v)), keep));
    suml2 = f64x2.add(suml2, v128.and(f64x2.splat(((2 * k + 1) as i32) as f64), keep));
    const value = f64x2.div(f64x2.mul(sumlx, sumlx), suml2);
    const better = f64x2.gt(value, gain); // 0/0 is not
    gain = v128.bitselect(value, gain, better);
    bestlx = v128.bitselect(sumlx, bestlx, better);
    bestl2 = v128.bitselect(suml2, bestl2, better);
  }
  const optimum = f64x2.mul(sides, f64x2.div(bestlx, bestl2));
  consider(f64x2.extract_lane(optimum, 0), x, count, bits, type, best);
  if (!positive) consider(f64x2.extract_lane(optimum, 1), x, count, bits, type, best);
  return true;
}
