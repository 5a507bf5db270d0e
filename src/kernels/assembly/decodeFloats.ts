// Plain number types to f32: `count` elements from source to target.
import { half, halves } from "./half";

export function decode_f16(source: usize, count: u32, target: usize): void {
  let i: u32 = 0;
  for (; i + 8 <= count; i += 8, source += 16, target += 32) {
    const v = v128.load(source);
    v128.store(target, halves(i32x4.extend_low_i16x8_u(v)));
    v128.store(target, halves(i32x4.extend_high_i16x8_u(v)), 16);
  }
  for (; i < count; i++, source += 2, target += 4) store<f32>(target, half(load<u16>(source)));
}

export function decode_bf16(source: usize, count: u32, target: usize): void {
  const zero = i32x4.splat(0);
  let i: u32 = 0;
  for (; i + 8 <= count; i += 8, source += 16, target += 32) {
    const v = v128.load(source);
    v128.store(target, v128.shuffle<i16>(zero, v, 0, 8, 0, 9, 0, 10, 0, 11));
    v128.store(target, v128.shuffle<i16>(zero, v, 0, 12, 0, 13, 0, 14, 0, 15), 16);
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
