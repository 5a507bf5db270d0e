/** The 8-, 6- and 4-bit floats: each format is a table of its values, and encoding is a search in it. */

export interface SmallFloat {
  readonly bits: number;
  readonly exponentBits: number;
  readonly mantissaBits: number;
  readonly bias: number;
  /** "ieee": top exponent is Inf and NaN. "fn": only all ones is NaN. "fnuz": only negative zero is NaN. "none": all finite. */
  readonly special: "ieee" | "fn" | "fnuz" | "none";
}

export const smallFloats = {
  f8_e4m3: { bits: 8, exponentBits: 4, mantissaBits: 3, bias: 7, special: "fn" },
  f8_e4m3fnuz: { bits: 8, exponentBits: 4, mantissaBits: 3, bias: 8, special: "fnuz" },
  f8_e5m2: { bits: 8, exponentBits: 5, mantissaBits: 2, bias: 15, special: "ieee" },
  f8_e5m2fnuz: { bits: 8, exponentBits: 5, mantissaBits: 2, bias: 16, special: "fnuz" },
  f6_e2m3: { bits: 6, exponentBits: 2, mantissaBits: 3, bias: 1, special: "none" },
  f6_e3m2: { bits: 6, exponentBits: 3, mantissaBits: 2, bias: 3, special: "none" },
  f4: { bits: 4, exponentBits: 2, mantissaBits: 1, bias: 1, special: "none" },
} as const satisfies Record<string, SmallFloat>;

/** Value of each code (OCP 8-bit and MX specifications; the fnuz forms as in the ONNX float8 document). */
export function smallFloatValues(format: SmallFloat): Float32Array {
  const { bits, mantissaBits, bias, special } = format;
  const half = 1 << (bits - 1);
  const topExponent = (1 << format.exponentBits) - 1;
  const values = new Float32Array(1 << bits);
  for (let code = 0; code < half; code++) {
    const exponent = code >> mantissaBits;
    const mantissa = code & ((1 << mantissaBits) - 1);
    let value = exponent
      ? (2 ** mantissaBits + mantissa) * 2 ** (exponent - bias - mantissaBits)
      : mantissa * 2 ** (1 - bias - mantissaBits);
    if (special === "ieee" && exponent === topExponent) value = mantissa ? NaN : Infinity;
    if (special === "fn" && code === half - 1) value = NaN;
    values[code] = value;
    values[code + half] = special === "fnuz" && code === 0 ? NaN : -value;
  }
  return values;
}

/**
 * Nearest code, ties to the even one, saturating at the largest finite value; NaN becomes the format's NaN, or the
 * largest value's code where there is none.
 */
export function smallFloatEncoder(format: SmallFloat): (value: number) => number {
  const values = smallFloatValues(format);
  const signBit = 1 << (format.bits - 1);
  let top = signBit - 1;
  while (!Number.isFinite(values[top])) top--;
  const nan = format.special === "fnuz" ? signBit : format.special === "none" ? top : signBit - 1;
  return (value) => {
    if (value !== value) return nan;
    const magnitude = Math.abs(value);
    let low = 0;
    let high = top;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (values[middle] <= magnitude) low = middle;
      else high = middle - 1;
    }
    if (low < top) {
      const below = magnitude - values[low];
      const above = values[low + 1] - magnitude;
      if (above < below || (above === below && low & 1)) low++;
    }
    const negative = value < 0 || Object.is(value, -0);
    if (low === 0 && format.special === "fnuz") return 0; // that code with a sign is NaN
    return negative ? low | signBit : low;
  };
}
