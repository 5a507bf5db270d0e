/** Layout shared by the 32-element types: byte j holds the code of element j low and of element j+16 high. */

export function packNibbles(codes: Uint8Array, bytes: Uint8Array, at: number): void {
  for (let j = 0; j < 16; j++) bytes[at + j] = (codes[j] & 15) | ((codes[j + 16] & 15) << 4);
}

export function unpackNibbles(bytes: Uint8Array, at: number, codes: Uint8Array): void {
  for (let j = 0; j < 16; j++) {
    codes[j] = bytes[at + j] & 15;
    codes[j + 16] = bytes[at + j] >> 4;
  }
}

/** Fifth bits: bit e of a little-endian 32-bit word belongs to element e. */
export function packFifthBits(codes: Uint8Array, bytes: Uint8Array, at: number): void {
  for (let e = 0; e < 32; e++) bytes[at + (e >> 3)] |= ((codes[e] >> 4) & 1) << (e & 7);
}

export function unpackFifthBits(bytes: Uint8Array, at: number, codes: Uint8Array): void {
  for (let e = 0; e < 32; e++) codes[e] |= ((bytes[at + (e >> 3)] >> (e & 7)) & 1) << 4;
}
