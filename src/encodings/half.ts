/**
 * The two 16-bit floats, bit by bit. `Float16Array` is not relied on: not every runtime of the editor has it.
 */

const word = new Uint32Array(1);
const real = new Float32Array(word.buffer);

/** Bits of the f32 nearest to `value`. */
export function f32Bits(value: number): number {
  real[0] = value;
  return word[0];
}

export function f32FromBits(bits: number): number {
  word[0] = bits;
  return real[0];
}

/** f32 → IEEE half: round to nearest even, subnormals kept, ±Inf from 65520 on, NaN stays a quiet NaN of the same sign. */
export function f16Bits(value: number): number {
  real[0] = value;
  const bits = word[0];
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude >= 0x38800000) {
    const rounded = magnitude + 0x0fff + ((magnitude >>> 13) & 1);
    return sign | ((rounded - 0x38000000) >>> 13);
  }
  if (magnitude <= 0x33000000) return sign; // at most half of the smallest subnormal: the tie goes to zero
  const shift = 126 - (magnitude >>> 23); // 14..24 bits below the subnormal unit 2^-24
  const mantissa = (magnitude & 0x7fffff) | 0x800000;
  const whole = mantissa >>> shift;
  const rest = mantissa & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return sign | (rest > half || (rest === half && (whole & 1)) ? whole + 1 : whole);
}

/** IEEE half → number, by arithmetic; `f16Table` has the same values to look up. */
export function f16Value(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 31;
  const mantissa = bits & 0x3ff;
  if (exponent === 31) return mantissa ? NaN : sign * Infinity;
  return exponent ? sign * (1024 + mantissa) * 2 ** (exponent - 25) : sign * mantissa * 2 ** -24;
}

let table: Float32Array | undefined;

/** All 65536 halves as f32; built on first use (256 KB). NaN payloads are widened as the hardware does. */
export function f16Table(): Float32Array {
  if (table) return table;
  table = new Float32Array(65536);
  const bits = new Uint32Array(table.buffer);
  for (let h = 0; h < 65536; h++) {
    if ((h & 0x7c00) === 0x7c00) bits[h] = (((h & 0x8000) << 16) | 0x7f800000 | ((h & 0x3ff) << 13)) >>> 0;
    else table[h] = f16Value(h);
  }
  return table;
}

/** f32 → bfloat16: round to nearest even; a NaN keeps sign and upper payload and becomes quiet. */
export function bf16Bits(value: number): number {
  real[0] = value;
  const bits = word[0];
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40;
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

export function bf16Value(bits: number): number {
  word[0] = bits << 16;
  return real[0];
}
