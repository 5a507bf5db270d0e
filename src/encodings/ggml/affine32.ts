import { half, putHalf, truncate } from "./arithmetic";
import type { BlockType } from "./block";
import { fitAffine, importanceWeights, meanSquare, weightedSearch } from "./search";

const fround = Math.fround;
const codes = new Uint8Array(32);
const weights = new Float32Array(32);
const mins = new Float32Array(1);

/** What Q4_1 and Q5_1 differ in. */
export interface AffineBlock {
  readonly bytes: number;
  /** Codes are 0…highest. */
  readonly highest: number;
  /** A rounded code, not negative, brought into the range as the original does it. */
  bound(code: number): number;
  /** Codes of one block to and from the bytes behind its scale and minimum. */
  pack(codes: Uint8Array, bytes: Uint8Array, at: number): void;
  unpack(bytes: Uint8Array, at: number, codes: Uint8Array): void;
}

/** Blocks of 32 weights d·q + m with half-precision d and m in front. */
export function affineBlock({ bytes: blockBytes, highest, bound, pack, unpack }: AffineBlock) {
  const part: Pick<BlockType, "elements" | "bytes" | "halves" | "decodeBlock" | "encodeRow"> = {
    elements: 32,
    bytes: blockBytes,
    halves: [0, 2],
    decodeBlock(bytes, at, out, o) {
      const d = half(bytes, at);
      const m = half(bytes, at + 2);
      unpack(bytes, at + 4, codes);
      for (let e = 0; e < 32; e++) out[o + e] = fround(codes[e] * d) + m;
    },
    encodeRow(x, from, columns, bytes, at, importance) {
      const variance = importance ? meanSquare(x, from, columns) : 0;
      for (let c = 0; c < columns; c += 32, at += blockBytes) {
        let scale: number;
        let min: number;
        if (importance) {
          importanceWeights(x, from + c, 32, variance, importance, c, weights);
          scale = fitAffine(32, highest, x, from + c, weights, codes, 0, mins, 0, weightedSearch);
          min = -mins[0];
        } else {
          min = x[from + c];
          let max = min;
          for (let e = 1; e < 32; e++) {
            const v = x[from + c + e];
            if (v < min) min = v;
            if (v > max) max = v;
          }
          scale = fround(fround(max - min) / highest);
          const inverse = scale === 0 ? 0 : fround(1 / scale);
          for (let e = 0; e < 32; e++) {
            const v = fround(fround(x[from + c + e] - min) * inverse);
            codes[e] = bound(truncate(fround(v + 0.5)));
          }
        }
        putHalf(bytes, at, scale);
        putHalf(bytes, at + 2, min);
        pack(codes, bytes, at + 4);
      }
    },
  };
  return part;
}
