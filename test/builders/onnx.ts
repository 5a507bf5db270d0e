/** The smallest ONNX files that show a point, written field by field with a protobuf writer of their own. */
import type { ByteSource, ModelFolder } from "../../src/core/bytes";
import { EngineError } from "../../src/core/errors";

export type Message = Uint8Array;

export const join = (...parts: readonly Uint8Array[]): Uint8Array => {
  const out = new Uint8Array(parts.reduce((sum, p) => sum + p.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
};

/** Unsigned 64-bit varint of a signed or unsigned number. */
export function varint(value: number | bigint): Uint8Array {
  let rest = BigInt.asUintN(64, BigInt(value));
  const out: number[] = [];
  do {
    out.push(Number(rest & 127n) | (rest > 127n ? 128 : 0));
    rest >>= 7n;
  } while (rest);
  return Uint8Array.from(out);
}

export const tag = (field: number, wire: number) => varint(field * 8 + wire);
export const int = (field: number, value: number | bigint) => join(tag(field, 0), varint(value));
export const bytes = (field: number, content: Uint8Array) => join(tag(field, 2), varint(content.length), content);
export const text = (field: number, content: string) => bytes(field, new TextEncoder().encode(content));
export const f32 = (field: number, value: number) => join(tag(field, 5), new Uint8Array(Float32Array.of(value).buffer));
export const packed = (field: number, values: readonly (number | bigint)[]) => bytes(field, join(...values.map(varint)));
/** Raw little-endian bytes of a typed array. */
export const raw = (array: ArrayBufferView): Uint8Array => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

/** Numbers of TensorProto.DataType. */
export const T = {
  FLOAT: 1,
  UINT8: 2,
  INT8: 3,
  UINT16: 4,
  INT16: 5,
  INT32: 6,
  INT64: 7,
  STRING: 8,
  BOOL: 9,
  FLOAT16: 10,
  DOUBLE: 11,
  UINT32: 12,
  UINT64: 13,
  COMPLEX64: 14,
  COMPLEX128: 15,
  BFLOAT16: 16,
  FLOAT8E4M3FN: 17,
  FLOAT8E4M3FNUZ: 18,
  FLOAT8E5M2: 19,
  FLOAT8E5M2FNUZ: 20,
  UINT4: 21,
  INT4: 22,
  FLOAT4E2M1: 23,
  FLOAT8E8M0: 24,
  UINT2: 25,
  INT2: 26,
  FLOAT6E2M3: 27,
  FLOAT6E3M2: 28,
} as const;

export interface TensorSpec {
  readonly name?: string;
  readonly type?: number;
  readonly dims?: readonly (number | bigint)[];
  readonly raw?: Uint8Array;
  /** Fields as they are: typed data, duplicates, anything. */
  readonly fields?: readonly Message[];
  readonly external?: Readonly<Record<string, string>>;
}

export function tensor({ name, type = T.FLOAT, dims = [], raw, fields = [], external }: TensorSpec): Message {
  const entries = Object.entries(external ?? {}).map(([key, value]) => bytes(13, join(text(1, key), text(2, value))));
  return join(
    ...dims.map((d) => int(1, d)),
    int(2, type),
    ...(name === undefined ? [] : [text(8, name)]),
    ...(raw ? [bytes(9, raw)] : []),
    ...fields,
    ...entries,
    ...(external ? [int(14, 1)] : []),
  );
}

/** A FLOAT tensor of these values. */
export const floats = (name: string, dims: readonly number[], values: ArrayLike<number>): Message =>
  tensor({ name, dims, raw: raw(Float32Array.from(values)) });

export type AttributeValue =
  number | string | readonly number[] | { float: number } | { tensor: Message } | { graph: Message } | { fields: Message };

function attribute(name: string, value: AttributeValue): Message {
  if (typeof value === "number") return join(text(1, name), int(3, value), int(20, 2));
  if (typeof value === "string") return join(text(1, name), text(4, value), int(20, 3));
  if ("float" in value) return join(text(1, name), f32(2, value.float), int(20, 1));
  if ("tensor" in value) return join(text(1, name), bytes(5, value.tensor), int(20, 4));
  if ("graph" in value) return join(text(1, name), bytes(6, value.graph), int(20, 5));
  if ("fields" in value) return join(text(1, name), value.fields);
  return join(text(1, name), ...value.map((v) => int(8, v)), int(20, 7));
}

export interface NodeSpec {
  readonly op: string;
  readonly in: readonly string[];
  readonly out: readonly string[];
  readonly name?: string;
  readonly domain?: string;
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
}

export function node(spec: NodeSpec): Message {
  return join(
    ...spec.in.map((n) => text(1, n)),
    ...spec.out.map((n) => text(2, n)),
    ...(spec.name ? [text(3, spec.name)] : []),
    text(4, spec.op),
    ...Object.entries(spec.attributes ?? {}).map(([name, value]) => bytes(5, attribute(name, value))),
    ...(spec.domain ? [text(7, spec.domain)] : []),
  );
}

/** A ValueInfoProto of a tensor; dimensions given as text are symbolic. */
export function value(name: string, type: number = T.FLOAT, dims?: readonly (number | string)[]): Message {
  const shape = dims && bytes(2, join(...dims.map((d) => bytes(1, typeof d === "number" ? int(1, d) : text(2, d)))));
  return join(text(1, name), bytes(2, bytes(1, join(int(1, type), ...(shape ? [shape] : [])))));
}

export interface GraphSpec {
  readonly name?: string;
  readonly nodes?: readonly NodeSpec[];
  readonly initializers?: readonly Message[];
  readonly inputs?: readonly Message[];
  readonly outputs?: readonly Message[];
  readonly fields?: readonly Message[];
}

export function graph({ name = "g", nodes = [], initializers = [], inputs = [], outputs = [], fields = [] }: GraphSpec): Message {
  return join(
    ...nodes.map((n) => bytes(1, node(n))),
    text(2, name),
    ...initializers.map((t) => bytes(5, t)),
    ...inputs.map((v) => bytes(11, v)),
    ...outputs.map((v) => bytes(12, v)),
    ...fields,
  );
}

export interface ModelSpec extends GraphSpec {
  readonly ir?: number;
  readonly opset?: number;
  readonly domains?: Readonly<Record<string, number>>;
  readonly functions?: readonly {
    name: string;
    domain: string;
    inputs: readonly string[];
    outputs: readonly string[];
    nodes: readonly NodeSpec[];
  }[];
  /** Fields of the ModelProto before the graph. */
  readonly before?: readonly Message[];
}

export function model(spec: ModelSpec): Uint8Array {
  const functions = (spec.functions ?? []).map((f) =>
    join(
      text(1, f.name),
      ...f.inputs.map((n) => text(4, n)),
      ...f.outputs.map((n) => text(5, n)),
      ...f.nodes.map((n) => bytes(7, node(n))),
      bytes(9, join(text(1, ""), int(2, spec.opset ?? 21))),
      text(10, f.domain),
    ),
  );
  const opsets = Object.entries({ "": spec.opset ?? 21, ...spec.domains }).map(([domain, version]) =>
    bytes(8, join(text(1, domain), int(2, version))),
  );
  return join(
    int(1, spec.ir ?? 10),
    ...(spec.before ?? []),
    ...opsets,
    ...functions.map((f) => bytes(25, f)),
    bytes(7, graph(spec)),
  );
}

/** A model's folder in memory. Reading past the end or a missing file fails as on a disk. */
export function memoryFolder(files: Readonly<Record<string, Uint8Array>>): ModelFolder {
  const find = (name: string) => {
    if (!Object.hasOwn(files, name)) throw new EngineError("not-found", `No such file: ${name}.`);
    return files[name];
  };
  const open = (name: string): ByteSource => {
    const data = find(name);
    return {
      path: `/memory/${name}`,
      size: data.length,
      async read(offset, length) {
        if (!(offset >= 0 && length >= 0 && offset + length <= data.length))
          throw new EngineError("truncated", "Read past the end.");
        return data.slice(offset, offset + length);
      },
      async close() {},
    };
  };
  return {
    path: "/memory",
    list: async () => Object.keys(files).sort(),
    exists: async (name) => Object.hasOwn(files, name),
    size: async (name) => find(name).length,
    open: async (name) => open(name),
    readText: async (name) => new TextDecoder().decode(find(name)),
    resolve: async (name) => `/memory/${name}`,
  };
}
