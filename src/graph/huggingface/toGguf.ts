import type { ModelFolder } from "../../core/bytes";
import { EngineError } from "../../core/errors";
import type { ModelIndex, TensorInfo } from "../../core/model";
import { ropeOrder, rowAt } from "../../core/rowOrder";
import { encoding as encodingNamed } from "../../encodings/index";
import type { Assignment, EncodingFacts, ExportTarget, WritePlan } from "../../formats/format";
import { assign } from "../../formats/gguf/assign";
import { metadataText, text, u32, type MetadataEntry } from "../../formats/gguf/metadata";
import { mixes } from "../../formats/gguf/mixes";
import { planNew, type NewTensor } from "../../formats/gguf/writeNew";
import { refuseIncomplete } from "../../formats/problems";
import { HuggingFaceConfig } from "./config";
import { families, familyOf } from "./families";
import type { Family, TensorMapping } from "./family";
import { mapTensors, type Mapped } from "./mapTensors";
import { tokenizerMetadata } from "./tokenizer";

/** An export that changes the container: its layout, and what reads back from it. */
export interface Conversion {
  readonly plan: WritePlan;
  /** Tensors and elements of the written file. */
  readonly tensorCount: number;
  readonly parameterCount: number;
  /** How many go through an encoding. */
  readonly encodedCount: number;
  /** By source name: the encoding that each has in the file. One source tensor becomes one of GGUF; those not named are not written. */
  readonly written: ReadonlyMap<string, string>;
  readonly notes: readonly string[];
}

/** A model whose configuration and tokenizer have been read: any number of layouts can be made of it. */
export interface PreparedConversion {
  /** `target` is a file type of llama-quantize: "f16", "q4_K_M", … */
  plan(target: string, outputName: string, facts: EncodingFacts): Conversion;
  /** Matrices by their source names, and what a uniform target would give them. */
  assign(target: string, facts: EncodingFacts): Assignment[];
  /** One encoding per source tensor; those not named keep a float type. */
  planAssigned(assignments: readonly Assignment[], outputName: string, facts: EncodingFacts): Conversion;
}

const configName = "config.json";
const smallFileLimit = 64 * 1024 * 1024;
const quantizationVersion = 2;

/** GGUF file types that a Hugging Face folder can become. */
export const conversionTargets: readonly ExportTarget[] = mixes.map(({ name, label, description }) => ({ name, label, description }));

/** Why this model cannot become a GGUF, or undefined. Reads nothing but the index. */
export function conversionProblem(index: ModelIndex): string | undefined {
  if (familyOf(index.architecture)) return undefined;
  const known = families.flatMap((f) => f.architectures).join(", ");
  return `${index.architecture} models cannot be written as GGUF yet; these can: ${known}.`;
}

/**
 * A Hugging Face folder on its way to a GGUF: names, metadata, tokenizer, RoPE order. Matrices go through the encodings;
 * vectors are F32, as llama.cpp's converter has it. Throws "unsupported" naming the architecture or the setting that stands
 * in the way, "not-found" for a missing tokenizer.
 */
