import { closeSync, openSync, writeSync } from "node:fs";
import * as path from "node:path";
import { Random } from "../../src/core/math/prng";
import { encoding as encodingNamed } from "../../src/encodings";
import type { TensorSource } from "../../src/engine/tasks";

/** Heavy-tailed weights, a block of rows that large tensors repeat. */
export function weights(count: number): Float32Array {
  const random = new Random(7);
  return Float32Array.from({ length: count }, () => 0.02 * random.gaussian() * (random.uniform() < 0.001 ? 12 : 1));
}

/** Writes a matrix of rows × columns in `encoding`, a block of rows over and over, and says where it is. */
export function writeTensor(folder: string, encoding: string, rows: number, columns: number): TensorSource {
  const member = encodingNamed(encoding);
  const blockRows = Math.min(rows, 64);
  const x = weights(blockRows * columns);
  const planes = member.planes.map((plane) => new Uint8Array(blockRows * plane.rowBytes(columns)));
  member.encode!(x, blockRows, columns, planes);
  const file = path.join(folder, encoding);
  const fd = openSync(file, "w");
  for (let row = 0; row < rows; row += blockRows) writeSync(fd, planes[0]);
  closeSync(fd);
  const byteLength = (rows / blockRows) * planes[0].length;
  return {
    name: encoding,
    paths: [file],
    storage: { encoding, planes: [{ file: 0, offset: 0, byteLength }] },
    rows,
    columns,
    columnsPerInput: 1,
    hasChannels: true,
  };
}

export function bytesOf(tensor: TensorSource): number {
  return tensor.storage.planes.reduce((sum, plane) => sum + ("inline" in plane ? plane.inline.length : plane.byteLength), 0);
}
