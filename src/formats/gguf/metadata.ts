/**
 * GGUF key/value pairs to write (ggml docs/gguf.md, version 3, little-endian): string key, u32 value type, value; an array is
 * u32 element type, u64 count, elements.
 */
export interface MetadataEntry {
  readonly key: string;
  /** The encoded value: type number and bytes. */
  readonly value: Uint8Array;
}

/** gguf_type numbers. */
export const valueTypes = {
  u8: 0, i8: 1, u16: 2, i16: 3, u32: 4, i32: 5, f32: 6, bool: 7, string: 8, array: 9, u64: 10, i64: 11, f64: 12,
} as const;

const utf8 = new TextEncoder();

export const u32 = (key: string, value: number): MetadataEntry =>
  entry(key, 8, (v) => (v.setUint32(0, valueTypes.u32, true), v.setUint32(4, value, true)));
export const f32 = (key: string, value: number): MetadataEntry =>
  entry(key, 8, (v) => (v.setUint32(0, valueTypes.f32, true), v.setFloat32(4, value, true)));
export const bool = (key: string, value: boolean): MetadataEntry =>
  entry(key, 5, (v) => (v.setUint32(0, valueTypes.bool, true), v.setUint8(4, value ? 1 : 0)));

export function text(key: string, value: string): MetadataEntry {
  const bytes = utf8.encode(value);
  return entry(key, 12 + bytes.length, (v, target) => {
    v.setUint32(0, valueTypes.string, true);
    v.setBigUint64(4, BigInt(bytes.length), true);
    target.set(bytes, 12);
  });
}

export function textArray(key: string, values: readonly string[]): MetadataEntry {
  const encoded = values.map((s) => utf8.encode(s));
  const length = encoded.reduce((sum, b) => sum + 8 + b.length, 0);
  return arrayEntry(key, valueTypes.string, values.length, length, (v, target, start) => {
    let at = start;
    for (const bytes of encoded) {
      v.setBigUint64(at, BigInt(bytes.length), true);
      target.set(bytes, at + 8);
      at += 8 + bytes.length;
    }
  });
}

export const f32Array = (key: string, values: Float32Array): MetadataEntry =>
  arrayEntry(key, valueTypes.f32, values.length, 4 * values.length, (v, _, at) => values.forEach((x, i) => v.setFloat32(at + 4 * i, x, true)));

export const i32Array = (key: string, values: Int32Array): MetadataEntry =>
  arrayEntry(key, valueTypes.i32, values.length, 4 * values.length, (v, _, at) => values.forEach((x, i) => v.setInt32(at + 4 * i, x, true)));

/** A scalar or string value as text, for the rules that read metadata; arrays as "". */
export function metadataText({ value }: MetadataEntry): string {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  switch (view.getUint32(0, true)) {
    case valueTypes.u32:
      return String(view.getUint32(4, true));
    case valueTypes.f32:
      return String(view.getFloat32(4, true));
    case valueTypes.bool:
      return String(view.getUint8(4) === 1);
    case valueTypes.string:
      return new TextDecoder().decode(value.subarray(12));
    default:
      return "";
  }
}

/** All pairs as they stand in a file, after the counts. */
export function encodeMetadata(entries: readonly MetadataEntry[]): Uint8Array {
  const keys = entries.map((e) => utf8.encode(e.key));
  const out = new Uint8Array(entries.reduce((sum, e, i) => sum + 8 + keys[i].length + e.value.length, 0));
  const view = new DataView(out.buffer);
  let at = 0;
  entries.forEach((e, i) => {
    view.setBigUint64(at, BigInt(keys[i].length), true);
    out.set(keys[i], at + 8);
    out.set(e.value, at + 8 + keys[i].length);
    at += 8 + keys[i].length + e.value.length;
  });
  return out;
}

function entry(key: string, length: number, fill: (view: DataView, target: Uint8Array) => void): MetadataEntry {
  const value = new Uint8Array(length);
  fill(new DataView(value.buffer), value);
  return { key, value };
}

function arrayEntry(
  key: string, type: number, count: number, byteLength: number, fill: (view: DataView, target: Uint8Array, start: number) => void,
): MetadataEntry {
  const head = 16;
  return entry(key, head + byteLength, (v, target) => {
    v.setUint32(0, valueTypes.array, true);
    v.setUint32(4, type, true);
    v.setBigUint64(8, BigInt(count), true);
    fill(v, target, head);
  });
}
