import type { ModelFolder } from "../../core/bytes";
import { EngineError } from "../../core/errors";
import type { Assignment, EncodingFacts, OutputFile, Segment, WritePlan, WriteRequest } from "../format";
import { refuseIncomplete } from "../problems";
import { counted } from "../text";
import { isQuantized, keptModules } from "./assign";
import { companionsOf } from "./companions";
import { mergeConfig, quantizationConfig } from "./configWriter";
import { inFileOrder, writeHeader } from "./headerWriter";
import { type EncodedModule, moduleTensors, type OutputTensor } from "./moduleParts";
import { Constants } from "./quantized/parts";
import { planesKey } from "./quantized/planeNames";
import { planesStatement } from "./quantized/planes";
import { readSafetensors, type SafetensorsModel } from "./read";
import { type QuantMethod, type Scheme, type SchemeGroup, schemeOf } from "./schemes";
import { indexEnding } from "./shards";
import type { PlacedTensor } from "./store";

/** Configurations are merged as text; the reader has the same limit. */
const largestConfig = 16 * 1024 * 1024;

/** An assigned weight. */
interface Encoded extends EncodedModule {
  /** Source file, and number of the output file. */
  readonly file: number;
  /** Stored tensors that it replaces. */
  readonly parts: readonly string[];
}

/**
 * `<module>.weight` of each assigned tensor becomes the tensors of its encoding's layout (moduleParts.ts); everything else is
 * copied. One output shard per source shard.
 */
export async function planWrite({ folder, index, assignments, outputName, facts }: WriteRequest): Promise<WritePlan> {
  const name = index.path.slice(index.folder.length + 1);
  const model = await readSafetensors(folder, name);
  refuseIncomplete(model.index);
  const encoded = encodedWeights(model, assignments);
  const method = methodOf(encoded, index.path);
  const perFile = planTensors(model, encoded, facts);
  const stem = outputName.endsWith(indexEnding)
    ? outputName.slice(0, -indexEnding.length)
    : outputName.replace(/\.safetensors$/i, "");
  const sharded = model.store.files.length > 1;
  const names = model.store.files.map((_, i) =>
    sharded ? `${stem}-${count(i + 1)}-of-${count(model.store.files.length)}.safetensors` : outputName,
  );
  const weights = perFile.map((tensors, i) => layOut(names[i], tensors, metadataOf(model, i, encoded)));
  const notes = again(model, encoded);
  const files: OutputFile[] = sharded ? [shardIndex(stem + indexEnding, perFile, names), ...weights] : weights;
  files.push(await configFile(folder, model, { method, encoded, notes }));
  files.push(...(await carriedFiles(folder, model, new Set(files.map((f) => f.name)), notes)));
  return { files, notes };
}

const count = (n: number) => String(n).padStart(5, "0");

function encodedWeights({ store, logical, index }: SafetensorsModel, assignments: readonly Assignment[]): Encoded[] {
  const infos = new Map(index.tensors.map((t) => [t.name, t]));
  const stored = new Map(logical.map((l) => [l.name, l.parts]));
  return assignments.map(({ tensor, encoding }) => {
    const info = infos.get(tensor);
    const parts = stored.get(tensor) ?? [tensor];
    const file = store.tensors.get(parts[0])?.file;
    const scheme = schemeOf(encoding);
    const place = { file: index.path, tensor };
    if (!info?.storage || file === undefined)
      throw new EngineError("bad-request", "The model has no such weight that could be encoded.", place);
    if (!scheme || info.shape.length !== 2 || info.storage.transposed || !tensor.endsWith(".weight"))
      throw new EngineError("bad-request", `safetensors cannot store this tensor as ${encoding}; leave it as it is.`, place);
    return { module: tensor.slice(0, -".weight".length), shape: info.shape, encoding, scheme, file, parts };
  });
}

/** The configuration names one method for the whole model. */
function methodOf(encoded: readonly Encoded[], file: string): QuantMethod {
  const [first, ...others] = encoded;
  const other = others.find(({ scheme }) => scheme.method !== first.scheme.method);
  if (other)
    throw new EngineError(
      "bad-request",
      `${first.encoding} and ${other.encoding} cannot be in one model, as its configuration names one of ` +
        `${first.scheme.method} and ${other.scheme.method}; choose encodings of one of them.`,
      { file, tensor: `${other.module}.weight` },
    );
  if (first?.scheme.method === "awq") {
    const group = others.find(({ scheme }) => scheme.group !== first.scheme.group);
    if (group)
      throw new EngineError("bad-request", `AWQ has one group size for the whole model; choose ${first.encoding} here too.`, {
        file,
        tensor: `${group.module}.weight`,
      });
  }
  return first?.scheme.method ?? "compressed-tensors";
}

