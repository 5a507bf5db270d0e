// The exact search for the scale of a small symmetric group, fast: what gridExact finds by walking every assignment of codes in
// order, with f32 sums first and exact sums for the few that may be best. Whatever is near a tie is left to the walk.
import { searchError } from "./gridCodes";
import { consider, F16, F32, stored } from "./gridStored";
import { exactGain, exactScale, startWeighing, weigh, weighAll } from "./gridWeigh";
import { highest, running, total } from "./lanes";
import { PAD, sortKeys } from "./sortKeys";

// Scratch: places of chosen lanes, magnitudes as parts of the largest, then keys with one before, and gains of both signs.
const PACK: usize = 64;
const PARTS: usize = 320;
const KEYS: usize = 2048;
const GAINS: usize = 12288;
const NEGATIVE_GAINS: usize = 24576;
const MOST_KEYS: u32 = 2048;

/** What the search below needs to find in its scratch. */
export function preparePieces(scratch: usize): void {
  for (let mask = 0; mask < 16; mask++) {
    let at = scratch + PACK + 16 * mask;
    v128.store(at, i8x16.splat(-1));
    for (let lane = 0; lane < 4; lane++) {
      if (!((mask >> lane) & 1)) continue;
      store<u32>(at, 0x03020100 + 0x04040404 * lane);
      at += 4;
    }
  }
}

/** Upper bounds of what assignments between neighbouring scales explain, the last of four with the first of the next four. */
// @ts-ignore: decorator
@inline
function most(gains: v128, gainsAfter: v128, s: v128, sAfter: v128, l2: v128, l2After: v128): v128 {
  const sum = f32x4.add(gains, v128.shuffle<i32>(gains, gainsAfter, 1, 2, 3, 4));
  const narrower = f32x4.sub(s, v128.shuffle<i32>(s, sAfter, 1, 2, 3, 4));
  const changes = f32x4.sub(v128.shuffle<i32>(l2, l2After, 1, 2, 3, 4), l2);
  return f32x4.mul(f32x4.splat(0.5), f32x4.add(sum, f32x4.mul(f32x4.mul(s, narrower), changes)));
}

/**
 * The symmetric scale of least squared error, as stored; 0 where the walk has to find it. `count` a multiple of 4 up to 256,
 * `first` the stored scale of the largest magnitude. All of it in units of the largest magnitude: t = 1/scale.
 */
