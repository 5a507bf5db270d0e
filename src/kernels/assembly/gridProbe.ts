// What 24 scales cost a group, by integers of 16 bits, and what no scale between two of them can be better than.
//
// The optimum (codes q*, scale s*) has its least error F* at s*, and F* + Σq*²·(s − s*)² at every other scale s, which is no less
// than F(s), the error of the nearest codes there. With Σq*² ≤ Σa²/s*² every probe s bounds from below what lies around it:
// F* ≥ F(s) − Σa²·((s − s*)/s*)².
import { lowest, total } from "./lanes";

// Places in the scratch. What belongs to the probes is kept from group to group: rows of 24 f32.
/** For each of 16 masks, the bytes of the chosen lanes, in front. */
const PACK: usize = 64;
/** t = 1/scale of each probe, in units of 1/largest magnitude; as f32, and in 1/16 as pairs of i16. */
export const PROBES: usize = 320;
const SIXTEENTHS: usize = 416;
/** s, and s²·2⁻²⁴, which makes squared errors of sums of integers. */
const SCALES: usize = 512;
const SQUARES: usize = 608;
/** Of the interval to the next probe: half its width in s, 1/(4·that·t²) and t² with the next one's t. */
const HALVES: usize = 704;
const SLOPES: usize = 800;
const CURVES: usize = 896;
/** Added to errors that are only bounds, because clipping was left out. */
const DOUBTS: usize = 992;
/** How many intervals from here on may be looked through at once: no code changes twice within them. u32. */
export const REACHES: usize = 1088;
/** Where the walk may begin. */
export const KEPT: usize = 1184;

// Of one group. Rows of f32 hold up to 256 and what completes a vector.
/** Magnitudes in units of the largest, zeros up to a multiple of 8; the last code of each for scales > 0. */
export const PARTS: usize = 1184;
export const CAPS: usize = 2224;
/** Magnitudes in 1/4096 as i16; the same without the large ones. */
const INTEGERS: usize = 3264;
const SMALL: usize = 3776;
/** The large ones, and their last codes. */
const LARGE: usize = 4288;
const LARGE_CAPS: usize = 5344;
/** Lower bounds of the intervals: of scales > 0, then of scales < 0 from the 12th probe on. */
const BOUNDS: usize = 6400;
/** Free from here on. */
export const FREE: usize = 6560;

/** Probes before the largest part may leave the codes that both signs have. */
export const COMMON: u32 = 12;
/** What is added to the number of an interval of scales < 0. */
export const MINUS: u32 = 32;

/** Σa² of the group's parts. */
export let energy: f32 = 0;
/** How far rounding to 1/4096 may have moved the group. */
export let blur: f32 = 0;
/** The least error among the probes, of the rounded parts. */
export let leastError: f32 = 0;
/** That of the probe at h − ½. */
export let largestError: f32 = 0;
/** What clipping alone costs at scales smaller than the last probe's, at least. */
export let beyondError: f32 = 0;
/** Where the list of large parts ends. */
let largeEnd: usize = 0;

/** Parts above this are clipped by a probe whose error is to be known. */
// @ts-ignore: decorator
@inline
function largeFrom(bits: u32, group: u32): f32 {
  return bits == 4 ? (group > 64 ? 0.6 : 0.8) : 0.44;
}

