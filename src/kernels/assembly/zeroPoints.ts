// Asymmetric grids of two bits whose scale and zero point are searched for, as src/encodings/grid/scale.ts and optima.ts do it: the
// walk over every assignment of codes, for the four zero points at once.
import { codeOf, decodedError, rangeOf, searchError } from "./gridCodes";
import { put, putMany } from "./gridPacking";
import { bf16Bits, F16, F32, stored } from "./gridStored";
import { total } from "./lanes";
import { halfBits } from "./toHalf";

/** The largest code. */
const TOP: f32 = 3;

// Scratch: for weights below 0 and above, which of the grids have code k + 1; counters of buckets; breakpoints unsorted and sorted.
const MASKS: usize = 0;
const COUNTERS: usize = 256;
const BUCKETS: i32 = 1 << 14;
const KEYS: usize = 65792;
const MOST_KEYS: u32 = 56000;
const SORTED: usize = 513792;

/** Of the group that was looked at last; only within one call. */
let scale: f32 = 0;
let zero: f32 = 0;

function prepare(scratch: usize): void {
  for (let side: u32 = 0; side < 2; side++) {
    for (let k: u32 = 0; k < 3; k++) {
      for (let z: u32 = 0; z < 4; z++) {
        const codes: u32 = side ? 3 - z : z;
        store<i64>(scratch + MASKS + ((((side * 4 + k) * 4 + z) as usize) << 3), k < codes ? -1 : 0);
      }
    }
  }
}

/** Sorts n keys, positive f64 with payload, in buckets of the highest `64 − fine` bits; all are at most `most`. */
function sort(n: u32, least: f64, most: f64, fine: u64, scratch: usize): void {
  const top = (reinterpret<u64>(most) >> fine) as i32;
  const base = max<i32>(top - (BUCKETS >> 2) + 1, max<i32>(top - ((n as i32) << 1), (reinterpret<u64>(least) >> fine) as i32));
  const buckets = ((top - base + 1) as u32) << 2;
  const counters = scratch + COUNTERS;
  memory.fill(counters, 0, buckets);
  for (let at = scratch + KEYS, end = at + ((n as usize) << 3); at < end; at += 8) {
    const c = counters + ((max<i32>(0, (load<u64>(at) >> fine) as i32 - base) as usize) << 2);
    store<u32>(c, load<u32>(c) + 1);
  }
  let before: u32 = 0;
  for (let c = counters; c < counters + buckets; c += 4) {
    const here = load<u32>(c);
    store<u32>(c, before);
    before += here;
  }
  const sorted = scratch + SORTED;
  for (let at = scratch + KEYS, end = at + ((n as usize) << 3); at < end; at += 8) {
    const key = load<u64>(at);
    const c = counters + ((max<i32>(0, (key >> fine) as i32 - base) as usize) << 2);
    const place = load<u32>(c);
    store<u32>(c, place + 1);
    store<u64>(sorted + ((place as usize) << 3), key);
  }
  for (let next = sorted + 8, end = sorted + ((n as usize) << 3); next < end; next += 8) {
    const key = load<u64>(next);
    let at = next;
    for (; at > sorted && load<u64>(at - 8) > key; at -= 8) store<u64>(at, load<u64>(at - 8));
    store<u64>(at, key);
  }
}

/** What clipping at the outermost codes costs at this scale at least, whatever the zero point; of whole fours alone. */
function clipped(x: usize, count: u32, s: f32): f32 {
  const none = f32x4.splat(0);
  const one = f32x4.splat(s);
  const two = f32x4.splat(2 * s);
  const three = f32x4.splat(3 * s);
  let c0 = none, c1 = none, c2 = none, c3 = none;
  for (let i: u32 = 0; i + 4 <= count; i += 4) {
    const v = v128.load(x + ((i as usize) << 2));
    const a = f32x4.abs(v);
    const above = f32x4.gt(v, none);
    const d0 = f32x4.pmax(none, f32x4.sub(a, v128.and(three, above)));
    const d1 = f32x4.pmax(none, f32x4.sub(a, v128.bitselect(two, one, above)));
    const d2 = f32x4.pmax(none, f32x4.sub(a, v128.bitselect(one, two, above)));
    const d3 = f32x4.pmax(none, f32x4.sub(a, v128.andnot(three, above)));
    c0 = f32x4.add(c0, f32x4.mul(d0, d0));
    c1 = f32x4.add(c1, f32x4.mul(d1, d1));
    c2 = f32x4.add(c2, f32x4.mul(d2, d2));
    c3 = f32x4.add(c3, f32x4.mul(d3, d3));
  }
  return min<f32>(min<f32>(total(c0), total(c1)), min<f32>(total(c2), total(c3)));
}

