// Codes made from scales, and how they are packed.
import { clamped, clampedFirst, nearestInts } from "./search";

/** Sixteen values as codes, 8 bits each: nearest((x + minimum)/scale), or where the scale is 0 those of the search. */
// @ts-ignore: decorator
@inline
export function codes16(x: usize, scale: f32, minimum: f32, top: f32, inverse: f32, base: f32, clampFirst: bool): v128 {
  let a: v128, b: v128, c: v128, d: v128;
  if (scale != 0) {
    const s = f32x4.splat(scale);
    const m = f32x4.splat(minimum);
    const zero = i32x4.splat(0);
    const high = i32x4.splat(top as i32);
    a = i32x4.max_s(zero, i32x4.min_s(high, nearestInts(f32x4.div(f32x4.add(v128.load(x), m), s))));
    b = i32x4.max_s(zero, i32x4.min_s(high, nearestInts(f32x4.div(f32x4.add(v128.load(x, 16), m), s))));
    c = i32x4.max_s(zero, i32x4.min_s(high, nearestInts(f32x4.div(f32x4.add(v128.load(x, 32), m), s))));
    d = i32x4.max_s(zero, i32x4.min_s(high, nearestInts(f32x4.div(f32x4.add(v128.load(x, 48), m), s))));
  } else {
    a = searched(v128.load(x), top, inverse, base, clampFirst);
    b = searched(v128.load(x, 16), top, inverse, base, clampFirst);
    c = searched(v128.load(x, 32), top, inverse, base, clampFirst);
    d = searched(v128.load(x, 48), top, inverse, base, clampFirst);
  }
  return i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d));
}

function searched(x: v128, top: f32, inverse: f32, base: f32, clampFirst: bool): v128 {
  const t = f32x4.mul(f32x4.splat(inverse), f32x4.sub(x, f32x4.splat(base)));
  const l = clampFirst ? clampedFirst(t, f32x4.splat(top)) : clamped(t, i32x4.splat(0), i32x4.splat(top as i32));
  return i32x4.trunc_sat_f32x4_s(l);
}

/** Sixteen symmetric codes −nmax..nmax−1 plus nmax: nearest(x/scale), or of the search where the scale is 0. */
// @ts-ignore: decorator
@inline
export function symmetric16(x: usize, scale: f32, nmax: i32, inverse: f32): v128 {
  const low = i32x4.splat(-nmax);
  const high = i32x4.splat(nmax - 1);
  let a: v128, b: v128, c: v128, d: v128;
  if (scale != 0) {
    const s = f32x4.splat(scale);
    a = nearestInts(f32x4.div(v128.load(x), s));
    b = nearestInts(f32x4.div(v128.load(x, 16), s));
    c = nearestInts(f32x4.div(v128.load(x, 32), s));
    d = nearestInts(f32x4.div(v128.load(x, 48), s));
  } else {
    if (inverse != inverse) return i8x16.splat(0);
    const s = f32x4.splat(inverse);
    a = nearestInts(f32x4.mul(s, v128.load(x)));
    b = nearestInts(f32x4.mul(s, v128.load(x, 16)));
    c = nearestInts(f32x4.mul(s, v128.load(x, 32)));
    d = nearestInts(f32x4.mul(s, v128.load(x, 48)));
  }
  a = i32x4.max_s(low, i32x4.min_s(high, a));
  b = i32x4.max_s(low, i32x4.min_s(high, b));
  c = i32x4.max_s(low, i32x4.min_s(high, c));
  d = i32x4.max_s(low, i32x4.min_s(high, d));
  return i8x16.add(i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d)), i8x16.splat(nmax as i8));
}

/** Two-bit codes (u8[256]) in their places: byte l of half h holds elements l, l+32, l+64, l+96. */
export function packPairs(codes: usize, out: usize): void {
  for (let h: usize = 0; h < 2; h++) {
    for (let l: usize = 0; l < 32; l += 16) {
      const from = codes + 128 * h + l;
      const low = v128.or(v128.load(from), i8x16.shl(v128.load(from, 32), 2));
      const high = v128.or(i8x16.shl(v128.load(from, 64), 4), i8x16.shl(v128.load(from, 96), 6));
      v128.store(out + 32 * h + l, v128.or(low, high));
    }
  }
}
