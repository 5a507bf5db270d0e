// Codes of integer grids in their bytes, the first in the lowest bits.
import { codesOf } from "./gridCodes";

/** Codes of `count` values, a multiple of 16, packed from a whole byte on; the bits of `flip` are turned over in each. */
export function putMany(x: usize, count: u32, scale: f32, low: f32, high: f32, zero: f32, bits: u32, flip: u32, to: usize): void {
  const s = f32x4.splat(scale);
  const lows = f32x4.splat(low);
  const highs = f32x4.splat(high);
  const z = i32x4.splat(zero as i32);
  for (let i: u32 = 0; i < count; i += 16, x += 64) {
    const a = i32x4.add(z, i32x4.trunc_sat_f32x4_s(codesOf(v128.load(x), s, lows, highs)));
    const b = i32x4.add(z, i32x4.trunc_sat_f32x4_s(codesOf(v128.load(x, 16), s, lows, highs)));
    const c = i32x4.add(z, i32x4.trunc_sat_f32x4_s(codesOf(v128.load(x, 32), s, lows, highs)));
    const d = i32x4.add(z, i32x4.trunc_sat_f32x4_s(codesOf(v128.load(x, 48), s, lows, highs)));
    let all = i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d));
    all = v128.xor(all, i8x16.splat(flip as i8));
    if (bits == 8) {
      v128.store(to, all);
      to += 16;
    } else if (bits == 4) {
      all = v128.or(v128.and(all, i16x8.splat(0x0f)), v128.and(i16x8.shr_u(all, 4), i16x8.splat(0xf0)));
      store<u64>(to, i64x2.extract_lane(i8x16.narrow_i16x8_u(all, all), 0));
      to += 8;
    } else {
      all = v128.or(v128.and(all, i16x8.splat(0x03)), v128.and(i16x8.shr_u(all, 6), i16x8.splat(0x0c)));
      all = v128.or(v128.and(all, i32x4.splat(0x0f)), v128.and(i32x4.shr_u(all, 12), i32x4.splat(0xf0)));
      all = i16x8.narrow_i32x4_s(all, all);
      store<u32>(to, i32x4.extract_lane(i8x16.narrow_i16x8_u(all, all), 0));
      to += 4;
    }
  }
}

/** Adds the code of element i to zeroed bytes. */
// @ts-ignore: decorator
@inline
export function put(codes: usize, i: u32, code: u8, bits: u32, perByte: u32): void {
  const at = codes + (i / perByte);
  store<u8>(at, load<u8>(at) | (code << (((i % perByte) * bits) as u8)));
}