export function bestOfPieces(
  x: usize, count: u32, bits: u32, absmax: f32, type: u32, positive: bool, first: f32, scratch: usize,
): f32 {
  if (count > 256 || (count & 3) || !(absmax > 1e-25 && absmax < 1e25)) return 0;
  if (type == F16 && !(first > 1.25e-4 && first < 3e4)) return 0; // where rounding is relative
  const bytes = (count as usize) << 2;
  const parts = scratch + PARTS;
  const half: u32 = 1 << (bits - 1);
  const h = half as f32;
  const unit: f32 = 1 / absmax;
  const units = f32x4.splat(unit);
  const zero = f32x4.splat(0);
  let squares = zero;
  let tiny = i32x4.splat(0);
  for (let i: usize = 0; i < bytes; i += 16) {
    const a = f32x4.mul(f32x4.abs(v128.load(x + i)), units);
    v128.store(parts + i, a);
    squares = f32x4.add(squares, f32x4.mul(a, a));
    tiny = v128.or(tiny, v128.and(f32x4.gt(a, zero), f32x4.lt(a, f32x4.splat(3.8e-6))));
  }
  if (v128.any_true(tiny)) return 0; // sums of so many powers of two need not be exact
  const energy = total(squares);

  // From s = 2/(h − ½) on, half the scale is at least as good: its lattice holds the other one's points that are in reach. Codes
  // at that scale, at some smaller ones down to 1/(h − ½); and what clipping alone costs at yet smaller ones.
  const keys = scratch + KEYS;
  const widest = f32x4.splat(h - 0.5);
  const t0 = f32x4.mul(widest, f32x4(0.5, 0.55, 0.605, 0.66));
  const t1 = f32x4.mul(widest, f32x4(0.71, 0.755, 0.93, 1));
  const edges = f32x4(1 / 1.1, 1 / 1.2, 1 / 1.35, 1 / 1.7);
  const inner = f32x4.splat(h - 1);
  let lx0 = zero, lx1 = zero, l20 = zero, l21 = zero;
  let clipped = zero;
  for (let i: usize = 0; i < bytes; i += 4) {
    const a = v128.load_splat<u32>(parts + i);
    const q0 = f32x4.nearest(f32x4.mul(a, t0));
    lx0 = f32x4.add(lx0, f32x4.mul(a, q0));
    l20 = f32x4.add(l20, f32x4.mul(q0, q0));
    const q1 = f32x4.pmin(inner, f32x4.nearest(f32x4.mul(a, t1))); // the largest is on a tie at 1/(h − ½)
    lx1 = f32x4.add(lx1, f32x4.mul(a, q1));
    l21 = f32x4.add(l21, f32x4.mul(q1, q1));
    const beyond = f32x4.pmax(zero, f32x4.sub(a, edges));
    clipped = f32x4.add(clipped, f32x4.mul(beyond, beyond));
  }
  const s0 = f32x4.div(f32x4.splat(1), t0);
  const s1 = f32x4.div(f32x4.splat(1), t1);
  const gains0 = f32x4.div(f32x4.mul(lx0, lx0), l20);
  const gains1 = f32x4.div(f32x4.mul(lx1, lx1), l21);
  const known: f32 = (energy - highest(f32x4.pmax(gains0, gains1))) * 1.0001 + energy * 2e-5;
  const enough = f32x4.splat(known);
  const over = i32x4.bitmask(f32x4.gt(clipped, enough));
  v128.store(keys, edges);
  const last: f32 = over ? h / load<f32>(keys + ((ctz(over) as usize) << 2)) : 1e30;
  // Between two scales no assignment explains more than theirs on average and half of what the changes of codes can bring: each
  // change is counted from one end only.
  const limit = f32x4.splat(energy - known);
  const poor0 = f32x4.lt(most(gains0, gains1, s0, s1, l20, l21), limit);
  const poor1 = f32x4.lt(most(gains1, gains1, s1, s1, l21, l21), limit);
  const from = ctz(~(i32x4.bitmask(poor0) | ((i32x4.bitmask(poor1) & 1) << 4)));
  v128.store(keys, t0);
  v128.store(keys, t1, 16);
  v128.store(keys, lx0, 32);
  v128.store(keys, lx1, 48);
  v128.store(keys, l20, 64);
  v128.store(keys, l21, 80);
  const start = load<f32>(keys + ((from as usize) << 2));
  const lxAll = load<f32>(keys + ((from as usize) << 2), 32);
  const l2All = load<f32>(keys + ((from as usize) << 2), 64);

  // Where codes change: t = (k + ½)/part, with k and the sign of x in the lowest bits.
  let n: u32 = 0;
  const starts = f32x4.splat(start);
  const lasts = f32x4.splat(last);
  const one = f32x4.splat(1);
  const halves = f32x4.splat(0.5);
  const ends = f32x4.splat(h - 0.25);
  const high = i32x4.splat(-16);
  const two = i32x4.splat(2);
  // As many rounds as any part can need: a loop that ends at each vector's own end is mispredicted too often.
  const reach: f32 = last > h - 0.25 ? (h - 0.25) * (1 - start / last) : last - start;
  const rounds = (reach + 0.01) as i32 + 1;
  for (let i: usize = 0; i < bytes; i += 16) {
    const a = v128.load(parts + i);
    const step = f32x4.div(one, a);
    const k = f32x4.nearest(f32x4.mul(a, starts));
    const limit = f32x4.pmin(lasts, f32x4.mul(ends, step));
    let t = f32x4.mul(f32x4.add(k, halves), step);
    let payload = v128.or(i32x4.shl(i32x4.trunc_sat_f32x4_s(k), 1), i32x4.shr_u(v128.load(x + i), 31));
    for (let round = 0; round < rounds; round++) {
      const mask = i32x4.bitmask(f32x4.le(t, limit));
      const key = v128.or(v128.and(t, high), payload);
      v128.store(keys + ((n as usize) << 2), i8x16.swizzle(key, v128.load(scratch + PACK + ((mask as usize) << 4))));
      n += popcnt(mask);
      t = f32x4.add(t, step);
      payload = i32x4.add(payload, two);
    }
    if (n > MOST_KEYS - 64) return 0;
  }
  sortKeys(keys, n);

  // What each assignment explains: (Σ|x|q)²/Σq². The outermost code exists on one side only.
  let lxP = f32x4.splat(lxAll);
  let l2P = f32x4.splat(l2All);
  let lxN = lxP;
  let l2N = l2P;
  const initial: f32 = l2All > 0 ? (lxAll * lxAll) / l2All : 0;
  let bestP = f32x4.splat(initial);
  let bestN = zero;
  let bestBoth = bestP; // before the signs differ
  const outermost = i32x4.splat((half - 1) as i32);
  const pad = i32x4.splat(PAD);
  const end = (n as usize) << 2;
  let differ = end; // from where on the signs differ
  for (let i: usize = 0; i < end; i += 16) {
    const key = v128.load(keys + i);
    const k = i32x4.shr_u(v128.and(key, i32x4.splat(15)), 1);
    const kf = f32x4.convert_i32x4_s(k);
    const isPad = i32x4.ge_s(key, pad);
    let a = v128.andnot(f32x4.div(f32x4.add(kf, halves), v128.and(key, high)), isPad);
    let w = v128.andnot(f32x4.add(f32x4.add(kf, kf), one), isPad);
    const outer = i32x4.eq(k, outermost);
    if (!positive && (differ < end || v128.any_true(outer))) {
      if (differ == end) {
        differ = i;
        bestBoth = bestP;
        bestP = zero;
        lxN = lxP;
        l2N = l2P;
      }
      const skipped = v128.and(outer, i32x4.shr_s(i32x4.shl(key, 31), 31));
      lxN = running(v128.andnot(a, skipped), lxN);
      l2N = running(v128.andnot(w, skipped), l2N);
      const gain = f32x4.div(f32x4.mul(lxN, lxN), l2N);
      v128.store(scratch + i, gain, NEGATIVE_GAINS);
      bestN = f32x4.pmax(bestN, gain);
      lxN = v128.shuffle<i32>(lxN, lxN, 3, 3, 3, 3);
      l2N = v128.shuffle<i32>(l2N, l2N, 3, 3, 3, 3);
    }
    const skipped = v128.andnot(outer, i32x4.shr_s(i32x4.shl(key, 31), 31));
    a = v128.andnot(a, skipped);
    w = v128.andnot(w, skipped);
    lxP = running(a, lxP);
    l2P = running(w, l2P);
    const gain = f32x4.div(f32x4.mul(lxP, lxP), l2P);
    v128.store(scratch + i, gain, GAINS);
    bestP = f32x4.pmax(bestP, gain);
    lxP = v128.shuffle<i32>(lxP, lxP, 3, 3, 3, 3);
    l2P = v128.shuffle<i32>(l2P, l2P, 3, 3, 3, 3);
  }
  if (differ == end) {
    bestBoth = bestP;
    bestP = zero;
  }
  const topBoth = highest(bestBoth);
  const topP = highest(f32x4.pmax(bestBoth, bestP));
  const topN = highest(bestN);

  // f32 sums of n terms, and keys without their lowest bits, are off by less; a stored scale is off by `part` of itself.
  const slack: f32 = 1.2e-5 + 6e-8 * (n as f32);
  const part: f32 = type == F32 ? 6e-8 : type == F16 ? 2.45e-4 : 1.96e-3;
  if (type != F32) {
    // Rounding decides between the signs when both come near.
    const near = max<f32>(topP, topN) * (1 - 4 * slack - 2 * part * part);
    if (u32(topBoth >= near) + u32(highest(bestP) >= near) + u32(topN >= near) > 1) return 0;
  }
  store<u32>(keys - 4, reinterpret<u32>(start) & ~15);
  const after: f32 = last < 1e29 ? last * 1.0001 : 2 * (n ? load<f32>(keys + end - 4) : start);
  store<u32>(keys + end, reinterpret<u32>(after) & ~15);
  let plus: f64 = 0;
  let minus: f64 = 0;
  startWeighing();
  if (topP > topN * (1 - 2 * slack)) {
    if (initial >= topP * (1 - slack) && !weigh(x, bytes, h, unit, keys - 4, false)) return 0;
    if (!weighAll(x, bytes, h, unit, 0, end, topP * (1 - slack), scratch + GAINS, keys, false)) return 0;
    plus = exactScale;
  }
  const gainPlus = exactGain;
  startWeighing();
  if (topN > topP * (1 - 2 * slack)) {
    if (!weighAll(x, bytes, h, unit, differ, end, topN * (1 - slack), scratch + NEGATIVE_GAINS, keys, true)) return 0;
    minus = exactScale;
  }
  const gainMinus = exactGain;
  // What the stored scale of the largest magnitude can explain at most: ‖q‖·‖r‖ bounds the slope.
  const s = f32x4.extract_lane(s1, 3);
  const absmaxGain: f32 = s * (2 * f32x4.extract_lane(lx1, 3) - s * f32x4.extract_lane(l21, 3));
  const slope: f32 = 2 * sqrt<f32>(energy * max<f32>(0, energy - absmaxGain));
  const least = (absmaxGain + slope * part + energy * (2e-5 + 2 * part * part)) as f64;
  // Rounding a scale costs this part of what is explained at most.
  const rounding = 1.1 * (part as f64) * (part as f64) + 1e-12;
  const best = max<f64>(gainPlus, gainMinus);
  if (abs<f64>(gainPlus - gainMinus) <= best * rounding) return 0;
  const chosen = gainPlus > gainMinus ? plus : -minus;
  if (best * (unit as f64) * (unit as f64) * (1 - rounding) > least) return stored(chosen, bits, type);
  store<f32>(scratch, first);
  store<f64>(scratch, searchError(x, count, first, -h, h - 1), 8);
  consider(chosen, x, count, bits, type, scratch);
  return load<f32>(scratch);
}
