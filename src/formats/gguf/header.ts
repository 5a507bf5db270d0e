import type { ByteSource } from "../../core/bytes";
import { EngineError } from "../../core/errors";
import { noteCut } from "../incomplete";
import type { Problems } from "../problems";
import { quote } from "../text";
import { Cursor } from "./cursor";
import { type GgmlType, typeLabel, typeOfId } from "./types";
import { type Entry, readEntry, readLength, type Widths } from "./values";

/** Real files have under a hundred keys; each kept one takes memory. */
const mostEntries = 65536;
/** A hundred times the largest published model; each tensor takes about a kilobyte of memory before it is shown. */
const mostTensors = 262144;
/** GGML_MAX_NAME with its terminating zero. */
const longestName = 63;
const longestShownName = 65535;
/** GGML_MAX_DIMS. Up to the second number a tensor's description can still be stepped over. */
const mostDimensions = 4;
const mostShownDimensions = 64;
const defaultAlignment = 32;

/** A tensor's description. */
export interface StoredTensor {
  readonly name: string;
  /** In ggml's order: the contiguous dimension first. */
  readonly ne: readonly number[];
  readonly elementCount: number;
  readonly typeId: number;
  readonly type?: GgmlType;
  /** 0 where type or shape make no sense. */
  readonly byteLength: number;
  /** Byte in the file; undefined where the tensor's bytes cannot be there, for which a problem says why. */
  readonly offset?: number;
}

export interface GgufHeader {
  readonly version: number;
  readonly little: boolean;
  readonly alignment: number;
  readonly entries: readonly Entry[];
  readonly tensors: readonly StoredTensor[];
  /** First byte of the tensors' data. */
  readonly dataStart: number;
}

/**
 * Reads everything before the tensors' data, as gguf.cpp does and additionally version 1 and the other byte order. Throws where
 * the metadata cannot be read; a tensor that ggml would refuse is shown with a problem.
 */
export async function readHeader(source: ByteSource, problems: Problems): Promise<GgufHeader> {
  const cursor = new Cursor(source);
  await cursor.need(8, "the GGUF magic and version");
  if (cursor.text(4) !== "GGUF") {
    throw new EngineError("malformed", "The file does not begin with “GGUF”; it is no GGUF file, or its download failed.", {
      file: source.path,
      offset: 0,
    });
  }
  const version = readVersion(cursor);
  const widths: Widths = { lengthBytes: version === 1 ? 4 : 8 };
  const tensorCount = await readCount(cursor, widths, "tensors", mostTensors, widths.lengthBytes + 16);
  const entryCount = await readCount(cursor, widths, "metadata entries", mostEntries, widths.lengthBytes + 6);
  const entries: Entry[] = [];
  const keys = new Set<string>();
  for (let i = 0; i < entryCount; i++) {
    const entry = await readEntry(cursor, widths, i);
    if (keys.has(entry.key)) {
      throw new EngineError("malformed", `The metadata key ${quote(entry.key)} appears twice.`, {
        file: source.path,
        offset: entry.start,
      });
    }
    keys.add(entry.key);
    entries.push(entry);
  }
  const alignment = alignmentOf(entries, problems);
  const described = await readDescriptions(cursor, widths, tensorCount, problems);
  const dataStart = pad(cursor.position, alignment ?? defaultAlignment);
  const placement = { dataStart, alignment, fileSize: source.size, complete: described.length === tensorCount };
  const tensors = place(described, placement, problems);
  return { version, little: cursor.little, alignment: alignment ?? defaultAlignment, entries, tensors, dataStart };
}

/** Bytes up to the next multiple of `alignment`, a power of two. */
export const pad = (position: number, alignment: number): number => Math.ceil(position / alignment) * alignment;

function readVersion(cursor: Cursor): number {
  let version = cursor.u32();
  // The same test as ggml's: read in the wrong byte order a small number has nothing in its lower half.
  if (version !== 0 && (version & 0xffff) === 0) {
    cursor.little = false;
    cursor.position -= 4;
    version = cursor.u32();
  }
  if (version >= 1 && version <= 3) return version;
  throw new EngineError("unsupported", `This is GGUF version ${version}; versions 1 to 3 can be read.`, {
    file: cursor.source.path,
    offset: 4,
  });
}

async function readCount(cursor: Cursor, widths: Widths, what: string, most: number, leastBytes: number): Promise<number> {
  const offset = cursor.position;
  const count = await readLength(cursor, widths, `the number of ${what}`);
  const place = { file: cursor.source.path, offset };
  if (count * leastBytes > cursor.remaining) {
    throw new EngineError("too-large", `The header claims ${count} ${what}, more than ${cursor.source.size} bytes can hold; the file is damaged or incomplete: download it again.`, place);
  }
  if (count > most)
    throw new EngineError("too-large", `The header claims ${count} ${what}; more than ${most} are not supported.`, place);
  return count;
}

/** Undefined where the file gives one that cannot be: then nothing says where the tensors are. */
function alignmentOf(entries: readonly Entry[], problems: Problems): number | undefined {
  const entry = entries.find((e) => e.key === "general.alignment");
  if (!entry) return defaultAlignment;
  const { type, value } = entry;
  if (type === "u32" && typeof value === "number" && value > 0 && (value & (value - 1)) === 0) return value >>> 0;
  problems.add(
    "bad-alignment",
    `general.alignment must be a u32 power of two and is ${type} ${String(value)}; no tensor can be located.`,
  );
  return undefined;
}

type Description = Omit<StoredTensor, "offset"> & { readonly relative: number; readonly sound: boolean };

