import { half, putHalf, truncate } from "./arithmetic";
import { blockEncoding } from "./block";
import { packFifthBits, packNibbles, unpackFifthBits, unpackNibbles } from "./nibbles";
import { fitSymmetric, importanceWeights, meanSquare, signedExtreme } from "./search";

const fround = Math.fround;
const codes = new Uint8Array(32);
const weights = new Float32Array(32);

/** d(q − 16): as Q4_0 with a fifth bit per weight kept in one 32-bit word. */
export const q5_0 = blockEncoding({
  name: "q5_0",
  label: "Q5_0",
  description: "5-bit codes, one F16 scale per 32 weights",
  elements: 32,
  bytes: 22,
  halves: [0],
  decodeBlock(bytes, at, out, o) {
    const d = half(bytes, at);
    unpackNibbles(bytes, at + 6, codes);
    unpackFifthBits(bytes, at + 2, codes);
    for (let e = 0; e < 32; e++) out[o + e] = (codes[e] - 16) * d;
  },
  encodeRow(x, from, columns, bytes, at, importance) {
    const variance = importance ? meanSquare(x, from, columns) : 0;
    for (let c = 0; c < columns; c += 32, at += 22) {
      let scale: number;
      if (importance) {
        importanceWeights(x, from + c, 32, variance, importance, c, weights);
        scale = fitSymmetric(32, 16, x, from + c, codes, 0, weights);
      } else {
        scale = fround(signedExtreme(x, from + c, 32) / -16);
        const inverse = scale === 0 ? 0 : fround(1 / scale);
        for (let e = 0; e < 32; e++) {
          codes[e] = Math.min(31, (truncate(fround(fround(x[from + c + e] * inverse) + 16.5)) << 24) >> 24);
        }
      }
      putHalf(bytes, at, scale);
      packFifthBits(codes, bytes, at + 2);
      packNibbles(codes, bytes, at + 6);
    }
  },
});