/**
 * A scale below which clipping alone costs more than an error that some scale is known to leave. (Walking stops there, from the
 * largest scale down: what is found above it is the same as without.)
 */
function leastScale(x: usize, count: u32, type: u32, absmax: f32, known: f64): f64 {
  if (!(absmax > 1e-15 && absmax < 1e15) || (type == F16 && !(scale > 1e-3 && scale < 3e4))) return 0;
  let near = scale;
  for (let s = scale * 0.8; s > scale * 0.3; s *= 0.8) {
    const error = searchError(x, count, s, -zero, TOP - zero);
    if (error >= known) break;
    known = error;
    near = s;
  }
  // Rounded to their types, scales may leave so much more; and f32 sums are good to a tenth.
  const enough = (known + 1e-5 * (count as f64) * (absmax as f64) * (absmax as f64)) as f32 * (count > 4096 ? 1.1 : 1.001);
  for (let s = near * 0.9; s > near * 0.3; s *= 0.85) if (clipped(x, count, s) > enough) return s;
  return 0;
}

/** Appends a breakpoint with its payload, if it is not below the least; returns how many there are. */
// @ts-ignore: decorator
@inline
function keep(breakpoint: f64, least: f64, payload: u32, mask: u64, n: u32, scratch: usize): u32 {
  store<u64>(scratch + KEYS + ((n as usize) << 3), (reinterpret<u64>(breakpoint) & ~mask) | payload);
  return n + (u32(breakpoint >= least) & u32(breakpoint > 0));
}

/** Finds scale and zero point; false where there are too many breakpoints for the scratch. */
function choose(x: usize, count: u32, type: u32, scratch: usize): bool {
  const ends = rangeOf(x, count);
  const low = f32x4.extract_lane(ends, 0);
  const high = f32x4.extract_lane(ends, 1);
  zero = 0;
  scale = 1;
  if (low == high) return true;
  const range = (high as f64) - (low as f64);
  scale = stored((range / 3) as f32 as f64, 2, type);
  zero = min<f32>(TOP, max<f32>(0, nearest<f32>((-(low as f64) / (scale as f64)) as f32)));
  let best = searchError(x, count, scale, -zero, TOP - zero);
  const least = leastScale(x, count, type, max<f32>(high, -low), best);

  if (count * 3 > MOST_KEYS) return false;
  const payloadBits: u64 = 32 - (clz<u32>(count * 3 - 1) as u64);
  const mask: u64 = ((1 as u64) << payloadBits) - 1;
  let n: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const magnitude = abs<f32>(load<f32>(x + ((i as usize) << 2))) as f64;
    // No branches: every other one would be mispredicted.
    const pair = f64x2.div(f64x2.splat(magnitude), f64x2(1.5, 2.5));
    n = keep(magnitude / 0.5, least, i * 3, mask, n, scratch);
    n = keep(f64x2.extract_lane(pair, 0), least, i * 3 + 1, mask, n, scratch);
    n = keep(f64x2.extract_lane(pair, 1), least, i * 3 + 2, mask, n, scratch);
  }
  const perOctave: u64 = min<u32>(9, max<u32>(5, 32 - clz<u32>(count - 1)));
  sort(n, least, 2 * max<f64>(high, -low), 52 - perOctave, scratch);

  // Zero points 0 and 1, and 2 and 3.
  const none = f64x2.splat(0);
  let lx0 = none, lx1 = none, l20 = none, l21 = none, gain0 = none, gain1 = none;
  let bestLx0 = none, bestLx1 = none;
  let bestL20 = f64x2.splat(1), bestL21 = bestL20;
  for (let at = scratch + SORTED + ((n as usize) << 3); at > scratch + SORTED; ) {
    at -= 8;
    const payload = (load<u64>(at) & mask) as u32;
    const element = payload / 3;
    const k = payload - 3 * element;
    const v = load<f32>(x + ((element as usize) << 2));
    const masks = scratch + MASKS + (((u32(v > 0) * 4 + k) as usize) << 5);
    const magnitude = f64x2.splat(abs<f32>(v) as f64);
    const change = f64x2.splat((2 * k + 1) as f64);
    lx0 = f64x2.add(lx0, v128.and(magnitude, v128.load(masks)));
    lx1 = f64x2.add(lx1, v128.and(magnitude, v128.load(masks, 16)));
    l20 = f64x2.add(l20, v128.and(change, v128.load(masks)));
    l21 = f64x2.add(l21, v128.and(change, v128.load(masks, 16)));
    const value0 = f64x2.div(f64x2.mul(lx0, lx0), l20);
    const value1 = f64x2.div(f64x2.mul(lx1, lx1), l21);
    const better0 = f64x2.gt(value0, gain0); // 0/0 is not
    const better1 = f64x2.gt(value1, gain1);
    gain0 = v128.bitselect(value0, gain0, better0);
    gain1 = v128.bitselect(value1, gain1, better1);
    bestLx0 = v128.bitselect(lx0, bestLx0, better0);
    bestLx1 = v128.bitselect(lx1, bestLx1, better1);
    bestL20 = v128.bitselect(l20, bestL20, better0);
    bestL21 = v128.bitselect(l21, bestL21, better1);
  }
  const best0 = f64x2.div(bestLx0, bestL20);
  const best1 = f64x2.div(bestLx1, bestL21);
  best = consider(f64x2.extract_lane(best0, 0), 0, x, count, type, best);
  best = consider(f64x2.extract_lane(best0, 1), 1, x, count, type, best);
  best = consider(f64x2.extract_lane(best1, 0), 2, x, count, type, best);
  consider(f64x2.extract_lane(best1, 1), 3, x, count, type, best);
  return true;
}

