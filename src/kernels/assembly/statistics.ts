// First reading of a tile: extremes, power sums, channel profiles and the logarithmic histogram.
import { highHalf } from "./lanes";

// @ts-ignore: decorator
@inline const MAGNITUDE: u32 = 0x7fffffff;
// @ts-ignore: decorator
@inline const INFINITE: u32 = 0x7f800000;

// @ts-ignore: decorator
@inline
function maxLane(v: v128): u32 {
  const a = max<u32>(i32x4.extract_lane(v, 0) as u32, i32x4.extract_lane(v, 1) as u32);
  const b = max<u32>(i32x4.extract_lane(v, 2) as u32, i32x4.extract_lane(v, 3) as u32);
  return max<u32>(a, b);
}

// @ts-ignore: decorator
@inline
function sumLanes(v: v128): f64 {
  return f64x2.extract_lane(v, 0) + f64x2.extract_lane(v, 1);
}

/**
 * out: f32 min, f32 max, u32 zeros, u32 largest magnitude bits. Minimum and maximum mean nothing when the magnitude says that
 * something is not finite; `scrub` finds them then.
 */
export function scan(x: usize, count: u32, out: usize): void {
  const magnitude = i32x4.splat(MAGNITUDE);
  let lowest = f32x4.splat(Infinity);
  let highest = f32x4.splat(-Infinity);
  let bits = i32x4.splat(0);
  let zeros = i32x4.splat(0);
  const end = x + ((count as usize) << 2);
  const whole = x + (((count & ~3) as usize) << 2);
  while (x < whole) {
    const v = v128.load(x);
    lowest = f32x4.pmin(lowest, v);
    highest = f32x4.pmax(highest, v);
    bits = i32x4.max_u(bits, v128.and(v, magnitude));
    zeros = i32x4.sub(zeros, f32x4.eq(v, f32x4.splat(0)));
    x += 16;
  }
  let low = min<f32>(min<f32>(f32x4.extract_lane(lowest, 0), f32x4.extract_lane(lowest, 1)),
    min<f32>(f32x4.extract_lane(lowest, 2), f32x4.extract_lane(lowest, 3)));
  let high = max<f32>(max<f32>(f32x4.extract_lane(highest, 0), f32x4.extract_lane(highest, 1)),
    max<f32>(f32x4.extract_lane(highest, 2), f32x4.extract_lane(highest, 3)));
  let largest = maxLane(bits);
  let zero: u32 = i32x4.extract_lane(zeros, 0) + i32x4.extract_lane(zeros, 1) + i32x4.extract_lane(zeros, 2) + i32x4.extract_lane(zeros, 3);
  while (x < end) {
    const v = load<f32>(x);
    low = min<f32>(low, v);
    high = max<f32>(high, v);
    largest = max<u32>(largest, load<u32>(x) & MAGNITUDE);
    if (v == 0) zero++;
    x += 4;
  }
  store<f32>(out, low);
  store<f32>(out, high, 4);
  store<u32>(out, zero, 8);
  store<u32>(out, largest, 12);
}

/**
 * Copies with every non-finite element replaced by `fill`.
 * out: f32 min, f32 max, u32 zeros, u32 largest magnitude bits, u32 NaNs, u32 infinities, all but the last two over the finite
 * ones.
 */
export function scrub(source: usize, count: u32, target: usize, fill: f32, out: usize): void {
  let low: f32 = Infinity;
  let high: f32 = -Infinity;
  let zeros: u32 = 0;
  let largest: u32 = 0;
  let nans: u32 = 0;
  let infinities: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const at = (i as usize) << 2;
    const bits = load<u32>(source + at) & MAGNITUDE;
    let v = load<f32>(source + at);
    if (bits < INFINITE) {
      low = min<f32>(low, v);
      high = max<f32>(high, v);
      largest = max<u32>(largest, bits);
      if (bits == 0) zeros++;
    } else {
      if (bits == INFINITE) infinities++;
      else nans++;
      v = fill;
    }
    store<f32>(target + at, v);
  }
  store<f32>(out, low);
  store<f32>(out, high, 4);
  store<u32>(out, zeros, 8);
  store<u32>(out, largest, 12);
  store<u32>(out, nans, 16);
  store<u32>(out, infinities, 20);
}

