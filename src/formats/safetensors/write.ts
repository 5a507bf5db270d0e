import type { ModelFolder } from "../../core/bytes";
import { EngineError } from "../../core/errors";
import { packedZerosBytes } from "../arrange";
import type { EncodingFacts, OutputFile, Segment, WritePlan, WriteRequest } from "../format";
import { inNaturalOrder } from "../text";
import { mergeConfig, quantizationConfig, type SchemeGroup } from "./configWriter";
import { inFileOrder, type PlannedTensor, writeHeader } from "./headerWriter";
import { readSafetensors, type SafetensorsModel } from "./read";
import { type Scheme, schemeOf } from "./schemes";
import { indexEnding } from "./shards";
import type { PlacedTensor } from "./store";

/** Configurations are merged as text; the reader has the same limit. */
const largestConfig = 16 * 1024 * 1024;

/** Other copies of the weights, which a quantized folder should not carry. */
const otherWeights = [
  /\.(safetensors|gguf|onnx|onnx_data|h5|msgpack|ckpt|pth?|tflite)$/,
  /\.safetensors\.index\.json$/,
  /^pytorch_model.*\.bin(\.index\.json)?$/,
];

/** Where an output tensor's bytes come from; the offset is filled in by the layout. */
type Content = (offset: number) => Segment;

interface OutputTensor extends PlannedTensor {
  readonly content: Content;
}

/**
 * compressed-tensors "pack-quantized": `<module>.weight` of each assigned tensor becomes `weight_packed`, `weight_scale`,
 * `weight_shape` and, where asymmetric, `weight_zero_point`; everything else is copied. One output shard per source shard.
 */
export async function planWrite({ folder, index, assignments, outputName, facts }: WriteRequest): Promise<WritePlan> {
  const name = index.path.slice(index.folder.length + 1);
  const model = await readSafetensors(folder, name);
  const encodings = new Map(assignments.map((a) => [a.tensor, a.encoding]));
  const perFile = planTensors(model, encodings, facts, index.path);
  const stem = outputName.endsWith(indexEnding)
    ? outputName.slice(0, -indexEnding.length)
    : outputName.replace(/\.safetensors$/i, "");
  const sharded = model.store.files.length > 1;
  const names = model.store.files.map((_, i) =>
    sharded ? `${stem}-${count(i + 1)}-of-${count(model.store.files.length)}.safetensors` : outputName,
  );
  const weights = perFile.map((tensors, i) => layOut(names[i], tensors, metadataOf(model, i)));
  const notes: string[] = [];
  const files: OutputFile[] = sharded ? [shardIndex(stem + indexEnding, perFile, names), ...weights] : weights;
  files.push(await configFile(folder, model, encodings, notes));
  files.push(...(await carriedFiles(folder, model, new Set(files.map((f) => f.name)), notes)));
  return { files, notes };
}

const count = (n: number) => String(n).padStart(5, "0");

/** The output tensors of each source file, in file order. */
function planTensors(
  model: SafetensorsModel,
  encodings: ReadonlyMap<string, string>,
  facts: EncodingFacts,
  path: string,
): OutputTensor[][] {
  const { store, logical, index } = model;
  const perFile: OutputTensor[][] = store.files.map(() => []);
  const infos = new Map(index.tensors.map((t) => [t.name, t]));
  const replaced = new Set<string>();
  for (const [name, encoding] of encodings) {
    const info = infos.get(name);
    const scheme = schemeOf(encoding);
    const source = logical.find((l) => l.name === name);
    const stored = store.tensors.get(source?.parts[0] ?? name);
    if (!info?.storage || !stored)
      throw new EngineError("bad-request", "The model has no such weight that could be encoded.", { file: path, tensor: name });
    if (!scheme || info.shape.length !== 2 || info.storage.transposed || !name.endsWith(".weight")) {
      throw new EngineError("bad-request", `compressed-tensors cannot store this tensor as ${encoding}; leave it as it is.`, {
        file: path,
        tensor: name,
      });
    }
    for (const part of source?.parts ?? [name]) replaced.add(part);
    perFile[stored.file].push(...packedTensors(name.slice(0, -".weight".length), info.shape, encoding, scheme, facts));
  }
  const left = logical.find((l) => !encodings.has(l.name));
  if (left && encodings.size) {
    throw new EngineError(
      "unsupported",
      "The model is quantized already and this weight would keep its old form, which one configuration cannot say.",
      {
        file: path,
        tensor: left.name,
      },
    );
  }
  for (const tensor of store.tensors.values()) {
    if (!replaced.has(tensor.name)) perFile[tensor.file].push(copied(tensor, store.files, path));
  }
  return perFile.map(inFileOrder);
}

