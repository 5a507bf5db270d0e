// ggml's super-blocks of 256 with two-level scales. `count` is a multiple of 256.
import { half } from "./half";

/** Sixteen unsigned codes in 8-bit lanes: d·q − m to target. */
// @ts-ignore: decorator
@inline
function lowered(codes: v128, d: v128, m: v128, target: usize): void {
  const low = i16x8.extend_low_i8x16_u(codes);
  const high = i16x8.extend_high_i8x16_u(codes);
  v128.store(target, f32x4.sub(f32x4.mul(d, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(low))), m));
  v128.store(target, f32x4.sub(f32x4.mul(d, f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(low))), m), 16);
  v128.store(target, f32x4.sub(f32x4.mul(d, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(high))), m), 32);
  v128.store(target, f32x4.sub(f32x4.mul(d, f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(high))), m), 48);
}

/** Sixteen signed codes in 8-bit lanes: d·q to target. */
// @ts-ignore: decorator
@inline
function scaled(codes: v128, d: v128, target: usize): void {
  const low = i16x8.extend_low_i8x16_s(codes);
  const high = i16x8.extend_high_i8x16_s(codes);
  v128.store(target, f32x4.mul(d, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(low))));
  v128.store(target, f32x4.mul(d, f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(low))), 16);
  v128.store(target, f32x4.mul(d, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(high))), 32);
  v128.store(target, f32x4.mul(d, f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(high))), 48);
}

/** Six-bit scale j of Q4_K and Q5_K. */
// @ts-ignore: decorator
@inline
function scaleOf(scales: usize, j: u32): u32 {
  return j < 4 ? load<u8>(scales + j) & 63 : (load<u8>(scales + j, 4) & 15) | ((load<u8>(scales + j - 4) >> 6) << 4);
}

/** Six-bit minimum j of Q4_K and Q5_K. */
// @ts-ignore: decorator
@inline
function minimumOf(scales: usize, j: u32): u32 {
  return j < 4 ? load<u8>(scales + j, 4) & 63 : (load<u8>(scales + j, 4) >> 4) | ((load<u8>(scales + j) >> 6) << 4);
}

export function decode_q2_K(source: usize, count: u32, target: usize): void {
  const three = i8x16.splat(3);
  for (let i: u32 = 0; i < count; i += 256, source += 84) {
    const d = half(load<u16>(source, 80));
    const dmin = half(load<u16>(source, 82));
    let scales = source;
    for (let h: usize = 0; h < 64; h += 32) {
      const a = v128.load(source + h, 16);
      const b = v128.load(source + h, 32);
      for (let shift: u32 = 0; shift < 8; shift += 2) {
        const s0 = load<u8>(scales);
        const s1 = load<u8>(scales, 1);
        scales += 2;
        lowered(v128.and(i8x16.shr_u(a, shift), three), f32x4.splat(d * ((s0 & 15) as f32)), f32x4.splat(dmin * ((s0 >> 4) as f32)), target);
        lowered(v128.and(i8x16.shr_u(b, shift), three), f32x4.splat(d * ((s1 & 15) as f32)), f32x4.splat(dmin * ((s1 >> 4) as f32)), target + 64);
        target += 128;
      }
    }
  }
}

/** Six-bit scale j of Q3_K, 0…63. */
// @ts-ignore: decorator
@inline
function scaleOf3(scales: usize, j: u32): i32 {
  const low: u32 = j < 8 ? load<u8>(scales + j) & 15 : load<u8>(scales + j - 8) >> 4;
  const high: u32 = (load<u8>(scales + (j & 3), 8) >> (2 * (j >> 2))) & 3;
  return (low | (high << 4)) as i32;
}

export function decode_q3_K(source: usize, count: u32, target: usize): void {
  const three = i8x16.splat(3);
  const four = i8x16.splat(4);
  for (let i: u32 = 0; i < count; i += 256, source += 110) {
    const d = half(load<u16>(source, 108));
    const scales = source + 96;
    const maskA = v128.load(source);
    const maskB = v128.load(source, 16);
    let j: u32 = 0;
    let bit: i32 = 1;
    for (let h: usize = 0; h < 64; h += 32) {
      const a = v128.load(source + h, 32);
      const b = v128.load(source + h, 48);
      for (let shift: u32 = 0; shift < 8; shift += 2) {
        const one = i8x16.splat(bit as i8);
        const qa = i8x16.sub(v128.and(i8x16.shr_u(a, shift), three), v128.and(four, i8x16.eq(v128.and(maskA, one), i8x16.splat(0))));
        const qb = i8x16.sub(v128.and(i8x16.shr_u(b, shift), three), v128.and(four, i8x16.eq(v128.and(maskB, one), i8x16.splat(0))));
        scaled(qa, f32x4.splat(d * ((scaleOf3(scales, j) - 32) as f32)), target);
        scaled(qb, f32x4.splat(d * ((scaleOf3(scales, j + 1) - 32) as f32)), target + 64);
        j += 2;
        bit <<= 1;
        target += 128;
      }
    }
  }
}

