// What assignments of codes explain between two scales, by f32 sums.
import { CAPS, FREE, PARTS } from "./gridProbe";
import { total } from "./lanes";

// Of the codes that change: parts, where they do (t = 1/scale), and 2q + 1, what the squares of codes grow by. f32, up to 257 and
// what completes a vector. The first stands for no change.
const CHANGING: usize = FREE;
const PLACES: usize = FREE + 1088;
const GROWTHS: usize = FREE + 2176;
/** Assignments in fours: gains (Σ|x|q)²/Σq², from where to where they hold, optima (< 0 for scales < 0). */
const SEEN: usize = FREE + 3264;
const MOST_SEEN: u32 = 96;
/** f32 sums of up to 256 terms are off by less than this part. */
const OFF: f32 = 1e-5;

/** How many fours of assignments were seen. */
export let seen: u32 = 0;
/** Of the best in each lane: its gain, from where to where it holds, its optimum; and the gains of the second best. */
export let bestGains: v128 = f32x4.splat(0);
export let bestPlaces: v128 = f32x4.splat(0);
export let bestEnds: v128 = f32x4.splat(0);
export let bestOptima: v128 = f32x4.splat(0);
export let secondGains: v128 = f32x4.splat(0);

/** So many codes may change between two scales that are looked through at once. */
// @ts-ignore: decorator
@inline
export function mostChanging(count: u32): u32 {
  return count <= 32 ? 20 : count >> 1;
}

export function startWithin(): void {
  seen = 0;
  bestGains = f32x4.splat(0);
  secondGains = f32x4.splat(0);
}

// @ts-ignore: decorator
@inline
export function seenAt(i: u32, scratch: usize): usize {
  return scratch + SEEN + ((i as usize) << 6);
}

/**
 * Sees the assignments between `from` and `to` whose own optimum lies where they hold: no other can be the best. False where there
 * are too many. No code changes twice in between.
 */
