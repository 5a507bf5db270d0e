import type { ModelFolder } from "../../core/bytes";
import { EngineError, toEngineError } from "../../core/errors";
import type { ModelIndex, TensorInfo } from "../../core/model";
import { Problems } from "../problems";
import { quote } from "../text";
import { type GgufHeader, readHeader, type StoredTensor } from "./header";
import { typeLabel } from "./types";
import { type Value, valueText } from "./values";

const splitPattern = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/i;

/** One file of a model. */
export interface GgufPart {
  readonly name: string;
  readonly size: number;
  readonly header: GgufHeader;
}

/** Everything the headers tell, for showing and for writing. */
export interface GgufModel {
  readonly index: ModelIndex;
  /** In the order of their numbers; one for a model that is not split. */
  readonly parts: readonly GgufPart[];
}

/** Reads a model, all parts of a split one. Which part was named does not matter. */
export async function readGguf(folder: ModelFolder, name: string): Promise<GgufModel> {
  const problems = new Problems();
  const names = await partNames(folder, name, problems);
  const parts: GgufPart[] = [];
  for (const part of names) {
    try {
      parts.push(await readPart(folder, part, problems));
    } catch (error) {
      if (part === name) throw error;
      problems.add("bad-shard", `Part ${quote(part)} cannot be read: ${toEngineError(error).describe()}`);
    }
  }
  const tensors: TensorInfo[] = [];
  const seen = new Set<string>();
  for (const [file, { header }] of parts.entries()) {
    if (!header.little) problems.add("big-endian", "The file is big-endian (written for s390x); its values cannot be shown.");
    for (const tensor of header.tensors) {
      if (seen.has(tensor.name)) problems.add("duplicate-name", `Tensor ${quote(tensor.name)} is in two parts.`, tensor.name);
      else tensors.push(describe(tensor, file, header.little));
      seen.add(tensor.name);
    }
  }
  const { entries } = parts[0].header;
  const architecture = entries.find((e) => e.key === "general.architecture")?.value;
  checkSplit(parts, problems);
  const index: ModelIndex = {
    format: "gguf",
    path: `${folder.path}/${name}`,
    folder: folder.path,
    files: parts.map((p) => p.name),
    byteLength: parts.reduce((sum, p) => sum + p.size, 0),
    architecture: typeof architecture === "string" ? architecture.slice(0, 200) : "unknown",
    layerCount: 0,
    parameterCount: tensors.reduce((sum, t) => sum + t.elementCount, 0),
    tensors,
    metadata: entries.map((e) => [e.key, valueText(e.value)] as const),
    problems: problems.list(),
  };
  return { index, parts };
}

async function partNames(folder: ModelFolder, name: string, problems: Problems): Promise<string[]> {
  const split = splitPattern.exec(name);
  if (!split) return [name];
  const [, stem, , count] = split;
  const siblings = (await folder.list()).filter((n) => {
    const other = splitPattern.exec(n);
    return other?.[1] === stem && other[3] === count;
  });
  if (siblings.length < Number(count)) {
    problems.add(
      "shard-missing",
      `${siblings.length} of ${Number(count)} parts of the model are in the folder; download the others.`,
    );
  }
  return siblings.includes(name) ? siblings : [name];
}

async function readPart(folder: ModelFolder, name: string, problems: Problems): Promise<GgufPart> {
  const source = await folder.open(name);
  try {
    return { name, size: source.size, header: await readHeader(source, problems) };
  } catch (error) {
    throw error instanceof EngineError ? error : toEngineError(error, { file: source.path });
  } finally {
    await source.close();
  }
}

function checkSplit(parts: readonly GgufPart[], problems: Problems): void {
  const count = number(parts[0].header.entries.find((e) => e.key === "split.count")?.value);
  if (count !== undefined && count > 1 && parts.length === 1 && !splitPattern.test(parts[0].name)) {
    problems.add(
      "shard-missing",
      `This is one of ${count} parts; give the files their original names (…-00001-of-${String(count).padStart(5, "0")}.gguf).`,
    );
  }
}

function number(value: Value | undefined): number | undefined {
  return typeof value === "number" ? value : undefined;
}

function describe(tensor: StoredTensor, file: number, little: boolean): TensorInfo {
  const { name, ne, elementCount, byteLength, type, typeId, offset } = tensor;
  const readable = little && type !== undefined && offset !== undefined;
  return {
    name,
    shape: [...ne].reverse(),
    elementCount,
    encodingLabel: type ? typeLabel(type) : `type ${typeId}`,
    byteLength,
    bitsPerWeight: elementCount ? (8 * byteLength) / elementCount : 0,
    ...(readable && { storage: { encoding: type.encoding, planes: [{ file, offset, byteLength }] } }),
    role: "other",
    group: "",
  };
}
