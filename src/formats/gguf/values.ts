import { EngineError } from "../../core/errors";
import { cut, quote } from "../text";
import type { Cursor } from "./cursor";

/** Metadata value types, by their number in files. */
export const valueTypes = [
  "u8",
  "i8",
  "u16",
  "i16",
  "u32",
  "i32",
  "f32",
  "bool",
  "string",
  "array",
  "u64",
  "i64",
  "f64",
] as const;
export type ValueType = (typeof valueTypes)[number];

export type Scalar = number | bigint | boolean | string;

/** An array as far as it is kept: its length and its first elements. */
export interface ArrayValue {
  readonly elementType: ValueType;
  readonly count: number;
  readonly first: readonly (Scalar | ArrayValue)[];
}

export type Value = Scalar | ArrayValue;

/** One key with its value and its bytes in the file, key included. */
export interface Entry {
  readonly key: string;
  readonly type: ValueType;
  readonly value: Value;
  readonly start: number;
  readonly end: number;
}

const widths: Partial<Record<ValueType, number>> = {
  u8: 1,
  i8: 1,
  u16: 2,
  i16: 2,
  u32: 4,
  i32: 4,
  f32: 4,
  bool: 1,
  u64: 8,
  i64: 8,
  f64: 8,
};

/** gguf.cpp's own limits: 2^30 bytes of a string, 2^30 elements of an array. */
const longestString = 2 ** 30;
const longestArray = 2 ** 30;
/** The specification's limit on keys. */
const longestKey = 65535;
/** ggml reads no arrays of arrays; the specification allows them. Deeper than this nobody means. */
const deepestArray = 8;
/** Enough for one number per block of any model; strings are for a glance only. */
const keptNumbers = 512;
const keptStrings = 12;
/** Text that is kept of one string: chat templates are some kilobytes. */
const keptText = 16 * 1024;

/** How lengths and counts are written: 32 bits in version 1, 64 since. */
export interface Widths {
  readonly lengthBytes: 4 | 8;
}

export async function readEntry(cursor: Cursor, format: Widths, number: number): Promise<Entry> {
  const start = cursor.position;
  const key = await readKey(cursor, format, number);
  const what = `the value of ${quote(key)}`;
  await cursor.need(4, what);
  const type = typeOf(cursor, cursor.u32(), key);
  const value = await readValue(cursor, format, type, { key, what, depth: 0 });
  return { key, type, value, start, end: cursor.position };
}

/** Steps over nothing: reads the length of a string or array, checked against the file. */
export async function readLength(cursor: Cursor, { lengthBytes }: Widths, what: string): Promise<number> {
  if (!cursor.has(lengthBytes)) await cursor.need(lengthBytes, what);
  return lengthBytes === 8 ? cursor.size() : cursor.u32();
}

async function readKey(cursor: Cursor, format: Widths, number: number): Promise<string> {
  const what = `metadata key ${number + 1}`;
  const at = cursor.position;
  const length = await readLength(cursor, format, what);
  cursor.require(length, what);
  const place = { file: cursor.source.path, offset: at };
  if (length === 0) throw new EngineError("malformed", `The ${what} is empty.`, place);
  if (length > longestKey)
    throw new EngineError("too-large", `The ${what} is ${length} bytes long where the format allows ${longestKey}.`, place);
  await cursor.need(length, what);
  return cursor.text(length);
}

interface Context {
  readonly key: string;
  readonly what: string;
  readonly depth: number;
}

function typeOf(cursor: Cursor, number: number, key: string): ValueType {
  const type = valueTypes[number];
  if (type) return type;
  throw new EngineError("malformed", `Metadata ${quote(key)} has the unknown value type ${number}.`, {
    file: cursor.source.path,
    offset: cursor.position - 4,
  });
}

