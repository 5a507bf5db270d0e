// One byte per weight and one scale per row.
import { codeOf, decodedError, largestOf } from "./gridCodes";

/** Signed 8-bit codes −127…127 with one scale max|x|/127 per row. */
export function error_int8_qdq(x: usize, rows: u32, columns: u32): f64 {
  let sum: f64 = 0;
  for (let row: u32 = 0; row < rows; row++, x += (columns as usize) << 2) {
    sum += decodedError(x, columns, scaleQdq(x, columns), -127, 127);
  }
  return sum;
}

// @ts-ignore: decorator
@inline
function scaleQdq(x: usize, columns: u32): f32 {
  const absmax = largestOf(x, columns);
  return absmax == 0 ? 1 : max<f32>(1.401298464324817e-45, ((absmax as f64) / 127.0) as f32);
}

export function encode_int8_qdq(
  x: usize, rows: u32, columns: u32, importance: usize, scratch: usize, codes: usize, scales: usize,
): u32 {
  for (let row: u32 = 0; row < rows; row++) {
    const scale = scaleQdq(x, columns);
    store<f32>(scales, scale);
    scales += 4;
    for (let i: u32 = 0; i < columns; i++, x += 4, codes++) store<i8>(codes, codeOf(load<f32>(x), scale, -127, 127) as i8);
  }
  return 1;
}
