// f16 bit patterns to f32, exactly.

/**
 * Four f16 bit patterns in 32-bit lanes to f32: subnormals by subtraction (no slow denormal operands), infinities and NaNs
 * kept.
 */
// @ts-ignore: decorator
@inline
export function halves(h: v128): v128 {
  const sign = i32x4.shl(v128.and(h, i32x4.splat(0x8000)), 16);
  const em = i32x4.shl(v128.and(h, i32x4.splat(0x7fff)), 13);
  const normal = i32x4.add(em, i32x4.splat(112 << 23));
  const subnormal = f32x4.sub(i32x4.add(em, i32x4.splat(113 << 23)), i32x4.splat(113 << 23));
  const special = i32x4.add(em, i32x4.splat(224 << 23));
  let r = v128.bitselect(subnormal, normal, i32x4.lt_s(em, i32x4.splat(1 << 23)));
  r = v128.bitselect(special, r, i32x4.gt_s(em, i32x4.splat(0x0f7fffff)));
  return v128.or(r, sign);
}

/** One f16 bit pattern as f32. */
// @ts-ignore: decorator
@inline
export function half(h: u32): f32 {
  const sign = (h & 0x8000) << 16;
  const em = (h & 0x7fff) << 13;
  let bits: u32 = em + (112 << 23);
  if (em < (1 << 23)) bits = reinterpret<u32>(reinterpret<f32>(em + (113 << 23)) - reinterpret<f32>(113 << 23));
  else if (em > 0x0f7fffff) bits = em + (224 << 23);
  return reinterpret<f32>(bits | sign);
}