/** Takes the candidate if its error is below `best`; returns the lower one. */
function consider(candidate: f64, zeroPoint: f32, x: usize, count: u32, type: u32, best: f64): f64 {
  if (candidate == 0) return best;
  const s = stored(candidate, 2, type);
  const error = searchError(x, count, s, -zeroPoint, TOP - zeroPoint);
  if (!(error < best)) return best;
  scale = s;
  zero = zeroPoint;
  return error;
}

/** Σ (x − ŵ)² of rows in groups of `group` (0: the row). NaN where a group has too many weights for the 1 MB of scratch. */
export function zero_points_error(x: usize, rows: u32, columns: u32, group: u32, type: u32, scratch: usize): f64 {
  const size = group ? group : columns;
  prepare(scratch);
  let sum: f64 = 0;
  for (let row: u32 = 0; row < rows; row++) {
    for (let column: u32 = 0; column < columns; column += size) {
      const count = min<u32>(size, columns - column);
      if (!choose(x, count, type, scratch)) return NaN;
      sum += decodedError(x, count, scale, -zero, TOP - zero);
      x += (count as usize) << 2;
    }
  }
  return sum;
}

/** Encodes rows: dense codes padded to whole groups and words, scales of their type, zero points of one byte. 0 for NaN. */
export function zero_points_encode(
  x: usize, rows: u32, columns: u32, group: u32, type: u32, scratch: usize, codes: usize, scales: usize, zeros: usize,
): u32 {
  const size = group ? group : columns;
  prepare(scratch);
  const padded = group ? ((columns + group - 1) / group) * group : columns;
  const rowBytes = ((padded + 15) / 16) * 4;
  memory.fill(codes, 0, (rows as usize) * (rowBytes as usize));
  for (let row: u32 = 0; row < rows; row++) {
    for (let column: u32 = 0; column < columns; column += size) {
      const count = min<u32>(size, columns - column);
      if (!choose(x, count, type, scratch)) return 0;
      if (type == F32) {
        store<f32>(scales, scale);
        scales += 4;
      } else {
        store<u16>(scales, (type == F16 ? halfBits(scale) : bf16Bits(scale)) as u16);
        scales += 2;
      }
      store<u8>(zeros, zero as u8);
      zeros++;
      const whole = count & ~15;
      putMany(x, whole, scale, -zero, TOP - zero, zero, 2, 0, codes + column / 4);
      for (let i = whole; i < count; i++) {
        const code = (codeOf(load<f32>(x + ((i as usize) << 2)), scale, -zero, TOP - zero) + zero) as u8;
        put(codes, column + i, code, 2, 4);
      }
      x += (count as usize) << 2;
    }
    for (let i = columns; i < rowBytes * 4; i++) put(codes, i, zero as u8, 2, 4);
    codes += rowBytes;
  }
  return 1;
}