export async function prepareConversion(folder: ModelFolder, index: ModelIndex): Promise<PreparedConversion> {
  refuseIncomplete(index);
  const problem = conversionProblem(index);
  if (problem) throw new EngineError("unsupported", problem, { file: index.path });
  const family = familyOf(index.architecture)!;
  const config = HuggingFaceConfig.parse(await folder.readText(configName, smallFileLimit), `${folder.path}/${configName}`);
  const tokenizer = await tokenizerOf(folder, config);
  const fixed: MetadataEntry[] = [...family.metadata(config), ...tokenizer.entries];
  const { mapped, notes: mapping } = mapTensors(index, family, config);
  const notes = [...mapping, ...(family.notes?.(config) ?? []), ...tokenizer.notes];
  requireVocabulary(mapped, tokenizer.tokens, index);
  const vectors = new Map<string, Uint8Array>();
  for (const { source, mapping } of mapped) {
    if (source.shape.length < 2 && (mapping.add || mapping.ropeHeads)) {
      vectors.set(mapping.name, await vectorBytes(folder, index, source, mapping));
    }
  }
  const computed = family.computed?.(config) ?? [];
  const view = ggufView(index, family, fixed, mapped);
  const sourceOf = new Map(mapped.map(({ source, mapping }) => [mapping.name, source.name]));

  const layOut = (wanted: ReadonlyMap<string, string>, fileType: number, outputName: string, facts: EncodingFacts) => {
    const metadata: MetadataEntry[] = [
      text("general.architecture", family.ggufArchitecture),
      text("general.type", "model"),
      text("general.name", modelName(folder.path, tokenizer.tokens)),
      u32("general.file_type", fileType),
      u32("general.quantization_version", quantizationVersion),
      ...fixed,
    ];
    const tensors: NewTensor[] = mapped.map(({ source, mapping }, i) => {
      const { name, shape } = view.tensors[i];
      const bytes = vectors.get(name);
      const encoding = wanted.get(name) ?? restingEncoding(view.tensors[i]);
      return { name, shape, encoding, from: bytes ? { bytes } : { tensor: source.name, ropeHeads: mapping.ropeHeads } };
    });
    for (const { name, values } of computed) {
      tensors.push({ name, shape: [values.length], encoding: "f32", from: { bytes: littleEndian(values) } });
    }
    return {
      plan: planNew({ metadata, tensors, outputName, facts }),
      tensorCount: tensors.length,
      parameterCount: tensors.reduce((sum, t) => sum + t.shape.reduce((a, b) => a * b, 1), 0),
      encodedCount: wanted.size,
      written: new Map(mapped.map(({ source }, i) => [source.name, tensors[i].encoding])),
    };
  };

  return {
    plan(target, outputName, facts) {
      const mix = mixes.find((m) => m.name === target);
      if (!mix) throw new EngineError("bad-request", `GGUF has no file type "${target}".`, { file: index.path });
      const assigned = assign(view, target, facts);
      const wanted = new Map(assigned.assignments.map((a) => [a.tensor, a.encoding]));
      return { ...layOut(wanted, mix.fileType, outputName, facts), notes: [...notes, ...assigned.notes] };
    },
    assign: (target, facts) => assign(view, target, facts).assignments.map((a) => ({ ...a, tensor: sourceOf.get(a.tensor)! })),
    planAssigned(assignments, outputName, facts) {
      const bySource = new Map(assignments.map((a) => [a.tensor, a.encoding]));
      const wanted = new Map(mapped.flatMap(({ source, mapping }) => {
        const encoding = bySource.get(source.name);
        return encoding === undefined ? [] : [[mapping.name, encoding] as const];
      }));
      return { ...layOut(wanted, commonFileType(view, wanted), outputName, facts), notes };
    },
  };
}

/** A mix of one's own counts as what most of its weights are, as llama.cpp guesses too. */
function commonFileType(view: ModelIndex, wanted: ReadonlyMap<string, string>): number {
  const elements = new Map<string, number>();
  for (const tensor of view.tensors) {
    const encoding = wanted.get(tensor.name) ?? restingEncoding(tensor);
    elements.set(encoding, (elements.get(encoding) ?? 0) + tensor.elementCount);
  }
  const [most] = [...elements].sort((a, b) => b[1] - a[1])[0] ?? ["f32"];
  return mixes.find((m) => m.base === most)?.fileType ?? 0;
}

/** The model as llama-quantize's rules would see it: GGUF names, architecture and metadata. */
function ggufView(index: ModelIndex, family: Family, metadata: readonly MetadataEntry[], mapped: readonly Mapped[]): ModelIndex {
  return {
    ...index,
    format: "gguf",
    architecture: family.ggufArchitecture,
    metadata: metadata.map((entry) => [entry.key, metadataText(entry)] as const),
    tensors: mapped.map(({ source, mapping }) => ({ ...source, name: mapping.name })),
  };
}

