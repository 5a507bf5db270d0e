// Plain number types to f32: `count` elements from source to target.
import { half, halves } from "./half";

export function decode_f16(source: usize, count: u32, target: usize): void {
  let i: u32 = 0;
  for (; i + 8 <= count; i += 8, source += 16, target += 32) {
    const v = v128.load(source);
    // Eight ordinary numbers, no zeros, subnormals, infinities or NaNs: moving the bits and the exponent's bias is all.
    const odd = i16x8.ge_u(i16x8.sub(v128.and(v, i16x8.splat(0x7fff)), i16x8.splat(0x0400)), i16x8.splat(0x7800));
    if (v128.any_true(odd)) {
      v128.store(target, halves(i32x4.extend_low_i16x8_u(v)));
      v128.store(target, halves(i32x4.extend_high_i16x8_u(v)), 16);
    } else {
      const bias = i32x4.splat(112 << 23);
      const mask = i32x4.splat(0x8fffe000);
      v128.store(target, i32x4.add(v128.and(i32x4.shl(i32x4.extend_low_i16x8_s(v), 13), mask), bias));
      v128.store(target, i32x4.add(v128.and(i32x4.shl(i32x4.extend_high_i16x8_s(v), 13), mask), bias), 16);
    }
  }
  for (; i < count; i++, source += 2, target += 4) store<f32>(target, half(load<u16>(source)));
}

export function decode_bf16(source: usize, count: u32, target: usize): void {
  let i: u32 = 0;
  for (; i + 8 <= count; i += 8, source += 16, target += 32) {
    const v = v128.load(source);
    v128.store(target, i32x4.shl(i32x4.extend_low_i16x8_u(v), 16));
    v128.store(target, i32x4.shl(i32x4.extend_high_i16x8_u(v), 16), 16);
  }
  for (; i < count; i++, source += 2, target += 4) store<u32>(target, (load<u16>(source) as u32) << 16);
}

export function decode_f64(source: usize, count: u32, target: usize): void {
  let i: u32 = 0;
  for (; i + 4 <= count; i += 4, source += 32, target += 16) {
    const a = f32x4.demote_f64x2_zero(v128.load(source));
    const b = f32x4.demote_f64x2_zero(v128.load(source, 16));
    v128.store(target, v128.shuffle<i64>(a, b, 0, 2));
  }
  for (; i < count; i++, source += 8, target += 4) store<f32>(target, load<f64>(source) as f32);
}

export function decode_i8(source: usize, count: u32, target: usize): void {
  let i: u32 = 0;
  for (; i + 8 <= count; i += 8, source += 8, target += 32) {
    const v = v128.load8x8_s(source);
    v128.store(target, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(v)));
    v128.store(target, f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(v)), 16);
  }
  for (; i < count; i++, source++, target += 4) store<f32>(target, load<i8>(source) as f32);
}

export function decode_u8(source: usize, count: u32, target: usize): void {
  let i: u32 = 0;
  for (; i + 8 <= count; i += 8, source += 8, target += 32) {
    const v = v128.load8x8_u(source);
    v128.store(target, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_u(v)));
    v128.store(target, f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_u(v)), 16);
  }
  for (; i < count; i++, source++, target += 4) store<f32>(target, load<u8>(source) as f32);
}
