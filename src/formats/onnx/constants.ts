import { toEngineError } from "../../core/errors";
import type { ByteRange, Problem } from "../../core/model";
import type { ModelFiles } from "./files";
import type { Constant } from "./network";
import type { AttributeProto, Run, SparseTensorProto, TensorProto } from "./proto";
import { type DataType, dataTypes, rawBytes } from "./types";
import { canHold, decodeRuns, firstNumber, mostDecoded, packedRange } from "./values";

/** A constant with its shape, in the file's own order, and the place of its values. */
export interface Located {
  readonly constant: Constant;
  readonly dims: readonly number[];
  /** Product of `dims`, a safe integer; 0 where the dimensions make no sense. */
  readonly count: number;
  readonly type?: DataType;
  /** "FLOAT", "INT8", "FLOAT sparse". */
  readonly label: string;
  /** Bytes the values take in the file. */
  readonly byteLength: number;
  /** Place of the values as raw_data would hold them, or the fields they must be decoded from. */
  readonly data?: ByteRange | { readonly runs: readonly Run[] };
  readonly problem?: Omit<Problem, "tensor">;
}

/** Finds the values of a constant; what is wrong with it becomes its `problem`, not an error. */
export async function locate(constant: Constant, files: ModelFiles): Promise<Located> {
  const { origin } = constant;
  if (origin.kind === "sparse") return locateSparse(constant, origin.proto, files);
  if (origin.kind === "numbers") return locateNumbers(constant, origin.attribute);
  return locateTensor(constant, origin.proto, files);
}

async function locateTensor(constant: Constant, proto: TensorProto, files: ModelFiles): Promise<Located> {
  const type = dataTypes.get(proto.dataType);
  const { dims } = proto;
  const count = elementCount(dims);
  const base = { constant, dims, count: count ?? 0, type, label: type?.name ?? `type ${proto.dataType}`, byteLength: 0 };
  const fail = (code: string, message: string): Located => ({ ...base, problem: { code, message } });
  if (!type)
    return fail("unknown-type", `The tensor has data type ${proto.dataType}, which this version of ONNX does not define.`);
  if (count === undefined) return fail("bad-shape", `The tensor's shape [${dims.join(", ").slice(0, 200)}] is not possible.`);
  if (proto.segment) return fail("unsupported", "The tensor is stored in segments, which no ONNX reader supports.");
  if (type.kind === "string") return { ...base, byteLength: proto.stringData.reduce((sum, s) => sum + s.length, 0) };
  const needed = rawBytes(type, count);
  if (proto.dataLocation === 1) {
    const place = await files.external(proto.externalData, needed);
    if ("problem" in place) return { ...base, problem: place.problem };
    return { ...base, byteLength: needed, data: { file: place.file, offset: place.offset, byteLength: needed } };
  }
  if (proto.raw) {
    if (proto.raw.length !== needed)
      return fail("size-mismatch", `The tensor's shape needs ${needed} bytes, the file has ${proto.raw.length}.`);
    return { ...base, byteLength: needed, data: { file: 0, offset: proto.raw.offset, byteLength: needed } };
  }
  const runs = proto[type.field as Exclude<DataType["field"], "stringData">];
  const byteLength = runs.reduce((sum, run) => sum + run.length, 0);
  const range = packedRange(type, runs);
  if (!range && count > 0) return { ...base, byteLength, data: { runs } };
  if ((range?.length ?? 0) !== needed)
    return fail("size-mismatch", `The tensor's shape needs ${needed} bytes, the file has ${byteLength}.`);
  return { ...base, byteLength, data: { file: 0, offset: range?.offset ?? 0, byteLength: needed } };
}