// @ts-ignore: decorator
@inline
function count(table: usize, x: usize): void {
  // The upper 12 bits of an f32 times 16 are its upper 16 bits without the low 4: the byte offset of its four counters.
  const a = table + ((load<u16>(x, 2) & 0xfff0) as usize);
  store<u32>(a, load<u32>(a) + 1);
  const b = table + ((load<u16>(x, 6) & 0xfff0) as usize);
  store<u32>(b, load<u32>(b, 4) + 1, 4);
  const c = table + ((load<u16>(x, 10) & 0xfff0) as usize);
  store<u32>(c, load<u32>(c, 8) + 1, 8);
  const d = table + ((load<u16>(x, 14) & 0xfff0) as usize);
  store<u32>(d, load<u32>(d, 12) + 1, 12);
}

/**
 * Finite elements only. Adds to columnSquares f64[columns] and logCounts u32[4096][4], raises columnBits u32[columns]; sets
 * rowBits u32[rows] and rowSquares f64[rows]; sets sums to f64 Σx, Σx², Σx³, Σx⁴. Power sums in f64: no f32 overflows its
 * fourth power.
 */
export function accumulate(
  x: usize, rows: u32, columns: u32, rowBits: usize, rowSquares: usize, columnBits: usize, columnSquares: usize, logCounts: usize, sums: usize,
): void {
  const magnitude = i32x4.splat(MAGNITUDE);
  const zero = f64x2.splat(0);
  let s1 = zero;
  let s3 = zero;
  let s4 = zero;
  let t1: f64 = 0;
  let t2: f64 = 0;
  let t3: f64 = 0;
  let t4: f64 = 0;
  const stride = (columns as usize) << 2;
  const whole = ((columns & ~3) as usize) << 2;
  let row: u32 = 0;
  // Two rows at a time share the loads and stores of the column accumulators.
  for (; row + 1 < rows; row += 2) {
    const y = x + stride;
    let bitsX = i32x4.splat(0);
    let bitsY = bitsX;
    let squaresX = zero;
    let squaresY = zero;
    let i: usize = 0;
    for (; i < whole; i += 16) {
      const v = v128.load(x + i);
      const w = v128.load(y + i);
      const av = v128.and(v, magnitude);
      const aw = v128.and(w, magnitude);
      bitsX = i32x4.max_u(bitsX, av);
      bitsY = i32x4.max_u(bitsY, aw);
      const cb = columnBits + i;
      v128.store(cb, i32x4.max_u(v128.load(cb), i32x4.max_u(av, aw)));
      const cs = columnSquares + (i << 1);
      count(logCounts, x + i);

      const v0 = f64x2.promote_low_f32x4(v);
      const w0 = f64x2.promote_low_f32x4(w);
      const v1 = highHalf(v);
      const w1 = highHalf(w);
      s1 = f64x2.add(s1, f64x2.add(f64x2.add(v0, v1), f64x2.add(w0, w1)));
      const v0q = f64x2.mul(v0, v0);
      const v1q = f64x2.mul(v1, v1);
      const w0q = f64x2.mul(w0, w0);
      const w1q = f64x2.mul(w1, w1);
      v128.store(cs, f64x2.add(v128.load(cs), f64x2.add(v0q, w0q)));
      v128.store(cs, f64x2.add(v128.load(cs, 16), f64x2.add(v1q, w1q)), 16);
      squaresX = f64x2.add(squaresX, f64x2.add(v0q, v1q));
      squaresY = f64x2.add(squaresY, f64x2.add(w0q, w1q));
      s3 = f64x2.add(s3, f64x2.add(
        f64x2.add(f64x2.mul(v0q, v0), f64x2.mul(v1q, v1)), f64x2.add(f64x2.mul(w0q, w0), f64x2.mul(w1q, w1))));
      s4 = f64x2.add(s4, f64x2.add(
        f64x2.add(f64x2.mul(v0q, v0q), f64x2.mul(v1q, v1q)), f64x2.add(f64x2.mul(w0q, w0q), f64x2.mul(w1q, w1q))));
      count(logCounts, y + i);
    }
    let largestX = maxLane(bitsX);
    let largestY = maxLane(bitsY);
    let sumX = sumLanes(squaresX);
    let sumY = sumLanes(squaresY);
    for (; i < stride; i += 4) {
      const v = load<f32>(x + i) as f64;
      const w = load<f32>(y + i) as f64;
      const bv = load<u32>(x + i);
      const bw = load<u32>(y + i);
      largestX = max<u32>(largestX, bv & MAGNITUDE);
      largestY = max<u32>(largestY, bw & MAGNITUDE);
      store<u32>(columnBits + i, max<u32>(load<u32>(columnBits + i), max<u32>(bv & MAGNITUDE, bw & MAGNITUDE)));
      const vq = v * v;
      const wq = w * w;
      const cs = columnSquares + (i << 1);
      store<f64>(cs, load<f64>(cs) + (vq + wq));
      sumX += vq;
      sumY += wq;
      t1 += v + w;
      t3 += vq * v + wq * w;
      t4 += vq * vq + wq * wq;
      const a = logCounts + ((bv >>> 20) << 4);
      store<u32>(a, load<u32>(a) + 1);
      const b = logCounts + ((bw >>> 20) << 4);
      store<u32>(b, load<u32>(b, 4) + 1, 4);
    }
    store<u32>(rowBits + ((row as usize) << 2), largestX);
    store<u32>(rowBits + ((row as usize) << 2), largestY, 4);
    store<f64>(rowSquares + ((row as usize) << 3), sumX);
    store<f64>(rowSquares + ((row as usize) << 3), sumY, 8);
    t2 += sumX + sumY;
    x += stride << 1;
  }
  if (row < rows) {
    let bitsX = i32x4.splat(0);
    let squaresX = zero;
    let i: usize = 0;
    for (; i < whole; i += 16) {
      const v = v128.load(x + i);
      const av = v128.and(v, magnitude);
      bitsX = i32x4.max_u(bitsX, av);
      v128.store(columnBits + i, i32x4.max_u(v128.load(columnBits + i), av));
      const cs = columnSquares + (i << 1);
      count(logCounts, x + i);
      const v0 = f64x2.promote_low_f32x4(v);
      const v1 = highHalf(v);
      s1 = f64x2.add(s1, f64x2.add(v0, v1));
      const v0q = f64x2.mul(v0, v0);
      const v1q = f64x2.mul(v1, v1);
      v128.store(cs, f64x2.add(v128.load(cs), v0q));
      v128.store(cs, f64x2.add(v128.load(cs, 16), v1q), 16);
      squaresX = f64x2.add(squaresX, f64x2.add(v0q, v1q));
      s3 = f64x2.add(s3, f64x2.add(f64x2.mul(v0q, v0), f64x2.mul(v1q, v1)));
      s4 = f64x2.add(s4, f64x2.add(f64x2.mul(v0q, v0q), f64x2.mul(v1q, v1q)));
    }
    let largestX = maxLane(bitsX);
    let sumX = sumLanes(squaresX);
    for (; i < stride; i += 4) {
      const v = load<f32>(x + i) as f64;
      const bv = load<u32>(x + i);
      largestX = max<u32>(largestX, bv & MAGNITUDE);
      store<u32>(columnBits + i, max<u32>(load<u32>(columnBits + i), bv & MAGNITUDE));
      const vq = v * v;
      const cs = columnSquares + (i << 1);
      store<f64>(cs, load<f64>(cs) + vq);
      sumX += vq;
      t1 += v;
      t3 += vq * v;
      t4 += vq * vq;
      const a = logCounts + ((bv >>> 20) << 4);
      store<u32>(a, load<u32>(a) + 1);
    }
    store<u32>(rowBits + ((row as usize) << 2), largestX);
    store<f64>(rowSquares + ((row as usize) << 3), sumX);
    t2 += sumX;
  }
  store<f64>(sums, t1 + sumLanes(s1));
  store<f64>(sums, t2, 8);
  store<f64>(sums, t3 + sumLanes(s3), 16);
  store<f64>(sums, t4 + sumLanes(s4), 24);
}

