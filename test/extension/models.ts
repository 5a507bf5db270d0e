// The smallest model of each format, written byte by byte.
import * as fs from "node:fs";

/** Values that differ, with one large channel. */
export function weights(rows: number, columns: number): Float32Array {
  const values = new Float32Array(rows * columns);
  for (let i = 0; i < values.length; i++) values[i] = Math.sin(i * 12.9898) * (i % columns === 3 ? 8 : 1);
  return values;
}

const bytesOf = (values: Float32Array) => Buffer.from(values.buffer, values.byteOffset, values.byteLength);

export interface SparseTensor {
  readonly name: string;
  readonly shape: readonly number[];
}

/** F32 tensors. Without `data` the file is sparse: all zeros, any size, no disk used. */
export function writeSafetensors(file: string, tensors: readonly SparseTensor[], data?: (t: SparseTensor) => Float32Array): void {
  let offset = 0;
  const entries = tensors.map((t) => {
    const begin = offset;
    offset += 4 * t.shape.reduce((a, b) => a * b, 1);
    return [t.name, { dtype: "F32", shape: t.shape, data_offsets: [begin, offset] }] as const;
  });
  const text = JSON.stringify(Object.fromEntries(entries));
  const header = Buffer.from(text + " ".repeat((8 - (text.length % 8)) % 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  fs.writeFileSync(file, Buffer.concat([length, header, ...(data ? tensors.map((t) => bytesOf(data(t))) : [])]));
  if (!data) fs.truncateSync(file, 8 + header.length + offset);
}

/** A GGUF file of one F32 matrix and one F32 vector. */
export function writeGguf(file: string): void {
  const u32 = (n: number) => {
    const b = Buffer.alloc(4);
    b.writeUInt32LE(n);
    return b;
  };
  const u64 = (n: number) => {
    const b = Buffer.alloc(8);
    b.writeBigUInt64LE(BigInt(n));
    return b;
  };
  const text = (s: string) => Buffer.concat([u64(Buffer.byteLength(s)), Buffer.from(s)]);
  const stringType = u32(8);
  const f32Type = u32(0);
  const matrix = bytesOf(weights(64, 64));
  const vector = bytesOf(weights(1, 64));
  const head = Buffer.concat([
    Buffer.from("GGUF"),
    u32(3),
    u64(2),
    u64(1),
    text("general.architecture"),
    stringType,
    text("llama"),
    text("blk.0.attn_q.weight"),
    u32(2),
    u64(64),
    u64(64),
    f32Type,
    u64(0),
    text("blk.0.attn_norm.weight"),
    u32(1),
    u64(64),
    f32Type,
    u64(matrix.length),
  ]);
  const padding = Buffer.alloc((32 - (head.length % 32)) % 32);
  fs.writeFileSync(file, Buffer.concat([head, padding, matrix, vector]));
}

/** An ONNX model of one MatMul with a constant right side. */
export function writeOnnx(file: string): void {
  const varint = (n: number): number[] => (n < 128 ? [n] : [(n & 127) | 128, ...varint(Math.floor(n / 128))]);
  const number = (field: number, n: number) => Buffer.from([...varint(field * 8), ...varint(n)]);
  const bytes = (field: number, ...parts: (Buffer | string)[]) => {
    const body = Buffer.concat(parts.map((p) => Buffer.from(p)));
    return Buffer.concat([Buffer.from([...varint(field * 8 + 2), ...varint(body.length)]), body]);
  };
  const float = 1;
  const tensorType = (...dims: number[]) =>
    bytes(2, bytes(1, number(1, float), bytes(2, ...dims.map((d) => bytes(1, number(1, d))))));
  const graph = bytes(
    7,
    bytes(1, bytes(1, "x"), bytes(1, "w"), bytes(2, "y"), bytes(3, "matmul"), bytes(4, "MatMul")),
    bytes(2, "graph"),
    bytes(5, number(1, 64), number(1, 32), number(2, float), bytes(8, "w"), bytes(9, bytesOf(weights(64, 32)))),
    bytes(11, bytes(1, "x"), tensorType(1, 64)),
    bytes(12, bytes(1, "y"), tensorType(1, 32)),
  );
  fs.writeFileSync(file, Buffer.concat([number(1, 8), graph, bytes(8, number(2, 17))]));
}
