import type { ByteSource } from "../../core/bytes";
import { EngineError } from "../../core/errors";

const firstRead = 64 * 1024;
/** Bounds memory while a header of any length streams by. */
const longestRead = 4 * 1024 * 1024;
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Reads a file front to back through a window of a few megabytes that refills by itself. Await `need(n)` (or check `has(n)`)
 * before taking n bytes. Taking methods are synchronous, so that a million strings do not wait a million times.
 */
export class Cursor {
  /** Next byte to take. */
  position = 0;
  little = true;
  #window: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(new ArrayBuffer(0));
  #start = 0;
  #nextRead = firstRead;

  constructor(readonly source: ByteSource) {}

  get remaining(): number {
    return this.source.size - this.position;
  }

  has(length: number): boolean {
    const at = this.position - this.#start;
    return at >= 0 && at + length <= this.#window.length;
  }

  /** Makes the next `length` bytes available; "truncated" when the file has fewer. `what` completes "the file ends inside …". */
  async need(length: number, what: string): Promise<void> {
    if (this.has(length)) return;
    this.require(length, what);
    const amount = Math.min(Math.max(length, this.#nextRead), this.remaining);
    this.#window = await this.source.read(this.position, amount);
    this.#view = new DataView(this.#window.buffer, this.#window.byteOffset, this.#window.byteLength);
    this.#start = this.position;
    this.#nextRead = Math.min(this.#nextRead * 2, longestRead);
  }

  /** Checks a length against the file before anybody allocates or skips that much. */
  require(length: number, what: string): void {
    if (length > this.remaining) {
      throw new EngineError(
        "truncated",
        `The file ends inside ${what}, which needs ${length} bytes where ${this.remaining} are left; download it again.`,
        {
          file: this.source.path,
          offset: this.position,
        },
      );
    }
  }

  /** Steps over bytes without reading them. The caller has checked the length. */
  skip(length: number): void {
    this.position += length;
  }

  u8 = (): number => this.#view.getUint8(this.#take(1));
  i8 = (): number => this.#view.getInt8(this.#take(1));
  u16 = (): number => this.#view.getUint16(this.#take(2), this.little);
  i16 = (): number => this.#view.getInt16(this.#take(2), this.little);
  u32 = (): number => this.#view.getUint32(this.#take(4), this.little);
  i32 = (): number => this.#view.getInt32(this.#take(4), this.little);
  f32 = (): number => this.#view.getFloat32(this.#take(4), this.little);
  f64 = (): number => this.#view.getFloat64(this.#take(8), this.little);
  u64 = (): bigint => this.#view.getBigUint64(this.#take(8), this.little);
  i64 = (): bigint => this.#view.getBigInt64(this.#take(8), this.little);

  /** A count or length as a number: exact up to 2^53, and above only fit to be found too large. */
  size(): number {
    const at = this.#take(8);
    const low = this.#view.getUint32(at + (this.little ? 0 : 4), this.little);
    const high = this.#view.getUint32(at + (this.little ? 4 : 0), this.little);
    return high * 2 ** 32 + low;
  }

  /** Text of `length` bytes; bytes that are no UTF-8 become U+FFFD, as ggml does not check them. */
  text(length: number): string {
    const at = this.#take(length);
    return decoder.decode(this.#window.subarray(at, at + length));
  }

  #take(length: number): number {
    const at = this.position - this.#start;
    this.position += length;
    return at;
  }
}
