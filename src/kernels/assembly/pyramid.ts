// Pyramid vector search: the same codewords as src/core/math/pvq/search.ts, whose f32 steps and order of sums it keeps.

/** A move must gain more than f32 rounding can feign. */
// @ts-ignore: decorator
@inline const GAIN: f32 = 1.000001;
// @ts-ignore: decorator
@inline const MAXIMUM_MOVES: u32 = 64;

// @ts-ignore: decorator
@inline
function laneSum(v: v128): f32 {
  return (f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1)) + (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3));
}

// @ts-ignore: decorator
@inline
function laneMax(v: v128): f32 {
  const low = max<f32>(f32x4.extract_lane(v, 0), f32x4.extract_lane(v, 1));
  const high = max<f32>(f32x4.extract_lane(v, 2), f32x4.extract_lane(v, 3));
  return max<f32>(low, high);
}

/** (c + b)² / (e1 + 2y), where c and e1 = e + 1 are splats. */
// @ts-ignore: decorator
@inline
function quality(c: v128, b: v128, e1: v128, y: v128): v128 {
  const sum = f32x4.add(c, b);
  return f32x4.div(f32x4.mul(sum, sum), f32x4.add(e1, f32x4.add(y, y)));
}

/**
 * For each of `groups` groups of n neighbouring f32 at x, n integers at y (i32) with Σ|y| = k, or all 0 for a group of zeros
 * or of anything not finite. n is a multiple of 4; `scratch` has room for 2n f32.
 */
export function pyramid_search(x: usize, groups: u32, n: u32, k: u32, y: usize, scratch: usize): void {
  const bytes = (n as usize) << 2;
  if (n == 16) {
    for (let g: u32 = 0; g < groups; g++, x += 64, y += 64) search16(x, k, y, scratch);
  } else {
    for (let g: u32 = 0; g < groups; g++, x += bytes, y += bytes) searchAny(x, bytes, k, y, scratch);
  }
}

/** Pulses as signed integers in the place of the f32 counts. */
// @ts-ignore: decorator
@inline
function restoreSigns(x: usize, y: usize): void {
  const negative = f32x4.lt(v128.load(x), f32x4.splat(0));
  const pulses = i32x4.trunc_sat_f32x4_s(v128.load(y));
  v128.store(y, v128.bitselect(i32x4.neg(pulses), pulses, negative));
}

function searchAny(x: usize, bytes: usize, k: u32, y: usize, b: usize): void {
  const q = b + bytes;
  let top = f32x4.splat(0);
  for (let i: usize = 0; i < bytes; i += 16) top = f32x4.max(top, f32x4.abs(v128.load(x + i)));
  const largest = laneMax(top);
  if (!(largest > 0 && largest < Infinity)) {
    memory.fill(y, 0, bytes);
    return;
  }
  top = f32x4.splat(largest);
  let sums = f32x4.splat(0);
  for (let i: usize = 0; i < bytes; i += 16) {
    const v = f32x4.div(f32x4.abs(v128.load(x + i)), top);
    v128.store(b + i, v);
    sums = f32x4.add(sums, v);
  }
  const scale = f32x4.splat((k as f32) / laneSum(sums));
  sums = f32x4.splat(0);
  let squares = sums;
  let counts = sums;
  for (let i: usize = 0; i < bytes; i += 16) {
    const v = f32x4.mul(v128.load(b + i), scale);
    const p = f32x4.floor(v);
    v128.store(b + i, v);
    v128.store(y + i, p);
    sums = f32x4.add(sums, f32x4.mul(v, p));
    squares = f32x4.add(squares, f32x4.mul(p, p));
    counts = f32x4.add(counts, p);
  }
  let c = laneSum(sums);
  let e = laneSum(squares);
  for (let pulses = laneSum(counts) as u32; pulses < k; pulses++) {
    const at = bestOf(c, e + 1, b, y, bytes, q);
    const count = load<f32>(y + at);
    c += load<f32>(b + at);
    e += 2 * count + 1;
    store<f32>(y + at, count + 1);
  }
  for (let move: u32 = 0; move < MAXIMUM_MOVES; move++) {
    let best: f32 = ((c * c) / e) * GAIN;
    let from: usize = -1;
    for (let i: usize = 0; i < bytes; i += 4) {
      const count = load<f32>(y + i);
      if (count == 0) continue;
      const without = f32x4.splat(c - load<f32>(b + i));
      const energy = f32x4.splat(e - 2 * count + 2);
      let most = f32x4.splat(0);
      for (let j: usize = 0; j < bytes; j += 16) {
        most = f32x4.max(most, quality(without, v128.load(b + j), energy, v128.load(y + j)));
      }
      const row = laneMax(most);
      if (row > best) {
        best = row;
        from = i;
      }
    }
    if (from == -1) break;
    const count = load<f32>(y + from);
    const to = bestOf(c - load<f32>(b + from), e - 2 * count + 2, b, y, bytes, q);
    const other = load<f32>(y + to);
    c = c - load<f32>(b + from) + load<f32>(b + to);
    e += 2 * (other - count) + 2;
    store<f32>(y + from, count - 1);
    store<f32>(y + to, other + 1);
  }
  for (let i: usize = 0; i < bytes; i += 16) restoreSigns(x + i, y + i);
}

