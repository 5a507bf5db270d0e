import { EngineError } from "../../core/errors";
import type { Segment, WritePlan, WriteRequest } from "../format";
import { refuseIncomplete } from "../problems";
import { pad, type StoredTensor } from "./header";
import { encodeMetadata, u32 } from "./metadata";
import { mixes } from "./mixes";
import { type GgufModel, readGguf } from "./read";
import { type GgmlType, typeOfEncoding } from "./types";

/** What ggml calls the generation of its quantized layouts. */
const quantizationVersion = 2;

interface OutputTensor {
  readonly source: StoredTensor;
  readonly part: number;
  readonly type: GgmlType;
  /** Set where the tensor changes. */
  readonly encoding?: string;
  readonly byteLength: number;
}

/**
 * The same model with other tensor types: metadata copied byte for byte but for general.file_type and
 * general.quantization_version, tensors in their order, each padded. Parts of a split model become one file. Without
 * assignments the output equals its source.
 */
export async function planWrite({ folder, index, assignments, target, outputName, facts }: WriteRequest): Promise<WritePlan> {
  const model = await readGguf(folder, index.path.slice(index.folder.length + 1));
  const { header } = model.parts[0];
  const refuse = (message: string, tensor?: string) => new EngineError("unsupported", message, { file: index.path, tensor });
  if (!header.little) throw refuse("Big-endian GGUF files cannot be exported; convert the file to little-endian first.");
  if (header.version === 1) throw refuse("Version 1 GGUF files cannot be exported; convert the file with llama.cpp first.");
  refuseIncomplete(model.index);

  const wanted = new Map(assignments.map((a) => [a.tensor, a.encoding]));
  const tensors = outputTensors(model, wanted, facts.planeBytes.bind(facts), refuse);
  if (wanted.size)
    throw new EngineError("bad-request", "The model has no such tensor.", { file: index.path, tensor: [...wanted.keys()][0] });
  const changes = assignments.length ? fileChanges(target, tensors) : new Map<string, number>();

  const segments: Segment[] = [];
  let offset = 0;
  const add = (bytes: Uint8Array) => {
    if (bytes.length) segments.push({ kind: "bytes", offset, bytes });
    offset += bytes.length;
  };
  const copy = (source: string, sourceOffset: number, byteLength: number) => {
    if (byteLength) segments.push({ kind: "copy", offset, byteLength, source, sourceOffset });
    offset += byteLength;
  };
  const zeros = (end: number) => add(new Uint8Array(end - offset));

  const merged = model.parts.length > 1;
  const entries = header.entries.filter((e) => !(merged && /^split\.(no|count|tensors\.count)$/.test(e.key)));
  const added = [...changes.keys()].filter((key) => !entries.some((e) => e.key === key));
  add(
    new Writer()
      .bytes("GGUF")
      .u32(header.version)
      .u64(tensors.length)
      .u64(entries.length + added.length)
      .take(),
  );
  for (const entry of entries) {
    const value = changes.get(entry.key);
    if (value === undefined) copy(model.parts[0].name, entry.start, entry.end - entry.start);
    else add(encodeMetadata([u32(entry.key, value)]));
  }
  add(encodeMetadata(added.map((key) => u32(key, changes.get(key)!))));
  const infos = new Writer();
  let relative = 0;
  for (const { source, type, byteLength } of tensors) {
    infos.string(source.name).u32(source.ne.length);
    for (const n of source.ne) infos.u64(n);
    infos.u32(type.id).u64(relative);
    relative += pad(byteLength, header.alignment);
  }
  add(infos.take());
  if (tensors.length) zeros(pad(offset, header.alignment));
  for (const { source, part, encoding, byteLength } of tensors) {
    if (encoding === undefined) copy(model.parts[part].name, source.offset!, byteLength);
    else {
      const tensor = source.name;
      if (byteLength) segments.push({ kind: "plane", offset, byteLength, tensor, encoding, plane: 0, arrangement: "rows" });
      offset += byteLength;
    }
    zeros(pad(offset, header.alignment));
  }
  return {
    files: [{ name: outputName, byteLength: offset, segments: joinCopies(segments) }],
    notes: merged ? ["The parts become one file."] : [],
  };
}

