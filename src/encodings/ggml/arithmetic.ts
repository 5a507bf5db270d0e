import { f16Bits, f16Table } from "../half";

/** Arithmetic as ggml's C code does it on x86-64 without fused multiply-add: every step rounded to f32. */

const word = new Int32Array(1);
const real = new Float32Array(word.buffer);

/** Round half to even, by ggml's addition trick; same garbage outside ±4194303 as the original. */
export function nearestInt(value: number): number {
  real[0] = value + 12582912;
  return (word[0] & 0x7fffff) - 0x400000;
}

/** C's cast of a float to int: truncated; what does not fit becomes INT_MIN as the x86 instruction does. */
export function truncate(value: number): number {
  return value > -2147483649 && value < 2147483648 ? value | 0 : -2147483648;
}

/** C's roundf: half away from zero. */
export function roundAway(value: number): number {
  const whole = Math.trunc(value);
  return Math.abs(value - whole) >= 0.5 ? whole + Math.sign(value) : whole;
}

export function putHalf(bytes: Uint8Array, at: number, value: number): void {
  const bits = f16Bits(value);
  bytes[at] = bits;
  bytes[at + 1] = bits >> 8;
}

export function half(bytes: Uint8Array, at: number): number {
  return f16Table()[bytes[at] | (bytes[at + 1] << 8)];
}
