// Integer grids: w = (code − zero)·scale over groups of a row. The same arithmetic as the encodings' own: scales are chosen in
// f64 with sums in the same order, rounded to their type, and codes come from f32 quotients.
import { codeOf, decodedError } from "./gridCodes";
import { put, putMany } from "./gridPacking";
import { prepareProbes } from "./gridProbe";
import { asymmetric, symmetric } from "./gridScale";
import { bf16Bits, F16, F32 } from "./gridStored";
import { halfBits } from "./toHalf";

/** Σ (x − ŵ)² of rows in groups of `group` (0: the row). NaN where the exact search needs more than the 1 MB of scratch. */
export function grid_error(
  x: usize, rows: u32, columns: u32, bits: u32, group: u32, isAsymmetric: u32, type: u32, rule: u32, scratch: usize,
): f64 {
  const size = group ? group : columns;
  if (bits < 8) prepareProbes(bits, size, scratch);
  const top = ((1 << bits) - 1) as f32;
  const half = (1 << (bits - 1)) as f32;
  let sum: f64 = 0;
  for (let row: u32 = 0; row < rows; row++) {
    for (let column: u32 = 0; column < columns; column += size) {
      const count = min<u32>(size, columns - column);
      const scale = isAsymmetric
        ? asymmetric(x, count, bits, type, scratch)
        : symmetric(x, count, bits, size, type, rule, scratch);
      if (scale != scale) return NaN;
      const zero = isAsymmetric ? load<f32>(scratch) : half;
      sum += decodedError(x, count, scale, -zero, top - zero);
      x += (count as usize) << 2;
    }
  }
  return sum;
}

/**
 * Encodes rows: dense codes of 2, 4 or 8 bits padded to whole words, scales of their type, zero points of one byte. 0 where
 * grid_error is NaN.
 */
export function grid_encode(
  x: usize, rows: u32, columns: u32, bits: u32, group: u32, isAsymmetric: u32, type: u32, rule: u32, scratch: usize, codes: usize,
  scales: usize, zeros: usize,
): u32 {
  const size = group ? group : columns;
  if (bits < 8) prepareProbes(bits, size, scratch);
  const top = ((1 << bits) - 1) as f32;
  const half = (1 << (bits - 1)) as f32;
  const perByte: u32 = 8 / bits;
  const padded = group ? ((columns + group - 1) / group) * group : columns;
  const rowBytes = ((padded * bits + 31) / 32) * 4;
  const rowCodes = rowBytes * perByte;
  memory.fill(codes, 0, (rows as usize) * (rowBytes as usize));
  for (let row: u32 = 0; row < rows; row++) {
    let zero = half;
    for (let column: u32 = 0; column < columns; column += size) {
      const count = min<u32>(size, columns - column);
      const scale = isAsymmetric
        ? asymmetric(x, count, bits, type, scratch)
        : symmetric(x, count, bits, size, type, rule, scratch);
      if (scale != scale) return 0;
      if (type == F32) {
        store<f32>(scales, scale);
        scales += 4;
      } else {
        store<u16>(scales, (type == F16 ? halfBits(scale) : bf16Bits(scale)) as u16);
        scales += 2;
      }
      if (isAsymmetric) {
        zero = load<f32>(scratch);
        store<u8>(zeros, zero as u8);
        zeros++;
      }
      // A group begins at a whole byte.
      const whole = count & ~15;
      putMany(x, whole, scale, -zero, top - zero, zero, bits, 0, codes + column / perByte);
      for (let i = whole; i < count; i++) {
        const code = (codeOf(load<f32>(x + ((i as usize) << 2)), scale, -zero, top - zero) + zero) as u8;
        put(codes, column + i, code, bits, perByte);
      }
      x += (count as usize) << 2;
    }
    for (let i = columns; i < rowCodes; i++) put(codes, i, zero as u8, bits, perByte);
    codes += rowBytes;
  }
  return 1;
}
