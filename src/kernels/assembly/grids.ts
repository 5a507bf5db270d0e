// Integer grids: w = (code − zero)·scale over groups of a row, scale f32. The same arithmetic as the encodings' own: scales are chosen in
// f64 with sums in the order of the elements, codes come from f32 quotients.

/** Longest group whose exact search fits the scratch of sorted breakpoints. */
const SEARCH_LIMIT: u32 = 512;
/** Buckets per power of two, and powers of two kept apart, when breakpoints are sorted. */
const FINE: u32 = 5;
const BUCKETS: u32 = 32 * 40;

// @ts-ignore: decorator
@inline
function highHalf(v: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<i32>(v, v, 2, 3, 2, 3));
}

// @ts-ignore: decorator
@inline
function codesOf(v: v128, scale: v128, low: v128, high: v128): v128 {
  return f32x4.pmin(high, f32x4.pmax(low, f32x4.nearest(f32x4.div(v, scale))));
}

// @ts-ignore: decorator
@inline
function codeOf(v: f32, scale: f32, low: f32, high: f32): f32 {
  return min<f32>(high, max<f32>(low, nearest<f32>(v / scale)));
}

/** Signed value of largest magnitude, the first of equals. */
function extremeOf(x: usize, count: u32): f32 {
  let lowest = f32x4.splat(0);
  let highest = lowest;
  let i: u32 = 0;
  for (; i + 4 <= count; i += 4) {
    const v = v128.load(x + ((i as usize) << 2));
    lowest = f32x4.pmin(lowest, v);
    highest = f32x4.pmax(highest, v);
  }
  let low = min<f32>(min<f32>(f32x4.extract_lane(lowest, 0), f32x4.extract_lane(lowest, 1)),
    min<f32>(f32x4.extract_lane(lowest, 2), f32x4.extract_lane(lowest, 3)));
  let high = max<f32>(max<f32>(f32x4.extract_lane(highest, 0), f32x4.extract_lane(highest, 1)),
    max<f32>(f32x4.extract_lane(highest, 2), f32x4.extract_lane(highest, 3)));
  for (; i < count; i++) {
    const v = load<f32>(x + ((i as usize) << 2));
    low = min<f32>(low, v);
    high = max<f32>(high, v);
  }
  if (-low < high) return high;
  if (-low > high) return low;
  if (high == 0) return 0;
  while (abs<f32>(load<f32>(x)) != high) x += 4;
  return load<f32>(x);
}

/** Σ (x − q·s)² before the product is rounded, as the search for a scale measures it. */
function searchError(x: usize, count: u32, scale: f32, low: f32, high: f32): f64 {
  const s = f32x4.splat(scale);
  const wide = f64x2.splat(scale as f64);
  const lows = f32x4.splat(low);
  const highs = f32x4.splat(high);
  let sum = f64x2.splat(0);
  let i: u32 = 0;
  for (; i + 4 <= count; i += 4) {
    const v = v128.load(x + ((i as usize) << 2));
    const q = codesOf(v, s, lows, highs);
    const a = f64x2.sub(f64x2.promote_low_f32x4(v), f64x2.mul(f64x2.promote_low_f32x4(q), wide));
    const b = f64x2.sub(highHalf(v), f64x2.mul(highHalf(q), wide));
    sum = f64x2.add(sum, f64x2.add(f64x2.mul(a, a), f64x2.mul(b, b)));
  }
  let total = f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
  for (; i < count; i++) {
    const v = load<f32>(x + ((i as usize) << 2));
    const d = (v as f64) - (codeOf(v, scale, low, high) as f64) * (scale as f64);
    total += d * d;
  }
  return total;
}

/** Σ (x − f32(q·s))²: what decoding gives. */
function decodedError(x: usize, count: u32, scale: f32, low: f32, high: f32): f64 {
  const s = f32x4.splat(scale);
  const lows = f32x4.splat(low);
  const highs = f32x4.splat(high);
  let sum = f64x2.splat(0);
  let i: u32 = 0;
  for (; i + 4 <= count; i += 4) {
    const v = v128.load(x + ((i as usize) << 2));
    const w = f32x4.mul(codesOf(v, s, lows, highs), s);
    const a = f64x2.sub(f64x2.promote_low_f32x4(v), f64x2.promote_low_f32x4(w));
    const b = f64x2.sub(highHalf(v), highHalf(w));
    sum = f64x2.add(sum, f64x2.add(f64x2.mul(a, a), f64x2.mul(b, b)));
  }
  let total = f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
  for (; i < count; i++) {
    const v = load<f32>(x + ((i as usize) << 2));
    const d = (v as f64) - (codeOf(v, scale, low, high) * scale as f64);
    total += d * d;
  }
  return total;
}