/** What the functions below need to find in their scratch for grids of 2 or 4 bits in groups of this size. */
export function prepareProbes(bits: u32, group: u32, scratch: usize): void {
  for (let mask = 0; mask < 16; mask++) {
    let at = scratch + PACK + 16 * mask;
    v128.store(at, i8x16.splat(-1));
    for (let lane = 0; lane < 4; lane++) {
      if (!((mask >> lane) & 1)) continue;
      store<u32>(at, 0x03020100 + 0x04040404 * lane);
      at += 4;
    }
  }
  // In 1/16: 12 from (h − ½)/2 to below h − ½, where the largest part leaves the codes that both signs have; 12 from there on.
  const at = scratch + FREE;
  if (bits == 4 && group <= 64) {
    v128.store(at, i16x8(60, 71, 80, 87, 93, 98, 102, 105));
    v128.store(at, i16x8(108, 111, 114, 117, 120, 123, 126, 129), 16);
    v128.store(at, i16x8(132, 136, 140, 145, 152, 162, 178, 204), 32);
  } else if (bits == 4) {
    v128.store(at, i16x8(60, 68, 76, 83, 89, 95, 100, 104));
    v128.store(at, i16x8(108, 111, 114, 117, 120, 124, 129, 134), 16);
    v128.store(at, i16x8(140, 146, 153, 161, 171, 184, 206, 240), 32);
  } else {
    v128.store(at, i16x8(12, 13, 14, 15, 16, 17, 18, 19));
    v128.store(at, i16x8(20, 21, 22, 23, 24, 28, 32, 37), 16);
    v128.store(at, group <= 64 ? i16x8(43, 50, 58, 67, 77, 89, 104, 124) : i16x8(43, 51, 61, 73, 87, 105, 130, 176), 32);
  }
  const h = (1 << (bits - 1)) as f32;
  for (let j: u32 = 0; j < 24; j++) {
    const at = scratch + ((j as usize) << 2);
    const sixteenth = sixteenthOf(j, scratch);
    const t = (sixteenth as f32) / 16;
    const s: f32 = 1 / t;
    const next: f32 = (sixteenthOf(j + 1, scratch) as f32) / 16;
    const width: f32 = s - 1 / next;
    store<f32>(at, t, PROBES);
    store<u32>(at, sixteenth * 0x10001, SIXTEENTHS);
    store<f32>(at, s, SCALES);
    store<f32>(at, s * s * (1.0 / 16777216.0), SQUARES);
    store<f32>(at, width / 2, HALVES);
    store<f32>(at, 1 / (2 * next * next * width), SLOPES);
    store<f32>(at, next * next, CURVES);
    store<f32>(at, largeFrom(bits, group) * t > h - 0.5 ? 1e30 : 0, DOUBTS);
    let reach: u32 = 1;
    while (j + reach < 23 && sixteenthOf(j + reach + 1, scratch) - sixteenth <= 15) reach++;
    store<u32>(at, reach, REACHES);
  }
}

/** The probe in 1/16, while the others are prepared. */
function sixteenthOf(j: u32, scratch: usize): u32 {
  return j < 24 ? (load<u16>(scratch + ((j as usize) << 1), FREE) as u32) : 4096;
}

/**
 * Takes a group apart; false where its weights lie too far apart for exact sums. `count` is a multiple of 4 up to 256, `unit` 1 over
 * the largest magnitude.
 */
export function measureParts(x: usize, count: u32, bits: u32, group: u32, unit: f32, scratch: usize): bool {
  const units = f32x4.splat(unit);
  const zero = f32x4.splat(0);
  const h = f32x4.splat((1 << (bits - 1)) as f32);
  const one = f32x4.splat(1);
  const above = f32x4.splat(largeFrom(bits, group));
  const rounding = f32x4.splat(12582912);
  const whole = f32x4.splat(4096);
  const next = i32x4.splat(-1);
  let squares = zero;
  let least = i32x4.splat(-1); // as u32, of the bits of what is not 0, less 1
  let found = scratch + LARGE;
  let integers = zero;
  let small = zero;
  const bytes = (count as usize) << 2;
  for (let i: usize = 0; i < bytes; i += 16) {
    const v = v128.load(x + i);
    const a = f32x4.mul(f32x4.abs(v), units);
    const cap = f32x4.sub(h, v128.and(one, f32x4.gt(v, zero)));
    v128.store(scratch + i, a, PARTS);
    v128.store(scratch + i, cap, CAPS);
    squares = f32x4.add(squares, f32x4.mul(a, a));
    least = i32x4.min_u(least, i32x4.add(a, next));
    const isLarge = f32x4.gt(a, above);
    const mask = i32x4.bitmask(isLarge);
    const places = v128.load(scratch + ((mask as usize) << 4), PACK);
    v128.store(found, i8x16.swizzle(a, places));
    v128.store(found, i8x16.swizzle(cap, places), LARGE_CAPS - LARGE);
    found += (popcnt(mask) as usize) << 2;
    const n = i32x4.sub(f32x4.add(f32x4.mul(a, whole), rounding), rounding);
    const without = v128.andnot(n, isLarge);
    if (i & 16) {
      v128.store(scratch + ((i - 16) >> 1), i16x8.narrow_i32x4_s(integers, n), INTEGERS);
      v128.store(scratch + ((i - 16) >> 1), i16x8.narrow_i32x4_s(small, without), SMALL);
    }
    integers = n;
    small = without;
  }
  if (bytes & 16) {
    v128.store(scratch + bytes, zero, PARTS);
    v128.store(scratch + bytes, zero, CAPS);
    v128.store(scratch + ((bytes - 16) >> 1), i16x8.narrow_i32x4_s(integers, zero), INTEGERS);
    v128.store(scratch + ((bytes - 16) >> 1), i16x8.narrow_i32x4_s(small, zero), SMALL);
  }
  if (bytes <= 128) v128.store(scratch + 128, zero, PARTS);
  // Counted in fours, with zeros: how many there are is hard to foresee, and a wrong guess costs more than they do.
  v128.store(found, zero);
  v128.store(found, zero, LARGE_CAPS - LARGE);
  largeEnd = scratch + LARGE + ((found - scratch - LARGE + 12) & ~15);
  energy = total(squares);
  blur = sqrt<f32>(count as f32) * (1.0001 / 8192);
  const tiny = i32x4.splat(reinterpret<i32>(<f32>3.8e-6));
  return !v128.any_true(i32x4.lt_u(least, tiny));
}

