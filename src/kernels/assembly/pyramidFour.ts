// Pyramid vector search of four groups at once: steps and order of sums as for one.
import { polish, restoreSigns } from "./pyramidOne";
import { interleave } from "./search";

/** Four groups in the lanes of vectors. */
export function searchFour(x: usize, n: u32, k: u32, y: usize, b: usize): void {
  const bytes = (n as usize) << 2;
  const end = bytes << 2;
  const twice = b + end; // 2y, v128[n] like b
  const zero = f32x4.splat(0);
  interleave(x, bytes, n, b);
  let top = zero;
  for (let i: usize = 0; i < end; i += 16) top = f32x4.max(top, f32x4.abs(v128.load(b + i)));
  const alive = v128.and(f32x4.gt(top, zero), f32x4.lt(top, f32x4.splat(Infinity)));
  let s0 = zero, s1 = zero, s2 = zero, s3 = zero;
  for (let i: usize = 0; i < end; i += 64) {
    s0 = f32x4.add(s0, shrunk(b + i, top));
    s1 = f32x4.add(s1, shrunk(b + i + 16, top));
    s2 = f32x4.add(s2, shrunk(b + i + 32, top));
    s3 = f32x4.add(s3, shrunk(b + i + 48, top));
  }
  const pulses = f32x4.splat(k as f32);
  const scale = f32x4.div(pulses, f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)));
  s0 = s1 = s2 = s3 = zero;
  for (let i: usize = 0; i < end; i += 64) {
    s0 = f32x4.add(s0, floored(b + i, twice + i, scale));
    s1 = f32x4.add(s1, floored(b + i + 16, twice + i + 16, scale));
    s2 = f32x4.add(s2, floored(b + i + 32, twice + i + 32, scale));
    s3 = f32x4.add(s3, floored(b + i + 48, twice + i + 48, scale));
  }
  let c = f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3));
  let e = zero;
  let used = zero; // twice the pulses
  for (let i: usize = 0; i < end; i += 16) {
    const p = v128.load(twice + i);
    used = f32x4.add(used, p);
    e = f32x4.add(e, f32x4.mul(p, p));
  }
  e = f32x4.mul(e, f32x4.splat(0.25));
  const one = f32x4.splat(1);
  const two = f32x4.splat(2);
  const limit = f32x4.add(pulses, pulses);
  let at = i32x4.splat(-1); // where each group's last pulse goes
  for (;;) {
    const active = v128.and(alive, f32x4.lt(used, limit));
    if (!v128.any_true(active)) break;
    // The place of the highest quality, the first of equals.
    const e1 = f32x4.add(e, one);
    let best = f32x4.splat(-1);
    let next = i32x4.splat(0);
    let place = next;
    for (let i: usize = 0; i < end; i += 16) {
      const p = f32x4.add(v128.load(twice + i), v128.and(i32x4.eq(at, place), two));
      v128.store(twice + i, p);
      const sum = f32x4.add(c, v128.load(b + i));
      const q = f32x4.div(f32x4.mul(sum, sum), f32x4.add(e1, p));
      next = v128.bitselect(place, next, f32x4.gt(q, best));
      best = f32x4.pmax(best, q);
      place = i32x4.add(place, i32x4.splat(1));
    }
    at = v128.or(next, v128.not(active));
    c = f32x4.add(c, v128.and(active, gather(b, next)));
    e = f32x4.add(e, v128.and(active, f32x4.add(gather(twice, next), one)));
    used = f32x4.add(used, v128.and(active, two));
  }
  let place = i32x4.splat(0);
  for (let i: usize = 0; i < end; i += 16) {
    v128.store(twice + i, f32x4.add(v128.load(twice + i), v128.and(i32x4.eq(at, place), two)));
    place = i32x4.add(place, i32x4.splat(1));
  }
  const rows = twice + end;
  const movable = v128.and(alive, mayMove(b, twice, end, rows, c, e));
  takeApart(twice, f32x4.splat(0.5), n, y, bytes);
  if (v128.any_true(movable)) {
    takeApart(b, one, n, rows, bytes);
    const q = rows + end;
    for (let lane: usize = 0, which = i32x4.bitmask(movable); which; lane++, which >>= 1) {
      if (!(which & 1)) continue;
      v128.store(q, c);
      v128.store(q, e, 16);
      const at = lane * bytes;
      polish(rows + at, y + at, bytes, load<f32>(q + (lane << 2)), load<f32>(q + (lane << 2), 16), q);
    }
  }
  for (let i: usize = 0; i < end; i += 16) restoreSigns(x + i, y + i);
  for (let dead = i32x4.bitmask(alive) ^ 15; dead; dead &= dead - 1) memory.fill(y + (ctz(dead) as usize) * bytes, 0, bytes);
}

/** Turns a value into its part of the largest magnitude. */
// @ts-ignore: decorator
@inline
function shrunk(b: usize, top: v128): v128 {
  const v = f32x4.div(f32x4.abs(v128.load(b)), top);
  v128.store(b, v);
  return v;
}

