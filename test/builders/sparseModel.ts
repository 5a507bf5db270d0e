import * as fs from "node:fs/promises";

/** A safetensors file of `count` f32 matrices of size × size, all zeros that take no room on disk: work without preparation. */
export async function writeSparseModel(file: string, { count, size }: { count: number; size: number }): Promise<void> {
  const bytes = size * size * 4;
  const header = Buffer.from(JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, i) =>
    [`layers.${i}.proj.weight`, { dtype: "F32", shape: [size, size], data_offsets: [i * bytes, (i + 1) * bytes] }]))));
  const padded = Buffer.concat([header, Buffer.alloc((8 - (header.length % 8)) % 8, " ")]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  await fs.writeFile(file, Buffer.concat([length, padded]));
  await fs.truncate(file, 8 + padded.length + count * bytes);
}
