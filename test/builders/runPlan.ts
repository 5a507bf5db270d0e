import * as fs from "node:fs";
import * as path from "node:path";
import type { ModelIndex, TensorInfo } from "../../src/core/model";
import { decodeWholeAffine, encoding, encodingFacts } from "../../src/encodings";
import { arrange } from "../../src/formats/arrange";
import type { Assignment, Format, WritePlan } from "../../src/formats/format";
import { openFolder } from "../../src/node/files";

/** What an export would write, made with the plain reference encodings: the format's part alone, without engine and workers. */
export async function exportPlainly(options: {
  format: Format;
  folder: string;
  name: string;
  target: string;
  output: string;
  outputName: string;
  assignments?: readonly Assignment[];
}): Promise<{ index: ModelIndex; plan: WritePlan; notes: readonly string[]; assignments: readonly Assignment[] }> {
  const { format, target, output, outputName } = options;
  const folder = await openFolder(options.folder);
  const index = await format.readIndex(folder, options.name);
  const assigned = format.assign(index, target, encodingFacts);
  const assignments = options.assignments ?? assigned.assignments;
  const plan = await format.planWrite({ folder, index, assignments, target, outputName, facts: encodingFacts });
  const encoded = new Map<string, Uint8Array[]>();
  fs.mkdirSync(output, { recursive: true });
  for (const file of plan.files) {
    const bytes = new Uint8Array(file.byteLength);
    let end = 0;
    for (const segment of file.segments) {
      if (segment.offset !== end) throw new Error(`gap in ${file.name} at ${end}`);
      let part: Uint8Array;
      if (segment.kind === "bytes") part = segment.bytes;
      else if (segment.kind === "copy")
        part = fs
          .readFileSync(path.join(options.folder, segment.source))
          .subarray(segment.sourceOffset, segment.sourceOffset + segment.byteLength);
      else {
        const tensor = index.tensors.find((t) => t.name === segment.tensor)!;
        const [rows, columns] = matrixOf(tensor);
        let planes = encoded.get(tensor.name);
        if (!planes)
          encoded.set(tensor.name, (planes = encode(valuesOf(tensor, index, options.folder), rows, columns, segment.encoding)));
        part = planes[segment.plane];
        if (segment.arrangement !== "rows") part = arrange(segment.arrangement, { plane: part, rows, columns });
      }
      if (segment.kind !== "bytes" && part.length !== segment.byteLength)
        throw new Error(`${part.length} bytes for ${segment.byteLength} in ${file.name}`);
      bytes.set(part, end);
      end += part.length;
    }
    if (end !== file.byteLength) throw new Error(`${file.name} ends at ${end} of ${file.byteLength}`);
    fs.mkdirSync(path.dirname(path.join(output, file.name)), { recursive: true });
    fs.writeFileSync(path.join(output, file.name), bytes);
  }
  return { index, plan, assignments, notes: [...assigned.notes, ...plan.notes] };
}

/** All values of a tensor, [out][in…], by the plain references. */
export function valuesOf(tensor: TensorInfo, index: ModelIndex, folder: string): Float32Array {
  const storage = tensor.storage!;
  const [rows, columns] = matrixOf(tensor);
  const planes = storage.planes.map((p) =>
    "inline" in p
      ? p.inline
      : new Uint8Array(fs.readFileSync(path.join(folder, index.files[p.file])).subarray(p.offset, p.offset + p.byteLength)),
  );
  const out = new Float32Array(rows * columns);
  if (storage.affine) decodeWholeAffine(storage.affine, planes, rows, columns, out);
  else if (storage.transposed) {
    const stored = new Float32Array(rows * columns);
    encoding(storage.encoding).decode(planes, columns, rows, stored);
    for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) out[r * columns + c] = stored[c * rows + r];
  } else encoding(storage.encoding).decode(planes, rows, columns, out);
  return out;
}

/** A stack of matrices is one of all their rows. */
function matrixOf({ shape, elementCount }: TensorInfo): [rows: number, columns: number] {
  const columns = shape.length ? shape[shape.length - 1] : 1;
  return [columns ? elementCount / columns : 0, columns];
}

function encode(x: Float32Array, rows: number, columns: number, name: string): Uint8Array[] {
  const to = encoding(name);
  const planes = to.planes.map((p) => new Uint8Array(rows * p.rowBytes(columns)));
  to.encode!(x, rows, columns, planes);
  return planes;
}
