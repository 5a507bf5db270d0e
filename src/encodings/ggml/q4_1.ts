import { affineBlock } from "./affine32";
import { blockEncoding } from "./block";
import { packNibbles, unpackNibbles } from "./nibbles";

/** d·q + m: half-precision scale and minimum. */
export const q4_1 = blockEncoding({
  name: "q4_1",
  label: "Q4_1",
  description: "4-bit codes, F16 scale and minimum per 32 weights",
  ...affineBlock({
    bytes: 20,
    highest: 15,
    bound: (code) => Math.min(15, (code << 24) >> 24),
    pack: packNibbles,
    unpack: unpackNibbles,
  }),
});