/** Bounds of the four intervals from `errors` on to the probes of `next`, in lanes; all of rounded parts. */
// @ts-ignore: decorator
@inline
function bounds(errors: v128, next: v128, constants: usize, all: v128, perAll: v128): v128 {
  const half = v128.load(constants, HALVES);
  // The two parabolas meet at this distance from the first probe.
  const difference = f32x4.mul(f32x4.sub(errors, next), f32x4.mul(v128.load(constants, SLOPES), perAll));
  const width = f32x4.add(half, half);
  const there = f32x4.pmin(width, f32x4.pmax(f32x4.splat(0), f32x4.add(half, difference)));
  const back = f32x4.sub(width, there);
  const curve = f32x4.mul(v128.load(constants, CURVES), all);
  return f32x4.pmax(
    f32x4.sub(errors, f32x4.mul(curve, f32x4.mul(there, there))), f32x4.sub(next, f32x4.mul(curve, f32x4.mul(back, back))),
  );
}

// @ts-ignore: decorator
@inline
function following(v: v128, next: v128): v128 {
  return v128.shuffle<i32>(v, next, 1, 2, 3, 4);
}

// @ts-ignore: decorator
@inline
function errorsOf(sums: v128, constants: usize): v128 {
  return f32x4.mul(f32x4.convert_i32x4_s(sums), v128.load(constants, SQUARES));
}

/** The square of what is left of large parts with codes up to `cap`. */
// @ts-ignore: decorator
@inline
function clipped(a: v128, q: v128, cap: v128, constants: usize): v128 {
  const r = f32x4.sub(a, f32x4.mul(v128.load(constants, SCALES), f32x4.pmin(cap, q)));
  return f32x4.mul(r, r);
}

