import { half, putHalf, truncate } from "./arithmetic";
import { blockEncoding } from "./block";
import { packNibbles, unpackNibbles } from "./nibbles";
import { fitSymmetric, importanceWeights, meanSquare, signedExtreme } from "./search";

const fround = Math.fround;
const codes = new Uint8Array(32);
const weights = new Float32Array(32);

/** d(q − 8): one half-precision scale, 4-bit codes. The signed extreme always becomes code 0. */
export const q4_0 = blockEncoding({
  name: "q4_0",
  label: "Q4_0",
  description: "4-bit codes, one F16 scale per 32 weights",
  elements: 32,
  bytes: 18,
  halves: [0],
  decodeBlock(bytes, at, out, o) {
    const d = half(bytes, at);
    unpackNibbles(bytes, at + 2, codes);
    for (let e = 0; e < 32; e++) out[o + e] = (codes[e] - 8) * d;
  },
  encodeRow(x, from, columns, bytes, at, importance) {
    const variance = importance ? meanSquare(x, from, columns) : 0;
    for (let c = 0; c < columns; c += 32, at += 18) {
      let scale: number;
      if (importance) {
        importanceWeights(x, from + c, 32, variance, importance, c, weights);
        scale = fitSymmetric(32, 8, x, from + c, codes, 0, weights);
      } else {
        scale = fround(signedExtreme(x, from + c, 32) / -8);
        const inverse = scale === 0 ? 0 : fround(1 / scale);
        for (let e = 0; e < 32; e++) {
          codes[e] = Math.min(15, (truncate(fround(fround(x[from + c + e] * inverse) + 8.5)) << 24) >> 24);
        }
      }
      putHalf(bytes, at, scale);
      packNibbles(codes, bytes, at + 2);
    }
  },
});