async function readDescriptions(cursor: Cursor, widths: Widths, count: number, problems: Problems): Promise<Description[]> {
  const described: Description[] = [];
  const names = new Set<string>();
  for (let i = 0; i < count; i++) {
    try {
      const tensor = await readDescription(cursor, widths, i, problems);
      if (names.has(tensor.name))
        problems.add("duplicate-name", `Two tensors are called ${quote(tensor.name)}; the first is shown.`, tensor.name);
      names.add(tensor.name);
      described.push(tensor);
    } catch (error) {
      if (!(error instanceof EngineError) || i === 0) throw error;
      problems.add("bad-header", `Tensor ${i + 1} of ${count} and those after it cannot be read: ${error.describe()}`);
      break;
    }
  }
  return described;
}

async function readDescription(cursor: Cursor, widths: Widths, number: number, problems: Problems): Promise<Description> {
  const start = cursor.position;
  const what = `the description of tensor ${number + 1}`;
  const nameLength = await readLength(cursor, widths, what);
  if (nameLength > longestShownName) {
    throw new EngineError("too-large", `The name of tensor ${number + 1} is ${nameLength} bytes long.`, {
      file: cursor.source.path,
      offset: start,
    });
  }
  await cursor.need(nameLength + 4, what);
  const name = cursor.text(nameLength);
  const wrong = (code: string, message: string) => {
    problems.add(code, `Tensor ${quote(name)} ${message}.`, name);
    return false;
  };
  let sound = true;
  if (nameLength > longestName)
    sound = wrong("name-too-long", `has a name of ${nameLength} bytes where ggml allows ${longestName}`);
  const dimensions = cursor.u32();
  if (dimensions > mostShownDimensions) {
    throw new EngineError("malformed", `Tensor ${quote(name)} claims ${dimensions} dimensions.`, {
      file: cursor.source.path,
      offset: cursor.position - 4,
    });
  }
  if (dimensions > mostDimensions)
    sound = wrong("too-many-dimensions", `has ${dimensions} dimensions where ggml allows ${mostDimensions}`);
  await cursor.need(dimensions * widths.lengthBytes + 12, what);
  const ne: number[] = [];
  for (let i = 0; i < dimensions; i++) ne.push(widths.lengthBytes === 8 ? cursor.size() : cursor.u32());
  const typeId = cursor.u32();
  const relative = cursor.size();
  const type = typeOfId(typeId);
  const elementCount = ne.reduce((a, b) => a * b, 1);
  // ggml counts to 2^63; past 2^53 no file could hold the tensor, and a zero among the factors would hide the rest.
  if (ne.some((n) => !Number.isSafeInteger(n)) || !Number.isSafeInteger(elementCount)) {
    wrong("size-overflow", `has the impossible shape [${ne.join(", ")}]`);
    return { name, ne, elementCount: 0, typeId, type, byteLength: 0, relative, sound: false };
  }
  if (!type) {
    wrong("unknown-type", `has the unknown or removed type ${typeId}`);
    return { name, ne, elementCount, typeId, byteLength: 0, relative, sound: false };
  }
  const row = ne[0] ?? 1;
  if (row % type.block !== 0) {
    sound = wrong("bad-row-length", `has rows of ${row} elements, which ${typeLabel(type)} blocks of ${type.block} do not fill`);
    return { name, ne, elementCount, typeId, type, byteLength: 0, relative, sound };
  }
  const byteLength = (elementCount / type.block) * type.bytes;
  if (!Number.isSafeInteger(byteLength)) {
    wrong("size-overflow", `would take ${byteLength} bytes`);
    return { name, ne, elementCount, typeId, type, byteLength: 0, relative, sound: false };
  }
  return { name, ne, elementCount, typeId, type, byteLength, relative, sound };
}

interface Placement {
  readonly dataStart: number;
  readonly alignment: number | undefined;
  readonly fileSize: number;
  /** All descriptions were read: the data begins where we think. */
  readonly complete: boolean;
}

/** ggml wants each tensor exactly after the one before, padded. What stands elsewhere inside the file can still be shown. */
function place(described: readonly Description[], placement: Placement, problems: Problems): StoredTensor[] {
  const { dataStart, alignment, fileSize, complete } = placement;
  const seen = new Set<string>();
  const located = complete && alignment !== undefined ? described.filter((d) => d.sound) : [];
  const ends = located.map((d) => dataStart + d.relative + d.byteLength);
  const beyond = ends.filter((end) => end > fileSize).length;
  const needed = ends.reduce((a, b) => Math.max(a, b), 0);
  if (Number.isSafeInteger(needed)) noteCut(problems, { tensors: described.length, beyond, size: fileSize, needed });
  let expected: number | undefined = 0;
  const placed: StoredTensor[] = [];
  for (const { relative, sound, ...tensor } of described) {
    if (seen.has(tensor.name)) continue;
    seen.add(tensor.name);
    if (!sound || alignment === undefined || !complete) {
      placed.push(tensor);
      expected = undefined;
      continue;
    }
    const where = quote(tensor.name);
    if (expected !== undefined && relative !== expected) {
      const code = relative < expected ? "overlapping-tensors" : "unused-bytes";
      problems.add(
        code,
        `Tensor ${where} begins at ${relative} of the data where ${expected} follows from the tensors before it.`,
        tensor.name,
      );
    }
    expected = pad(relative + tensor.byteLength, alignment);
    const offset = dataStart + relative;
    if (offset + tensor.byteLength > fileSize) {
      const end = offset + tensor.byteLength;
      problems.add(
        "beyond-end",
        `Tensor ${where} ends at byte ${end} of a file of ${fileSize} bytes; download it again.`,
        tensor.name,
      );
      placed.push(tensor);
    } else {
      placed.push({ ...tensor, offset });
    }
  }
  return placed;
}