function copied({ name, dtype, shape, range, file }: PlacedTensor, files: readonly string[], path: string): OutputTensor {
  if (!range)
    throw new EngineError("malformed", "The file is damaged at this tensor and cannot be exported; download it again.", {
      file: path,
      tensor: name,
    });
  const { offset: sourceOffset, byteLength } = range;
  return {
    name,
    dtype,
    shape,
    byteLength,
    content: (offset) => ({ kind: "copy", offset, byteLength, source: files[file], sourceOffset }),
  };
}

function packedTensors(
  module: string,
  shape: readonly number[],
  encoding: string,
  scheme: Scheme,
  facts: EncodingFacts,
): OutputTensor[] {
  const [rows, columns] = shape;
  const { bits, group, asymmetric, scaleDtype } = scheme;
  const tensor = `${module}.weight`;
  const words = Math.ceil((columns * bits) / 32);
  const groups = group ? columns / group : 1;
  const bytes = facts.planeBytes(encoding, rows, columns);
  const scaleBytes = rows * groups * (scaleDtype === "F32" ? 4 : 2);
  if (
    !Number.isInteger(groups) ||
    bytes[0] !== rows * words * 4 ||
    bytes[1] !== scaleBytes ||
    (asymmetric && bytes[2] !== rows * groups)
  ) {
    throw new EngineError(
      "bad-request",
      `Rows of ${columns} weights do not divide into groups of ${group}; leave the tensor as it is.`,
      { tensor },
    );
  }
  const plane =
    (index: number, byteLength: number, arrangement: Extract<Segment, { kind: "plane" }>["arrangement"]): Content =>
    (offset) => ({ kind: "plane", offset, byteLength, tensor, encoding, plane: index, arrangement });
  const shapeBytes = new Uint8Array(new BigInt64Array([BigInt(rows), BigInt(columns)]).buffer);
  const tensors: OutputTensor[] = [
    {
      name: `${module}.weight_packed`,
      dtype: "I32",
      shape: [rows, words],
      byteLength: bytes[0],
      content: plane(0, bytes[0], "rows"),
    },
    {
      name: `${module}.weight_scale`,
      dtype: scaleDtype,
      shape: [rows, groups],
      byteLength: scaleBytes,
      content: plane(1, scaleBytes, "rows"),
    },
    {
      name: `${module}.weight_shape`,
      dtype: "I64",
      shape: [2],
      byteLength: 16,
      content: (offset) => ({ kind: "bytes", offset, bytes: shapeBytes }),
    },
  ];
  if (asymmetric) {
    const byteLength = packedZerosBytes(rows, groups, bits);
    tensors.push({
      name: `${module}.weight_zero_point`,
      dtype: "I32",
      shape: [Math.ceil((rows * bits) / 32), groups],
      byteLength,
      content: plane(2, byteLength, bits === 4 ? "pack-4-bit-zeros-along-rows" : "pack-8-bit-zeros-along-rows"),
    });
  }
  return tensors;
}

/** transformers refuses files that do not say which framework's layout they have. */
function metadataOf({ store }: SafetensorsModel, file: number): (readonly [string, string])[] {
  const own = store.fileMetadata[file];
  return own.some(([key]) => key === "format") ? [...own] : [["format", "pt"], ...own];
}

