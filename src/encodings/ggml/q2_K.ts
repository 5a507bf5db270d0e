import { half, nearestInt, putHalf } from "./arithmetic";
import { blockEncoding } from "./block";
import { type AffineSearch, fitAffine, fitPositive, importanceWeights, meanSquare, weightedSearch } from "./search";
import { packPairs, recodeAffine, unpackPairs } from "./superblock";

const fround = Math.fround;
const codes = new Uint8Array(256);
const weights = new Float32Array(16);
const scales = new Float32Array(16);
const mins = new Float32Array(16);
const sums = new Float32Array(16);
const scaleCodes = new Uint8Array(16);
const minCodes = new Uint8Array(16);
const plain: AffineSearch = { first: -0.5, step: fround(0.1), steps: 15, absolute: true };

/** d·sc·q − dmin·m: 16 sub-blocks of 16, 4-bit scales and minima. */
export const q2_K = blockEncoding({
  name: "q2_K",
  label: "Q2_K",
  description: "2-bit codes, 4-bit scales and minima per 16 weights, in super-blocks of 256",
  elements: 256,
  bytes: 84,
  halves: [80, 82],
  decodeBlock(bytes, at, out, o) {
    const d = half(bytes, at + 80);
    const dmin = half(bytes, at + 82);
    unpackPairs(bytes, at + 16, codes);
    for (let j = 0; j < 16; j++) {
      const scale = fround(d * (bytes[at + j] & 15));
      const min = fround(dmin * (bytes[at + j] >> 4));
      for (let e = 16 * j; e < 16 * j + 16; e++) out[o + e] = fround(scale * codes[e]) - min;
    }
  },
  encodeRow(x, from, columns, bytes, at, importance) {
    for (let c = 0; c < columns; c += 256, at += 84) {
      const start = from + c;
      if (importance) weighted(x, start, importance, c);
      else unweighted(x, start);
      putHalf(bytes, at + 80, super_.d);
      putHalf(bytes, at + 82, super_.dmin);
      const d = half(bytes, at + 80);
      const dmin = half(bytes, at + 82);
      for (let j = 0; j < 16; j++) {
        bytes[at + j] = scaleCodes[j] | (minCodes[j] << 4);
        const scale = fround(d * (bytes[at + j] & 15));
        if (scale !== 0) recodeAffine(x, start + 16 * j, 16, scale, fround(dmin * (bytes[at + j] >> 4)), 3, codes, 16 * j);
      }
      packPairs(codes, bytes, at + 16);
    }
  },
});

/** What a search leaves behind besides `codes`, `scaleCodes` and `minCodes`. */
const super_ = { d: 0, dmin: 0 };

function unweighted(x: Float32Array, start: number): void {
  let maxScale = 0;
  let maxMin = 0;
  for (let j = 0; j < 16; j++) {
    for (let i = 0; i < 16; i++) weights[i] = Math.abs(x[start + 16 * j + i]);
    scales[j] = fitAffine(16, 3, x, start + 16 * j, weights, codes, 16 * j, mins, j, plain);
    if (scales[j] > maxScale) maxScale = scales[j];
    if (mins[j] > maxMin) maxMin = mins[j];
  }
  const perScale = maxScale > 0 ? fround(15 / maxScale) : 0;
  const perMin = maxMin > 0 ? fround(15 / maxMin) : 0;
  for (let j = 0; j < 16; j++) {
    scaleCodes[j] = maxScale > 0 ? nearestInt(fround(perScale * scales[j])) : 0;
    minCodes[j] = maxMin > 0 ? nearestInt(fround(perMin * mins[j])) : 0;
  }
  super_.d = maxScale > 0 ? fround(maxScale / 15) : 0;
  super_.dmin = maxMin > 0 ? fround(maxMin / 15) : 0;
}

function weighted(x: Float32Array, start: number, importance: Float32Array, channel: number): void {
  const variance = meanSquare(x, start, 256);
  for (let j = 0; j < 16; j++) {
    sums[j] = importanceWeights(x, start + 16 * j, 16, variance, importance, channel + 16 * j, weights);
    scales[j] = fitAffine(16, 3, x, start + 16 * j, weights, codes, 16 * j, mins, j, weightedSearch);
  }
  super_.d = fitPositive(16, 15, scales, scaleCodes, sums);
  super_.dmin = fitPositive(16, 15, mins, minCodes, sums);
}
