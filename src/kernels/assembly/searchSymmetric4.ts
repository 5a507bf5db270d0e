// Scales of four symmetric sub-blocks at once.
import { extremes, rounded, ZERO_BLOCK } from "./search";

/**
 * Symmetric codes −nmax..nmax−1 for four sub-blocks of n values, interleaved at x (v128[n]): the scale −nmax/extreme and the
 * 18 around it, two candidates at a time. `weights` v128[n], or 0 for x². Writes v128 each to scales and inverses, which make
 * the codes again: nearest(inverse·x), NaN for an all-zero block, whose codes are 0 without the offset. `products`: 2n v128 of
 * scratch.
 */
export function searchSymmetric4(
  x: usize, n: u32, nmax: i32, weights: usize, products: usize, scales: usize, inverses: usize,
): void {
  const bytes = (n as usize) << 4;
  const most = extremes(x, bytes, products);
  const opposite = v128.load(products);
  const magnitude = f32x4.abs(most);
  const alive = f32x4.ge(magnitude, f32x4.splat(ZERO_BLOCK));
  // Only values of the other sign can come above nmax − 1, and only nearly as large ones as the extreme.
  const reached = f32x4.mul(opposite, f32x4.splat((nmax + 1) as f32));
  const near = f32x4.ge(reached, f32x4.mul(magnitude, f32x4.splat(nmax as f32 - 0.6)));
  const square = products + bytes;
  for (let i: usize = 0; i < bytes; i += 16) {
    const v = v128.load(x + i);
    let w: v128;
    if (weights) {
      w = v128.load(weights + i);
    } else {
      w = f32x4.mul(v, v);
      v128.store(square + i, w);
    }
    v128.store(products + i, f32x4.mul(w, v));
  }
  const w = weights ? weights : square;
  scale4 = best4 = f32x4.splat(0);
  inverse4 = f32x4.div(f32x4.splat(-nmax as f32), most);
  if (v128.any_true(near)) {
    for (let k = 0; k < 14; k += 2) candidates(x, w, products, bytes, nmax, k, most, true, false);
    for (let k = 14; k < 20; k += 2) candidates(x, w, products, bytes, nmax, k, most, true, true);
  } else {
    for (let k = 0; k < 14; k += 2) candidates(x, w, products, bytes, nmax, k, most, false, false);
    for (let k = 14; k < 20; k += 2) candidates(x, w, products, bytes, nmax, k, most, false, true);
  }
  v128.store(scales, v128.and(scale4, alive));
  v128.store(inverses, v128.bitselect(inverse4, f32x4.splat(NaN), alive));
}

// What the candidates so far have come to; only within one call.
let scale4: v128 = f32x4.splat(0);
let best4: v128 = f32x4.splat(0);
let inverse4: v128 = f32x4.splat(0);

/** Tenths by which the k-th candidate is shifted: none, −9..−1, 1..9, and the last again, which changes nothing. */
// @ts-ignore: decorator
@inline
function shift(k: i32): f32 {
  const tenths = k == 0 ? 0 : k < 10 ? k - 10 : min(9, k - 9);
  return tenths as f32;
}

/** The k-th candidate and the next. Only from a shift of 0.5 on does the extreme leave the codes below −nmax. */
// @ts-ignore: decorator
@inline
function candidates(
  x: usize, w: usize, wx: usize, bytes: usize, nmax: i32, k: i32, extreme: v128, clampHigh: bool, clampLow: bool,
): void {
  const tenth: f32 = 0.1;
  const low = f32x4.splat(-nmax as f32);
  const high = f32x4.splat((nmax - 1) as f32);
  const i0 = f32x4.div(f32x4.splat(-((nmax as f32) + tenth * shift(k))), extreme);
  const i1 = f32x4.div(f32x4.splat(-((nmax as f32) + tenth * shift(k + 1))), extreme);
  let lx0 = f32x4.splat(0);
  let lx1 = lx0;
  let l20 = lx0;
  let l21 = lx0;
  for (let i: usize = 0; i < bytes; i += 16) {
    const v = v128.load(x + i);
    const wv = v128.load(wx + i);
    const u = v128.load(w + i);
    let l = rounded(f32x4.mul(i0, v));
    if (clampHigh) l = f32x4.pmin(high, l);
    if (clampLow) l = f32x4.pmax(low, l);
    lx0 = f32x4.add(lx0, f32x4.mul(wv, l));
    l20 = f32x4.add(l20, f32x4.mul(f32x4.mul(u, l), l));
    l = rounded(f32x4.mul(i1, v));
    if (clampHigh) l = f32x4.pmin(high, l);
    if (clampLow) l = f32x4.pmax(low, l);
    lx1 = f32x4.add(lx1, f32x4.mul(wv, l));
    l21 = f32x4.add(l21, f32x4.mul(f32x4.mul(u, l), l));
  }
  choose(lx0, l20, i0, k == 0);
  choose(lx1, l21, i1, false);
}

// @ts-ignore: decorator
@inline
function choose(lx: v128, l2: v128, inverse: v128, first: bool): void {
  const positive = f32x4.gt(l2, f32x4.splat(0));
  const better = first ? positive : v128.and(positive, f32x4.gt(f32x4.mul(lx, lx), f32x4.mul(best4, l2)));
  const scale = f32x4.div(lx, l2);
  scale4 = v128.bitselect(scale, scale4, better);
  best4 = v128.bitselect(f32x4.mul(scale, lx), best4, better);
  inverse4 = v128.bitselect(inverse, inverse4, better);
}
