import type { ByteSource } from "../../core/bytes";
import { EngineError } from "../../core/errors";
import type { ByteRange } from "../../core/model";
import type { Run } from "./proto";
import { type DataType, rawBytes } from "./types";
import { longestHeader, Window } from "./wire";

/** Varint-coded and unpacked values are decoded when the file is opened; more than this in one model is not worth the memory. */
export const mostDecoded = 128 * 1024 * 1024;

/** Entries of the typed field that `count` elements take: sub-byte integers come packed, two or four in a number. */
function entriesOf(type: DataType, count: number): number {
  const packed = type.field === "int32Data" && (type.bits === 4 || type.bits === 2);
  if (packed) return rawBytes(type, count);
  return type.kind === "complex" ? 2 * count : count;
}

const fixedSize = (type: DataType) => (type.field === "floatData" ? 4 : type.field === "doubleData" ? 8 : 0);

/** The file range of values that are stored as they would be in raw_data: one packed run of floats or doubles. */
export function packedRange(type: DataType, runs: readonly Run[]): Run | undefined {
  return fixedSize(type) && runs.length === 1 && runs[0].packed ? runs[0] : undefined;
}

/** Can the fields hold `count` values at all? Known from their length, before anything is allocated. */
export function canHold(type: DataType, runs: readonly Run[], count: number): boolean {
  return entriesOf(type, count) * Math.max(fixedSize(type), 1) <= runs.reduce((sum, run) => sum + run.length, 0);
}

/**
 * Decodes a typed field into what raw_data would hold. Throws EngineError when the number of values is not the one that
 * `count` elements need.
 */
export async function decodeRuns(source: ByteSource, type: DataType, runs: readonly Run[], count: number): Promise<Uint8Array> {
  const place = { file: source.path, offset: runs[0]?.offset };
  const entries = entriesOf(type, count);
  const mismatch = (found: string) =>
    new EngineError("malformed", `The values of the tensor do not match its shape: ${found}.`, place);
  const fixed = fixedSize(type);
  if (!canHold(type, runs, count)) throw mismatch(`${entries} are needed, more than its bytes can hold`);
  const out = new Uint8Array(type.bits === 6 ? 4 * Math.ceil(count / 4) : rawBytes(type, count));
  const view = new DataView(out.buffer);
  const window = new Window(source);
  let at = 0;
  for (const run of runs) {
    const end = run.offset + run.length;
    window.position = run.offset;
    while (window.position < end) {
      if (!window.has(window.position, Math.min(longestHeader + 10, end - window.position))) {
        await window.load(window.position, longestHeader + 10);
      }
      if (!run.packed) window.tag(end);
      if (at >= entries) throw mismatch(`there are more than ${entries}`);
      if (fixed) {
        out.set(window.slice(window.position, fixed), at * fixed);
        window.skip(fixed, end);
      } else {
        window.wideVarint(end);
        store(view, type, at, window.low, window.high);
      }
      at++;
    }
  }
  if (at !== entries) throw mismatch(`${entries} are needed, ${at} are there`);
  return type.bits === 6 ? packSixBits(out, count) : out;
}

function store(view: DataView, type: DataType, at: number, low: number, high: number): void {
  if (type.bits <= 8) view.setUint8(at, low & 255);
  else if (type.bits === 16) view.setUint16(2 * at, low & 0xffff, true);
  else if (type.bits === 32) view.setInt32(4 * at, low, true);
  else {
    view.setInt32(8 * at, low, true);
    view.setInt32(8 * at + 4, high, true);
  }
}

/** One 6-bit value per byte to four in three bytes, least significant bits first. */
function packSixBits(codes: Uint8Array, count: number): Uint8Array {
  const out = new Uint8Array(Math.ceil((count * 6) / 8));
  for (let i = 0; i < count; i++) {
    const bit = i * 6;
    const word = (codes[i] & 63) << (bit % 8);
    out[bit >> 3] |= word;
    if (word > 255) out[(bit >> 3) + 1] |= word >> 8;
  }
  return out;
}

/** A short list of 64-bit integers (a permutation, axes) from the bytes kept while parsing; undefined when there are too many. */
export function shortList(runs: readonly Run[]): number[] | undefined {
  const out: number[] = [];
  for (const { bytes, packed } of runs) {
    if (!bytes) return undefined;
    let value = 0n;
    let shift = 0n;
    let inTag = !packed;
    for (const byte of bytes) {
      value |= BigInt(byte & 127) << shift;
      shift += 7n;
      if (byte > 127) continue;
      // Negative numbers are written as 2^64 and more than a double can tell apart.
      if (!inTag) out.push(Number(BigInt.asIntN(64, value)));
      inTag = !packed && !inTag;
      value = shift = 0n;
    }
  }
  return out;
}

/** The number in the first `type.bits` bits of `bytes`: scales and zero points of whole tensors. NaN for what has no number. */
export function firstNumber(type: DataType, bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < type.bits / 8) return NaN;
  switch (type.scalar) {
    case "f32":
      return view.getFloat32(0, true);
    case "f64":
      return view.getFloat64(0, true);
    case "f16":
      return half(view.getUint16(0, true));
    case "bf16": {
      const wide = new DataView(new ArrayBuffer(4));
      wide.setUint32(0, view.getUint16(0, true) * 65536);
      return wide.getFloat32(0);
    }
    case "i32":
      return view.getInt32(0, true);
    case "u32":
      return view.getUint32(0, true);
    case "i16":
      return view.getInt16(0, true);
    case "u16":
      return view.getUint16(0, true);
    case "i64":
      return Number(view.getBigInt64(0, true));
    case "u64":
      return Number(view.getBigUint64(0, true));
    case "i8":
      return view.getInt8(0);
    case "u8":
      return bytes[0];
    case "i4":
      return ((bytes[0] & 15) ^ 8) - 8;
    case "u4":
      return bytes[0] & 15;
    case "i2":
      return ((bytes[0] & 3) ^ 2) - 2;
    case "u2":
      return bytes[0] & 3;
    default:
      return NaN;
  }
}

function half(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  const magnitude =
    exponent === 0
      ? fraction * 2 ** -24
      : exponent === 31
        ? fraction
          ? NaN
          : Infinity
        : (1 + fraction / 1024) * 2 ** (exponent - 15);
  return bits & 0x8000 ? -magnitude : magnitude;
}

export const lengthOf = (range: ByteRange): number => ("inline" in range ? range.inline.length : range.byteLength);
