// Pyramid vector search of one group: the codewords of src/core/math/pvq/search.ts, whose f32 steps and order of sums it keeps.

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

/** Pulses as signed integers in the place of the f32 counts. */
// @ts-ignore: decorator
@inline
export function restoreSigns(x: usize, y: usize): void {
  const negative = f32x4.lt(v128.load(x), f32x4.splat(0));
  const pulses = i32x4.trunc_sat_f32x4_s(v128.load(y));
  v128.store(y, v128.bitselect(i32x4.neg(pulses), pulses, negative));
}

/** One group. */
export function searchOne(x: usize, bytes: usize, k: u32, y: usize, b: usize): void {
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
  polish(b, y, bytes, c, e, q);
  for (let i: usize = 0; i < bytes; i += 16) restoreSigns(x + i, y + i);
}

/** Moves single pulses while that gains. `q`: n f32 of scratch, at least 8. */
export function polish(b: usize, y: usize, bytes: usize, c: f32, e: f32, q: usize): void {
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