/** sums: f64 Σd, Σd², Σd³, Σd⁴ of d = x − pivot. */
export function centred(x: usize, count: u32, pivot: f64, sums: usize): void {
  const p = f64x2.splat(pivot);
  let s1 = f64x2.splat(0);
  let s2 = s1;
  let s3 = s1;
  let s4 = s1;
  const end = x + ((count as usize) << 2);
  const whole = x + (((count & ~3) as usize) << 2);
  for (; x < whole; x += 16) {
    const v = v128.load(x);
    const a = f64x2.sub(f64x2.promote_low_f32x4(v), p);
    const b = f64x2.sub(highHalf(v), p);
    const aq = f64x2.mul(a, a);
    const bq = f64x2.mul(b, b);
    s1 = f64x2.add(s1, f64x2.add(a, b));
    s2 = f64x2.add(s2, f64x2.add(aq, bq));
    s3 = f64x2.add(s3, f64x2.add(f64x2.mul(aq, a), f64x2.mul(bq, b)));
    s4 = f64x2.add(s4, f64x2.add(f64x2.mul(aq, aq), f64x2.mul(bq, bq)));
  }
  let t1 = sumLanes(s1);
  let t2 = sumLanes(s2);
  let t3 = sumLanes(s3);
  let t4 = sumLanes(s4);
  for (; x < end; x += 4) {
    const d = (load<f32>(x) as f64) - pivot;
    const q = d * d;
    t1 += d;
    t2 += q;
    t3 += q * d;
    t4 += q * q;
  }
  store<f64>(sums, t1);
  store<f64>(sums, t2, 8);
  store<f64>(sums, t3, 16);
  store<f64>(sums, t4, 24);
}

