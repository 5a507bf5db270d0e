// Moving elements about.
import { highHalf } from "./lanes";

/**
 * target f32[columns][rows] = transpose of source f32[rows][columns], whose rows are `sourceStride` and whose results are
 * `targetStride` elements apart.
 */
export function transpose(source: usize, rows: u32, columns: u32, sourceStride: u32, target: usize, targetStride: u32): void {
  const s = (sourceStride as usize) << 2;
  const t = (targetStride as usize) << 2;
  const wholeRows = rows & ~3;
  const wholeColumns = columns & ~3;
  for (let r: u32 = 0; r < wholeRows; r += 4) {
    const from = source + (r as usize) * s;
    const to = target + ((r as usize) << 2);
    for (let c: u32 = 0; c < wholeColumns; c += 4) {
      const p = from + ((c as usize) << 2);
      const q = to + (c as usize) * t;
      const a = v128.load(p);
      const b = v128.load(p + s);
      const d = v128.load(p + 2 * s);
      const e = v128.load(p + 3 * s);
      const ab0 = v128.shuffle<i32>(a, b, 0, 4, 1, 5);
      const ab1 = v128.shuffle<i32>(a, b, 2, 6, 3, 7);
      const de0 = v128.shuffle<i32>(d, e, 0, 4, 1, 5);
      const de1 = v128.shuffle<i32>(d, e, 2, 6, 3, 7);
      v128.store(q, v128.shuffle<i64>(ab0, de0, 0, 2));
      v128.store(q + t, v128.shuffle<i64>(ab0, de0, 1, 3));
      v128.store(q + 2 * t, v128.shuffle<i64>(ab1, de1, 0, 2));
      v128.store(q + 3 * t, v128.shuffle<i64>(ab1, de1, 1, 3));
    }
    for (let c = wholeColumns; c < columns; c++) {
      const p = from + ((c as usize) << 2);
      const q = to + (c as usize) * t;
      for (let k: usize = 0; k < 4; k++) store<u32>(q + (k << 2), load<u32>(p + k * s));
    }
  }
  for (let r = wholeRows; r < rows; r++) {
    const from = source + (r as usize) * s;
    const to = target + ((r as usize) << 2);
    for (let c: u32 = 0; c < columns; c++) store<u32>(to + (c as usize) * t, load<u32>(from + ((c as usize) << 2)));
  }
}

/** Σ (a − b)² in f64. */
export function squaredDifference(a: usize, b: usize, count: u32): f64 {
  let sum = f64x2.splat(0);
  const end = a + ((count as usize) << 2);
  const whole = a + (((count & ~3) as usize) << 2);
  for (; a < whole; a += 16, b += 16) {
    const v = v128.load(a);
    const w = v128.load(b);
    const d0 = f64x2.sub(f64x2.promote_low_f32x4(v), f64x2.promote_low_f32x4(w));
    const d1 = f64x2.sub(highHalf(v), highHalf(w));
    sum = f64x2.add(sum, f64x2.add(f64x2.mul(d0, d0), f64x2.mul(d1, d1)));
  }
  let total = f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
  for (; a < end; a += 4, b += 4) {
    const d = (load<f32>(a) as f64) - (load<f32>(b) as f64);
    total += d * d;
  }
  return total;
}

/** Sum of the 64-bit words of `bytes` bytes, a multiple of 64: reads as fast as can be, to measure what reading costs. */
export function sumWords(x: usize, bytes: u32): u64 {
  let a = i64x2.splat(0);
  let b = a;
  let c = a;
  let d = a;
  for (const end = x + (bytes as usize); x < end; x += 64) {
    a = i64x2.add(a, v128.load(x));
    b = i64x2.add(b, v128.load(x, 16));
    c = i64x2.add(c, v128.load(x, 32));
    d = i64x2.add(d, v128.load(x, 48));
  }
  const sum = i64x2.add(i64x2.add(a, b), i64x2.add(c, d));
  return i64x2.extract_lane(sum, 0) + i64x2.extract_lane(sum, 1);
}