async function readValue(cursor: Cursor, format: Widths, type: ValueType, context: Context): Promise<Value> {
  if (type === "array") return readArray(cursor, format, context);
  if (type === "string") return readString(cursor, format, context, true);
  const width = widths[type]!;
  if (!cursor.has(width)) await cursor.need(width, context.what);
  return readScalar(cursor, type);
}

function readScalar(cursor: Cursor, type: ValueType): Scalar {
  switch (type) {
    case "u8":
      return cursor.u8();
    case "i8":
      return cursor.i8();
    case "u16":
      return cursor.u16();
    case "i16":
      return cursor.i16();
    case "u32":
      return cursor.u32();
    case "i32":
      return cursor.i32();
    case "f32":
      return cursor.f32();
    case "bool":
      return cursor.u8() !== 0;
    case "u64":
      return cursor.u64();
    case "i64":
      return cursor.i64();
    default:
      return cursor.f64();
  }
}

async function readString(cursor: Cursor, format: Widths, { what }: Context, keep: boolean): Promise<string> {
  const length = await readLength(cursor, format, what);
  cursor.require(length, what);
  if (length > longestString) throw tooLong(cursor, what, length, longestString);
  if (!keep) {
    cursor.skip(length);
    return "";
  }
  const kept = Math.min(length, keptText);
  if (!cursor.has(kept)) await cursor.need(kept, what);
  const text = cursor.text(kept);
  cursor.skip(length - kept);
  return text;
}

async function readArray(cursor: Cursor, format: Widths, context: Context): Promise<ArrayValue> {
  const { key, what, depth } = context;
  if (depth >= deepestArray) {
    throw new EngineError("too-large", `Metadata ${quote(key)} nests arrays more than ${deepestArray} deep.`, {
      file: cursor.source.path,
      offset: cursor.position,
    });
  }
  await cursor.need(4, what);
  const elementType = typeOf(cursor, cursor.u32(), key);
  const count = await readLength(cursor, format, what);
  if (count > longestArray) throw tooLong(cursor, what, count, longestArray);
  const width = widths[elementType];
  // Before anything is read: the elements must fit into the rest of the file.
  cursor.require(count * (width ?? format.lengthBytes), what);
  const first: (Scalar | ArrayValue)[] = [];
  if (width !== undefined) {
    const kept = Math.min(count, keptNumbers);
    await cursor.need(kept * width, what);
    for (let i = 0; i < kept; i++) first.push(readScalar(cursor, elementType));
    cursor.skip((count - kept) * width);
  } else if (elementType === "string") {
    for (let i = 0; i < count; i++) {
      if (i < keptStrings) first.push(await readString(cursor, format, context, true));
      else if (!skipString(cursor, format)) await readString(cursor, format, context, false);
    }
  } else {
    for (let i = 0; i < count; i++) {
      const inner = await readArray(cursor, format, { ...context, depth: depth + 1 });
      if (i < keptStrings) first.push(inner);
    }
  }
  return { elementType, count, first };
}

/** Steps over a string that lies wholly in the window; false where it does not and the careful way is needed. */
function skipString(cursor: Cursor, { lengthBytes }: Widths): boolean {
  if (!cursor.has(lengthBytes)) return false;
  const start = cursor.position;
  const length = lengthBytes === 8 ? cursor.size() : cursor.u32();
  if (cursor.has(length)) {
    cursor.skip(length);
    return true;
  }
  cursor.position = start;
  return false;
}

function tooLong(cursor: Cursor, what: string, length: number, limit: number): EngineError {
  return new EngineError("too-large", `The length ${length} in ${what} is beyond ggml's limit of ${limit}.`, {
    file: cursor.source.path,
    offset: cursor.position,
  });
}

/** A value as text for display. */
export function valueText(value: Value): string {
  if (typeof value !== "object") return cut(String(value));
  const shown = value.first.slice(0, 32).map((item) => (typeof item === "string" ? JSON.stringify(cut(item)) : valueText(item)));
  const more = value.count > shown.length ? `, … ${value.count} in all` : "";
  return cut(`[${shown.join(", ")}${more}]`);
}
