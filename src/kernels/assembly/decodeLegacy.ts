// ggml's blocks of 32: an f16 scale d (and an f16 minimum m), then codes. `count` is a multiple of 32.
import { half } from "./half";

/** Sixteen codes in 8-bit lanes, signed, times d to target. */
// @ts-ignore: decorator
@inline
function scaled(codes: v128, d: v128, target: usize): void {
  const low = i16x8.extend_low_i8x16_s(codes);
  const high = i16x8.extend_high_i8x16_s(codes);
  v128.store(target, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(low)), d));
  v128.store(target, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(low)), d), 16);
  v128.store(target, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(high)), d), 32);
  v128.store(target, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(high)), d), 48);
}

/** Sixteen codes in 8-bit lanes, unsigned, times d plus m to target. */
// @ts-ignore: decorator
@inline
function shifted(codes: v128, d: v128, m: v128, target: usize): void {
  const low = i16x8.extend_low_i8x16_u(codes);
  const high = i16x8.extend_high_i8x16_u(codes);
  v128.store(target, f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(low)), d), m));
  v128.store(target, f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(low)), d), m), 16);
  v128.store(target, f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(high)), d), m), 32);
  v128.store(target, f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(high)), d), m), 48);
}

/** Bits `from`… of a word as the value 16 in the 8-bit lanes where they are set. */
// @ts-ignore: decorator
@inline
function fifthBits(word: u32, from: u32): v128 {
  const bits = word >>> from;
  const spread = i8x16.shuffle(i32x4.splat(bits), i32x4.splat(0), 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1);
  const mask = i8x16(1, 2, 4, 8, 16, 32, 64, -128, 1, 2, 4, 8, 16, 32, 64, -128);
  return v128.and(i8x16.eq(v128.and(spread, mask), mask), i8x16.splat(16));
}

export function decode_q8_0(source: usize, count: u32, target: usize): void {
  for (let i: u32 = 0; i < count; i += 32, source += 34, target += 128) {
    const d = f32x4.splat(half(load<u16>(source)));
    scaled(v128.load(source, 2), d, target);
    scaled(v128.load(source, 18), d, target + 64);
  }
}

export function decode_q4_0(source: usize, count: u32, target: usize): void {
  for (let i: u32 = 0; i < count; i += 32, source += 18, target += 128) {
    const d = f32x4.splat(half(load<u16>(source)));
    const q = v128.load(source, 2);
    scaled(i8x16.sub(v128.and(q, i8x16.splat(15)), i8x16.splat(8)), d, target);
    scaled(i8x16.sub(i8x16.shr_u(q, 4), i8x16.splat(8)), d, target + 64);
  }
}

export function decode_q4_1(source: usize, count: u32, target: usize): void {
  for (let i: u32 = 0; i < count; i += 32, source += 20, target += 128) {
    const d = f32x4.splat(half(load<u16>(source)));
    const m = f32x4.splat(half(load<u16>(source, 2)));
    const q = v128.load(source, 4);
    shifted(v128.and(q, i8x16.splat(15)), d, m, target);
    shifted(i8x16.shr_u(q, 4), d, m, target + 64);
  }
}

export function decode_q5_0(source: usize, count: u32, target: usize): void {
  for (let i: u32 = 0; i < count; i += 32, source += 22, target += 128) {
    const d = f32x4.splat(half(load<u16>(source)));
    const high = load<u32>(source, 2);
    const q = v128.load(source, 6);
    scaled(i8x16.sub(v128.or(v128.and(q, i8x16.splat(15)), fifthBits(high, 0)), i8x16.splat(16)), d, target);
    scaled(i8x16.sub(v128.or(i8x16.shr_u(q, 4), fifthBits(high, 16)), i8x16.splat(16)), d, target + 64);
  }
}

export function decode_q5_1(source: usize, count: u32, target: usize): void {
  for (let i: u32 = 0; i < count; i += 32, source += 24, target += 128) {
    const d = f32x4.splat(half(load<u16>(source)));
    const m = f32x4.splat(half(load<u16>(source, 2)));
    const high = load<u32>(source, 4);
    const q = v128.load(source, 8);
    shifted(v128.or(v128.and(q, i8x16.splat(15)), fifthBits(high, 0)), d, m, target);
    shifted(v128.or(i8x16.shr_u(q, 4), fifthBits(high, 16)), d, m, target + 64);
  }
}
