import type { ModelFolder } from "../../core/bytes";
import type { ModelIndex, TensorInfo, TensorStorage } from "../../core/model";
import { Problems } from "../problems";
import { cut, inNaturalOrder, quote } from "../text";
import { type ModelConfig, configEntries, readConfig } from "./config";
import { dtypes } from "./dtypes";
import { findQuantized, type LogicalTensor } from "./quantized";
import { type PlacedTensor, readStore, type Store } from "./store";

/** Everything the headers tell, for showing and for writing. */
export interface SafetensorsModel {
  readonly index: ModelIndex;
  readonly store: Store;
  readonly logical: readonly LogicalTensor[];
  readonly config?: ModelConfig;
}

export async function readSafetensors(folder: ModelFolder, name: string): Promise<SafetensorsModel> {
  const problems = new Problems();
  const store = await readStore(folder, name, problems);
  const config = await readConfig(folder, problems);
  const logical = await findQuantized(folder, store, config, problems);
  const used = new Set(logical.flatMap((l) => l.parts));
  const taken = new Set(logical.map((l) => l.name));
  const conv1d = usesConv1d(store, config);
  const described: TensorInfo[] = logical.map(describeLogical);
  for (const tensor of store.tensors.values()) {
    if (used.has(tensor.name)) continue;
    if (taken.has(tensor.name))
      problems.add("duplicate-name", `Tensor ${quote(tensor.name)} is stored both plain and quantized.`, tensor.name);
    else described.push(describePlain(tensor, conv1d, problems));
  }
  const tensors = inNaturalOrder(described, (t) => t.name);
  const index: ModelIndex = {
    format: "safetensors",
    path: `${folder.path}/${name}`,
    folder: folder.path,
    files: store.files,
    byteLength: store.sizes.reduce((sum, size) => sum + size, 0),
    architecture: config?.architecture ?? "unknown",
    layerCount: 0,
    parameterCount: tensors.reduce((sum, t) => sum + t.elementCount, 0),
    tensors,
    metadata: [...store.metadata.map(([key, value]) => [key, cut(value)] as const), ...(config ? configEntries(config) : [])],
    problems: problems.list(),
  };
  return { index, store, logical, config };
}

function describeLogical({ name, shape, label, byteLength, storage }: LogicalTensor): TensorInfo {
  const elementCount = shape.reduce((a, b) => a * b, 1);
  const bitsPerWeight = elementCount ? (8 * byteLength) / elementCount : 0;
  return { name, shape, elementCount, encodingLabel: label, byteLength, bitsPerWeight, storage, role: "other", group: "" };
}

function describePlain(tensor: PlacedTensor, conv1d: boolean, problems: Problems): TensorInfo {
  const { name, dtype, elementCount, byteLength } = tensor;
  const transposed = conv1d && isConv1d(tensor);
  return {
    name,
    shape: transposed ? [tensor.shape[1], tensor.shape[0]] : tensor.shape,
    elementCount,
    encodingLabel: dtype.slice(0, 40),
    byteLength,
    bitsPerWeight: elementCount ? (8 * byteLength) / elementCount : 0,
    storage: storageOf(tensor, transposed, problems),
    role: "other",
    group: "",
  };
}

function storageOf(tensor: PlacedTensor, transposed: boolean, problems: Problems): TensorStorage | undefined {
  if (!tensor.range) return undefined;
  const { bits, encoding } = dtypes.get(tensor.dtype)!;
  const columns = tensor.shape.length > 1 ? tensor.elementCount / tensor.shape[0] : tensor.elementCount;
  if (!encoding) {
    problems.add(
      "unsupported-dtype",
      `Tensor ${quote(tensor.name)} holds ${tensor.dtype} (complex) values, which are not shown.`,
      tensor.name,
    );
    return undefined;
  }
  if (tensor.elementCount && (columns * bits) % 8 !== 0) {
    problems.add(
      "partial-byte",
      `The rows of tensor ${quote(tensor.name)} do not fill whole bytes; its values are not shown.`,
      tensor.name,
    );
    return undefined;
  }
  return { encoding, planes: [{ file: tensor.file, ...tensor.range }], ...(transposed && { transposed }) };
}

const conv1dWeight = /(^|\.)(c_attn|q_attn|c_proj|c_fc)\.weight$/;

/** transformers' Conv1D keeps weights as [in][out]: the GPT-2 family, told by its configuration or its fused attention. */
function usesConv1d(store: Store, config: ModelConfig | undefined): boolean {
  if (config?.modelType !== undefined)
    return ["gpt2", "openai-gpt", "imagegpt", "decision_transformer"].includes(config.modelType);
  for (const { name, shape } of store.tensors.values()) {
    if (/(^|\.)c_attn\.weight$/.test(name) && shape.length === 2) return shape[1] === 3 * shape[0];
  }
  return false;
}

function isConv1d({ name, shape }: PlacedTensor): boolean {
  return shape.length === 2 && conv1dWeight.test(name);
}