function outputTensors(
  { parts }: GgufModel,
  wanted: Map<string, string>,
  planeBytes: (encoding: string, rows: number, columns: number) => readonly number[],
  refuse: (message: string, tensor?: string) => EngineError,
): OutputTensor[] {
  return parts.flatMap(({ header }, part) =>
    header.tensors.map((source): OutputTensor => {
      const { name, type, ne, elementCount } = source;
      if (!type || source.offset === undefined) throw refuse("The file is damaged at this tensor and cannot be exported.", name);
      const encoding = wanted.get(name);
      wanted.delete(name);
      if (encoding === undefined || encoding === type.encoding) return { source, part, type, byteLength: source.byteLength };
      const newType = typeOfEncoding(encoding);
      const columns = ne[0] ?? 1;
      if (!newType || columns % newType.block !== 0) {
        throw new EngineError("bad-request", `GGUF cannot store rows of ${columns} elements as ${encoding}.`, { tensor: name });
      }
      const [byteLength] = planeBytes(encoding, columns ? elementCount / columns : 0, columns);
      return { source, part, type: newType, encoding, byteLength };
    }),
  );
}

/** general.file_type is the target's; a mix of one's own counts as what most of its weights are, as llama.cpp guesses too. */
function fileChanges(target: string, tensors: readonly OutputTensor[]): Map<string, number> {
  const changes = new Map([["general.quantization_version", quantizationVersion]]);
  const mix = mixes.find((m) => m.name === target) ?? mixes.find((m) => m.base === mostCommon(tensors));
  if (mix) changes.set("general.file_type", mix.fileType);
  return changes;
}

function mostCommon(tensors: readonly OutputTensor[]): string {
  const elements = new Map<string, number>();
  for (const { type, source } of tensors) elements.set(type.encoding, (elements.get(type.encoding) ?? 0) + source.elementCount);
  return [...elements].sort((a, b) => b[1] - a[1])[0]?.[0] ?? "f32";
}

/** Neighbouring ranges of one file become one copy. */
function joinCopies(segments: readonly Segment[]): Segment[] {
  const joined: Segment[] = [];
  for (const segment of segments) {
    const last = joined[joined.length - 1];
    const follows =
      segment.kind === "copy" &&
      last?.kind === "copy" &&
      last.source === segment.source &&
      last.sourceOffset + last.byteLength === segment.sourceOffset;
    if (follows) joined[joined.length - 1] = { ...last, byteLength: last.byteLength + segment.byteLength };
    else joined.push(segment);
  }
  return joined;
}

/** Little-endian bytes, appended. */
export class Writer {
  #buffer = new Uint8Array(256);
  #length = 0;

  u32(value: number): this {
    const at = this.#grow(4);
    new DataView(this.#buffer.buffer).setUint32(at, value, true);
    return this;
  }

  u64(value: number): this {
    const at = this.#grow(8);
    new DataView(this.#buffer.buffer).setBigUint64(at, BigInt(value), true);
    return this;
  }

  bytes(text: string): this {
    const bytes = new TextEncoder().encode(text);
    const at = this.#grow(bytes.length);
    this.#buffer.set(bytes, at);
    return this;
  }

  string(text: string): this {
    return this.u64(new TextEncoder().encode(text).length).bytes(text);
  }

  take(): Uint8Array {
    return this.#buffer.slice(0, this.#length);
  }

  #grow(length: number): number {
    const at = this.#length;
    this.#length += length;
    if (this.#length > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(this.#length, this.#buffer.length * 2));
      larger.set(this.#buffer);
      this.#buffer = larger;
    }
    return at;
  }
}
