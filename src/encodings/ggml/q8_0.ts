import { half, putHalf, roundAway, truncate } from "./arithmetic";
import { blockEncoding } from "./block";
import { signedExtreme } from "./search";

const fround = Math.fround;

/** d·q with signed 8-bit codes. */
export const q8_0 = blockEncoding({
  name: "q8_0",
  label: "Q8_0",
  description: "8-bit codes, one F16 scale per 32 weights",
  elements: 32,
  bytes: 34,
  halves: [0],
  decodeBlock(bytes, at, out, o) {
    const d = half(bytes, at);
    for (let e = 0; e < 32; e++) out[o + e] = ((bytes[at + 2 + e] << 24) >> 24) * d;
  },
  encodeRow(x, from, columns, bytes, at) {
    for (let c = 0; c < columns; c += 32, at += 34) {
      const scale = fround(Math.abs(signedExtreme(x, from + c, 32)) / 127);
      const inverse = scale === 0 ? 0 : fround(1 / scale);
      putHalf(bytes, at, scale);
      for (let e = 0; e < 32; e++) bytes[at + 2 + e] = truncate(roundAway(fround(x[from + c + e] * inverse)));
    }
  },
});

/** As Q8_0 with the sum of the codes beside them: ggml's form of activations, seen in files only by accident. Read only. */
export const q8_1 = blockEncoding({
  name: "q8_1",
  label: "Q8_1",
  description: "8-bit codes, F16 scale and code sum per 32 weights",
  elements: 32,
  bytes: 36,
  decodeBlock(bytes, at, out, o) {
    const d = half(bytes, at);
    for (let e = 0; e < 32; e++) out[o + e] = ((bytes[at + 4 + e] << 24) >> 24) * d;
  },
});