function layOut(name: string, tensors: readonly OutputTensor[], metadata: readonly (readonly [string, string])[]): OutputFile {
  const header = writeHeader(tensors, metadata);
  const segments: Segment[] = [{ kind: "bytes", offset: 0, bytes: header }];
  let offset = header.length;
  for (const tensor of tensors) {
    segments.push(tensor.content(offset));
    offset += tensor.byteLength;
  }
  return { name, byteLength: offset, segments };
}

function bytesFile(name: string, text: string): OutputFile {
  const bytes = new TextEncoder().encode(text);
  return { name, byteLength: bytes.length, segments: [{ kind: "bytes", offset: 0, bytes }] };
}

function shardIndex(name: string, perFile: readonly OutputTensor[][], names: readonly string[]): OutputFile {
  const map = perFile.flatMap((tensors, i) => tensors.map((t) => [t.name, names[i]] as const));
  map.sort(([a], [b]) => (a < b ? -1 : 1));
  const size = perFile.flat().reduce((sum, t) => sum + t.byteLength, 0);
  return bytesFile(name, JSON.stringify({ metadata: { total_size: size }, weight_map: Object.fromEntries(map) }, null, 2) + "\n");
}

/** The source's config.json with what was done; without one, a config.json that says only that. */
async function configFile(
  folder: ModelFolder,
  model: SafetensorsModel,
  encodings: ReadonlyMap<string, string>,
  notes: string[],
): Promise<OutputFile> {
  const groups = new Map<string, { scheme: Scheme; modules: string[] }>();
  for (const [tensor, encoding] of encodings) {
    const scheme = schemeOf(encoding)!;
    // The scales' type is the parameter's, not part of the scheme.
    const key = `${scheme.bits} ${scheme.group} ${scheme.asymmetric}`;
    const module = tensor.slice(0, -".weight".length);
    const group = groups.get(key);
    if (group) group.modules.push(module);
    else groups.set(key, { scheme, modules: [module] });
  }
  const kept = model.index.tensors.filter((t) => t.shape.length === 2 && t.name.endsWith(".weight") && !encodings.has(t.name));
  // Naming an embedding among the ignored does no harm: only Linear modules are looked up.
  const modules = new Set(["lm_head", ...kept.map((t) => t.name.slice(0, -".weight".length))]);
  const ignore = inNaturalOrder([...modules], (name) => name);
  const quantization = quantizationConfig([...groups.values()] satisfies SchemeGroup[], ignore);
  if (!model.config) {
    notes.push("The model has no config.json: the written one says only how the weights are quantized.");
    return bytesFile("config.json", JSON.stringify({ quantization_config: quantization }, null, 2) + "\n");
  }
  return bytesFile("config.json", mergeConfig(await folder.readText("config.json", largestConfig), quantization));
}

/** Tokenizer, generation settings, licence …: every plain file of the folder but other weights and hidden files. */
async function carriedFiles(
  folder: ModelFolder,
  { store }: SafetensorsModel,
  written: ReadonlySet<string>,
  notes: string[],
): Promise<OutputFile[]> {
  const files: OutputFile[] = [];
  const left: string[] = [];
  const own = new Set<string>([...store.shards.files, store.shards.indexName ?? ""]);
  for (const name of await folder.list()) {
    if (written.has(name) || own.has(name) || name.startsWith(".")) continue;
    if (otherWeights.some((pattern) => pattern.test(name.toLowerCase()))) {
      left.push(name);
      continue;
    }
    const byteLength = await folder.size(name);
    files.push({
      name,
      byteLength,
      segments: byteLength ? [{ kind: "copy", offset: 0, byteLength, source: name, sourceOffset: 0 }] : [],
    });
  }
  if (left.length)
    notes.push(
      `Other weights in the folder were not carried over: ${left.slice(0, 3).join(", ")}${left.length > 3 ? ", …" : ""}.`,
    );
  return files;
}
