import { half, nearestInt, putHalf } from "./arithmetic";
import { blockEncoding } from "./block";
import { packNibbles, unpackNibbles } from "./nibbles";
import { importanceWeights, meanSquare, signedExtreme, zeroBlock } from "./search";

const fround = Math.fround;

/** The sixteen levels of the 4-bit non-linear types. */
const levels = Float32Array.of(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);
const codes = new Uint8Array(32);
const weights = new Float32Array(32);
const scales = new Float32Array(8);

/** d·T[q]: as Q4_0 with unevenly spaced levels. */
export const iq4_nl = blockEncoding({
  name: "iq4_nl",
  label: "IQ4_NL",
  description: "4-bit non-linear codes, one F16 scale per 32 weights",
  elements: 32,
  bytes: 18,
  halves: [0],
  decodeBlock(bytes, at, out, o) {
    const d = half(bytes, at);
    unpackNibbles(bytes, at + 2, codes);
    for (let e = 0; e < 32; e++) out[o + e] = d * levels[codes[e]];
  },
  encodeRow(x, from, columns, bytes, at, importance) {
    for (let c = 0; c < columns; c += 32, at += 18) {
      const variance = importance ? meanSquare(x, from + c, 32, 2) : 0;
      const scale = fitLevels(x, from + c, variance, importance, c);
      putHalf(bytes, at, scale);
      codeBlock(x, from + c, scale === 0 ? 0 : fround(1 / scale));
      packNibbles(codes, bytes, at + 2);
    }
  },
});

/** d(ls − 32)·T[q]: 8 sub-blocks of 32 with 6-bit scales. */
export const iq4_xs = blockEncoding({
  name: "iq4_xs",
  label: "IQ4_XS",
  description: "4-bit non-linear codes, 6-bit scales per 32 weights, in super-blocks of 256",
  elements: 256,
  bytes: 136,
  halves: [0],
  decodeBlock(bytes, at, out, o) {
    const d = half(bytes, at);
    const high = bytes[at + 2] | (bytes[at + 3] << 8);
    for (let j = 0; j < 8; j++) {
      const ls = ((bytes[at + 4 + (j >> 1)] >> (4 * (j & 1))) & 15) | (((high >> (2 * j)) & 3) << 4);
      const scale = fround(d * (ls - 32));
      unpackNibbles(bytes, at + 8 + 16 * j, codes);
      for (let e = 0; e < 32; e++) out[o + 32 * j + e] = scale * levels[codes[e]];
    }
  },
  encodeRow(x, from, columns, bytes, at, importance) {
    for (let c = 0; c < columns; c += 256, at += 136) {
      const start = from + c;
      const variance = importance ? meanSquare(x, start, 256, 2) : 0;
      let maxScale = 0;
      for (let j = 0; j < 8; j++) {
        scales[j] = fitLevels(x, start + 32 * j, variance, importance, c + 32 * j);
        if (Math.abs(scales[j]) > Math.abs(maxScale)) maxScale = scales[j];
      }
      const d = fround(-maxScale / 32);
      putHalf(bytes, at, d);
      const inverse = d === 0 ? 0 : fround(1 / d);
      for (let j = 0; j < 8; j++) {
        const l = Math.max(-32, Math.min(31, nearestInt(fround(inverse * scales[j]))));
        const scale = fround(d * l); // the unrounded d, unlike the K types
        codeBlock(x, start + 32 * j, scale === 0 ? 0 : fround(1 / scale));
        packNibbles(codes, bytes, at + 8 + 16 * j);
        bytes[at + 4 + (j >> 1)] |= ((l + 32) & 15) << (4 * (j & 1));
        bytes[at + 2 + (j >> 2)] |= ((l + 32) >> 4) << (2 * (j & 3));
      }
    }
  },
});

function codeBlock(x: Float32Array, from: number, inverse: number): void {
  for (let e = 0; e < 32; e++) codes[e] = nearestLevel(fround(inverse * x[from + e]));
}

/** Index of the nearest level, the upper one of a tie. */
function nearestLevel(value: number): number {
  if (value <= levels[0]) return 0;
  if (value >= levels[15]) return 15;
  let low = 0;
  let high = 15;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (value < levels[middle]) high = middle;
    else low = middle;
  }
  return fround(value - levels[high - 1]) < fround(levels[high] - value) ? high - 1 : high;
}

/** The scale of one block of 32: sixteen tries around the extreme, each solved for weighted least squares. */
function fitLevels(
  x: Float32Array, from: number, variance: number, importance: Float32Array | undefined, channel: number,
): number {
  if (importance) importanceWeights(x, from, 32, variance, importance, channel, weights);
  else for (let i = 0; i < 32; i++) weights[i] = x[from + i] * x[from + i];
  const extreme = signedExtreme(x, from, 32);
  if (Math.abs(extreme) < zeroBlock) return 0;
  let scale = 0;
  let best = 0;
  for (let t = -8; t <= 7; t++) {
    const first = t === -8;
    const inverse = first ? fround(1 / fround(-extreme / levels[0])) : fround((t + levels[0]) / extreme);
    let sumqx = 0;
    let sumq2 = 0;
    for (let i = 0; i < 32; i++) {
      const v = x[from + i];
      const q = levels[nearestLevel(fround(inverse * v))];
      const wq = fround(weights[i] * q);
      sumqx = fround(sumqx + fround(wq * v));
      sumq2 = fround(sumq2 + fround(wq * q));
    }
    if (first) scale = sumq2 > 0 ? fround(sumqx / sumq2) : 0;
    else if (sumq2 > 0 && fround(sumqx * sumqx) > fround(best * sumq2)) scale = fround(sumqx / sumq2);
    else continue;
    best = fround(scale * sumqx);
  }
  return scale;
}
