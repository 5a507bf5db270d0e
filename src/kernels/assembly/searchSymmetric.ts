// Scales of symmetric sub-blocks.
import { rounded, signedExtreme, ZERO_BLOCK } from "./search";

/**
 * Symmetric codes −nmax..nmax−1 for one run of n values: 19 scales around −nmax/extreme and that one itself, in the lanes of five
 * vectors. `weights` f32[n], or 0 for x². Returns the scale; `inverse` f32 gets what makes the codes again: nearest(inverse·x),
 * NaN for an all-zero block, whose codes are 0 without the offset.
 */
export function searchSymmetric(x: usize, n: u32, nmax: i32, weights: usize, inverse: usize): f32 {
  const bytes = (n as usize) << 2;
  const extreme = signedExtreme(x, bytes);
  if (abs(extreme) < ZERO_BLOCK) {
    store<f32>(inverse, NaN);
    return 0;
  }
  // Lane 0 is the unshifted one, then −9..−1 and 1..9, then a copy of the last that changes nothing.
  const t = f32x4.splat(0.1);
  const m = f32x4.splat(nmax as f32);
  const e = f32x4.splat(extreme);
  const shifted = f32x4.div(f32x4.neg(f32x4.add(m, f32x4.mul(t, f32x4(0, -9, -8, -7)))), e);
  const i0 = f32x4.replace_lane(shifted, 0, (-nmax as f32) / extreme);
  const i1 = f32x4.div(f32x4.neg(f32x4.add(m, f32x4.mul(t, f32x4(-6, -5, -4, -3)))), e);
  const i2 = f32x4.div(f32x4.neg(f32x4.add(m, f32x4.mul(t, f32x4(-2, -1, 1, 2)))), e);
  const i3 = f32x4.div(f32x4.neg(f32x4.add(m, f32x4.mul(t, f32x4(3, 4, 5, 6)))), e);
  const i4 = f32x4.div(f32x4.neg(f32x4.add(m, f32x4.mul(t, f32x4(7, 8, 9, 9)))), e);
  const low = f32x4.splat(-nmax as f32);
  const high = f32x4.splat((nmax - 1) as f32);
  const zero = f32x4.splat(0);
  let lx0 = zero, lx1 = zero, lx2 = zero, lx3 = zero, lx4 = zero;
  let l20 = zero, l21 = zero, l22 = zero, l23 = zero, l24 = zero;
  // Three vectors, then two: all five do not fit into registers. The first three reach −nmax − 0.2 at most, which needs no
  // clamping below.
  for (let i: usize = 0; i < bytes; i += 4) {
    const v = v128.load_splat<u32>(x + i);
    const w = weights ? v128.load_splat<u32>(weights + i) : f32x4.mul(v, v);
    const wv = f32x4.mul(w, v);
    let l = f32x4.pmin(high, rounded(f32x4.mul(i0, v)));
    lx0 = f32x4.add(lx0, f32x4.mul(wv, l));
    l20 = f32x4.add(l20, f32x4.mul(f32x4.mul(w, l), l));
    l = f32x4.pmin(high, rounded(f32x4.mul(i1, v)));
    lx1 = f32x4.add(lx1, f32x4.mul(wv, l));
    l21 = f32x4.add(l21, f32x4.mul(f32x4.mul(w, l), l));
    l = f32x4.pmin(high, rounded(f32x4.mul(i2, v)));
    lx2 = f32x4.add(lx2, f32x4.mul(wv, l));
    l22 = f32x4.add(l22, f32x4.mul(f32x4.mul(w, l), l));
  }
  for (let i: usize = 0; i < bytes; i += 4) {
    const v = v128.load_splat<u32>(x + i);
    const w = weights ? v128.load_splat<u32>(weights + i) : f32x4.mul(v, v);
    const wv = f32x4.mul(w, v);
    let l = f32x4.pmax(low, f32x4.pmin(high, rounded(f32x4.mul(i3, v))));
    lx3 = f32x4.add(lx3, f32x4.mul(wv, l));
    l23 = f32x4.add(l23, f32x4.mul(f32x4.mul(w, l), l));
    l = f32x4.pmax(low, f32x4.pmin(high, rounded(f32x4.mul(i4, v))));
    lx4 = f32x4.add(lx4, f32x4.mul(wv, l));
    l24 = f32x4.add(l24, f32x4.mul(f32x4.mul(w, l), l));
  }
  const firstLx = f32x4.extract_lane(lx0, 0);
  const firstL2 = f32x4.extract_lane(l20, 0);
  chosenScale = firstL2 == 0 ? 0 : firstLx / firstL2;
  chosenBest = chosenScale * firstLx;
  chosenInverse = f32x4.extract_lane(i0, 0);
  // The first lane again changes nothing: its own square is not greater.
  choose4(lx0, l20, i0, 1);
  choose4(lx1, l21, i1, 0);
  choose4(lx2, l22, i2, 0);
  choose4(lx3, l23, i3, 0);
  choose4(lx4, l24, i4, 0);
  store<f32>(inverse, chosenInverse);
  return chosenScale;
}

// What the candidates so far have come to; only within one call.
let chosenScale: f32 = 0;
let chosenBest: f32 = 0;
let chosenInverse: f32 = 0;

// @ts-ignore: decorator
@inline
function choose(sumlx: f32, suml2: f32, inverse: f32): void {
  if (!(suml2 > 0 && sumlx * sumlx > chosenBest * suml2)) return;
  chosenScale = sumlx / suml2;
  chosenBest = chosenScale * sumlx;
  chosenInverse = inverse;
}

/** Four candidates in the order of their lanes, without the first when `from` is 1. Mostly none is better than what there is. */
// @ts-ignore: decorator
@inline
function choose4(lx: v128, l2: v128, inverse: v128, from: i32): void {
  if (!v128.any_true(f32x4.gt(f32x4.mul(lx, lx), f32x4.mul(f32x4.splat(chosenBest), l2)))) return;
  if (from == 0) choose(f32x4.extract_lane(lx, 0), f32x4.extract_lane(l2, 0), f32x4.extract_lane(inverse, 0));
  choose(f32x4.extract_lane(lx, 1), f32x4.extract_lane(l2, 1), f32x4.extract_lane(inverse, 1));
  choose(f32x4.extract_lane(lx, 2), f32x4.extract_lane(l2, 2), f32x4.extract_lane(inverse, 2));
  choose(f32x4.extract_lane(lx, 3), f32x4.extract_lane(l2, 3), f32x4.extract_lane(inverse, 3));
}
