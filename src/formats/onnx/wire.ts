import type { ByteSource } from "../../core/bytes";
import { EngineError } from "../../core/errors";

/** Protobuf's wire types (protobuf.dev/programming-guides/encoding). 6 and 7 do not exist. */
export const wireType = { varint: 0, fixed64: 1, bytes: 2, startGroup: 3, endGroup: 4, fixed32: 5 } as const;

/** The longest field header: a tag of 5 bytes, then a varint of 10. */
export const longestHeader = 16;

/** Read ahead after a jump; doubled while reading goes on without jumps. */
const smallestChunk = 64 * 1024;
const largestChunk = 1024 * 1024;

/**
 * A window sliding over a file, and a cursor in it. Positions are file offsets. `load` moves the window; everything else
 * needs the bytes to be inside already and never waits.
 */
export class Window {
  #bytes: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(new ArrayBuffer(0));
  #base = 0;
  #chunk = smallestChunk;
  /** File offset of the next byte to take. */
  position = 0;
  /** Halves of the last `wideVarint`. */
  low = 0;
  high = 0;

  constructor(readonly source: ByteSource) {}

  has(offset: number, length: number): boolean {
    return offset >= this.#base && offset + length <= this.#base + this.#bytes.length;
  }

  /** Brings `length` bytes at `offset` into the window (fewer at the file's end). `length` is at most a chunk. */
  async load(offset: number, length: number): Promise<void> {
    const needed = Math.min(length, this.source.size - offset);
    if (needed <= 0 || this.has(offset, needed)) return;
    const follows = offset >= this.#base && offset <= this.#base + this.#bytes.length;
    this.#chunk = follows ? Math.min(this.#chunk * 2, largestChunk) : smallestChunk;
    const size = Math.min(Math.max(needed, this.#chunk), this.source.size - offset);
    this.#bytes = await this.source.read(offset, size);
    this.#view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, size);
    this.#base = offset;
  }

  /** A copy of bytes inside the window. */
  slice(offset: number, length: number): Uint8Array {
    return this.#bytes.slice(offset - this.#base, offset - this.#base + length);
  }

  text(offset: number, length: number): string {
    if (length <= shortText) {
      let text = "";
      const from = offset - this.#base;
      for (let i = from; i < from + length && this.#bytes[i] < 128; i++) text += asciiCharacters[this.#bytes[i]];
      if (text.length === length) return text;
    }
    return decoder.decode(this.#bytes.subarray(offset - this.#base, offset - this.#base + length));
  }

  float32(): number {
    this.position += 4;
    return this.#view.getFloat32(this.position - 4 - this.#base, true);
  }

  /**
   * A field's tag, number · 8 + wire type, not reading past `end`. At most five bytes and 32 bits; field number 0 and wire
   * types 6 and 7 are errors, as in protobuf, which lets field number 0 pass inside unknown groups only.
   */
  tag(end: number, lowest = 8): number {
    const start = this.position;
    const tag = this.#short(end, 5);
    if (tag > 0xffffffff || tag < lowest || (tag & 7) > 5) throw this.corrupt("a field's tag is not valid", start);
    return tag;
  }

  /** The length of a length-delimited field whose content ends at or before `end`. */
  length(end: number): number {
    const start = this.position;
    const length = this.#short(end, 5);
    if (length > this.source.size - this.position) {
      throw new EngineError("truncated", `The file ends at byte ${this.source.size}, but a field of ${length} bytes begins here; download it again.`, {
        file: this.source.path,
        offset: start,
      });
    }
    if (length > end - this.position) throw this.corrupt("a field is longer than the message around it", start);
    return length;
  }

  /** A varint as a signed 64-bit number; beyond ±2^53 the nearest one. */
  varint(end: number): number {
    this.wideVarint(end);
    return this.high * 2 ** 32 + (this.low >>> 0);
  }

  /** A varint into `low` and `high`, both signed 32-bit. Bits over 64 are dropped, as protobuf does. */
  wideVarint(end: number): void {
    const start = this.position;
    let low = 0;
    let middle = 0;
    let high = 0;
    for (let i = 0; i < 10; i++) {
      const byte = this.#byte(end, start);
      if (i < 4) low |= (byte & 127) << (7 * i);
      else if (i < 8) middle |= (byte & 127) << (7 * (i - 4));
      else high |= (byte & 127) << (7 * (i - 8));
      if (byte < 128) {
        this.low = low | (middle << 28);
        this.high = (middle >>> 4) | (high << 24);
        return;
      }
    }
    throw this.corrupt("a number is longer than ten bytes", start);
  }

  skip(length: number, end: number): void {
    if (length > end - this.position) throw this.corrupt("a field is longer than the message around it", this.position);
    this.position += length;
  }

  corrupt(cause: string, offset: number): EngineError {
    return new EngineError("malformed", `This is no valid ONNX file (${cause}); download or export it again.`, { file: this.source.path, offset });
  }

  #byte(end: number, start: number): number {
    if (this.position >= end) {
      if (end >= this.source.size) {
        throw new EngineError("truncated", "The file ends in the middle of a field; download it again.", { file: this.source.path, offset: start });
      }
      throw this.corrupt("a message ends in the middle of a field", start);
    }
    return this.#bytes[this.position++ - this.#base];
  }

  #short(end: number, limit: number): number {
    const start = this.position;
    let value = 0;
    for (let i = 0; i < limit; i++) {
      const byte = this.#byte(end, start);
      value += (byte & 127) * 2 ** (7 * i);
      if (byte < 128) return value;
    }
    throw this.corrupt("a tag or length has too many bytes", start);
  }
}

const decoder = new TextDecoder();
/** Up to here, joining characters is quicker than calling the decoder. */
const shortText = 24;
const asciiCharacters = Array.from({ length: 128 }, (_, code) => String.fromCharCode(code));
