// The blocks of ONNX's DequantizeLinear: codes and zero points of 4 or 8 bits without padding, running on over row ends.
import { codeOf } from "./gridCodes";
import { put, putMany } from "./gridPacking";
import { prepareProbes } from "./gridProbe";
import { asymmetric, POSITIVE, symmetric } from "./gridScale";
import { F32 } from "./gridStored";

/**
 * Encodes rows: symmetric codes in two's complement with positive scales, asymmetric ones unsigned, scales f32. 0 where
 * grid_error is NaN.
 */
export function qdq_encode(
  x: usize, rows: u32, columns: u32, bits: u32, group: u32, isAsymmetric: u32, scratch: usize, codes: usize, scales: usize,
  zeros: usize,
): u32 {
  if (bits < 8) prepareProbes(bits, group, scratch);
  const top = ((1 << bits) - 1) as f32;
  const half: u32 = 1 << (bits - 1);
  const perByte: u32 = 8 / bits;
  const groups = rows * ((columns + group - 1) / group);
  // Turning the top bit over makes two's complement of a code around 2^(bits−1).
  const flip: u32 = isAsymmetric ? 0 : half;
  memory.fill(codes, 0, (rows * columns + perByte - 1) / perByte);
  if (isAsymmetric) memory.fill(zeros, 0, (groups + perByte - 1) / perByte);
  let zero = half as f32;
  let at: u32 = 0;
  let index: u32 = 0;
  for (let row: u32 = 0; row < rows; row++) {
    for (let column: u32 = 0; column < columns; column += group, index++, scales += 4) {
      const count = min<u32>(group, columns - column);
      const scale = isAsymmetric
        ? asymmetric(x, count, bits, F32, scratch)
        : symmetric(x, count, bits, group, F32, POSITIVE, scratch);
      if (scale != scale) return 0;
      store<f32>(scales, scale);
      if (isAsymmetric) {
        zero = load<f32>(scratch);
        put(zeros, index, zero as u8, bits, perByte);
      }
      const whole: u32 = at % perByte == 0 ? count & ~15 : 0;
      putMany(x, whole, scale, -zero, top - zero, zero, bits, flip, codes + at / perByte);
      for (let i = whole; i < count; i++) {
        const code = (codeOf(load<f32>(x + ((i as usize) << 2)), scale, -zero, top - zero) + zero) as u32;
        put(codes, at + i, (code ^ flip) as u8, bits, perByte);
      }
      x += (count as usize) << 2;
      at += count;
    }
  }
  return 1;
}
