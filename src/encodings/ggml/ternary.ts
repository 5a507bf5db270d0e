import { half, putHalf, roundAway } from "./arithmetic";
import { blockEncoding } from "./block";
import { signedExtreme } from "./search";

const fround = Math.fround;
const trits = new Uint8Array(256);

/** Codes 0, 1, 2 for −d, 0, d with d = max|x|. Returns d. What overflows (denormal d) becomes 1, as on x86. */
function ternaryCodes(x: Float32Array, from: number): number {
  const d = Math.abs(signedExtreme(x, from, 256));
  const inverse = d === 0 ? 0 : fround(1 / d);
  for (let e = 0; e < 256; e++) {
    const q = roundAway(fround(x[from + e] * inverse));
    trits[e] = Math.abs(q) <= 1 ? q + 1 : 1;
  }
  return d;
}

/** TQ1_0 by byte: the element of its first trit, the distance between its trits, and how many it holds. */
const bytesOfTrits = Array.from({ length: 52 }, (_, j) => {
  if (j < 32) return { first: j, stride: 32, count: 5 };
  return j < 48 ? { first: 160 + j - 32, stride: 16, count: 5 } : { first: 240 + j - 48, stride: 4, count: 4 };
});

/** d(t − 1), five trits to a byte: the byte is ⌈value·256/243⌉, so that multiplying by three shifts the next trit out. */
export const tq1_0 = blockEncoding({
  name: "tq1_0",
  label: "TQ1_0",
  description: "ternary codes, five to a byte, one F16 scale per 256 weights",
  elements: 256,
  bytes: 54,
  halves: [52],
  decodeBlock(bytes, at, out, o) {
    const d = half(bytes, at + 52);
    for (let j = 0; j < 52; j++) {
      const { first, stride, count } = bytesOfTrits[j];
      let rest = bytes[at + j];
      for (let n = 0; n < count; n++) {
        out[o + first + stride * n] = (((rest * 3) >> 8) - 1) * d;
        rest = (rest * 3) & 255;
      }
    }
  },
  encodeRow(x, from, columns, bytes, at) {
    for (let c = 0; c < columns; c += 256, at += 54) {
      putHalf(bytes, at + 52, ternaryCodes(x, from + c));
      for (let j = 0; j < 52; j++) {
        const { first, stride, count } = bytesOfTrits[j];
        let value = 0;
        for (let n = 0; n < 5; n++) value = value * 3 + (n < count ? trits[first + stride * n] : 0);
        bytes[at + j] = Math.floor((value * 256 + 242) / 243);
      }
    }
  },
});

/** d(q − 1), two bits a weight. */
export const tq2_0 = blockEncoding({
  name: "tq2_0",
  label: "TQ2_0",
  description: "ternary codes in two bits, one F16 scale per 256 weights",
  elements: 256,
  bytes: 66,
  halves: [64],
  decodeBlock(bytes, at, out, o) {
    const d = half(bytes, at + 64);
    for (let e = 0; e < 256; e++) out[o + e] = (((bytes[at + 32 * (e >> 7) + (e & 31)] >> (2 * ((e >> 5) & 3))) & 3) - 1) * d;
  },
  encodeRow(x, from, columns, bytes, at) {
    for (let c = 0; c < columns; c += 256, at += 66) {
      putHalf(bytes, at + 64, ternaryCodes(x, from + c));
      for (let e = 0; e < 256; e++) bytes[at + 32 * (e >> 7) + (e & 31)] |= trits[e] << (2 * ((e >> 5) & 3));
    }
  },
});
