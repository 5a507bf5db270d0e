import { affineBlock } from "./affine32";
import { blockEncoding } from "./block";
import { packFifthBits, packNibbles, unpackFifthBits, unpackNibbles } from "./nibbles";

/** d·q + m with 5-bit codes. */
export const q5_1 = blockEncoding({
  name: "q5_1",
  label: "Q5_1",
  description: "5-bit codes, F16 scale and minimum per 32 weights",
  ...affineBlock({
    bytes: 24,
    highest: 31,
    // Unlike Q4_1 the original does not clamp: the cast to a byte and the packing keep five bits.
    bound: (code) => code & 31,
    pack(codes, bytes, at) {
      packFifthBits(codes, bytes, at);
      packNibbles(codes, bytes, at + 4);
    },
    unpack(bytes, at, codes) {
      unpackNibbles(bytes, at + 4, codes);
      unpackFifthBits(bytes, at, codes);
    },
  }),
});
