import { half, putHalf, roundAway, truncate } from "./arithmetic";
import { blockEncoding } from "./block";
import { signedExtreme } from "./search";

const fround = Math.fround;

/** d(q − 1) with levels −d, 0, d, 2d; d = max|x|, so that the last one is for weights made for this type. */
export const q2_0 = blockEncoding({
  name: "q2_0",
  label: "Q2_0",
  description: "2-bit codes, one F16 scale per 64 weights",
  elements: 64,
  bytes: 18,
  halves: [0],
  decodeBlock(bytes, at, out, o) {
    const d = half(bytes, at);
    for (let e = 0; e < 64; e++) out[o + e] = (((bytes[at + 2 + (e >> 2)] >> (2 * (e & 3))) & 3) - 1) * d;
  },
  encodeRow(x, from, columns, bytes, at) {
    for (let c = 0; c < columns; c += 64, at += 18) {
      const d = Math.abs(signedExtreme(x, from + c, 64));
      const inverse = d > 0 ? fround(1 / d) : 0;
      putHalf(bytes, at, d);
      for (let e = 0; e < 64; e++) {
        const q = Math.max(0, Math.min(3, truncate(roundAway(fround(x[from + c + e] * inverse))) + 1));
        bytes[at + 2 + (e >> 2)] |= q << (2 * (e & 3));
      }
    }
  },
});