export function decode_q4_K(source: usize, count: u32, target: usize): void {
  const low = i8x16.splat(15);
  for (let i: u32 = 0; i < count; i += 256, source += 144) {
    const d = half(load<u16>(source));
    const dmin = half(load<u16>(source, 2));
    const scales = source + 4;
    for (let j: u32 = 0; j < 8; j += 2, target += 256) {
      const q = source + 16 + (j << 4);
      const a = v128.load(q);
      const b = v128.load(q, 16);
      const d0 = f32x4.splat(d * (scaleOf(scales, j) as f32));
      const m0 = f32x4.splat(dmin * (minimumOf(scales, j) as f32));
      const d1 = f32x4.splat(d * (scaleOf(scales, j + 1) as f32));
      const m1 = f32x4.splat(dmin * (minimumOf(scales, j + 1) as f32));
      lowered(v128.and(a, low), d0, m0, target);
      lowered(v128.and(b, low), d0, m0, target + 64);
      lowered(i8x16.shr_u(a, 4), d1, m1, target + 128);
      lowered(i8x16.shr_u(b, 4), d1, m1, target + 192);
    }
  }
}

export function decode_q5_K(source: usize, count: u32, target: usize): void {
  const low = i8x16.splat(15);
  const sixteen = i8x16.splat(16);
  for (let i: u32 = 0; i < count; i += 256, source += 176) {
    const d = half(load<u16>(source));
    const dmin = half(load<u16>(source, 2));
    const scales = source + 4;
    const highA = v128.load(source, 16);
    const highB = v128.load(source, 32);
    for (let j: u32 = 0; j < 8; j += 2, target += 256) {
      const q = source + 48 + (j << 4);
      const a = v128.load(q);
      const b = v128.load(q, 16);
      const d0 = f32x4.splat(d * (scaleOf(scales, j) as f32));
      const m0 = f32x4.splat(dmin * (minimumOf(scales, j) as f32));
      const d1 = f32x4.splat(d * (scaleOf(scales, j + 1) as f32));
      const m1 = f32x4.splat(dmin * (minimumOf(scales, j + 1) as f32));
      const a0 = i8x16.shl(v128.and(i8x16.shr_u(highA, j), i8x16.splat(1)), 4);
      const b0 = i8x16.shl(v128.and(i8x16.shr_u(highB, j), i8x16.splat(1)), 4);
      const a1 = v128.and(i8x16.shl(i8x16.shr_u(highA, j + 1), 4), sixteen);
      const b1 = v128.and(i8x16.shl(i8x16.shr_u(highB, j + 1), 4), sixteen);
      lowered(v128.or(v128.and(a, low), a0), d0, m0, target);
      lowered(v128.or(v128.and(b, low), b0), d0, m0, target + 64);
      lowered(v128.or(i8x16.shr_u(a, 4), a1), d1, m1, target + 128);
      lowered(v128.or(i8x16.shr_u(b, 4), b1), d1, m1, target + 192);
    }
  }
}

export function decode_q6_K(source: usize, count: u32, target: usize): void {
  const low = i8x16.splat(15);
  const three = i8x16.splat(3);
  const zero = i8x16.splat(32);
  for (let i: u32 = 0; i < count; i += 256, source += 210) {
    const d = half(load<u16>(source, 208));
    for (let h: usize = 0; h < 2; h++, target += 512) {
      for (let part: usize = 0; part < 2; part++) {
        const ql = source + (h << 6) + (part << 4);
        const a = v128.load(ql);
        const b = v128.load(ql, 32);
        const high = v128.load(source + (h << 5) + (part << 4), 128);
        const scales = source + 192 + (h << 3) + part;
        const t = target + (part << 6);
        const q0 = v128.or(v128.and(a, low), i8x16.shl(v128.and(high, three), 4));
        const q1 = v128.or(v128.and(b, low), i8x16.shl(v128.and(i8x16.shr_u(high, 2), three), 4));
        const q2 = v128.or(i8x16.shr_u(a, 4), i8x16.shl(v128.and(i8x16.shr_u(high, 4), three), 4));
        const q3 = v128.or(i8x16.shr_u(b, 4), i8x16.shl(i8x16.shr_u(high, 6), 4));
        scaled(i8x16.sub(q0, zero), f32x4.splat(d * (load<i8>(scales) as f32)), t);
        scaled(i8x16.sub(q1, zero), f32x4.splat(d * (load<i8>(scales, 2) as f32)), t + 128);
        scaled(i8x16.sub(q2, zero), f32x4.splat(d * (load<i8>(scales, 4) as f32)), t + 256);
        scaled(i8x16.sub(q3, zero), f32x4.splat(d * (load<i8>(scales, 6) as f32)), t + 384);
      }
    }
  }
}
