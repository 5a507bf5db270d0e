import { half, nearestInt, putHalf } from "./arithmetic";
import { blockEncoding } from "./block";
import { descendSymmetric, fitSymmetric, importanceWeights, meanSquare } from "./search";
import { packPairs, recodeSymmetric, unpackPairs } from "./superblock";

const fround = Math.fround;
const codes = new Uint8Array(256);
const weights = new Float32Array(16);
const scales = new Float32Array(16);
const sums = new Float32Array(16);
const scaleCodes = new Uint8Array(16);

/** d(sc − 32)(q − 4): 16 sub-blocks of 16, 6-bit scales, third bits of the codes apart. */
export const q3_K = blockEncoding({
  name: "q3_K",
  label: "Q3_K",
  description: "3-bit codes, 6-bit scales per 16 weights, in super-blocks of 256",
  elements: 256,
  bytes: 110,
  halves: [108],
  decodeBlock(bytes, at, out, o) {
    const d = half(bytes, at + 108);
    unpackPairs(bytes, at + 32, codes);
    unpackScales(bytes, at + 96);
    for (let e = 0; e < 256; e++) {
      const scale = fround(d * (scaleCodes[e >> 4] - 32));
      out[o + e] = scale * (codes[e] - ((bytes[at + (e & 31)] >> (e >> 5)) & 1 ? 0 : 4));
    }
  },
  encodeRow(x, from, columns, bytes, at, importance) {
    for (let c = 0; c < columns; c += 256, at += 110) {
      const start = from + c;
      putHalf(bytes, at + 108, importance ? weighted(x, start, importance, c) : unweighted(x, start));
      packScales(bytes, at + 96);
      const d = half(bytes, at + 108);
      for (let j = 0; j < 16; j++) {
        const scale = fround(d * (scaleCodes[j] - 32));
        if (scale !== 0) recodeSymmetric(x, start + 16 * j, 16, scale, 4, codes, 16 * j);
      }
      for (let e = 0; e < 256; e++) {
        bytes[at + (e & 31)] |= (codes[e] >> 2) << (e >> 5);
        codes[e] &= 3;
      }
      packPairs(codes, bytes, at + 32);
    }
  },
});

/** Low nibbles of scale j in byte j or on top of byte j−8; upper two bits in byte 8 + j mod 4 at 2·(j div 4). */
function packScales(bytes: Uint8Array, at: number): void {
  for (let j = 0; j < 16; j++) {
    bytes[at + (j & 7)] |= (scaleCodes[j] & 15) << (j < 8 ? 0 : 4);
    bytes[at + 8 + (j & 3)] |= (scaleCodes[j] >> 4) << (2 * (j >> 2));
  }
}

function unpackScales(bytes: Uint8Array, at: number): void {
  for (let j = 0; j < 16; j++) {
    const low = (bytes[at + (j & 7)] >> (j < 8 ? 0 : 4)) & 15;
    scaleCodes[j] = low | (((bytes[at + 8 + (j & 3)] >> (2 * (j >> 2))) & 3) << 4);
  }
}

function unweighted(x: Float32Array, start: number): number {
  let maxScale = 0;
  for (let j = 0; j < 16; j++) {
    scales[j] = descendSymmetric(16, 4, x, start + 16 * j, codes, 16 * j);
    if (Math.abs(scales[j]) > Math.abs(maxScale)) maxScale = scales[j];
  }
  if (maxScale === 0) {
    scaleCodes.fill(0);
    return 0;
  }
  const inverse = fround(-32 / maxScale);
  for (let j = 0; j < 16; j++) {
    const l = (nearestInt(fround(inverse * scales[j])) << 24) >> 24;
    scaleCodes[j] = Math.max(-32, Math.min(31, l)) + 32;
  }
  return fround(1 / inverse);
}

function weighted(x: Float32Array, start: number, importance: Float32Array, channel: number): number {
  const variance = meanSquare(x, start, 256, 2);
  for (let j = 0; j < 16; j++) {
    sums[j] = importanceWeights(x, start + 16 * j, 16, variance, importance, channel + 16 * j, weights);
    scales[j] = fitSymmetric(16, 4, x, start + 16 * j, codes, 16 * j, weights);
  }
  return fitSymmetric(16, 32, scales, 0, scaleCodes, 0, sums);
}