/** As stored: finite, never 0. */
// @ts-ignore: decorator
@inline
function stored(scale: f64): f32 {
  const s = min<f32>(f32.MAX_VALUE, max<f32>(1.401298464324817e-45, abs<f64>(scale) as f32));
  return scale < 0 ? -s : s;
}

// What a search looks at in turn; kept at the head of the scratch: best scale (f32), its error (f64 at 8).
// @ts-ignore: decorator
@inline
function consider(candidate: f64, x: usize, count: u32, low: f32, high: f32, best: usize): void {
  if (candidate == 0) return;
  const scale = stored(candidate);
  const error = searchError(x, count, scale, low, high);
  if (error < load<f64>(best, 8)) {
    store<f32>(best, scale);
    store<f64>(best, error, 8);
  }
}

/** absmax/127.5 and absmax/127 and the least-squares scales of the codes they give. */
function refine8(x: usize, count: u32, absmax: f64, best: usize): void {
  for (let k = 0; k < 2; k++) {
    const scale = k ? absmax / 127.0 : absmax / 127.5;
    let sumlx: f64 = 0;
    let suml2: f64 = 0;
    for (let i: u32 = 0; i < count; i++) {
      const v = load<f32>(x + ((i as usize) << 2)) as f64;
      const q = min<f64>(127, max<f64>(-128, nearest<f64>(v / scale)));
      sumlx += v * q;
      suml2 += q * q;
    }
    consider(scale, x, count, -128, 127, best);
    if (suml2 > 0) consider(sumlx / suml2, x, count, -128, 127, best);
  }
}

/**
 * The scales s > 0 and s < 0 of least squared error over all assignments of codes, by walking the sorted magnitudes |x|/(k+½) at which a
 * code changes, from the largest down. Lane 0 is s > 0, where positive weights stop one code earlier; lane 1 is s < 0.
 */