export function lookWithin(from: f32, to: f32, count: u32, h: f32, isMinus: u32, scratch: usize): bool {
  const t0 = f32x4.splat(from);
  const t1 = f32x4.splat(to);
  const half = f32x4.splat(0.5);
  const one = f32x4.splat(1);
  // The cap, or 2h − 1 − cap.
  const sign = i32x4.splat(isMinus << 31);
  const base = v128.and(f32x4.splat(2 * h - 1), i32x4.splat(-(isMinus as i32)));
  let lx = f32x4.splat(0);
  let l2 = f32x4.splat(0);
  let n: u32 = 1;
  let mask: u32 = 0;
  const end = (((count + 7) & ~7) as usize) << 2;
  for (let block: usize = 0; block < end; block += 128) {
    if (block) n = list(mask, scratch + block - 128, n, scratch);
    mask = 0;
    const stop = min<usize>(end, block + 128);
    for (let i = block; i < stop; i += 16) {
      const a = v128.load(scratch + i, PARTS);
      const cap = f32x4.add(base, v128.xor(sign, v128.load(scratch + i, CAPS)));
      const q = f32x4.pmin(cap, f32x4.nearest(f32x4.mul(a, t0)));
      lx = f32x4.add(lx, f32x4.mul(a, q));
      l2 = f32x4.add(l2, f32x4.mul(q, q));
      const changes = v128.and(f32x4.ge(f32x4.sub(f32x4.mul(a, t1), q), half), f32x4.lt(q, cap));
      mask |= i32x4.bitmask(changes) << (((i - block) as u32) >> 2);
    }
  }
  const changing = popcnt(mask);
  if (count <= 32 && changing < 8) {
    // Behind the last are zeros, whose places come after all.
    let four = f32x4.splat(0);
    four = v128.load_lane<u32>(scratch + ((ctz(mask) as usize) << 2), four, 1, PARTS);
    mask &= mask - 1;
    four = v128.load_lane<u32>(scratch + ((ctz(mask) as usize) << 2), four, 2, PARTS);
    mask &= mask - 1;
    four = v128.load_lane<u32>(scratch + ((ctz(mask) as usize) << 2), four, 3, PARTS);
    v128.store(scratch, four, CHANGING);
    n = 4;
    if (changing > 3) {
      mask &= mask - 1;
      four = v128.load_lane<u32>(scratch + ((ctz(mask) as usize) << 2), four, 0, PARTS);
      mask &= mask - 1;
      four = v128.load_lane<u32>(scratch + ((ctz(mask) as usize) << 2), four, 1, PARTS);
      mask &= mask - 1;
      four = v128.load_lane<u32>(scratch + ((ctz(mask) as usize) << 2), four, 2, PARTS);
      mask &= mask - 1;
      four = v128.load_lane<u32>(scratch + ((ctz(mask) as usize) << 2), four, 3, PARTS);
      v128.store(scratch, four, CHANGING + 16);
      n = 8;
    }
  } else {
    n = list(mask, scratch + ((end - 1) & ~127), n, scratch);
    store<f32>(scratch, 0, CHANGING);
    v128.store(scratch + ((n as usize) << 2), f32x4.splat(0), CHANGING);
  }
  const bytes = (((n + 3) & ~3) as usize) << 2;
  if (n > mostChanging(count) || seen + (n + 3) / 4 > MOST_SEEN) return false;
  for (let i: usize = 0; i < bytes; i += 16) {
    const a = v128.load(scratch + i, CHANGING);
    const q = f32x4.nearest(f32x4.mul(a, t0));
    const places = f32x4.div(f32x4.add(q, half), a);
    const growths = f32x4.add(f32x4.add(q, q), one);
    v128.store(scratch + i, i ? places : f32x4.replace_lane(places, 0, from), PLACES);
    v128.store(scratch + i, i ? growths : f32x4.replace_lane(growths, 0, 0), GROWTHS);
  }
  const lx0 = f32x4.splat(total(lx));
  const l20 = f32x4.splat(total(l2));
  for (let j: usize = 0; j < bytes; j += 16) {
    const places = v128.load(scratch + j, PLACES);
    let lxs = lx0;
    let l2s = l20;
    let next = t1;
    for (let i: usize = 0; i < bytes; i += 4) {
      const at = v128.load32_splat(scratch + i, PLACES);
      const isBefore = f32x4.le(at, places);
      lxs = f32x4.add(lxs, v128.and(isBefore, v128.load32_splat(scratch + i, CHANGING)));
      l2s = f32x4.add(l2s, v128.and(isBefore, v128.load32_splat(scratch + i, GROWTHS)));
      next = f32x4.pmin(next, v128.or(at, isBefore)); // all ones are no number
    }
    const optima = f32x4.div(l2s, lxs);
    const isInside = v128.and(
      f32x4.ge(optima, f32x4.mul(places, f32x4.splat(1 - OFF))), f32x4.le(optima, f32x4.mul(next, f32x4.splat(1 + OFF))),
    );
    const gains = v128.and(isInside, f32x4.div(f32x4.mul(lxs, lxs), l2s));
    const to = seenAt(seen++, scratch);
    const signed = v128.or(sign, optima);
    v128.store(to, gains);
    v128.store(to, places, 16);
    v128.store(to, next, 32);
    v128.store(to, signed, 48);
    const isBetter = f32x4.gt(gains, bestGains);
    secondGains = f32x4.pmax(secondGains, f32x4.pmin(gains, bestGains));
    bestGains = f32x4.pmax(gains, bestGains);
    bestPlaces = v128.bitselect(places, bestPlaces, isBetter);
    bestEnds = v128.bitselect(next, bestEnds, isBetter);
    bestOptima = v128.bitselect(signed, bestOptima, isBetter);
  }
  return true;
}

/** Adds the chosen ones of 32 parts to the list. */
function list(mask: u32, parts: usize, n: u32, scratch: usize): u32 {
  for (; mask; mask &= mask - 1, n++) {
    store<u32>(scratch + ((n as usize) << 2), load<u32>(parts + ((ctz(mask) as usize) << 2), PARTS), CHANGING);
  }
  return n;
}
