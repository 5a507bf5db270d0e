/**
 * Plain data as bytes, typed arrays and all numbers included, so that what is read equals what was written: u32 magic, u32
 * bytes of JSON, two u32 of checksum over the rest; JSON; the arrays. Everything is padded to 8 bytes and little-endian. In the
 * JSON {"§": "NaN"} stands for a number that JSON does not know, {"§": [type, offset, length]} for an array; no other
 * object has such a key.
 */
const magic = 0x31524c42; // "BLR1"
const headBytes = 16;
const stand = "§";

const arrayTypes = { Float32Array, Float64Array, Uint8Array, Uint16Array, Uint32Array, Int32Array } as const;
type ArrayType = keyof typeof arrayTypes;
type TypedArray = InstanceType<(typeof arrayTypes)[ArrayType]>;

const numbers: Readonly<Record<string, number>> = { NaN: Number.NaN, Infinity, "-Infinity": -Infinity, "-0": -0 };
const padded = (bytes: number) => Math.ceil(bytes / 8) * 8;

export function packRecord(value: unknown): Uint8Array {
  const arrays: TypedArray[] = [];
  let end = 0;
  const text = JSON.stringify(value, (_, v: unknown) => {
    if (typeof v === "number" && (!Number.isFinite(v) || Object.is(v, -0))) return { [stand]: Object.is(v, -0) ? "-0" : String(v) };
    if (!ArrayBuffer.isView(v)) return v;
    const array = v as TypedArray;
    const place = [array.constructor.name, end, array.length];
    arrays.push(array);
    end += padded(array.byteLength);
    return { [stand]: place };
  });
  const json = new TextEncoder().encode(text);
  const start = headBytes + padded(json.length);
  const bytes = new Uint8Array(start + end);
  bytes.fill(0x20, headBytes, start);
  bytes.set(json, headBytes);
  let at = start;
  for (const array of arrays) {
    bytes.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), at);
    at += padded(array.byteLength);
  }
  new Uint32Array(bytes.buffer, 0, 4).set([magic, json.length, ...checksum(bytes)]);
  return bytes;
}

/** Undefined for anything but a whole record. Arrays own their buffers. */
export function unpackRecord(given: Uint8Array): unknown {
  // Aligned: what a file is read into may begin anywhere. And a plain array: slices of Node's buffers are no copies.
  const bytes = given.byteOffset % 8 === 0 ? new Uint8Array(given.buffer, given.byteOffset, given.byteLength) : new Uint8Array(given);
  if (bytes.length < headBytes || bytes.length % 8 !== 0) return undefined;
  const head = new Uint32Array(bytes.buffer, bytes.byteOffset, 4);
  const [a, b] = checksum(bytes);
  const start = headBytes + padded(head[1]);
  if (head[0] !== magic || head[2] !== a || head[3] !== b || start > bytes.length) return undefined;
  try {
    return JSON.parse(new TextDecoder().decode(bytes.subarray(headBytes, headBytes + head[1])), (_, v: unknown) => restored(v, bytes, start));
  } catch {
    return undefined;
  }
}

function restored(value: unknown, bytes: Uint8Array, start: number): unknown {
  const place = (value as Record<string, unknown> | null)?.[stand];
  if (place === undefined) return value;
  if (typeof place === "string") return numbers[place];
  const [type, offset, length] = place as [ArrayType, number, number];
  const Type = arrayTypes[type];
  const from = start + offset;
  const to = from + length * Type.BYTES_PER_ELEMENT;
  if (!(offset >= 0 && length >= 0 && to <= bytes.length)) throw new RangeError("An array lies outside its record.");
  return new Type(bytes.slice(from, to).buffer as ArrayBuffer);
}

/** Over all words after the head: FNV-1a by words, twice. */
function checksum(bytes: Uint8Array): readonly [number, number] {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset + headBytes, (bytes.length - headBytes) / 4);
  let a = 0x811c9dc5;
  let b = 0x9747b28c;
  for (const word of words) {
    a = Math.imul(a ^ word, 0x01000193);
    b = Math.imul(b ^ word, 0x85ebca6b) ^ (b >>> 15);
  }
  return [a >>> 0, b >>> 0];
}