function exact(x: usize, count: u32, half: u32, absmax: f64, best: usize, scratch: usize): void {
  const lowest = max<f64>(0, absmax - sqrt<f64>(load<f64>(best, 8))) / (half as f64);
  const payloadBits: u64 = 32 - (clz<u32>(count * half - 1) as u64);
  const mask: u64 = ((1 as u64) << payloadBits) - 1;
  const shift = ctz<u32>(half);
  const counters = scratch;
  const keys = scratch + BUCKETS * 4;
  const sorted = keys + SEARCH_LIMIT * 8 * 8;
  // Bucket 0 takes everything more than 40 powers of two below the largest; the order within it is mended at the end.
  const top = ((reinterpret<u64>(absmax * 2.0) >> (52 - FINE)) as u32) + 1;
  const base = top - BUCKETS;
  memory.fill(counters, 0, BUCKETS * 4);
  let n: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const magnitude = abs<f32>(load<f32>(x + ((i as usize) << 2))) as f64;
    for (let k: u32 = 0; k < half; k++) {
      const breakpoint = magnitude / ((k as f64) + 0.5);
      if (breakpoint < lowest || breakpoint == 0) break;
      const key = (reinterpret<u64>(breakpoint) & ~mask) | ((i << shift) | k);
      store<u64>(keys + ((n as usize) << 3), key);
      n++;
      const bucket = max<i32>(0, ((key >> (52 - FINE)) as u32 - base) as i32);
      const c = counters + ((bucket as usize) << 2);
      store<u32>(c, load<u32>(c) + 1);
    }
  }
  let before: u32 = 0;
  for (let b: u32 = 0; b < BUCKETS; b += 4) {
    const c = counters + ((b as usize) << 2);
    const n0 = load<u32>(c);
    const n1 = load<u32>(c, 4);
    const n2 = load<u32>(c, 8);
    const n3 = load<u32>(c, 12);
    store<u32>(c, before);
    store<u32>(c, before + n0, 4);
    store<u32>(c, before + n0 + n1, 8);
    store<u32>(c, before + n0 + n1 + n2, 12);
    before += n0 + n1 + n2 + n3;
  }
  for (let j: u32 = 0; j < n; j++) {
    const key = load<u64>(keys + ((j as usize) << 3));
    const bucket = max<i32>(0, ((key >> (52 - FINE)) as u32 - base) as i32);
    const c = counters + ((bucket as usize) << 2);
    const at = load<u32>(c);
    store<u32>(c, at + 1);
    store<u64>(sorted + ((at as usize) << 3), key);
  }
  for (let j: u32 = 1; j < n; j++) {
    const key = load<u64>(sorted + ((j as usize) << 3));
    let at = sorted + ((j as usize) << 3);
    while (at > sorted && load<u64>(at - 8) > key) {
      store<u64>(at, load<u64>(at - 8));
      at -= 8;
    }
    store<u64>(at, key);
  }
  let sumlx = f64x2.splat(0);
  let suml2 = sumlx;
  let gain = sumlx;
  let bestlx = sumlx;
  let bestl2 = f64x2.splat(1);
  const sides = f64x2(1, -1);
  const last = half - 1;
  for (let j = n; j > 0; j--) {
    const payload = (load<u64>(sorted + (((j - 1) as usize) << 3)) & mask) as u32;
    const k = payload & last;
    const v = load<f32>(x + ((payload >> shift) as usize << 2)) as f64;
    let dx = f64x2.splat(abs<f64>(v));
    let d2 = f64x2.splat(((2 * k + 1) as i32) as f64);
    if (k == last) {
      // The lane where this weight's sign and the scale's give the missing code stays as it is.
      const keep = f64x2.lt(f64x2.mul(f64x2.splat(v), sides), f64x2.splat(0));
      dx = v128.and(dx, keep);
      d2 = v128.and(d2, keep);
    }
    sumlx = f64x2.add(sumlx, dx);
    suml2 = f64x2.add(suml2, d2);
    const value = f64x2.div(f64x2.mul(sumlx, sumlx), suml2);
    const better = f64x2.gt(value, gain); // 0/0 is not
    gain = v128.bitselect(value, gain, better);
    bestlx = v128.bitselect(sumlx, bestlx, better);
    bestl2 = v128.bitselect(suml2, bestl2, better);
  }
  const optimum = f64x2.mul(sides, f64x2.div(bestlx, bestl2));
  const h = half as f32;
  consider(f64x2.extract_lane(optimum, 0), x, count, -h, h - 1, best);
  consider(f64x2.extract_lane(optimum, 1), x, count, -h, h - 1, best);
}

/** The symmetric scale of a group. */
function symmetric(x: usize, count: u32, bits: u32, scratch: usize): f32 {
  const extreme = extremeOf(x, count);
  if (extreme == 0) return 1;
  const half: u32 = 1 << (bits - 1);
  const h = half as f32;
  const absmax = abs<f32>(extreme) as f64;
  const first = stored((absmax / ((half as f64) - 0.5)) as f32 as f64);
  store<f32>(scratch, first);
  store<f64>(scratch, searchError(x, count, first, -h, h - 1), 8);
  if (bits == 8) refine8(x, count, absmax, scratch);
  else exact(x, count, half, absmax, scratch, scratch + 64);
  return load<f32>(scratch);
}

/** Scale (returned) and zero point (at `zero`, f32) of an asymmetric group: its range with 0, in 2^bits − 1 steps. */
function asymmetric(x: usize, count: u32, bits: u32, zero: usize): f32 {
  let low: f32 = 0;
  let high: f32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const v = load<f32>(x + ((i as usize) << 2));
    low = min<f32>(low, v);
    high = max<f32>(high, v);
  }
  const top = ((1 << bits) - 1) as f32;
  store<f32>(zero, 0);
  if (low == high) return 1;
  const scale = stored((((high as f64) - (low as f64)) / (top as f64)) as f32 as f64);
  store<f32>(zero, min<f32>(top, max<f32>(0, nearest<f32>((-(low as f64) / (scale as f64)) as f32))));
  return scale;
}

