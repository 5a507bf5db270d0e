// Integer grids: w = (code − zero)·scale over groups of a row. The same arithmetic as the encodings' own: scales are chosen in f64 with
// sums in the same order, rounded to their type, and codes come from f32 quotients.
import { half as fromHalf } from "./half";
import { halfBits } from "./toHalf";

/** Scale types and rules by number. */
const F32: u32 = 0;
const F16: u32 = 1;
const ABSMAX: u32 = 1;
const EXTREME: u32 = 2;

/** Scratch: the best so far, then counters of buckets, then breakpoints unsorted and sorted; 1 MB in all. */
const BUCKETS: u32 = 1 << 14;
const BREAKPOINTS: u32 = 60000;

// @ts-ignore: decorator
@inline
function highHalf(v: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<i32>(v, v, 2, 3, 2, 3));
}

// @ts-ignore: decorator
@inline
function codesOf(v: v128, scale: v128, low: v128, high: v128): v128 {
  return f32x4.pmin(high, f32x4.pmax(low, f32x4.nearest(f32x4.div(v, scale))));
}

// @ts-ignore: decorator
@inline
function codeOf(v: f32, scale: f32, low: f32, high: f32): f32 {
  return min<f32>(high, max<f32>(low, nearest<f32>(v / scale)));
}

/** Signed value of largest magnitude, the first of equals. */
function extremeOf(x: usize, count: u32): f32 {
  let lowest = f32x4.splat(0);
  let highest = lowest;
  let i: u32 = 0;
  for (; i + 4 <= count; i += 4) {
    const v = v128.load(x + ((i as usize) << 2));
    lowest = f32x4.pmin(lowest, v);
    highest = f32x4.pmax(highest, v);
  }
  let low = min<f32>(min<f32>(f32x4.extract_lane(lowest, 0), f32x4.extract_lane(lowest, 1)),
    min<f32>(f32x4.extract_lane(lowest, 2), f32x4.extract_lane(lowest, 3)));
  let high = max<f32>(max<f32>(f32x4.extract_lane(highest, 0), f32x4.extract_lane(highest, 1)),
    max<f32>(f32x4.extract_lane(highest, 2), f32x4.extract_lane(highest, 3)));
  for (; i < count; i++) {
    const v = load<f32>(x + ((i as usize) << 2));
    low = min<f32>(low, v);
    high = max<f32>(high, v);
  }
  if (-low < high) return high;
  if (-low > high) return low;
  if (high == 0) return 0;
  while (abs<f32>(load<f32>(x)) != high) x += 4;
  return load<f32>(x);
}

