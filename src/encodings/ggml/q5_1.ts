import { half, putHalf, truncate } from "./arithmetic";
import { blockEncoding } from "./block";
import { packFifthBits, packNibbles, unpackFifthBits, unpackNibbles } from "./nibbles";
import { fitAffine, importanceWeights, meanSquare, weightedSearch } from "./search";

const fround = Math.fround;
const codes = new Uint8Array(32);
const weights = new Float32Array(32);
const mins = new Float32Array(1);

/** d·q + m with 5-bit codes. */
export const q5_1 = blockEncoding({
  name: "q5_1",
  label: "Q5_1",
  description: "5-bit codes, F16 scale and minimum per 32 weights",
  elements: 32,
  bytes: 24,
  halves: [0, 2],
  decodeBlock(bytes, at, out, o) {
    const d = half(bytes, at);
    const m = half(bytes, at + 2);
    unpackNibbles(bytes, at + 8, codes);
    unpackFifthBits(bytes, at + 4, codes);
    for (let e = 0; e < 32; e++) out[o + e] = fround(codes[e] * d) + m;
  },
  encodeRow(x, from, columns, bytes, at, importance) {
    const variance = importance ? meanSquare(x, from, columns) : 0;
    for (let c = 0; c < columns; c += 32, at += 24) {
      let scale: number;
      let min: number;
      if (importance) {
        importanceWeights(x, from + c, 32, variance, importance, c, weights);
        scale = fitAffine(32, 31, x, from + c, weights, codes, 0, mins, 0, weightedSearch);
        min = -mins[0];
      } else {
        min = x[from + c];
        let max = min;
        for (let e = 1; e < 32; e++) {
          const v = x[from + c + e];
          if (v < min) min = v;
          if (v > max) max = v;
        }
        scale = fround(fround(max - min) / 31);
        const inverse = scale === 0 ? 0 : fround(1 / scale);
        // Unlike Q4_1 the original does not clamp: the cast to a byte and the packing keep five bits.
        for (let e = 0; e < 32; e++) codes[e] = truncate(fround(fround(fround(x[from + c + e] - min) * inverse) + 0.5)) & 31;
      }
      putHalf(bytes, at, scale);
      putHalf(bytes, at + 2, min);
      packFifthBits(codes, bytes, at + 4);
      packNibbles(codes, bytes, at + 8);
    }
  },
});
