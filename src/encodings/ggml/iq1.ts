import { f16Table } from "../half";
import { half } from "./arithmetic";
import { blockEncoding } from "./block";
import { codebook } from "./codebooks";

/** The ternary codebook types: eight weights per 11-bit index, all shifted by ±⅛. Read only. */

const fround = Math.fround;
const shift = 0.125;

function point(grid: Int8Array, index: number, delta: number, scale: number, out: Float32Array, o: number): void {
  for (let j = 0; j < 8; j++) out[o + j] = scale * (grid[8 * index + j] + delta);
}

/** Per 32 weights: four indices, whose upper three bits share a word with a 3-bit scale and the sign of the shift. */
export const iq1_s = blockEncoding({
  name: "iq1_s",
  label: "IQ1_S",
  description: "1.56 bits: ternary codebook of 2048 points, scale per 32 weights",
  elements: 256,
  bytes: 50,
  decodeBlock(bytes, at, out, o) {
    const grid = codebook("iq1_s");
    const d = half(bytes, at);
    for (let b = 0; b < 8; b++) {
      const high = bytes[at + 34 + 2 * b] | (bytes[at + 35 + 2 * b] << 8);
      const scale = fround(d * (2 * ((high >> 12) & 7) + 1));
      const delta = high & 0x8000 ? -shift : shift;
      for (let l = 0; l < 4; l++) {
        point(grid, bytes[at + 2 + 4 * b + l] | (((high >> (3 * l)) & 7) << 8), delta, scale, out, o + 32 * b + 8 * l);
      }
    }
  },
});

/** As IQ1_S with a shift per 8 weights and a 3-bit scale per 16; the half-precision d is spread over the scale words. */
export const iq1_m = blockEncoding({
  name: "iq1_m",
  label: "IQ1_M",
  description: "1.75 bits: ternary codebook of 2048 points, scale per 16 weights",
  elements: 256,
  bytes: 56,
  decodeBlock(bytes, at, out, o) {
    const grid = codebook("iq1_s");
    let bits = 0;
    for (let k = 0; k < 4; k++) bits |= (bytes[at + 49 + 2 * k] >> 4) << (4 * k);
    const d = f16Table()[bits];
    for (let l = 0; l < 32; l++) {
      const scales = bytes[at + 48 + 2 * (l >> 3)] | (bytes[at + 49 + 2 * (l >> 3)] << 8);
      const scale = fround(d * (2 * ((scales >> (3 * ((l >> 1) & 3))) & 7) + 1));
      const high = bytes[at + 32 + (l >> 1)] >> (4 * (l & 1));
      point(grid, bytes[at + l] | ((high & 7) << 8), high & 8 ? -shift : shift, scale, out, o + 8 * l);
    }
  },
});