/** Constant nodes may hold single numbers and lists as attributes of their own. */
function locateNumbers(constant: Constant, attribute: AttributeProto): Located {
  const isFloat = attribute.name.startsWith("value_float");
  const type = dataTypes.get(isFloat ? 1 : 7)!;
  if (!attribute.name.endsWith("s")) {
    const inline = new Uint8Array(type.bits / 8);
    const view = new DataView(inline.buffer);
    if (isFloat) view.setFloat32(0, attribute.f ?? 0, true);
    else view.setBigInt64(0, BigInt(Math.trunc(attribute.i ?? 0)), true);
    return { constant, dims: [], count: 1, type, label: type.name, byteLength: inline.length, data: { inline } };
  }
  const runs = isFloat ? attribute.floats : attribute.ints;
  const byteLength = runs.reduce((sum, run) => sum + run.length, 0);
  const range = packedRange(type, runs);
  // Unpacked floats take 5 bytes each, and so does the only form that is not a range. Lists of integers are never shown.
  const count = range ? range.length / 4 : isFloat ? Math.floor(byteLength / 5) : 0;
  const data = range ? { file: 0, offset: range.offset, byteLength: range.length } : { runs };
  return { constant, dims: [count], count, type, label: type.name, byteLength, data };
}

async function locateSparse(constant: Constant, proto: SparseTensorProto, files: ModelFiles): Promise<Located> {
  const count = elementCount(proto.dims);
  const parts = await Promise.all([proto.values, proto.indices].map((part) => part && locateTensor(constant, part, files)));
  const byteLength = parts.reduce((sum, part) => sum + (part?.byteLength ?? 0), 0);
  const problem =
    count === undefined
      ? { code: "bad-shape", message: `The tensor's shape [${proto.dims.join(", ").slice(0, 200)}] is not possible.` }
      : { code: "unsupported", message: "Sparse tensors are listed, but their values are not shown." };
  const type = parts[0]?.type;
  return { constant, dims: proto.dims, count: count ?? 0, type, label: `${type?.name ?? "unknown"} sparse`, byteLength, problem };
}

/** Product of the dimensions, or undefined where one is negative or the product is beyond exact numbers. */
function elementCount(dims: readonly number[]): number | undefined {
  if (dims.some((d) => !(Number.isSafeInteger(d) && d >= 0))) return undefined;
  if (dims.includes(0)) return 0;
  let count = 1;
  for (const d of dims) if (!Number.isSafeInteger((count *= d))) return undefined;
  return Number.isSafeInteger(count * 16) ? count : undefined;
}

/** Reads values while a model is opened, within a budget of memory. */
export class ValueReader {
  #left = mostDecoded;
  constructor(readonly files: ModelFiles) {}

  /** The values as a range, decoded where they are stored as varints. A problem where they do not fit the shape. */
  async range(located: Located): Promise<ByteRange | { readonly problem: Omit<Problem, "tensor"> } | undefined> {
    const { data, type, count } = located;
    if (!data || !type) return undefined;
    if (!("runs" in data)) return data;
    const bytes = rawBytes(type, count);
    if (bytes > this.#left && canHold(type, data.runs, count)) {
      return {
        problem: {
          code: "too-large",
          message: "The values are stored number by number; save the model with raw data to see them.",
        },
      };
    }
    try {
      const inline = await decodeRuns(this.files.source, type, data.runs, count);
      this.#left -= bytes;
      return { inline };
    } catch (error) {
      const { code, message } = toEngineError(error);
      if (code === "io") throw error;
      return { problem: { code: code === "malformed" ? "size-mismatch" : code, message } };
    }
  }

  /** The value of a constant of one element; NaN where it cannot be read. */
  async scalar(located: Located): Promise<number> {
    if (located.count !== 1 || !located.type) return NaN;
    const range = await this.range(located);
    if (!range || "problem" in range) return NaN;
    if ("inline" in range) return firstNumber(located.type, range.inline);
    const kept = located.constant.origin.kind !== "sparse" && range.file === 0 ? this.#kept(located, range.offset) : undefined;
    if (kept) return firstNumber(located.type, kept);
    return firstNumber(located.type, await this.files.read(range.file, range.offset, range.byteLength));
  }

  #kept(located: Located, offset: number): Uint8Array | undefined {
    const { origin } = located.constant;
    if (origin.kind !== "initializer" && origin.kind !== "node") return undefined;
    const { raw, floatData, doubleData } = origin.proto;
    return [raw, ...floatData, ...doubleData].find((r) => r?.offset === offset)?.bytes;
  }
}
