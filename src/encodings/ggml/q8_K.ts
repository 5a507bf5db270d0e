import { blockEncoding } from "./block";

/** d·q with an f32 scale and code sums: ggml's form of activations for the K types. Read only. */
export const q8_K = blockEncoding({
  name: "q8_K",
  label: "Q8_K",
  description: "8-bit codes, F32 scale and code sums per 256 weights",
  elements: 256,
  bytes: 292,
  decodeBlock(bytes, at, out, o) {
    const d = new DataView(bytes.buffer, bytes.byteOffset + at, 4).getFloat32(0, true);
    for (let e = 0; e < 256; e++) out[o + e] = d * ((bytes[at + 4 + e] << 24) >> 24);
  },
});
