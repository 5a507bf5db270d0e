import { half, putHalf, truncate } from "./arithmetic";
import { blockEncoding } from "./block";
import { packNibbles, unpackNibbles } from "./nibbles";
import { fitAffine, importanceWeights, meanSquare, weightedSearch } from "./search";

const fround = Math.fround;
const codes = new Uint8Array(32);
const weights = new Float32Array(32);
const mins = new Float32Array(1);

/** d·q + m: half-precision scale and minimum. */
export const q4_1 = blockEncoding({
  name: "q4_1",
  label: "Q4_1",
  description: "4-bit codes, F16 scale and minimum per 32 weights",
  elements: 32,
  bytes: 20,
  halves: [0, 2],
  decodeBlock(bytes, at, out, o) {
    const d = half(bytes, at);
    const m = half(bytes, at + 2);
    unpackNibbles(bytes, at + 4, codes);
    for (let e = 0; e < 32; e++) out[o + e] = fround(codes[e] * d) + m;
  },
  encodeRow(x, from, columns, bytes, at, importance) {
    const variance = importance ? meanSquare(x, from, columns) : 0;
    for (let c = 0; c < columns; c += 32, at += 20) {
      let scale: number;
      let min: number;
      if (importance) {
        importanceWeights(x, from + c, 32, variance, importance, c, weights);
        scale = fitAffine(32, 15, x, from + c, weights, codes, 0, mins, 0, weightedSearch);
        min = -mins[0];
      } else {
        min = x[from + c];
        let max = min;
        for (let e = 1; e < 32; e++) {
          const v = x[from + c + e];
          if (v < min) min = v;
          if (v > max) max = v;
        }
        scale = fround(fround(max - min) / 15);
        const inverse = scale === 0 ? 0 : fround(1 / scale);
        for (let e = 0; e < 32; e++) {
          const v = fround(fround(x[from + c + e] - min) * inverse);
          codes[e] = Math.min(15, (truncate(fround(v + 0.5)) << 24) >> 24);
        }
      }
      putHalf(bytes, at, scale);
      putHalf(bytes, at + 2, min);
      packNibbles(codes, bytes, at + 4);
    }
  },
});
