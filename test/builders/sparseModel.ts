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

/** The same with weights that differ, so that encoding them is work and every row has other bytes. */
export async function writeDenseModel(file: string, { count, size }: { count: number; size: number }): Promise<void> {
  await writeSparseModel(file, { count, size });
  const values = Float32Array.from({ length: size * size }, (_, i) => Math.sin((i + 1) * 12.9898));
  const handle = await fs.open(file, "r+");
  const { size: bytes } = await handle.stat();
  for (let t = 0; t < count; t++) {
    values[0] = t;
    await handle.write(new Uint8Array(values.buffer), 0, values.byteLength, bytes - (t + 1) * values.byteLength);
  }
  await handle.close();
}
