import { f32Bits, f32FromBits } from "../half";
import { truncate } from "./arithmetic";
import { blockEncoding } from "./block";
import { signedExtreme } from "./search";

const fround = Math.fround;

/** Twice the values of E2M1; the scales are halved to match. */
const levels = Float32Array.of(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12);

/** First index of least |level·scale − value|, in f32. */
function nearestLevel(value: number, scale: number): number {
  let best = 0;
  let error = Math.abs(fround(fround(levels[0] * scale) - value));
  for (let i = 1; i < 16; i++) {
    const e = Math.abs(fround(fround(levels[i] * scale) - value));
    if (e < error) {
      best = i;
      error = e;
    }
  }
  return best;
}

/** 2^(e − 128) as ggml makes it, denormals included. */
const halfE8M0 = (e: number) => f32FromBits(e < 2 ? 0x00200000 << e : (e - 1) << 23);

/** 2^(e−128)·T[q]: OCP MXFP4, a power of two per 32 weights. */
export const mxfp4 = blockEncoding({
  name: "mxfp4",
  label: "MXFP4",
  description: "4-bit floats (E2M1), a power of two per 32 weights",
  elements: 32,
  bytes: 17,
  decodeBlock(bytes, at, out, o) {
    const scale = halfE8M0(bytes[at]);
    for (let j = 0; j < 16; j++) {
      out[o + j] = levels[bytes[at + 1 + j] & 15] * scale;
      out[o + j + 16] = levels[bytes[at + 1 + j] >> 4] * scale;
    }
  },
  encodeRow(x, from, columns, bytes, at) {
    for (let c = 0; c < columns; c += 32, at += 17) {
      const absmax = Math.abs(signedExtreme(x, from + c, 32));
      // The logarithm is taken in f32, so that a value just below a power of two may count as that power. A denormal block
      // wraps around to a large exponent; its codes are all zero then.
      bytes[at] = absmax > 0 ? truncate(Math.floor(fround(Math.log2(absmax))) - 2 + 127) & 255 : 0;
      const scale = halfE8M0(bytes[at]);
      for (let j = 0; j < 16; j++) {
        bytes[at + 1 + j] = nearestLevel(x[from + c + j], scale) | (nearestLevel(x[from + c + j + 16], scale) << 4);
      }
    }
  },
});

/** Half of an unsigned E4M3; the code of NaN reads as zero. The eighth bit is not part of it. */
function halfUE4M3(code: number): number {
  if (code === 0 || code === 0x7f) return 0;
  const exponent = (code >> 3) & 15;
  const mantissa = code & 7;
  return (exponent ? (8 + mantissa) * 2 ** (exponent - 10) : mantissa * 2 ** -9) * 0.5;
}

/** f32 → unsigned E4M3 with ggml's rounding: the next bit decides, ties go up. */
function ue4m3(value: number): number {
  if (!(value > 0)) return 0;
  const bits = f32Bits(Math.min(448, value));
  let exponent = (bits >>> 23) - 127 + 7;
  if (exponent <= 0) {
    const mantissa = Math.min(7, Math.trunc(fround(fround(value * 512) + 0.5)));
    return mantissa < 1 ? 0 : mantissa;
  }
  if (exponent >= 15) return 0x7e;
  let mantissa = ((bits >>> 20) & 7) + ((bits >>> 19) & 1);
  if (mantissa > 7) {
    mantissa = 0;
    exponent++;
  }
  return exponent >= 15 ? 0x7e : (exponent << 3) | mantissa;
}

/** UE4M3 scale per 16 weights, four of them to a block; no tensor-wide scale here, the file keeps that apart. */
export const nvfp4 = blockEncoding({
  name: "nvfp4",
  label: "NVFP4",
  description: "4-bit floats (E2M1), an 8-bit float scale per 16 weights",
  elements: 64,
  bytes: 36,
  decodeBlock(bytes, at, out, o) {
    for (let s = 0; s < 4; s++) {
      const scale = halfUE4M3(bytes[at + s]);
      for (let j = 0; j < 8; j++) {
        const pair = bytes[at + 4 + 8 * s + j];
        out[o + 16 * s + j] = levels[pair & 15] * scale;
        out[o + 16 * s + j + 8] = levels[pair >> 4] * scale;
      }
    }
  },
  encodeRow(x, from, columns, bytes, at) {
    for (let c = 0; c < columns; c += 64, at += 36) {
      for (let s = 0; s < 4; s++) {
        const start = from + c + 16 * s;
        bytes[at + s] = ue4m3(fround(Math.abs(signedExtreme(x, start, 16)) / 6));
        const scale = halfUE4M3(bytes[at + s]);
        for (let j = 0; j < 8; j++) {
          bytes[at + 4 + 8 * s + j] = nearestLevel(x[start + j], scale) | (nearestLevel(x[start + j + 8], scale) << 4);
        }
      }
    }
  },
});
