import { half, nearestInt, putHalf } from "./arithmetic";
import { blockEncoding } from "./block";
import { type AffineSearch, fitAffine, fitPositive, importanceWeights, meanSquare, weightedSearch } from "./search";
import { packHalves, packScaleMins, recodeAffine, unpackHalves, unpackScaleMins } from "./superblock";

const fround = Math.fround;
const codes = new Uint8Array(256);
const weights = new Float32Array(32);
const scales = new Float32Array(8);
const mins = new Float32Array(8);
const sums = new Float32Array(8);
const scaleCodes = new Uint8Array(8);
const minCodes = new Uint8Array(8);

/** d·sc·q − dmin·m: 8 sub-blocks of 32, 6-bit scales and minima. */
export const q4_K = blockEncoding({
  name: "q4_K",
  label: "Q4_K",
  description: "4-bit codes, 6-bit scales and minima per 32 weights, in super-blocks of 256",
  elements: 256,
  bytes: 144,
  halves: [0, 2],
  decodeBlock(bytes, at, out, o) {
    unpackHalves(bytes, at + 16, codes);
    decodeSubBlocks(bytes, at, codes, out, o);
  },
  encodeRow(x, from, columns, bytes, at, importance) {
    for (let c = 0; c < columns; c += 256, at += 144) {
      encodeSubBlocks(x, from + c, 15, plain, codes, bytes, at, importance, c);
      packHalves(codes, bytes, at + 16);
    }
  },
});

const plain: AffineSearch = { first: -1, step: fround(0.1), steps: 20 };

/** The common end of Q4_K and Q5_K: header d, dmin, twelve bytes of scales and minima, and codes already unpacked. */
export function decodeSubBlocks(bytes: Uint8Array, at: number, unpacked: Uint8Array, out: Float32Array, o: number): void {
  const d = half(bytes, at);
  const dmin = half(bytes, at + 2);
  unpackScaleMins(bytes, at + 4, scaleCodes, minCodes);
  for (let j = 0; j < 8; j++) {
    const scale = fround(d * scaleCodes[j]);
    const min = fround(dmin * minCodes[j]);
    for (let e = 32 * j; e < 32 * j + 32; e++) out[o + e] = fround(scale * unpacked[e]) - min;
  }
}

/** The common begin of Q4_K and Q5_K: writes the 16-byte header and leaves the codes 0..nmax in `result`. */
export function encodeSubBlocks(
  x: Float32Array, start: number, nmax: number, search: AffineSearch, result: Uint8Array, bytes: Uint8Array, at: number,
  importance: Float32Array | undefined, channel: number,
): void {
  if (importance) {
    const variance = meanSquare(x, start, 256, 2);
    for (let j = 0; j < 8; j++) {
      sums[j] = importanceWeights(x, start + 32 * j, 32, variance, importance, channel + 32 * j, weights);
      scales[j] = fitAffine(32, nmax, x, start + 32 * j, weights, result, 32 * j, mins, j, weightedSearch);
    }
    putHalf(bytes, at, fitPositive(8, 63, scales, scaleCodes, sums));
    putHalf(bytes, at + 2, fitPositive(8, 63, mins, minCodes, sums));
  } else {
    let maxScale = 0;
    let maxMin = 0;
    for (let j = 0; j < 8; j++) {
      const rms = fround(Math.sqrt(meanSquare(x, start + 32 * j, 32)));
      for (let i = 0; i < 32; i++) weights[i] = rms + Math.abs(x[start + 32 * j + i]);
      scales[j] = fitAffine(32, nmax, x, start + 32 * j, weights, result, 32 * j, mins, j, search);
      if (scales[j] > maxScale) maxScale = scales[j];
      if (mins[j] > maxMin) maxMin = mins[j];
    }
    const perScale = maxScale > 0 ? fround(63 / maxScale) : 0;
    const perMin = maxMin > 0 ? fround(63 / maxMin) : 0;
    for (let j = 0; j < 8; j++) {
      scaleCodes[j] = Math.min(63, nearestInt(fround(perScale * scales[j])) & 255);
      minCodes[j] = Math.min(63, nearestInt(fround(perMin * mins[j])) & 255);
    }
    putHalf(bytes, at, fround(maxScale / 63));
    putHalf(bytes, at + 2, fround(maxMin / 63));
  }
  packScaleMins(scaleCodes, minCodes, bytes, at + 4);
  const d = half(bytes, at);
  const dmin = half(bytes, at + 2);
  for (let j = 0; j < 8; j++) {
    const scale = fround(d * scaleCodes[j]);
    if (scale !== 0) recodeAffine(x, start + 32 * j, 32, scale, fround(dmin * minCodes[j]), nmax, result, 32 * j);
  }
}
