/** Dense little-endian bit fields: the first element in the least significant bits of the first byte. */

/** Reads `count` codes of `bits` (1..8) bits starting at element `from` of `bytes`. */
export function unpackBits(bytes: Uint8Array, bits: number, from: number, count: number, out: Uint8Array): void {
  const mask = (1 << bits) - 1;
  for (let i = 0; i < count; i++) {
    const bit = (from + i) * bits;
    const at = Math.floor(bit / 8); // not >>: a plane may hold more than 2^31 bits
    const shift = bit % 8;
    const pair = bytes[at] | (shift + bits > 8 ? bytes[at + 1] << 8 : 0);
    out[i] = (pair >> shift) & mask;
  }
}

/** Writes codes densely from bit 0 of `bytes`, which must be zero where they land. */
export function packBits(codes: Uint8Array, bits: number, count: number, bytes: Uint8Array, byteOffset = 0): void {
  for (let i = 0; i < count; i++) {
    const bit = i * bits;
    const at = byteOffset + Math.floor(bit / 8);
    const shift = bit % 8;
    bytes[at] |= codes[i] << shift;
    if (shift + bits > 8) bytes[at + 1] |= codes[i] >> (8 - shift);
  }
}
