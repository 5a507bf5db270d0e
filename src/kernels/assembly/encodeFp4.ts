// MXFP4 and NVFP4, byte for byte as src/encodings/ggml/fp4.ts. Importance changes nothing about them.
import { highest } from "./lanes";

/** Largest magnitude of `bytes` bytes of f32, a multiple of 16. */
// @ts-ignore: decorator
@inline
function absmaxOf(x: usize, bytes: usize): f32 {
  let most = f32x4.splat(0);
  for (let i: usize = 0; i < bytes; i += 16) most = f32x4.pmax(most, f32x4.abs(v128.load(x + i)));
  return highest(most);
}

/**
 * Four codes of E2M1: the number of half-way points below the magnitude, which is the first of the nearest levels on a tie, and 8
 * for negative ones that are not zero. All products with `scale` are exact.
 */
// @ts-ignore: decorator
@inline
function codes(x: usize, scale: f32): v128 {
  const v = v128.load(x);
  const m = f32x4.abs(v);
  let n = f32x4.gt(m, f32x4.splat(0.5 * scale));
  n = i32x4.add(n, f32x4.gt(m, f32x4.splat(1.5 * scale)));
  n = i32x4.add(n, f32x4.gt(m, f32x4.splat(2.5 * scale)));
  n = i32x4.add(n, f32x4.gt(m, f32x4.splat(3.5 * scale)));
  n = i32x4.add(n, f32x4.gt(m, f32x4.splat(5 * scale)));
  n = i32x4.add(n, f32x4.gt(m, f32x4.splat(7 * scale)));
  n = i32x4.add(n, f32x4.gt(m, f32x4.splat(10 * scale)));
  const negative = v128.and(v128.and(f32x4.lt(v, f32x4.splat(0)), i32x4.ne(n, i32x4.splat(0))), i32x4.splat(8));
  return i32x4.sub(negative, n);
}

/** Sixteen codes as bytes. */
// @ts-ignore: decorator
@inline
function codes16(x: usize, scale: f32): v128 {
  return i8x16.narrow_i16x8_u(
    i16x8.narrow_i32x4_s(codes(x, scale), codes(x + 16, scale)),
    i16x8.narrow_i32x4_s(codes(x + 32, scale), codes(x + 48, scale)));
}

/**
 * ⌊log2 v⌋ with the logarithm rounded to f32 first, as the C library's log2f gives it: just below a power of two it is that
 * power. v is not denormal. The farther log2 v is from zero, the coarser its last place is against one place of v.
 */
function floorLog2(v: f32): i32 {
  const bits = reinterpret<u32>(v);
  const next = ((bits >>> 23) as i32) - 126; // exponent of the next power of two
  const short = (0x800000 - (bits & 0x7fffff)) as i32; // places of v below it
  const n = next < 0 ? -next + 1 : next; // the last place is that of the number on the far side of zero
  // Places of v in half a last place of the logarithm, times ln 2: 0.69 for 2, 1.4 up to 4, 2.8 up to 8, …
  const near = n <= 2 ? 0 : n <= 4 ? 1 : n <= 8 ? 2 : n <= 16 ? 5 : n <= 32 ? 11 : n <= 64 ? 22 : 44;
  return short <= near ? next : next - 1;
}

export function encode_mxfp4(x: usize, rows: u32, columns: u32, importance: usize, scratch: usize, out: usize): u32 {
  for (const end = x + (rows as usize) * ((columns as usize) << 2); x < end; x += 128, out += 17) {
    const absmax = absmaxOf(x, 128);
    if (absmax == 0) {
      memory.fill(out, 0, 17);
      continue;
    }
    const e = absmax < 1.17549435e-38 ? 0 : floorLog2(absmax) + 125;
    if (e < 2) return 0;
    store<u8>(out, e as u8);
    const scale = reinterpret<f32>((e - 1) << 23);
    v128.store(out, v128.or(codes16(x, scale), i16x8.shl(codes16(x + 64, scale), 4)), 1);
  }
  return 1;
}

/** f32 to unsigned E4M3: the next bit decides, ties go up. */
function ue4m3(value: f32): u32 {
  if (!(value > 0)) return 0;
  const bits = reinterpret<u32>(min<f32>(448, value));
  let exponent = ((bits >>> 23) as i32) - 120;
  if (exponent <= 0) return min(7, (value * 512 + 0.5) as i32) as u32;
  if (exponent >= 15) return 0x7e;
  let mantissa = ((bits >>> 20) & 7) + ((bits >>> 19) & 1);
  if (mantissa > 7) {
    mantissa = 0;
    exponent++;
  }
  return exponent >= 15 ? 0x7e : ((exponent << 3) as u32) | mantissa;
}

/** Half of an unsigned E4M3. */
function halfUE4M3(code: u32): f32 {
  const mantissa = code & 7;
  if (code < 8) return (mantissa as f32) * 0.0009765625; // 2^-10
  return reinterpret<f32>((((code >>> 3) + 119) << 23) | (mantissa << 20));
}

export function encode_nvfp4(x: usize, rows: u32, columns: u32, importance: usize, scratch: usize, out: usize): u32 {
  for (const end = x + (rows as usize) * ((columns as usize) << 2); x < end; x += 256, out += 36) {
    for (let s: usize = 0; s < 4; s++) {
      const from = x + (s << 6);
      const absmax = absmaxOf(from, 64);
      if (absmax > 2688) return 0; // beyond the largest scale: far beyond it all levels are equally far away
      const code = ue4m3(absmax / 6);
      store<u8>(out + s, code as u8);
      const scale = halfUE4M3(code);
      const all = code == 0 ? i8x16.splat(0) : codes16(from, scale);
      store<u64>(out + (s << 3), i64x2.extract_lane(all, 0) | (i64x2.extract_lane(all, 1) << 4), 4);
    }
  }
  return 1;
}