function again({ index }: SafetensorsModel, encoded: readonly Encoded[]): string[] {
  const quantized = new Set(index.tensors.flatMap((t) => (isQuantized(t.storage?.encoding) ? [t.name] : [])));
  const count = encoded.filter(({ module }) => quantized.has(`${module}.weight`)).length;
  const who = counted(count, "matrix is quantized already and loses", "matrices are quantized already and lose");
  return count ? [`${who} again; a 16-bit source gives a better result.`] : [];
}

/** The output tensors of each source file, in file order. */
function planTensors(
  { store, logical, index }: SafetensorsModel,
  encoded: readonly Encoded[],
  facts: EncodingFacts,
): OutputTensor[][] {
  const perFile: OutputTensor[][] = store.files.map(() => []);
  const replaced = new Set<string>();
  const constants = new Constants();
  for (const weight of encoded) {
    for (const part of weight.parts) replaced.add(part);
    perFile[weight.file].push(...moduleTensors(weight, facts, constants));
  }
  const left = logical.find((l) => !replaced.has(l.parts[0]));
  if (left && encoded.length) {
    throw new EngineError(
      "unsupported",
      "The model is quantized already and this weight would keep its old form, which one configuration cannot say.",
      { file: index.path, tensor: left.name },
    );
  }
  for (const tensor of store.tensors.values()) {
    if (!replaced.has(tensor.name)) perFile[tensor.file].push(copied(tensor, store.files, index.path));
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

/** transformers refuses files that do not say which framework's layout they have. */
function metadataOf({ store }: SafetensorsModel, file: number, encoded: readonly Encoded[]): (readonly [string, string])[] {
  const own = store.fileMetadata[file].filter(([key]) => key !== planesKey || !encoded.length);
  const here = encoded.filter((e) => e.file === file && e.scheme.layout === "planes");
  const statement = planesStatement(
    here.map(({ module, encoding, shape }) => [`${module}.weight`, { encoding, shape: [shape[0], shape[1]] }]),
  );
  return [
    ...(own.some(([key]) => key === "format") ? [] : [["format", "pt"] as const]),
    ...own,
    ...(here.length ? [[planesKey, statement] as const] : []),
  ];
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
  { config, index }: SafetensorsModel,
  { method, encoded, notes }: { method: QuantMethod; encoded: readonly Encoded[]; notes: string[] },
): Promise<OutputFile> {
  const groups = new Map<string, { scheme: Scheme; modules: string[] }>();
  for (const { module, scheme } of encoded) {
    // The scales' type is the parameter's, not part of the scheme.
    const { layout, bits, group, asymmetric } = scheme;
    const key = `${layout} ${bits} ${group} ${asymmetric}`;
    const same = groups.get(key);
    if (same) same.modules.push(module);
    else groups.set(key, { scheme, modules: [module] });
  }
  const kept = keptModules(index, new Set(encoded.map(({ module }) => module)));
  const quantization = quantizationConfig(method, { groups: [...groups.values()] satisfies SchemeGroup[], ...kept });
  if (!config) {
    notes.push("The model has no config.json: the written one says only how the weights are quantized.");
    return bytesFile("config.json", JSON.stringify({ quantization_config: quantization }, null, 2) + "\n");
  }
  return bytesFile("config.json", mergeConfig(await folder.readText("config.json", largestConfig), quantization));
}

/** Tokenizer, generation settings, licence …: what belongs to the model (companions.ts). */
async function carriedFiles(
  folder: ModelFolder,
  { store }: SafetensorsModel,
  written: ReadonlySet<string>,
  notes: string[],
): Promise<OutputFile[]> {
  const own = [...store.shards.files, ...(store.shards.indexName ? [store.shards.indexName] : [])];
  const { files, left } = await companionsOf(folder, new Set([...written, ...own]));
  if (left.length) {
    const names = left.slice(0, 3).join(", ") + (left.length > 3 ? ", …" : "");
    const what = left.length === 1 ? "1 other file" : `${left.length} other files`;
    notes.push(`${what} of the folder ${left.length === 1 ? "was" : "were"} not carried over: ${names}.`);
  }
  return files.map(({ name, byteLength }) => ({
    name,
    byteLength,
    segments: byteLength ? [{ kind: "copy", offset: 0, byteLength, source: name, sourceOffset: 0 }] : [],
  }));
}