/** Measures the parts at every probe, for `intervalsBelow` and the errors above. */
export function probe(count: u32, h: f32, positive: bool, scratch: usize): void {
  const zero = f32x4.splat(0);
  const t0 = v128.load(scratch, SIXTEENTHS);
  const t1 = v128.load(scratch, SIXTEENTHS + 16);
  const t2 = v128.load(scratch, SIXTEENTHS + 32);
  const t3 = v128.load(scratch, SIXTEENTHS + 48);
  const t4 = v128.load(scratch, SIXTEENTHS + 64);
  const t5 = v128.load(scratch, SIXTEENTHS + 80);
  let sum0 = zero, sum1 = zero, sum2 = zero, sum3 = zero, sum4 = zero, sum5 = zero;
  // The low 16 bits of a product are what is left over after rounding to whole codes, in 2⁻¹⁶ codes.
  const end = (((count + 7) & ~7) as usize) << 1;
  for (let i: usize = 0; i < end; i += 4) {
    const a = v128.load32_splat(scratch + i, INTEGERS);
    let r = i16x8.mul(a, t0);
    sum0 = i32x4.add(sum0, i32x4.shr_u(i32x4.dot_i16x8_s(r, r), 8));
    r = i16x8.mul(a, t1);
    sum1 = i32x4.add(sum1, i32x4.shr_u(i32x4.dot_i16x8_s(r, r), 8));
    r = i16x8.mul(a, t2);
    sum2 = i32x4.add(sum2, i32x4.shr_u(i32x4.dot_i16x8_s(r, r), 8));
    const b = v128.load32_splat(scratch + i, SMALL);
    r = i16x8.mul(b, t3);
    sum3 = i32x4.add(sum3, i32x4.shr_u(i32x4.dot_i16x8_s(r, r), 8));
    r = i16x8.mul(b, t4);
    sum4 = i32x4.add(sum4, i32x4.shr_u(i32x4.dot_i16x8_s(r, r), 8));
    r = i16x8.mul(b, t5);
    sum5 = i32x4.add(sum5, i32x4.shr_u(i32x4.dot_i16x8_s(r, r), 8));
  }
  const f0 = errorsOf(sum0, scratch);
  const f1 = errorsOf(sum1, scratch + 16);
  const f2 = errorsOf(sum2, scratch + 32);
  let p3 = errorsOf(sum3, scratch + 48);
  let p4 = errorsOf(sum4, scratch + 64);
  let p5 = errorsOf(sum5, scratch + 80);
  let n3 = p3, n4 = p4, n5 = p5;
  let beyond = zero;
  const both = f32x4.splat(2 * h - 1);
  const edge = f32x4.splat(h * load<f32>(scratch, SCALES + 92));
  for (let at = scratch + LARGE; at < largeEnd; at += 4) {
    const a = v128.load32_splat(at);
    const cap = v128.load32_splat(at, LARGE_CAPS - LARGE);
    const other = f32x4.sub(both, cap);
    let q = f32x4.nearest(f32x4.mul(a, v128.load(scratch, PROBES + 48)));
    p3 = f32x4.add(p3, clipped(a, q, cap, scratch + 48));
    n3 = f32x4.add(n3, clipped(a, q, other, scratch + 48));
    q = f32x4.nearest(f32x4.mul(a, v128.load(scratch, PROBES + 64)));
    p4 = f32x4.add(p4, clipped(a, q, cap, scratch + 64));
    n4 = f32x4.add(n4, clipped(a, q, other, scratch + 64));
    q = f32x4.nearest(f32x4.mul(a, v128.load(scratch, PROBES + 80)));
    p5 = f32x4.add(p5, clipped(a, q, cap, scratch + 80));
    n5 = f32x4.add(n5, clipped(a, q, other, scratch + 80));
    const d = f32x4.pmax(zero, f32x4.sub(a, edge));
    beyond = f32x4.add(beyond, f32x4.mul(d, d));
  }
  beyondError = f32x4.extract_lane(beyond, 0);
  largestError = f32x4.extract_lane(p3, 0);
  // Rounded parts may hold a little more.
  const all: f32 = energy * 1.001 + blur * blur;
  const e = f32x4.splat(all);
  const per = f32x4.splat(1 / all);
  v128.store(scratch, bounds(f0, following(f0, f1), scratch, e, per), BOUNDS);
  v128.store(scratch, bounds(f1, following(f1, f2), scratch + 16, e, per), BOUNDS + 16);
  v128.store(scratch, bounds(f2, following(f2, p3), scratch + 32, e, per), BOUNDS + 32);
  v128.store(scratch, bounds(p3, following(p3, p4), scratch + 48, e, per), BOUNDS + 48);
  v128.store(scratch, bounds(p4, following(p4, p5), scratch + 64, e, per), BOUNDS + 64);
  v128.store(scratch, bounds(p5, following(p5, p5), scratch + 80, e, per), BOUNDS + 80);
  let least = f32x4.pmin(f32x4.pmin(f0, f1), f32x4.pmin(f2, p3)); // 
  const d4 = v128.load(scratch, DOUBTS + 64);
  const d5 = v128.load(scratch, DOUBTS + 80);
  least = f32x4.pmin(least, f32x4.pmin(f32x4.add(p4, d4), f32x4.add(p5, d5)));
  if (!positive) {
    v128.store(scratch, bounds(n3, following(n3, n4), scratch + 48, e, per), BOUNDS + 96);
    v128.store(scratch, bounds(n4, following(n4, n5), scratch + 64, e, per), BOUNDS + 112);
    v128.store(scratch, bounds(n5, following(n5, n5), scratch + 80, e, per), BOUNDS + 128);
    least = f32x4.pmin(f32x4.pmin(least, n3), f32x4.pmin(f32x4.add(n4, d4), f32x4.add(n5, d5)));
  }
  leastError = lowest(least);
}

// @ts-ignore: decorator
@inline
function below(limit: v128, at: usize): u32 {
  return i32x4.bitmask(f32x4.lt(v128.load(at, BOUNDS), limit));
}

/** The intervals whose bound is below `limit`: bits 0 to 22 of scales > 0, 44 to 54 of scales < 0 from the 12th probe on. */
export function intervalsBelow(limit: f32, positive: bool, scratch: usize): u64 {
  const l = f32x4.splat(limit);
  const common = below(l, scratch) | (below(l, scratch + 16) << 4) | (below(l, scratch + 32) << 8);
  const beyond = below(l, scratch + 48) | (below(l, scratch + 64) << 4) | (below(l, scratch + 80) << 8);
  const plus = common | ((beyond & 0x7ff) << COMMON);
  if (positive) return plus as u64;
  const minus = (below(l, scratch + 96) | (below(l, scratch + 112) << 4) | (below(l, scratch + 128) << 8)) & 0x7ff;
  return (plus as u64) | ((minus as u64) << (MINUS + COMMON));
}
