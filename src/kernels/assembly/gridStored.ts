// Scales of integer grids in their storage types, and the comparison of candidates.
import { searchError } from "./gridCodes";
import { half as fromHalf } from "./half";
import { halfBits } from "./toHalf";

/** Scale types by number; 2 is bf16. */
export const F32: u32 = 0;
export const F16: u32 = 1;

/** bfloat16 bits of a finite f32. */
// @ts-ignore: decorator
@inline
export function bf16Bits(v: f32): u32 {
  const bits = reinterpret<u32>(v);
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

/** As stored: rounded to its type, so small that all values of the grid are finite, never 0. */
export function stored(scale: f64, bits: u32, type: u32): f32 {
  const magnitude = abs<f64>(scale) as f32;
  let s: f32;
  if (type == F32) s = max<f32>(1.401298464324817e-45, magnitude);
  else if (type == F16) s = max<f32>(5.960464477539063e-8, fromHalf(halfBits(magnitude)));
  else s = max<f32>(9.183549615799121e-41, reinterpret<f32>(bf16Bits(magnitude) << 16));
  s = min<f32>(type == F16 ? 65504 : reinterpret<f32>((255 - bits) << 23), s);
  // No branch on the sign, which nothing foretells.
  return reinterpret<f32>(reinterpret<u32>(s) | ((reinterpret<u64>(scale) >>> 63) as u32) << 31);
}

// What a search looks at in turn; kept at the head of the scratch: best scale (f32), its error (f64 at 8).
// @ts-ignore: decorator
@inline
export function consider(candidate: f64, x: usize, count: u32, bits: u32, type: u32, best: usize): void {
  if (candidate == 0) return;
  const scale = stored(candidate, bits, type);
  const half = (1 << (bits - 1)) as f32;
  const error = searchError(x, count, scale, -half, half - 1);
  if (error < load<f64>(best, 8)) {
    store<f32>(best, scale);
    store<f64>(best, error, 8);
  }
}
