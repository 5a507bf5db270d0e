// ggml's ternary and one-bit types, byte for byte as src/encodings/ggml. Importance changes nothing about them.
import { packPairs } from "./codes";
import { highest } from "./lanes";
import { halfBits } from "./toHalf";

/** Largest magnitude among `bytes` bytes of f32, a multiple of 16. */
// @ts-ignore: decorator
@inline
function absmaxOf(x: usize, bytes: usize): f32 {
  let most = f32x4.splat(0);
  for (let i: usize = 0; i < bytes; i += 16) most = f32x4.pmax(most, f32x4.abs(v128.load(x + i)));
  return highest(most);
}

/** Four codes 0, 1, 2 of values scaled to ±1: halves go away from zero. */
// @ts-ignore: decorator
@inline
function trits(x: usize, inverse: v128): v128 {
  const v = f32x4.mul(v128.load(x), inverse);
  const up = f32x4.ge(v, f32x4.splat(0.5));
  const down = f32x4.le(v, f32x4.splat(-0.5));
  return i32x4.add(i32x4.sub(i32x4.splat(1), up), down);
}

/** Codes (u8) of `count` values, a multiple of 16. */
// @ts-ignore: decorator
@inline
function codesOf(x: usize, count: usize, inverse: f32, codes: usize): void {
  const s = f32x4.splat(inverse);
  for (let i: usize = 0; i < count; i += 16, x += 64) {
    const low = i16x8.narrow_i32x4_s(trits(x, s), trits(x + 16, s));
    const high = i16x8.narrow_i32x4_s(trits(x + 32, s), trits(x + 48, s));
    v128.store(codes + i, i8x16.narrow_i16x8_u(low, high));
  }
}

/** 1/d; infinite when d is a denormal whose codes the original leaves to chance. */
// @ts-ignore: decorator
@inline
function inverseOf(d: f32): f32 {
  return d == 0 ? 0 : 1 / d;
}

export function encode_tq2_0(x: usize, rows: u32, columns: u32, importance: usize, scratch: usize, out: usize): u32 {
  for (const end = x + (rows as usize) * ((columns as usize) << 2); x < end; x += 1024, out += 66) {
    const d = absmaxOf(x, 1024);
    const bits = halfBits(d);
    const inverse = inverseOf(d);
    if ((bits & 0x7c00) == 0x7c00 || inverse == Infinity) return 0;
    codesOf(x, 256, inverse, scratch);
    packPairs(scratch, out);
    store<u16>(out, bits as u16, 64);
  }
  return 1;
}

/** v·3 + c in 8-bit lanes. */
// @ts-ignore: decorator
@inline
function appended(v: v128, c: v128): v128 {
  return i8x16.add(i8x16.add(v, i8x16.add(v, v)), c);
}

/** Sixteen bytes of five trits, `stride` elements apart, as numbers in base 3. */
// @ts-ignore: decorator
@inline
function base3(codes: usize, stride: usize): v128 {
  let v = appended(v128.load(codes), v128.load(codes + stride));
  v = appended(v, v128.load(codes + 2 * stride));
  v = appended(v, v128.load(codes + 3 * stride));
  return appended(v, v128.load(codes + 4 * stride));
}

/** ⌈v·256/243⌉ of eight numbers v < 243 in 16-bit lanes: v + ⌊(13v + 242)/243⌋. */
// @ts-ignore: decorator
@inline
function fraction(v: v128): v128 {
  const y = i16x8.add(i16x8.mul(v, i16x8.splat(13)), i16x8.splat(242)); // at most 3388
  // ⌊y/243⌋ = (y·4316) >> 20 in that range.
  const low = i32x4.extmul_low_i16x8_u(y, i16x8.splat(4316));
  const high = i32x4.extmul_high_i16x8_u(y, i16x8.splat(4316));
  return i16x8.add(v, i16x8.narrow_i32x4_s(i32x4.shr_u(low, 20), i32x4.shr_u(high, 20)));
}

// @ts-ignore: decorator
@inline
function fractions(v: v128): v128 {
  return i8x16.narrow_i16x8_u(fraction(i16x8.extend_low_i8x16_u(v)), fraction(i16x8.extend_high_i8x16_u(v)));
}

export function encode_tq1_0(x: usize, rows: u32, columns: u32, importance: usize, scratch: usize, out: usize): u32 {
  for (const end = x + (rows as usize) * ((columns as usize) << 2); x < end; x += 1024, out += 54) {
    const d = absmaxOf(x, 1024);
    const bits = halfBits(d);
    const inverse = inverseOf(d);
    if ((bits & 0x7c00) == 0x7c00 || inverse == Infinity) return 0;
    codesOf(x, 256, inverse, scratch);
    v128.store(out, fractions(base3(scratch, 32)));
    v128.store(out, fractions(base3(scratch + 16, 32)), 16);
    v128.store(out, fractions(base3(scratch + 160, 16)), 32);
    // The last sixteen, four to a byte, with a zero for the fifth trit.
    for (let j: usize = 0; j < 4; j++) {
      const from = scratch + 240 + j;
      let v = (load<u8>(from) as u32) * 27 + (load<u8>(from, 4) as u32) * 9 + (load<u8>(from, 8) as u32) * 3 + load<u8>(from, 12);
      v *= 3;
      store<u8>(out + j, ((v * 256 + 242) / 243) as u8, 48);
    }
    store<u16>(out, bits as u16, 52);
  }
  return 1;
}

export function encode_q2_0(x: usize, rows: u32, columns: u32, importance: usize, scratch: usize, out: usize): u32 {
  for (const end = x + (rows as usize) * ((columns as usize) << 2); x < end; x += 256, out += 18) {
    const d = absmaxOf(x, 256);
    const bits = halfBits(d);
    const inverse = inverseOf(d);
    if ((bits & 0x7c00) == 0x7c00 || inverse == Infinity) return 0;
    store<u16>(out, bits as u16);
    codesOf(x, 64, inverse, scratch);
    for (let k: usize = 0; k < 16; k += 2) {
      const eight = load<u64>(scratch + (k << 2));
      const packed = eight | (eight >> 6) | (eight >> 12) | (eight >> 18);
      store<u16>(out + k, ((packed & 0xff) | ((packed >> 24) & 0xff00)) as u16, 2);
    }
  }
  return 1;
}

export function encode_q1_0(x: usize, rows: u32, columns: u32, importance: usize, scratch: usize, out: usize): u32 {
  const zero = f32x4.splat(0);
  for (const end = x + (rows as usize) * ((columns as usize) << 2); x < end; x += 512, out += 18) {
    let sum: f32 = 0;
    for (let i: usize = 0; i < 512; i += 32) {
      const a = v128.load(x + i);
      const b = v128.load(x + i, 16);
      const signs = i32x4.bitmask(f32x4.ge(a, zero)) | (i32x4.bitmask(f32x4.ge(b, zero)) << 4);
      store<u8>(out + (i >> 5), signs as u8, 2);
      sum += abs(f32x4.extract_lane(a, 0));
      sum += abs(f32x4.extract_lane(a, 1));
      sum += abs(f32x4.extract_lane(a, 2));
      sum += abs(f32x4.extract_lane(a, 3));
      sum += abs(f32x4.extract_lane(b, 0));
      sum += abs(f32x4.extract_lane(b, 1));
      sum += abs(f32x4.extract_lane(b, 2));
      sum += abs(f32x4.extract_lane(b, 3));
    }
    const bits = halfBits(sum / 128);
    if ((bits & 0x7c00) == 0x7c00) return 0;
    store<u16>(out, bits as u16);
  }
  return 1;
}
