import { half, nearestInt, putHalf } from "./arithmetic";
import { blockEncoding } from "./block";
import { fitSymmetric, zeroBlock } from "./search";
import { recodeSymmetric } from "./superblock";

const fround = Math.fround;
const codes = new Uint8Array(256);
const scales = new Float32Array(16);

/** d·sc·(q − 32): 16 sub-blocks of 16, signed 8-bit scales. */
export const q6_K = blockEncoding({
  name: "q6_K",
  label: "Q6_K",
  description: "6-bit codes, 8-bit scales per 16 weights, in super-blocks of 256",
  elements: 256,
  bytes: 210,
  halves: [208],
  decodeBlock(bytes, at, out, o) {
    const d = half(bytes, at + 208);
    for (let e = 0; e < 256; e++) {
      const h = e >> 7;
      const quarter = (e >> 5) & 3;
      const l = e & 31;
      const low = (bytes[at + 64 * h + 32 * (quarter & 1) + l] >> (4 * (quarter >> 1))) & 15;
      const high = (bytes[at + 128 + 32 * h + l] >> (2 * quarter)) & 3;
      const scale = fround(d * ((bytes[at + 192 + (e >> 4)] << 24) >> 24));
      out[o + e] = scale * ((low | (high << 4)) - 32);
    }
  },
  encodeRow(x, from, columns, bytes, at, importance) {
    for (let c = 0; c < columns; c += 256, at += 210) {
      const start = from + c;
      let maxScale = 0;
      for (let j = 0; j < 16; j++) {
        scales[j] = fitSymmetric(16, 32, x, start + 16 * j, codes, 16 * j, importance, c + 16 * j);
        if (Math.abs(scales[j]) > Math.abs(maxScale)) maxScale = scales[j];
      }
      if (Math.abs(maxScale) < zeroBlock) continue; // all bytes stay zero
      const inverse = fround(-128 / maxScale);
      putHalf(bytes, at + 208, fround(1 / inverse));
      const d = half(bytes, at + 208);
      for (let j = 0; j < 16; j++) {
        bytes[at + 192 + j] = Math.min(127, nearestInt(fround(inverse * scales[j])));
        const scale = fround(d * ((bytes[at + 192 + j] << 24) >> 24));
        if (scale !== 0) recodeSymmetric(x, start + 16 * j, 16, scale, 32, codes, 16 * j);
      }
      for (let h = 0; h < 2; h++) {
        for (let l = 0; l < 32; l++) {
          const [a, b, c2, d2] = [codes[128 * h + l], codes[128 * h + l + 32], codes[128 * h + l + 64], codes[128 * h + l + 96]];
          bytes[at + 64 * h + l] = (a & 15) | ((c2 & 15) << 4);
          bytes[at + 64 * h + 32 + l] = (b & 15) | ((d2 & 15) << 4);
          bytes[at + 128 + 32 * h + l] = (a >> 4) | ((b >> 4) << 2) | ((c2 >> 4) << 4) | ((d2 >> 4) << 6);
        }
      }
    }
  },
});
