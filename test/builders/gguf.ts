/** The smallest GGUF files that show a point. */

export type Json = number | bigint | boolean | string;
/** [type number, value]; an array is [9, element type, elements]. */
export type GgufValue =
  readonly [type: number, value: Json] | readonly [9, elementType: number, elements: readonly (Json | GgufValue)[]];

export interface GgufTensor {
  readonly name: string;
  /** ggml's order: contiguous dimension first. */
  readonly ne: readonly (number | bigint)[];
  readonly type: number;
  /** Relative to the data; the running padded sum when absent. */
  readonly offset?: number | bigint;
  readonly byteLength?: number;
  readonly data?: Uint8Array;
}

export interface GgufSpec {
  readonly version?: number;
  readonly little?: boolean;
  readonly alignment?: number;
  readonly entries?: readonly (readonly [key: string, value: GgufValue])[];
  readonly tensors?: readonly GgufTensor[];
  readonly tensorCount?: bigint;
  readonly entryCount?: bigint;
}

export const valueType = {
  u8: 0,
  i8: 1,
  u16: 2,
  i16: 3,
  u32: 4,
  i32: 5,
  f32: 6,
  bool: 7,
  string: 8,
  array: 9,
  u64: 10,
  i64: 11,
  f64: 12,
} as const;

/** Bytes in either order, appended. */
export class Bytes {
  #parts: Uint8Array[] = [];
  length = 0;
  constructor(readonly little = true) {}

  push(bytes: Uint8Array): this {
    this.#parts.push(bytes);
    this.length += bytes.length;
    return this;
  }
  #number(length: number, put: (view: DataView) => void): this {
    const bytes = new Uint8Array(length);
    put(new DataView(bytes.buffer));
    return this.push(bytes);
  }
  u8 = (v: number) => this.#number(1, (d) => d.setUint8(0, v));
  u16 = (v: number) => this.#number(2, (d) => d.setUint16(0, v, this.little));
  u32 = (v: number) => this.#number(4, (d) => d.setUint32(0, v, this.little));
  u64 = (v: number | bigint) => this.#number(8, (d) => d.setBigUint64(0, BigInt(v), this.little));
  f32 = (v: number) => this.#number(4, (d) => d.setFloat32(0, v, this.little));
  f64 = (v: number) => this.#number(8, (d) => d.setFloat64(0, v, this.little));
  take(): Uint8Array {
    const all = new Uint8Array(this.length);
    let at = 0;
    for (const part of this.#parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }
}

const scalarWidth = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8];

/** Everything before the data, padded, and the size of the whole file. */
export function ggufHead(spec: GgufSpec): { head: Uint8Array; size: number } {
  const { version = 3, little = true, alignment = 32, entries = [], tensors = [] } = spec;
  const out = new Bytes(little);
  const length = (v: number | bigint) => (version === 1 ? out.u32(Number(v)) : out.u64(v));
  const text = (s: string) => {
    const bytes = new TextEncoder().encode(s);
    length(bytes.length);
    out.push(bytes);
  };
  const scalar = (type: number, v: Json): void => {
    if (type === valueType.string) return text(String(v));
    if (type === valueType.f32) return void out.f32(Number(v));
    if (type === valueType.f64) return void out.f64(Number(v));
    const width = scalarWidth[type];
    if (width === 1) out.u8(Number(v) & 0xff);
    else if (width === 2) out.u16(Number(v) & 0xffff);
    else if (width === 4) out.u32(Number(v) >>> 0);
    else out.u64(BigInt.asUintN(64, BigInt(v as number | bigint)));
  };
  const value = (v: GgufValue, withType = true): void => {
    if (withType) out.u32(v[0]);
    if (v.length === 2) return scalar(v[0], v[1]);
    const [, elementType, elements] = v;
    out.u32(elementType);
    length(elements.length);
    for (const e of elements) {
      if (elementType === valueType.array) value(e as GgufValue, false);
      else scalar(elementType, e as Json);
    }
  };
  out.push(new TextEncoder().encode("GGUF")).u32(version);
  length(spec.tensorCount ?? tensors.length);
  length(spec.entryCount ?? entries.length);
  for (const [key, v] of entries) {
    text(key);
    value(v);
  }
  let offset = 0;
  for (const t of tensors) {
    text(t.name);
    out.u32(t.ne.length);
    for (const n of t.ne) length(BigInt.asUintN(64, BigInt(n)));
    out.u32(t.type).u64(t.offset ?? offset);
    offset += Math.ceil(byteLengthOf(t) / alignment) * alignment;
  }
  const end = tensors.length ? Math.ceil(out.length / alignment) * alignment : out.length;
  out.push(new Uint8Array(end - out.length));
  return { head: out.take(), size: end + offset };
}

/** A whole file. */
export function ggufFile(spec: GgufSpec): Uint8Array {
  const { head, size } = ggufHead(spec);
  const bytes = new Uint8Array(size);
  bytes.set(head);
  let at = head.length;
  for (const t of spec.tensors ?? []) {
    if (t.data) bytes.set(t.data, at);
    at += Math.ceil(byteLengthOf(t) / (spec.alignment ?? 32)) * (spec.alignment ?? 32);
  }
  return bytes;
}

/** Of the few types that tests use: f32, f16, q8_0, q4_0, q4_K. */
function byteLengthOf({ type, ne, byteLength }: GgufTensor): number {
  if (byteLength !== undefined) return byteLength;
  const count = ne.reduce<number>((a, b) => a * Number(b), 1);
  const perBlock: Record<number, [number, number]> = {
    0: [1, 4],
    1: [1, 2],
    2: [32, 18],
    8: [32, 34],
    12: [256, 144],
    14: [256, 210],
    26: [1, 4],
    30: [1, 2],
  };
  const [block, bytes] = perBlock[type] ?? [1, 0];
  return (count / block) * bytes;
}

/** A Llama's tensors in GGUF's names; all matrices of `type`. */
export function llamaTensors(options: {
  layers: number;
  hidden: number;
  keyValue: number;
  feedForward: number;
  vocabulary: number;
  type: number;
  head?: boolean;
}): GgufTensor[] {
  const { layers, hidden, keyValue, feedForward, vocabulary, type, head } = options;
  const tensors: GgufTensor[] = [{ name: "token_embd.weight", ne: [hidden, vocabulary], type }];
  for (let i = 0; i < layers; i++) {
    const add = (name: string, ne: number[], t = type) => tensors.push({ name: `blk.${i}.${name}.weight`, ne, type: t });
    add("attn_norm", [hidden], 0);
    add("attn_q", [hidden, hidden]);
    add("attn_k", [hidden, keyValue]);
    add("attn_v", [hidden, keyValue]);
    add("attn_output", [hidden, hidden]);
    add("ffn_norm", [hidden], 0);
    add("ffn_gate", [hidden, feedForward]);
    add("ffn_up", [hidden, feedForward]);
    add("ffn_down", [feedForward, hidden]);
  }
  tensors.push({ name: "output_norm.weight", ne: [hidden], type: 0 });
  if (head) tensors.push({ name: "output.weight", ne: [hidden, vocabulary], type });
  return tensors;
}
