/** Least significant bits first, into zeroed bytes. */
export class BitWriter {
  #bit = 0;
  constructor(
    readonly bytes: Uint8Array,
    readonly start: number,
    length: number,
  ) {
    bytes.fill(0, start, start + length);
  }

  /** count ≤ 53, value < 2^count. */
  write(value: number, count: number): void {
    if (count > 24) {
      this.write(value % 16777216, 24);
      this.write(Math.floor(value / 16777216), count - 24);
      return;
    }
    let at = this.start + (this.#bit >> 3);
    // At most 7 + 24 bits.
    for (let bits = value << (this.#bit & 7); bits !== 0; bits >>>= 8) this.bytes[at++] |= bits;
    this.#bit += count;
  }

  writeBig(value: bigint, count: number): void {
    for (let left = count; left > 0; left -= 48) {
      this.write(Number(value & 0xffffffffffffn), Math.min(48, left));
      value >>= 48n;
    }
  }
}

/** Reads what BitWriter wrote. */
export class BitReader {
  #bit = 0;
  constructor(
    readonly bytes: Uint8Array,
    readonly start: number,
  ) {}

  /** count ≤ 53. */
  read(count: number): number {
    if (count > 24) {
      const low = this.read(24);
      return low + 16777216 * this.read(count - 24);
    }
    const shift = this.#bit & 7;
    const at = this.start + (this.#bit >> 3);
    this.#bit += count;
    let value = 0;
    for (let i = 0; 8 * i < shift + count; i++) value |= this.bytes[at + i] << (8 * i);
    return (value >>> shift) & ((1 << count) - 1);
  }

  readBig(count: number): bigint {
    let value = 0n;
    for (let done = 0; done < count; done += 48) value |= BigInt(this.read(Math.min(48, count - done))) << BigInt(done);
    return value;
  }
}
