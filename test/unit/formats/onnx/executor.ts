import type { ModelFolder } from "../../../../src/core/bytes";
import type { ModelIndex } from "../../../../src/core/model";
import { encodedBytes, encoding, encodingFacts } from "../../../../src/encodings/index";
import { arrange } from "../../../../src/formats/arrange";
import type { Assignment, WritePlan } from "../../../../src/formats/format";
import { onnx } from "../../../../src/formats/onnx";
import { valuesOf } from "./reference";

export interface Exported {
  readonly plan: WritePlan;
  readonly notes: readonly string[];
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** A uniform target, or tensor by tensor as a recipe does it. */
export type Wanted = string | readonly Assignment[];

/** Exports in memory: every segment made in the plainest way, every byte of every file accounted for. */
export async function exportTo(folder: ModelFolder, name: string, wanted: Wanted, outputName = "out.onnx"): Promise<Exported> {
  const index = await onnx.readIndex(folder, name);
  const uniform = typeof wanted === "string";
  const { assignments, notes } = uniform ? onnx.assign(index, wanted, encodingFacts) : { assignments: wanted, notes: [] };
  const target = uniform ? wanted : "recipe";
  const plan = await onnx.planWrite({ folder, index, assignments, target, outputName, facts: encodingFacts });
  const planes = new Map<string, Uint8Array[]>();
  const files = new Map<string, Uint8Array>();
  for (const file of plan.files) {
    const out = new Uint8Array(file.byteLength);
    let at = 0;
    for (const segment of file.segments) {
      if (segment.offset !== at) throw new Error(`gap or overlap in ${file.name} at ${at}`);
      let bytes: Uint8Array;
      if (segment.kind === "bytes") bytes = segment.bytes;
      else if (segment.kind === "copy") {
        const source = await folder.open(segment.source);
        bytes = await source.read(segment.sourceOffset, segment.byteLength);
        await source.close();
      } else {
        let made = planes.get(segment.tensor);
        if (!made) planes.set(segment.tensor, (made = await encodeAll(folder, index, segment.tensor, segment.encoding)));
        const tensor = index.tensors.find((t) => t.name === segment.tensor)!;
        const rows = tensor.shape[0];
        const plane = made[segment.plane];
        bytes =
          segment.arrangement === "rows"
            ? plane
            : arrange(segment.arrangement, { plane, rows, columns: tensor.elementCount / rows });
        if (bytes.length !== segment.byteLength)
          throw new Error(`${segment.tensor}: ${bytes.length} bytes planned as ${segment.byteLength}`);
      }
      out.set(bytes, at);
      at += bytes.length;
    }
    if (at !== file.byteLength) throw new Error(`${file.name} ends at ${at}, planned ${file.byteLength}`);
    files.set(file.name, out);
  }
  return { plan, notes: [...notes, ...plan.notes], files };
}

async function encodeAll(folder: ModelFolder, index: ModelIndex, name: string, encodingName: string): Promise<Uint8Array[]> {
  const tensor = index.tensors.find((t) => t.name === name)!;
  const values = await valuesOf(folder, index, tensor);
  const rows = tensor.shape[0];
  const columns = tensor.elementCount / rows;
  const member = encoding(encodingName);
  const planes = member.planes.map((p) => new Uint8Array(Math.ceil(rows * p.rowBytes(columns))));
  if (planes.reduce((sum, p) => sum + p.length, 0) !== encodedBytes(member, rows, columns)) throw new Error("plane sizes");
  member.encode!(values, rows, columns, planes);
  return planes;
}