/** Scales a value, and starts it with as many pulses as it holds wholly. Returns their product. */
// @ts-ignore: decorator
@inline
function floored(b: usize, twice: usize, scale: v128): v128 {
  const v = f32x4.mul(v128.load(b), scale);
  const p = f32x4.floor(v);
  v128.store(b, v);
  v128.store(twice, f32x4.add(p, p));
  return f32x4.mul(v, p);
}

/** Lane l of element at[l]. */
// @ts-ignore: decorator
@inline
function gather(source: usize, at: v128): v128 {
  const a = load<f32>(source + ((i32x4.extract_lane(at, 0) as usize) << 4));
  const b = load<f32>(source + ((i32x4.extract_lane(at, 1) as usize) << 4), 4);
  const c = load<f32>(source + ((i32x4.extract_lane(at, 2) as usize) << 4), 8);
  const d = load<f32>(source + ((i32x4.extract_lane(at, 3) as usize) << 4), 12);
  return f32x4.replace_lane(f32x4.replace_lane(f32x4.replace_lane(f32x4.splat(a), 1, b), 2, c), 3, d);
}

/**
 * The groups in which some move of one pulse may gain: (c − b_i + b_j)² against T·(e − 2y_i + 2 + 2y_j), T = c²/e, multiplied
 * out and compared with a slack that rounding does not reach. `slopes`: v128[n] of scratch.
 */
// @ts-ignore: decorator
@inline
function mayMove(b: usize, twice: usize, end: usize, slopes: usize, c: v128, e: v128): v128 {
  const square = f32x4.mul(c, c);
  const t = f32x4.div(square, e);
  for (let i: usize = 0; i < end; i += 16) {
    const v = v128.load(b + i);
    v128.store(slopes + i, f32x4.sub(f32x4.mul(v, v), f32x4.mul(t, v128.load(twice + i))));
  }
  const slack = f32x4.mul(square, f32x4.splat(4e-6));
  const e2 = f32x4.add(e, f32x4.splat(2));
  let found = i32x4.splat(0);
  for (let i: usize = 0; i < end; i += 32) {
    const w0 = f32x4.sub(c, v128.load(b + i));
    const w1 = f32x4.sub(c, v128.load(b + i, 16));
    const p0 = v128.load(twice + i);
    const p1 = v128.load(twice + i, 16);
    const u0 = f32x4.add(w0, w0);
    const u1 = f32x4.add(w1, w1);
    let most0 = f32x4.splat(-Infinity);
    let most1 = most0;
    for (let j: usize = 0; j < end; j += 16) {
      const v = v128.load(b + j);
      const s = v128.load(slopes + j);
      most0 = f32x4.pmax(most0, f32x4.add(s, f32x4.mul(u0, v)));
      most1 = f32x4.pmax(most1, f32x4.add(s, f32x4.mul(u1, v)));
    }
    const r0 = f32x4.sub(f32x4.sub(f32x4.mul(t, f32x4.sub(e2, p0)), f32x4.mul(w0, w0)), slack);
    const r1 = f32x4.sub(f32x4.sub(f32x4.mul(t, f32x4.sub(e2, p1)), f32x4.mul(w1, w1)), slack);
    found = v128.or(found, v128.and(f32x4.gt(p0, f32x4.splat(0)), f32x4.gt(most0, r0)));
    found = v128.or(found, v128.and(f32x4.gt(p1, f32x4.splat(0)), f32x4.gt(most1, r1)));
  }
  return found;
}

/** Four groups of n, times a factor, from the lanes of v128[n] to rows `stride` bytes apart. */
// @ts-ignore: decorator
@inline
function takeApart(lanes: usize, factor: v128, n: u32, rows: usize, stride: usize): void {
  for (let i: u32 = 0; i < n; i += 4, lanes += 64, rows += 16) {
    const a = f32x4.mul(v128.load(lanes), factor);
    const b = f32x4.mul(v128.load(lanes, 16), factor);
    const c = f32x4.mul(v128.load(lanes, 32), factor);
    const d = f32x4.mul(v128.load(lanes, 48), factor);
    const ab0 = v128.shuffle<i32>(a, b, 0, 4, 1, 5);
    const ab1 = v128.shuffle<i32>(a, b, 2, 6, 3, 7);
    const cd0 = v128.shuffle<i32>(c, d, 0, 4, 1, 5);
    const cd1 = v128.shuffle<i32>(c, d, 2, 6, 3, 7);
    v128.store(rows, v128.shuffle<i64>(ab0, cd0, 0, 2));
    v128.store(rows + stride, v128.shuffle<i64>(ab0, cd0, 1, 3));
    v128.store(rows + 2 * stride, v128.shuffle<i64>(ab1, cd1, 0, 2));
    v128.store(rows + 3 * stride, v128.shuffle<i64>(ab1, cd1, 1, 3));
  }
}
