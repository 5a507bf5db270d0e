import type { ByteSource } from "../../core/bytes";
import { EngineError } from "../../core/errors";
import { describeHead, findImpostor } from "../impostors";
import { noteCut } from "../incomplete";
import type { Problems } from "../problems";
import { quote } from "../text";
import { dtypes } from "./dtypes";
import { JsonError, JsonReader } from "./json";

/** The library's own limit: "arbitrarily chosen to prevent parsing extremely large JSON". */
const largestHeader = 100_000_000;
/** A hundred times the largest published model; the library's own limit on the header would allow 1.7 million. */
export const mostTensors = 262144;
const largestU64 = 2n ** 64n - 1n;

/** A tensor as one file's header has it. */
export interface StoredTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly elementCount: number;
  /** Byte range in the file, or undefined when the header's offsets cannot be right; a problem says why. */
  readonly range?: { readonly offset: number; readonly byteLength: number };
  /** What the header claims, whether right or not. */
  readonly byteLength: number;
}

export interface StoredHeader {
  readonly tensors: readonly StoredTensor[];
  readonly metadata: readonly (readonly [key: string, value: string])[];
  /** First byte of the tensors' data. */
  readonly dataStart: number;
}

interface Entry {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly (number | bigint)[];
  readonly begin: number | bigint;
  readonly end: number | bigint;
}

/**
 * Reads one file's header: u64 little-endian length, then JSON. Accepts what the library's `SafeTensors::read_metadata` does
 * without a problem; refuses with an EngineError where nothing can be shown, else shows what it can and adds to `problems`.
 */
export async function readHeader(source: ByteSource, problems: Problems): Promise<StoredHeader> {
  if (source.size < 8) {
    throw new EngineError("truncated", "The file is too short for a safetensors header, which begins with 8 bytes of length; download it again.", {
      file: source.path,
    });
  }
  const head = await source.read(0, Math.min(64, source.size));
  const length = new DataView(head.buffer, head.byteOffset).getBigUint64(0, true);
  if (length > largestHeader) {
    // Of a set cloned without Git LFS, each part is such a pointer.
    const impostor = findImpostor(head);
    if (impostor) throw new EngineError(impostor.code, impostor.message, { file: source.path, offset: 0 });
    throw new EngineError(
      "too-large",
      `This is no safetensors file: it begins with ${describeHead(head)}, where the length of a header of at most ` +
        `${largestHeader} bytes should be; see where it comes from, or download it again.`,
      {
        file: source.path,
        offset: 0,
      },
    );
  }
  const dataStart = 8 + Number(length);
  if (dataStart > source.size) {
    throw new EngineError(
      "truncated",
      `The header needs ${length} bytes and the file ends after ${source.size - 8}; download it again.`,
      {
        file: source.path,
        offset: 8,
      },
    );
  }
  const { entries, complete, metadata } = parse(await source.read(8, Number(length)), source.path, problems);
  const ends = entries.map(({ begin, end }) => (end > begin ? dataStart + Number(end) : 0));
  const beyond = ends.filter((end) => end > source.size).length;
  // Sizes that no disk holds are hostile, not missing.
  const needed = ends.reduce((a, b) => Math.max(a, b), 0);
  if (Number.isSafeInteger(needed)) noteCut(problems, { tensors: entries.length, beyond, size: source.size, needed });
  const tensors = entries.map((entry) => check(entry, dataStart, source.size, problems));
  checkCoverage(tensors, complete, dataStart, source.size, problems);
  return { tensors, metadata, dataStart };
}

export function tooManyTensors(file: string): EngineError {
  return new EngineError("too-large", `The model has more than ${mostTensors} tensors, which is not supported.`, { file });
}

function parse(bytes: Uint8Array, file: string, problems: Problems) {
  const json = new JsonReader(bytes);
  const entries = new Map<string, Entry>();
  const metadata: [string, string][] = [];
  let hasMetadata = false;
  let complete = true;
  try {
    json.object((name, offset) => {
      if (name === "__metadata__") {
        if (hasMetadata) json.fail("the key __metadata__ appears twice", offset);
        hasMetadata = true;
        const wrong = json.attempt(() => readMetadata(json, metadata));
        if (wrong)
          problems.add("bad-metadata", `__metadata__ must map strings to strings: ${wrong.message} at byte ${8 + wrong.offset}.`);
        return;
      }
      const wrong = json.attempt(() => {
        const entry = readEntry(json, name);
        // The library keeps the last of equal names and says nothing; a person should know that one is hidden.
        if (entries.has(name))
          problems.add("duplicate-name", `The header names ${quote(name)} twice; the last one is shown.`, name);
        entries.set(name, entry);
        if (entries.size > mostTensors) throw tooManyTensors(file);
      });
      if (!wrong) return;
      complete = false;
      problems.add(
        "bad-tensor",
        `The entry of tensor ${quote(name)} cannot be read: ${wrong.message} at byte ${8 + wrong.offset}.`,
        name,
      );
    });
    json.end();
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    throw new EngineError("malformed", `The header is not the JSON that safetensors requires: ${error.message}.`, {
      file,
      offset: 8 + error.offset,
    });
  }
  return { entries: [...entries.values()], complete, metadata };
}

function readMetadata(json: JsonReader, metadata: [string, string][]): void {
  if (json.isNull()) return;
  json.object((key) => {
    const value = json.string();
    const earlier = metadata.findIndex(([k]) => k === key);
    if (earlier >= 0) metadata.splice(earlier, 1);
    metadata.push([key, value]);
  });
}

