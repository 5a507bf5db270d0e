import { half, putHalf } from "./arithmetic";
import { blockEncoding } from "./block";

const fround = Math.fround;

/** ±d with d = mean|x|: the least-squares binary of its block. */
export const q1_0 = blockEncoding({
  name: "q1_0",
  label: "Q1_0",
  description: "signs, one F16 scale per 128 weights",
  elements: 128,
  bytes: 18,
  halves: [0],
  decodeBlock(bytes, at, out, o) {
    const d = half(bytes, at);
    for (let e = 0; e < 128; e++) out[o + e] = (bytes[at + 2 + (e >> 3)] >> (e & 7)) & 1 ? d : -d;
  },
  encodeRow(x, from, columns, bytes, at) {
    for (let c = 0; c < columns; c += 128, at += 18) {
      let sum = 0;
      for (let e = 0; e < 128; e++) {
        const v = x[from + c + e];
        sum = fround(sum + Math.abs(v));
        if (v >= 0) bytes[at + 2 + (e >> 3)] |= 1 << (e & 7);
      }
      putHalf(bytes, at, fround(sum / 128));
    }
  },
});