/** Byte place of the first coordinate of the highest quality. */
// @ts-ignore: decorator
@inline
function bestOf(c: f32, e1: f32, b: usize, y: usize, bytes: usize, q: usize): usize {
  const cs = f32x4.splat(c);
  const es = f32x4.splat(e1);
  let most = f32x4.splat(0);
  for (let j: usize = 0; j < bytes; j += 16) {
    const v = quality(cs, v128.load(b + j), es, v128.load(y + j));
    v128.store(q + j, v);
    most = f32x4.max(most, v);
  }
  const best = f32x4.splat(laneMax(most));
  let j: usize = 0;
  for (; j < bytes; j += 16) {
    const mask = i32x4.bitmask(f32x4.eq(v128.load(q + j), best));
    if (mask != 0) return j + ((ctz(mask) as usize) << 2);
  }
  return 0;
}

/** `searchAny` for groups of 16, whose coordinates stay in registers. */
function search16(x: usize, k: u32, y: usize, b: usize): void {
  let b0 = f32x4.abs(v128.load(x));
  let b1 = f32x4.abs(v128.load(x, 16));
  let b2 = f32x4.abs(v128.load(x, 32));
  let b3 = f32x4.abs(v128.load(x, 48));
  const largest = laneMax(f32x4.max(f32x4.max(b0, b1), f32x4.max(b2, b3)));
  if (!(largest > 0 && largest < Infinity)) {
    memory.fill(y, 0, 64);
    return;
  }
  const top = f32x4.splat(largest);
  b0 = f32x4.div(b0, top);
  b1 = f32x4.div(b1, top);
  b2 = f32x4.div(b2, top);
  b3 = f32x4.div(b3, top);
  const scale = f32x4.splat((k as f32) / laneSum(f32x4.add(f32x4.add(f32x4.add(b0, b1), b2), b3)));
  b0 = f32x4.mul(b0, scale);
  b1 = f32x4.mul(b1, scale);
  b2 = f32x4.mul(b2, scale);
  b3 = f32x4.mul(b3, scale);
  v128.store(b, b0);
  v128.store(b, b1, 16);
  v128.store(b, b2, 32);
  v128.store(b, b3, 48);
  let y0 = f32x4.floor(b0);
  let y1 = f32x4.floor(b1);
  let y2 = f32x4.floor(b2);
  let y3 = f32x4.floor(b3);
  let c = laneSum(f32x4.add(f32x4.add(f32x4.add(f32x4.mul(b0, y0), f32x4.mul(b1, y1)), f32x4.mul(b2, y2)), f32x4.mul(b3, y3)));
  let e = laneSum(f32x4.add(f32x4.add(f32x4.add(f32x4.mul(y0, y0), f32x4.mul(y1, y1)), f32x4.mul(y2, y2)), f32x4.mul(y3, y3)));
  const one = f32x4.splat(1);
  for (let pulses = laneSum(f32x4.add(f32x4.add(y0, y1), f32x4.add(y2, y3))) as u32; pulses < k; pulses++) {
    const at = best16(f32x4.splat(c), f32x4.splat(e + 1), b0, b1, b2, b3, y0, y1, y2, y3);
    const lane = i32x4.eq(i32x4.splat(at & 3), i32x4(0, 1, 2, 3));
    const add = v128.and(one, lane);
    const part = at >> 2;
    let count: f32;
    if (part == 0) {
      count = laneSum(v128.and(y0, lane));
      y0 = f32x4.add(y0, add);
    } else if (part == 1) {
      count = laneSum(v128.and(y1, lane));
      y1 = f32x4.add(y1, add);
    } else if (part == 2) {
      count = laneSum(v128.and(y2, lane));
      y2 = f32x4.add(y2, add);
    } else {
      count = laneSum(v128.and(y3, lane));
      y3 = f32x4.add(y3, add);
    }
    c += load<f32>(b + ((at as usize) << 2));
    e += 2 * count + 1;
  }
  v128.store(y, y0);
  v128.store(y, y1, 16);
  v128.store(y, y2, 32);
  v128.store(y, y3, 48);
  for (let move: u32 = 0; move < MAXIMUM_MOVES; move++) {
    let best: f32 = ((c * c) / e) * GAIN;
    let from: usize = -1;
    for (let i: usize = 0; i < 64; i += 4) {
      const count = load<f32>(y + i);
      if (count == 0) continue;
      const cs = f32x4.splat(c - load<f32>(b + i));
      const es = f32x4.splat(e - 2 * count + 2);
      const low = f32x4.max(quality(cs, b0, es, y0), quality(cs, b1, es, y1));
      const high = f32x4.max(quality(cs, b2, es, y2), quality(cs, b3, es, y3));
      const row = laneMax(f32x4.max(low, high));
      if (row > best) {
        best = row;
        from = i;
      }
    }
    if (from == -1) break;
    const count = load<f32>(y + from);
    const without = f32x4.splat(c - load<f32>(b + from));
    const to = (best16(without, f32x4.splat(e - 2 * count + 2), b0, b1, b2, b3, y0, y1, y2, y3) as usize) << 2;
    const other = load<f32>(y + to);
    c = c - load<f32>(b + from) + load<f32>(b + to);
    e += 2 * (other - count) + 2;
    store<f32>(y + from, count - 1);
    store<f32>(y + to, other + 1);
    y0 = v128.load(y);
    y1 = v128.load(y, 16);
    y2 = v128.load(y, 32);
    y3 = v128.load(y, 48);
  }
  restoreSigns(x, y);
  restoreSigns(x + 16, y + 16);
  restoreSigns(x + 32, y + 32);
  restoreSigns(x + 48, y + 48);
}

/** First of sixteen coordinates of the highest quality. */
// @ts-ignore: decorator
@inline
function best16(cs: v128, es: v128, b0: v128, b1: v128, b2: v128, b3: v128, y0: v128, y1: v128, y2: v128, y3: v128): u32 {
  const q0 = quality(cs, b0, es, y0);
  const q1 = quality(cs, b1, es, y1);
  const q2 = quality(cs, b2, es, y2);
  const q3 = quality(cs, b3, es, y3);
  const best = f32x4.splat(laneMax(f32x4.max(f32x4.max(q0, q1), f32x4.max(q2, q3))));
  const low = i16x8.narrow_i32x4_s(f32x4.eq(q0, best), f32x4.eq(q1, best));
  const high = i16x8.narrow_i32x4_s(f32x4.eq(q2, best), f32x4.eq(q3, best));
  return ctz(i8x16.bitmask(i8x16.narrow_i16x8_s(low, high)));
}
