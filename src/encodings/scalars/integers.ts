import type { Encoding } from "../encoding";
import { unpackBits } from "./bits";

const view = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function integer(
  name: string, bits: number, description: string, decode: (bytes: Uint8Array, count: number, out: Float32Array) => void,
): Encoding {
  return {
    name,
    label: name.toUpperCase(),
    description,
    blockElements: 1,
    planes: [{ name: "data", rowBytes: (columns) => (columns * bits) / 8 }],
    targets: [],
    decode: (planes, rows, columns, out) => decode(planes[0], rows * columns, out),
  };
}

/**
 * A 64-bit integer as the nearest f32. Through f64 it would be rounded twice; so the eleven lowest bits of a wide one are
 * first folded into one sticky bit, which leaves 53.
 */
function wide(low: number, high: number): number {
  const fits = high >= -0x200000 && high < 0x200000;
  const sticky = fits ? low : ((low & ~2047) | (low & 2047 ? 1024 : 0)) >>> 0;
  return high * 4294967296 + sticky;
}

function packed(name: string, bits: number, signed: boolean): Encoding {
  const codes = new Uint8Array(4096);
  const sign = signed ? 1 << (bits - 1) : 0;
  return integer(name, bits, `${bits}-bit ${signed ? "" : "unsigned "}integer`, (bytes, count, out) => {
    for (let from = 0; from < count; from += codes.length) {
      const n = Math.min(codes.length, count - from);
      unpackBits(bytes, bits, from, n, codes);
      for (let i = 0; i < n; i++) out[from + i] = (codes[i] ^ sign) - sign;
    }
  });
}

/** Integers by the names of core's ScalarType: read only, one value per element. */
export const integers: readonly Encoding[] = [
  integer("i64", 64, "64-bit integer, read as the nearest 32-bit float", (bytes, count, out) => {
    const data = view(bytes);
    for (let i = 0; i < count; i++) out[i] = wide(data.getUint32(8 * i, true), data.getInt32(8 * i + 4, true));
  }),
  integer("i32", 32, "32-bit integer, read as the nearest 32-bit float", (bytes, count, out) => {
    const data = view(bytes);
    for (let i = 0; i < count; i++) out[i] = data.getInt32(4 * i, true);
  }),
  integer("i16", 16, "16-bit integer", (bytes, count, out) => {
    const data = view(bytes);
    for (let i = 0; i < count; i++) out[i] = data.getInt16(2 * i, true);
  }),
  integer("i8", 8, "8-bit integer", (bytes, count, out) => {
    for (let i = 0; i < count; i++) out[i] = (bytes[i] << 24) >> 24;
  }),
  integer("u64", 64, "64-bit unsigned integer, read as the nearest 32-bit float", (bytes, count, out) => {
    const data = view(bytes);
    for (let i = 0; i < count; i++) out[i] = wide(data.getUint32(8 * i, true), data.getUint32(8 * i + 4, true));
  }),
  integer("u32", 32, "32-bit unsigned integer, read as the nearest 32-bit float", (bytes, count, out) => {
    const data = view(bytes);
    for (let i = 0; i < count; i++) out[i] = data.getUint32(4 * i, true);
  }),
  integer("u16", 16, "16-bit unsigned integer", (bytes, count, out) => {
    for (let i = 0; i < count; i++) out[i] = bytes[2 * i] | (bytes[2 * i + 1] << 8);
  }),
  integer("u8", 8, "8-bit unsigned integer", (bytes, count, out) => {
    for (let i = 0; i < count; i++) out[i] = bytes[i];
  }),
  integer("bool", 8, "one byte per truth value", (bytes, count, out) => {
    for (let i = 0; i < count; i++) out[i] = bytes[i] ? 1 : 0;
  }),
  packed("i4", 4, true),
  packed("u4", 4, false),
  packed("i2", 2, true),
  packed("u2", 2, false),
];
