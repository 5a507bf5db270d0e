import { blockEncoding } from "./block";
import { decodeSubBlocks, encodeSubBlocks } from "./q4_K";
import type { AffineSearch } from "./search";
import { packHalves, unpackHalves } from "./superblock";

const codes = new Uint8Array(256);
const plain: AffineSearch = { first: -0.5, step: Math.fround(0.1), steps: 15 };

/** As Q4_K with a fifth bit: bit e div 32 of byte e mod 32. */
export const q5_K = blockEncoding({
  name: "q5_K",
  label: "Q5_K",
  description: "5-bit codes, 6-bit scales and minima per 32 weights, in super-blocks of 256",
  elements: 256,
  bytes: 176,
  halves: [0, 2],
  decodeBlock(bytes, at, out, o) {
    unpackHalves(bytes, at + 48, codes);
    for (let e = 0; e < 256; e++) codes[e] |= ((bytes[at + 16 + (e & 31)] >> (e >> 5)) & 1) << 4;
    decodeSubBlocks(bytes, at, codes, out, o);
  },
  encodeRow(x, from, columns, bytes, at, importance) {
    for (let c = 0; c < columns; c += 256, at += 176) {
      encodeSubBlocks(x, from + c, 31, plain, codes, bytes, at, importance, c);
      for (let e = 0; e < 256; e++) bytes[at + 16 + (e & 31)] |= (codes[e] >> 4) << (e >> 5);
      packHalves(codes, bytes, at + 48);
    }
  },
});