/** {dtype, shape, data_offsets}, other fields ignored; or, as serde also reads it, the three as an array. */
function readEntry(json: JsonReader, name: string): Entry {
  const found: { dtype?: string; shape?: (number | bigint)[]; offsets?: (number | bigint)[] } = {};
  const start = json.position;
  const fields: Record<string, () => void> = {
    dtype: () => (found.dtype = readVariant(json)),
    shape: () => (found.shape = readIntegers(json)),
    data_offsets: () => (found.offsets = readIntegers(json, 2)),
  };
  if (json.peek() === 0x5b) {
    const order = Object.values(fields);
    json.array((i) => (order[i] ? order[i]() : json.wrongKind("3 elements")));
  } else {
    const seen = new Set<string>();
    json.object((key, offset) => {
      const read = Object.hasOwn(fields, key) ? fields[key] : undefined;
      if (!read) return json.skip();
      if (seen.has(key)) json.wrongKind(`one ${key}, not two`, offset);
      seen.add(key);
      read();
    });
  }
  const { dtype, shape, offsets } = found;
  if (dtype === undefined || shape === undefined || offsets === undefined) json.wrongKind("dtype, shape and data_offsets", start);
  return { name, dtype: dtype!, shape: shape!, begin: offsets![0], end: offsets![1] };
}

/** A serde unit variant: "F32", or {"F32": null}. */
function readVariant(json: JsonReader): string {
  if (json.peek() !== 0x7b) return json.string();
  const names: string[] = [];
  json.object((key) => {
    if (!json.isNull()) json.wrongKind("null");
    names.push(key);
  });
  return names.length === 1 ? names[0] : json.wrongKind("one dtype");
}

function readIntegers(json: JsonReader, count?: number): (number | bigint)[] {
  const values: (number | bigint)[] = [];
  json.array(() => void values.push(json.unsigned()));
  if (count !== undefined && values.length !== count) json.wrongKind(`${count} numbers`);
  return values;
}

/** Checks one tensor by itself: type, size, place. */
function check(entry: Entry, dataStart: number, fileSize: number, problems: Problems): StoredTensor {
  const { name, dtype } = entry;
  const begin = BigInt(entry.begin);
  const end = BigInt(entry.end);
  const { count, overflows } = product(entry.shape);
  const base = {
    name,
    dtype,
    shape: entry.shape.map(Number),
    elementCount: Number(count),
    byteLength: Number(end > begin ? end - begin : 0n),
  };
  const wrong = (code: string, message: string) => {
    problems.add(code, `Tensor ${quote(name)} ${message}.`, name);
    return base;
  };
  const type = dtypes.get(dtype);
  if (overflows)
    return { ...wrong("size-overflow", `has a shape of 2^64 elements or more`), shape: entry.shape.map(Number), elementCount: 0 };
  if (begin > end) return wrong("bad-offsets", `ends at ${end}, before it begins at ${begin}`);
  if (BigInt(dataStart) + end > BigInt(fileSize)) {
    return wrong("beyond-end", `ends at byte ${BigInt(dataStart) + end} of a file of ${fileSize} bytes; download it again`);
  }
  if (!type) return wrong("unknown-dtype", `has the unknown dtype ${quote(dtype)}`);
  const bits = count * BigInt(type.bits);
  if (bits > largestU64) return wrong("size-overflow", `needs 2^64 bits or more`);
  if (bits % 8n !== 0n) return wrong("partial-byte", `has ${count} elements of ${type.bits} bits, which do not fill whole bytes`);
  if (bits / 8n !== end - begin) return wrong("size-mismatch", `needs ${bits / 8n} bytes for its shape and has ${end - begin}`);
  return { ...base, range: { offset: dataStart + Number(begin), byteLength: Number(end - begin) } };
}

/** Like the library: multiplies in order and stops at an overflow, even where a later dimension is 0. */
function product(shape: readonly (number | bigint)[]): { count: bigint; overflows: boolean } {
  let count = 1n;
  for (const dimension of shape) {
    count *= BigInt(dimension);
    if (count > largestU64) return { count, overflows: true };
  }
  return { count, overflows: false };
}

/**
 * The data must be covered without holes or overlaps, from its first byte to the file's last. Holes are only certain where every
 * tensor has a place.
 */
function checkCoverage(
  tensors: readonly StoredTensor[],
  complete: boolean,
  dataStart: number,
  fileSize: number,
  problems: Problems,
): void {
  const placed = tensors.flatMap((t) =>
    t.range ? [{ name: t.name, begin: t.range.offset, end: t.range.offset + t.range.byteLength }] : [],
  );
  placed.sort((a, b) => a.begin - b.begin || a.end - b.end);
  const allPlaced = complete && placed.length === tensors.length;
  let covered = dataStart;
  let last = "";
  for (const { name, begin, end } of placed) {
    if (begin < covered) {
      const shared =
        end > begin
          ? `share bytes ${begin} to ${Math.min(covered, end)}`
          : `overlap: the second is empty and lies inside the first`;
      problems.add("overlapping-tensors", `Tensors ${quote(last)} and ${quote(name)} ${shared}.`, name);
    } else if (begin > covered && allPlaced) {
      problems.add("unused-bytes", `Bytes ${covered} to ${begin} before tensor ${quote(name)} belong to no tensor.`, name);
    }
    if (end >= covered) {
      covered = end;
      last = name;
    }
  }
  if (covered < fileSize && allPlaced) {
    problems.add("unused-bytes", `${fileSize - covered} bytes at the end, from byte ${covered}, belong to no tensor.`);
  }
}
