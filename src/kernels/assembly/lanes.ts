// Sums and extremes across the lanes of a vector. (Scalar f32 minima and maxima are slow: they care for NaN and signed zeros.)

/** The sum, as (0 + 1) + (2 + 3). */
// @ts-ignore: decorator
@inline
export function total(v: v128): f32 {
  return (f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1)) + (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3));
}

/** The greatest lane; no NaN. */
// @ts-ignore: decorator
@inline
export function highest(v: v128): f32 {
  v = f32x4.pmax(v, v128.shuffle<i32>(v, v, 2, 3, 0, 1));
  return f32x4.extract_lane(f32x4.pmax(v, v128.shuffle<i32>(v, v, 1, 0, 3, 2)), 0);
}

/** The least lane. */
// @ts-ignore: decorator
@inline
export function lowest(v: v128): f32 {
  v = f32x4.pmin(v, v128.shuffle<i32>(v, v, 2, 3, 0, 1));
  return f32x4.extract_lane(f32x4.pmin(v, v128.shuffle<i32>(v, v, 1, 0, 3, 2)), 0);
}

/** The last two lanes as f64. */
// @ts-ignore: decorator
@inline
export function highHalf(v: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<i32>(v, v, 2, 3, 2, 3));
}
