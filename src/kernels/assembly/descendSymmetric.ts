// Symmetric codes by coordinate descent (Q3_K).
import { extremes, interleave, nearestInt, rounded, ZERO_BLOCK } from "./search";

// Scratch: four sub-blocks lane by lane, then the terms w·x·l and w·l² of their sums, run after run.
const LANES: usize = 0;
const LX: usize = 256;
const L2: usize = 512;

/**
 * Symmetric codes −nmax..nmax−1 of four runs of 16 at x (f32[64]) from the signed extreme, weights x². Codes alike as f32;
 * all-zero runs get −nmax, the code that is stored as 0. Four scales. `scratch`: 768 bytes.
 */
export function descendSymmetric(x: usize, nmax: i32, codes: usize, scales: usize, scratch: usize): void {
  interleave(x, 64, 16, scratch + LANES);
  const extreme = extremes(scratch + LANES, 256, scratch + LX);
  const inverse = f32x4.div(f32x4.splat(-nmax as f32), extreme);
  v128.store(scales, extreme);
  firstCodes(x, f32x4.shuffle(inverse, inverse, 0, 0, 0, 0), nmax, codes, scratch);
  firstCodes(x + 64, f32x4.shuffle(inverse, inverse, 1, 1, 1, 1), nmax, codes + 64, scratch + 64);
  firstCodes(x + 128, f32x4.shuffle(inverse, inverse, 2, 2, 2, 2), nmax, codes + 128, scratch + 128);
  firstCodes(x + 192, f32x4.shuffle(inverse, inverse, 3, 3, 3, 3), nmax, codes + 192, scratch + 192);
  const sumlx = sums(scratch + LX, scratch + LANES);
  const suml2 = sums(scratch + L2, scratch + LANES);
  descendRun(x, nmax, codes, f32x4.extract_lane(sumlx, 0), f32x4.extract_lane(suml2, 0), scratch, scales);
  descendRun(x + 64, nmax, codes + 64, f32x4.extract_lane(sumlx, 1), f32x4.extract_lane(suml2, 1), scratch + 64, scales + 4);
  descendRun(x + 128, nmax, codes + 128, f32x4.extract_lane(sumlx, 2), f32x4.extract_lane(suml2, 2), scratch + 128, scales + 8);
  descendRun(x + 192, nmax, codes + 192, f32x4.extract_lane(sumlx, 3), f32x4.extract_lane(suml2, 3), scratch + 192, scales + 12);
}

/** Codes of one run and their terms. */
// @ts-ignore: decorator
@inline
function firstCodes(x: usize, inverse: v128, nmax: i32, codes: usize, terms: usize): void {
  const top = f32x4.splat((nmax - 1) as f32);
  for (let i: usize = 0; i < 64; i += 16) {
    const v = v128.load(x + i);
    const w = f32x4.mul(v, v);
    const l = f32x4.pmin(top, rounded(f32x4.mul(inverse, v))); // the extreme itself becomes −nmax
    v128.store(codes + i, l);
    v128.store(terms + i, f32x4.mul(f32x4.mul(w, v), l), LX);
    v128.store(terms + i, f32x4.mul(f32x4.mul(w, l), l), L2);
  }
}

/** Sums of four runs of 16, each in order. */
// @ts-ignore: decorator
@inline
function sums(terms: usize, lanes: usize): v128 {
  interleave(terms, 64, 16, lanes);
  let sum = f32x4.add(f32x4.splat(0), v128.load(lanes));
  for (let i: usize = 16; i < 256; i += 16) sum = f32x4.add(sum, v128.load(lanes + i));
  return sum;
}

/**
 * Takes one value after the other out of the sums and puts it back with a better code, if there is one, five times at most.
 * Few values move: those that may are found for all sixteen at once. `scale` holds the extreme, and gets the scale.
 */
function descendRun(x: usize, nmax: i32, codes: usize, sumlx: f32, suml2: f32, terms: usize, scale: usize): void {
  if (abs(load<f32>(scale)) < ZERO_BLOCK) {
    for (let i: usize = 0; i < 64; i += 16) v128.store(codes + i, f32x4.splat(-nmax as f32));
    store<f32>(scale, 0);
    return;
  }
  // All terms have the sign of the sum: where that is negative, as with a positive extreme, ggml's rule "Σ > 0" never lets one
  // move.
  let movable = sumlx > 0 ? mayMove(x, nmax, codes, sumlx, suml2, terms) : 0;
  for (let pass = 0; pass < 5 && movable; pass++) {
    let changed = false;
    for (let left = movable; left; left &= left - 1) {
      const i = ctz(left);
      const at = (i as usize) << 2;
      const v = load<f32>(x + at);
      const old = load<f32>(codes + at);
      let slx: f32 = sumlx - load<f32>(terms + at, LX);
      if (!(slx > 0)) continue;
      let sl2: f32 = suml2 - load<f32>(terms + at, L2);
      const l = max(-nmax, min(nmax - 1, nearestInt((v * sl2) / slx))) as f32;
      if (l == old) continue;
      const lx: f32 = v * v * v * l;
      const l2: f32 = v * v * l * l;
      slx += lx;
      sl2 += l2;
      if (!(sl2 > 0 && slx * slx * suml2 > sumlx * sumlx * sl2)) continue;
      store<f32>(codes + at, l);
      store<f32>(terms + at, lx, LX);
      store<f32>(terms + at, l2, L2);
      sumlx = slx;
      suml2 = sl2;
      changed = true;
      movable = mayMove(x, nmax, codes, sumlx, suml2, terms);
      left = movable & (-1 << i) | (1 << i);
    }
    if (!changed) break;
  }
  store<f32>(scale, suml2 > 0 ? sumlx / suml2 : 0);
}

/** One bit for each of sixteen values unless it surely keeps its code: the quotient lies well within half a step of it. */
// @ts-ignore: decorator
@inline
function mayMove(x: usize, nmax: i32, codes: usize, sumlx: f32, suml2: f32, terms: usize): i32 {
  const lx = f32x4.splat(sumlx);
  const l2 = f32x4.splat(suml2);
  const top = f32x4.splat((nmax - 1) as f32);
  const a = stays(x, codes, terms, lx, l2, top);
  const b = stays(x + 16, codes + 16, terms + 16, lx, l2, top);
  const c = stays(x + 32, codes + 32, terms + 32, lx, l2, top);
  const d = stays(x + 48, codes + 48, terms + 48, lx, l2, top);
  return i8x16.bitmask(i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d))) ^ 0xffff;
}

// @ts-ignore: decorator
@inline
function stays(x: usize, codes: usize, terms: usize, sumlx: v128, suml2: v128, top: v128): v128 {
  const old = v128.load(codes);
  const slx = f32x4.sub(sumlx, v128.load(terms, LX));
  const sl2 = f32x4.sub(suml2, v128.load(terms, L2));
  const wanted = f32x4.pmin(f32x4.mul(top, slx), f32x4.mul(v128.load(x), sl2));
  return f32x4.lt(f32x4.abs(f32x4.sub(wanted, f32x4.mul(old, slx))), f32x4.mul(slx, f32x4.splat(0.499)));
}