/**
 * Ends a group of rows that share one heat row: pools columnBits u32[columns] (columns `start`… of a matrix `total` wide) into
 * heat u32[width] by maximum, raises totalBits u32[columns] and clears columnBits. Cell j of the strip covers columns
 * ⌊j·total/width⌋ to ⌊(j+1)·total/width⌋.
 */
export function pool(columnBits: usize, totalBits: usize, columns: u32, start: f64, total: f64, heat: usize, width: u32): void {
  const end = start + columns;
  let cell: u32 = width == 0 ? 0 : Math.floor((start * width) / total) as u32;
  // Rounding of the quotient may land one cell off; the borders themselves are exact.
  while (cell > 0 && Math.floor((cell as f64) * total / width) > start) cell--;
  while (cell + 1 < width && Math.floor((cell as f64 + 1) * total / width) <= start) cell++;
  let at: u32 = 0;
  while (at < columns) {
    const border = cell + 1 >= width ? end : min<f64>(end, Math.floor((cell as f64 + 1) * total / width));
    const stop = (border - start) as u32;
    let bits = i32x4.splat(0);
    for (; at + 4 <= stop; at += 4) {
      const p = (at as usize) << 2;
      const v = v128.load(columnBits + p);
      bits = i32x4.max_u(bits, v);
      v128.store(totalBits + p, i32x4.max_u(v128.load(totalBits + p), v));
      v128.store(columnBits + p, i32x4.splat(0));
    }
    let largest = maxLane(bits);
    for (; at < stop; at++) {
      const p = (at as usize) << 2;
      const v = load<u32>(columnBits + p);
      largest = max<u32>(largest, v);
      store<u32>(totalBits + p, max<u32>(load<u32>(totalBits + p), v));
      store<u32>(columnBits + p, 0);
    }
    if (width > 0) {
      const h = heat + ((cell as usize) << 2);
      store<u32>(h, max<u32>(load<u32>(h), largest));
    }
    cell++;
  }
}