/** Σ (x − q·s)² before the product is rounded, as the search for a scale measures it. */
function searchError(x: usize, count: u32, scale: f32, low: f32, high: f32): f64 {
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
function decodedError(x: usize, count: u32, scale: f32, low: f32, high: f32): f64 {
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

/** bfloat16 bits of a finite f32. */
// @ts-ignore: decorator
@inline
function bf16Bits(v: f32): u32 {
  const bits = reinterpret<u32>(v);
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

/** As stored: rounded to its type, so small that all values of the grid are finite, never 0. */
function stored(scale: f64, bits: u32, type: u32): f32 {
  const magnitude = abs<f64>(scale) as f32;
  let s: f32;
  if (type == F32) s = max<f32>(1.401298464324817e-45, magnitude);
  else if (type == F16) s = max<f32>(5.960464477539063e-8, fromHalf(halfBits(magnitude)));
  else s = max<f32>(9.183549615799121e-41, reinterpret<f32>(bf16Bits(magnitude) << 16));
  s = min<f32>(type == F16 ? 65504 : reinterpret<f32>((255 - bits) << 23), s);
  return scale < 0 ? -s : s;
}

// What a search looks at in turn; kept at the head of the scratch: best scale (f32), its error (f64 at 8).
// @ts-ignore: decorator
@inline
function consider(candidate: f64, x: usize, count: u32, bits: u32, type: u32, best: usize): void {
  if (candidate == 0) return;
  const scale = stored(candidate, bits, type);
  const half = (1 << (bits - 1)) as f32;
  const error = searchError(x, count, scale, -half, half - 1);
  if (error < load<f64>(best, 8)) {
    store<f32>(best, scale);
    store<f64>(best, error, 8);
  }
}

/** absmax/127.5 and absmax/127 and the least-squares scales of the codes they give. */
function refine8(x: usize, count: u32, absmax: f64, type: u32, best: usize): void {
  for (let k = 0; k < 2; k++) {
    const scale = k ? absmax / 127.0 : absmax / 127.5;
    let sumlx: f64 = 0;
    let suml2: f64 = 0;
    for (let i: u32 = 0; i < count; i++) {
      const v = load<f32>(x + ((i as usize) << 2)) as f64;
      const q = min<f64>(127, max<f64>(-128, nearest<f64>(v / scale)));
      sumlx += v * q;
      suml2 += q * q;
    }
    consider(scale, x, count, 8, type, best);
    if (suml2 > 0) consider(sumlx / suml2, x, count, 8, type, best);
  }
}

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
function exact(x: usize, count: u32, bits: u32, absmax: f64, type: u32, best: usize, scratch: usize): bool {
  const half: u32 = 1 << (bits - 1);
  const known = load<f64>(best, 8);
  let lowest = max<f64>(0, absmax - sqrt<f64>(known)) / (half as f64);
  let highest: f64 = Infinity;
  if (absmax > 1e-15 && absmax < 1e15 && known > 0) {
    // f32 sums of up to a million terms are good to a tenth; smaller groups are far better.
    const enough = (known * (count > 4096 ? 1.1 : 1.001)) as f32;
    const h = half as f64;
    for (let next = max<f64>(lowest, absmax / (h * 8)); next < absmax / h && clipped(x, count, (next * h) as f32) > enough; next *= 1.07) lowest = next;
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
  consider(f64x2.extract_lane(optimum, 1), x, count, bits, type, best);
  return true;
}

/** The symmetric scale of a group; NaN where the search needs more scratch. */
function symmetric(x: usize, count: u32, bits: u32, type: u32, rule: u32, scratch: usize): f32 {
  const extreme = extremeOf(x, count);
  if (extreme == 0) return 1;
  const half: u32 = 1 << (bits - 1);
  const h = half as f32;
  if (rule == EXTREME) return stored(((extreme as f64) / -(half as f64)) as f32 as f64, bits, type);
  const absmax = abs<f32>(extreme) as f64;
  const first = stored((absmax / ((half as f64) - 0.5)) as f32 as f64, bits, type);
  if (rule == ABSMAX) return first;
  store<f32>(scratch, first);
  store<f64>(scratch, searchError(x, count, first, -h, h - 1), 8);
  if (bits == 8) refine8(x, count, absmax, type, scratch);
  else if (!exact(x, count, bits, absmax, type, scratch, scratch + 64)) return NaN;
  return load<f32>(scratch);
}

/** Scale (returned) and zero point (at `zero`, f32) of an asymmetric group: its range with 0, in 2^bits − 1 steps. */
function asymmetric(x: usize, count: u32, bits: u32, type: u32, zero: usize): f32 {
  let lows = f32x4.splat(0);
  let highs = lows;
  let i: u32 = 0;
  for (; i + 4 <= count; i += 4) {
    const v = v128.load(x + ((i as usize) << 2));
    lows = f32x4.pmin(lows, v);
    highs = f32x4.pmax(highs, v);
  }
  let low = min<f32>(
    min<f32>(f32x4.extract_lane(lows, 0), f32x4.extract_lane(lows, 1)), min<f32>(f32x4.extract_lane(lows, 2), f32x4.extract_lane(lows, 3)));
  let high = max<f32>(
    max<f32>(f32x4.extract_lane(highs, 0), f32x4.extract_lane(highs, 1)),
    max<f32>(f32x4.extract_lane(highs, 2), f32x4.extract_lane(highs, 3)));
  for (; i < count; i++) {
    const v = load<f32>(x + ((i as usize) << 2));
    low = min<f32>(low, v);
    high = max<f32>(high, v);
  }
  const top = ((1 << bits) - 1) as f32;
  store<f32>(zero, 0);
  if (low == high) return 1;
  const scale = stored((((high as f64) - (low as f64)) / (top as f64)) as f32 as f64, bits, type);
  store<f32>(zero, min<f32>(top, max<f32>(0, nearest<f32>((-(low as f64) / (scale as f64)) as f32))));
  return scale;
}

/** Σ (x − ŵ)² of rows in groups of `group` (0: the row). NaN where the exact search needs more than the 1 MB of scratch. */
export function grid_error(
  x: usize, rows: u32, columns: u32, bits: u32, group: u32, isAsymmetric: u32, type: u32, rule: u32, scratch: usize,
): f64 {
  const size = group ? group : columns;
  const top = ((1 << bits) - 1) as f32;
  const half = (1 << (bits - 1)) as f32;
  let sum: f64 = 0;
  for (let row: u32 = 0; row < rows; row++) {
    for (let column: u32 = 0; column < columns; column += size) {
      const count = min<u32>(size, columns - column);
      const scale = isAsymmetric ? asymmetric(x, count, bits, type, scratch) : symmetric(x, count, bits, type, rule, scratch);
      if (scale != scale) return NaN;
      const zero = isAsymmetric ? load<f32>(scratch) : half;
      sum += decodedError(x, count, scale, -zero, top - zero);
      x += (count as usize) << 2;
    }
  }
  return sum;
}

/**
 * Encodes rows: dense codes of 2, 4 or 8 bits padded to whole words, scales of their type, zero points of one byte. 0 where grid_error
 * is NaN.
 */
export function grid_encode(
  x: usize, rows: u32, columns: u32, bits: u32, group: u32, isAsymmetric: u32, type: u32, rule: u32, scratch: usize, codes: usize,
  scales: usize, zeros: usize,
): u32 {
  const size = group ? group : columns;
  const top = ((1 << bits) - 1) as f32;
  const half = (1 << (bits - 1)) as f32;
  const perByte: u32 = 8 / bits;
  const padded = group ? ((columns + group - 1) / group) * group : columns;
  const rowBytes = ((padded * bits + 31) / 32) * 4;
  const rowCodes = rowBytes * perByte;
  memory.fill(codes, 0, (rows as usize) * (rowBytes as usize));
  for (let row: u32 = 0; row < rows; row++) {
    let zero = half;
    for (let column: u32 = 0; column < columns; column += size) {
      const count = min<u32>(size, columns - column);
      const scale = isAsymmetric ? asymmetric(x, count, bits, type, scratch) : symmetric(x, count, bits, type, rule, scratch);
      if (scale != scale) return 0;
      if (type == F32) {
        store<f32>(scales, scale);
        scales += 4;
      } else {
        store<u16>(scales, (type == F16 ? halfBits(scale) : bf16Bits(scale)) as u16);
        scales += 2;
      }
      if (isAsymmetric) {
        zero = load<f32>(scratch);
        store<u8>(zeros, zero as u8);
        zeros++;
      }
      // A group begins at a whole byte.
      const whole = count & ~15;
      putMany(x, whole, scale, -zero, top - zero, zero, bits, codes + column / perByte);
      for (let i = whole; i < count; i++) {
        const code = (codeOf(load<f32>(x + ((i as usize) << 2)), scale, -zero, top - zero) + zero) as u8;
        put(codes, column + i, code, bits, perByte);
      }
      x += (count as usize) << 2;
    }
    for (let i = columns; i < rowCodes; i++) put(codes, i, zero as u8, bits, perByte);
    codes += rowBytes;
  }
  return 1;
}

/** Codes of `count` values, a multiple of 16, packed from a whole byte on. */
function putMany(x: usize, count: u32, scale: f32, low: f32, high: f32, zero: f32, bits: u32, to: usize): void {
  const s = f32x4.splat(scale);
  const lows = f32x4.splat(low);
  const highs = f32x4.splat(high);
  const z = i32x4.splat(zero as i32);
  for (let i: u32 = 0; i < count; i += 16, x += 64) {
    const a = i32x4.add(z, i32x4.trunc_sat_f32x4_s(codesOf(v128.load(x), s, lows, highs)));
    const b = i32x4.add(z, i32x4.trunc_sat_f32x4_s(codesOf(v128.load(x, 16), s, lows, highs)));
    const c = i32x4.add(z, i32x4.trunc_sat_f32x4_s(codesOf(v128.load(x, 32), s, lows, highs)));
    const d = i32x4.add(z, i32x4.trunc_sat_f32x4_s(codesOf(v128.load(x, 48), s, lows, highs)));
    let all = i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d));
    if (bits == 8) {
      v128.store(to, all);
      to += 16;
    } else if (bits == 4) {
      all = v128.or(v128.and(all, i16x8.splat(0x0f)), v128.and(i16x8.shr_u(all, 4), i16x8.splat(0xf0)));
      store<u64>(to, i64x2.extract_lane(i8x16.narrow_i16x8_u(all, all), 0));
      to += 8;
    } else {
      all = v128.or(v128.and(all, i16x8.splat(0x03)), v128.and(i16x8.shr_u(all, 6), i16x8.splat(0x0c)));
      all = v128.or(v128.and(all, i32x4.splat(0x0f)), v128.and(i32x4.shr_u(all, 12), i32x4.splat(0xf0)));
      all = i16x8.narrow_i32x4_s(all, all);
      store<u32>(to, i32x4.extract_lane(i8x16.narrow_i16x8_u(all, all), 0));
      to += 4;
    }
  }
}

// @ts-ignore: decorator
@inline
function put(codes: usize, i: u32, code: u8, bits: u32, perByte: u32): void {
  const at = codes + (i / perByte);
  store<u8>(at, load<u8>(at) | (code << (((i % perByte) * bits) as u8)));
}

/** Signed 8-bit codes −127…127 with one scale max|x|/127 per row. */
export function error_int8_qdq(x: usize, rows: u32, columns: u32): f64 {
  let sum: f64 = 0;
  for (let row: u32 = 0; row < rows; row++, x += (columns as usize) << 2) {
    sum += decodedError(x, columns, scaleQdq(x, columns), -127, 127);
  }
  return sum;
}

// @ts-ignore: decorator
@inline
function scaleQdq(x: usize, columns: u32): f32 {
  const absmax = abs<f32>(extremeOf(x, columns));
  return absmax == 0 ? 1 : max<f32>(1.401298464324817e-45, ((absmax as f64) / 127.0) as f32);
}

export function encode_int8_qdq(x: usize, rows: u32, columns: u32, importance: usize, scratch: usize, codes: usize, scales: usize): u32 {
  for (let row: u32 = 0; row < rows; row++) {
    const scale = scaleQdq(x, columns);
    store<f32>(scales, scale);
    scales += 4;
    for (let i: u32 = 0; i < columns; i++, x += 4, codes++) store<i8>(codes, codeOf(load<f32>(x), scale, -127, 127) as i8);
  }
  return 1;
}
