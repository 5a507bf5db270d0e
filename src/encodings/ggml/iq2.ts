import { half } from "./arithmetic";
import { blockEncoding } from "./block";
import { codebook, evenSigns } from "./codebooks";

/** The 2-bit types whose weights are looked up eight at a time: magnitudes from a codebook, signs apart. Read only. */

const fround = Math.fround;

/** Eight weights: scale · magnitude · sign. */
function point(grid: Int8Array, index: number, signs: number, scale: number, out: Float32Array, o: number): void {
  for (let j = 0; j < 8; j++) out[o + j] = ((signs >> j) & 1 ? -scale : scale) * grid[8 * index + j];
}

/** d(½ + s)/4 with a 4-bit s. */
const scaleOf = (d: number, s: number) => fround(fround(d * (0.5 + s)) * 0.25);

const word = (bytes: Uint8Array, at: number) =>
  (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;

/** Per 32 weights: four 8-bit indices, then a word of four 7-bit sign patterns and a 4-bit scale. */
export const iq2_xxs = blockEncoding({
  name: "iq2_xxs",
  label: "IQ2_XXS",
  description: "2.06 bits: codebook of 256 points, scale per 32 weights",
  elements: 256,
  bytes: 66,
  decodeBlock(bytes, at, out, o) {
    const grid = codebook("iq2_xxs");
    const d = half(bytes, at);
    for (let b = 0; b < 8; b++) {
      const from = at + 2 + 8 * b;
      const signs = word(bytes, from + 4);
      const scale = scaleOf(d, signs >>> 28);
      for (let l = 0; l < 4; l++) {
        point(grid, bytes[from + l], evenSigns[(signs >>> (7 * l)) & 127], scale, out, o + 32 * b + 8 * l);
      }
    }
  },
});

/** Per 8 weights: a 9-bit index and a 7-bit sign pattern; a 4-bit scale per 16. */
export const iq2_xs = blockEncoding({
  name: "iq2_xs",
  label: "IQ2_XS",
  description: "2.31 bits: codebook of 512 points, scale per 16 weights",
  elements: 256,
  bytes: 74,
  decodeBlock(bytes, at, out, o) {
    const grid = codebook("iq2_xs");
    const d = half(bytes, at);
    for (let l = 0; l < 32; l++) {
      const q = bytes[at + 2 + 2 * l] | (bytes[at + 3 + 2 * l] << 8);
      const scale = scaleOf(d, (bytes[at + 66 + (l >> 2)] >> (4 * ((l >> 1) & 1))) & 15);
      point(grid, q & 511, evenSigns[q >> 9], scale, out, o + 8 * l);
    }
  },
});

/** Per 8 weights: a 10-bit index, its top bits apart, and eight free signs; a 4-bit scale per 16. */
export const iq2_s = blockEncoding({
  name: "iq2_s",
  label: "IQ2_S",
  description: "2.56 bits: codebook of 1024 points, scale per 16 weights",
  elements: 256,
  bytes: 82,
  decodeBlock(bytes, at, out, o) {
    const grid = codebook("iq2_s");
    const d = half(bytes, at);
    for (let l = 0; l < 32; l++) {
      const high = (bytes[at + 66 + (l >> 2)] >> (2 * (l & 3))) & 3;
      const scale = scaleOf(d, (bytes[at + 74 + (l >> 2)] >> (4 * ((l >> 1) & 1))) & 15);
      point(grid, bytes[at + 2 + l] | (high << 8), bytes[at + 34 + l], scale, out, o + 8 * l);
    }
  },
});