/** Σ (x − ŵ)² of rows in groups of `group` (0: the row). NaN where the exact search would need more scratch (1 MB is enough). */
export function grid_error(x: usize, rows: u32, columns: u32, bits: u32, group: u32, isAsymmetric: u32, scratch: usize): f64 {
  const size = group ? group : columns;
  if (!isAsymmetric && bits < 8 && size > SEARCH_LIMIT) return NaN;
  const top = ((1 << bits) - 1) as f32;
  const half = (1 << (bits - 1)) as f32;
  let sum: f64 = 0;
  for (let row: u32 = 0; row < rows; row++) {
    for (let column: u32 = 0; column < columns; column += size) {
      const count = min<u32>(size, columns - column);
      const scale = isAsymmetric ? asymmetric(x, count, bits, scratch) : symmetric(x, count, bits, scratch);
      const zero = isAsymmetric ? load<f32>(scratch) : half;
      sum += decodedError(x, count, scale, -zero, top - zero);
      x += (count as usize) << 2;
    }
  }
  return sum;
}

/** Encodes rows: dense codes of 2, 4 or 8 bits padded to whole words, f32 scales, zero points of one byte. 0 where grid_error is NaN. */
export function grid_encode(
  x: usize, rows: u32, columns: u32, bits: u32, group: u32, isAsymmetric: u32, scratch: usize, codes: usize, scales: usize, zeros: usize,
): u32 {
  const size = group ? group : columns;
  if (!isAsymmetric && bits < 8 && size > SEARCH_LIMIT) return 0;
  const top = ((1 << bits) - 1) as f32;
  const half = (1 << (bits - 1)) as f32;
  const perByte: u32 = 8 / bits;
  const padded = group ? ((columns + group - 1) / group) * group : columns;
  const rowBytes = ((padded * bits + 31) / 32) * 4;
  const rowCodes = rowBytes * perByte;
  memory.fill(codes, 0, (rows as usize) * (rowBytes as usize));
  for (let row: u32 = 0; row < rows; row++) {
    let zero = half;
    for (let column: u32 = 0; column < columns; column += size) {
      const count = min<u32>(size, columns - column);
      const scale = isAsymmetric ? asymmetric(x, count, bits, scratch) : symmetric(x, count, bits, scratch);
      store<f32>(scales, scale);
      scales += 4;
      if (isAsymmetric) {
        zero = load<f32>(scratch);
        store<u8>(zeros, zero as u8);
        zeros++;
      }
      for (let i: u32 = 0; i < count; i++) {
        const code = (codeOf(load<f32>(x + ((i as usize) << 2)), scale, -zero, top - zero) + zero) as u8;
        put(codes, column + i, code, bits, perByte);
      }
      x += (count as usize) << 2;
    }
    for (let i = columns; i < rowCodes; i++) put(codes, i, zero as u8, bits, perByte);
    codes += rowBytes;
  }
  return 1;
}

// @ts-ignore: decorator
@inline
function put(codes: usize, i: u32, code: u8, bits: u32, perByte: u32): void {
  const at = codes + (i / perByte);
  store<u8>(at, load<u8>(at) | (code << (((i % perByte) * bits) as u8)));
}

/** Signed 8-bit codes −127…127 with one scale max|x|/127 per row. */
export function error_int8_qdq(x: usize, rows: u32, columns: u32): f64 {
  let sum: f64 = 0;
  for (let row: u32 = 0; row < rows; row++, x += (columns as usize) << 2) {
    sum += decodedError(x, columns, scaleQdq(x, columns), -127, 127);
  }
  return sum;
}

// @ts-ignore: decorator
@inline
function scaleQdq(x: usize, columns: u32): f32 {
  const absmax = abs<f32>(extremeOf(x, columns));
  return absmax == 0 ? 1 : max<f32>(1.401298464324817e-45, ((absmax as f64) / 127.0) as f32);
}

export function encode_int8_qdq(x: usize, rows: u32, columns: u32, importance: usize, scratch: usize, codes: usize, scales: usize): u32 {
  for (let row: u32 = 0; row < rows; row++) {
    const scale = scaleQdq(x, columns);
    store<f32>(scales, scale);
    scales += 4;
    for (let i: u32 = 0; i < columns; i++, x += 4, codes++) store<i8>(codes, codeOf(load<f32>(x), scale, -127, 127) as i8);
  }
  return 1;
}
