import { half } from "./arithmetic";
import { blockEncoding } from "./block";
import { codebook, evenSigns } from "./codebooks";

/** The 3-bit types whose weights are looked up four at a time: magnitudes from a codebook, signs apart. Read only. */

const fround = Math.fround;

/** Four weights: scale · magnitude · sign. */
function point(grid: Int8Array, index: number, signs: number, scale: number, out: Float32Array, o: number): void {
  for (let j = 0; j < 4; j++) out[o + j] = ((signs >> j) & 1 ? -scale : scale) * grid[4 * index + j];
}

/** Per 32 weights: eight 8-bit indices; a word of four 7-bit sign patterns and a 4-bit scale. */
export const iq3_xxs = blockEncoding({
  name: "iq3_xxs",
  label: "IQ3_XXS",
  description: "3.06 bits: codebook of 256 points, scale per 32 weights",
  elements: 256,
  bytes: 98,
  decodeBlock(bytes, at, out, o) {
    const grid = codebook("iq3_xxs");
    const d = half(bytes, at);
    for (let b = 0; b < 8; b++) {
      const w = at + 66 + 4 * b;
      const signs = (bytes[w] | (bytes[w + 1] << 8) | (bytes[w + 2] << 16) | (bytes[w + 3] << 24)) >>> 0;
      const scale = fround(fround(d * (0.5 + (signs >>> 28))) * 0.5);
      for (let l = 0; l < 8; l++) {
        const pattern = evenSigns[(signs >>> (7 * (l >> 1))) & 127] >> (4 * (l & 1));
        point(grid, bytes[at + 2 + 8 * b + l], pattern, scale, out, o + 32 * b + 4 * l);
      }
    }
  },
});

/** Per 4 weights: a 9-bit index, its top bit apart; free signs; an odd 4-bit scale per 32. */
export const iq3_s = blockEncoding({
  name: "iq3_s",
  label: "IQ3_S",
  description: "3.44 bits: codebook of 512 points, scale per 32 weights",
  elements: 256,
  bytes: 110,
  decodeBlock(bytes, at, out, o) {
    const grid = codebook("iq3_s");
    const d = half(bytes, at);
    for (let l = 0; l < 64; l++) {
      const high = (bytes[at + 66 + (l >> 3)] >> (l & 7)) & 1;
      const scale = fround(d * (1 + 2 * ((bytes[at + 106 + (l >> 4)] >> (4 * ((l >> 3) & 1))) & 15)));
      const pattern = bytes[at + 74 + (l >> 1)] >> (4 * (l & 1));
      point(grid, bytes[at + 2 + l] | (high << 8), pattern, scale, out, o + 4 * l);
    }
  },
});