/** Vectors and position tables are F32; matrices that no rule names keep a float type that GGUF has. */
function restingEncoding({ name, shape, storage }: TensorInfo): string {
  if (shape.length < 2 || name === "position_embd.weight") return "f32";
  return storage && ["f32", "f16", "bf16"].includes(storage.encoding) ? storage.encoding : "f32";
}

/** A small vector, read and changed while planning. */
async function vectorBytes(folder: ModelFolder, index: ModelIndex, source: TensorInfo, { add = 0, ropeHeads }: TensorMapping): Promise<Uint8Array> {
  const range = source.storage?.planes[0];
  if (!source.storage || !range || source.storage.planes.length !== 1) {
    throw new EngineError("unsupported", `Values stored as ${source.encodingLabel} cannot be decoded.`, { file: index.path, tensor: source.name });
  }
  let bytes: Uint8Array;
  if ("inline" in range) bytes = range.inline;
  else {
    const file = await folder.open(index.files[range.file]);
    try {
      bytes = await file.read(range.offset, range.byteLength);
    } finally {
      await file.close();
    }
  }
  const values = new Float32Array(source.elementCount);
  encodingNamed(source.storage.encoding).decode([bytes], 1, values.length, values);
  const out = new Float32Array(values.length);
  const order = ropeHeads ? ropeOrder(values.length, ropeHeads) : undefined;
  for (let i = 0; i < values.length; i++) out[order ? rowAt(order, i) : i] = values[i] + add;
  return littleEndian(out);
}

async function tokenizerOf(folder: ModelFolder, config: HuggingFaceConfig) {
  if (!(await folder.exists("tokenizer.json"))) {
    const hint = (await folder.exists("tokenizer.model"))
      ? "Only tokenizer.model is there; save the tokenizer with transformers once to get tokenizer.json."
      : "A GGUF carries its tokenizer.";
    throw new EngineError("not-found", `tokenizer.json is missing beside the model. ${hint}`, { file: folder.path });
  }
  const tokenizer = await folder.readText("tokenizer.json", smallFileLimit);
  const hasConfig = await folder.exists("tokenizer_config.json");
  return tokenizerMetadata(
    { tokenizer, config: hasConfig ? await folder.readText("tokenizer_config.json", smallFileLimit) : undefined, path: `${folder.path}/tokenizer.json` },
    config,
  );
}

/** The folder's name. llama.cpp looks four tokens up in the vocabulary of whatever is called Phi-3, and fails where one is missing. */
function modelName(path: string, tokens: readonly string[]): string {
  const name = path.split(/[/\\]/).filter(Boolean).at(-1) ?? "model";
  const known = new Set(tokens);
  return ["<unk>", "<s>", "</s>", "<|endoftext|>"].every((token) => known.has(token)) ? name : name.replace(/(phi)-?(3)/gi, "$1 $2");
}

/** llama.cpp takes the number of tokens for the embedding's rows. */
function requireVocabulary(mapped: readonly Mapped[], tokens: readonly string[], index: ModelIndex): void {
  const { source } = mapped.find(({ mapping }) => mapping.name === "token_embd.weight")!;
  if (source.shape[0] === tokens.length) return;
  const last = JSON.stringify(tokens[tokens.length - 1]);
  const message = `The embedding has ${source.shape[0]} rows, but config.json and tokenizer.json make ${tokens.length} tokens (the last is ${last}); ` +
    "llama.cpp loads a model only where both agree.";
  throw new EngineError("unsupported", message, { file: index.path, tensor: source.name });
}

function littleEndian(values: Float32Array): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  values.forEach((x, i) => view.setFloat32(4 * i, x, true));
  return bytes;
}
