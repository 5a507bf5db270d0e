import type { ByteSource, ModelFolder } from "../../core/bytes";
import { EngineError } from "../../core/errors";
import type { ExportForms, ModelIndex, TensorInfo, TensorStorage } from "../../core/model";
import { Problems } from "../problems";
import { cut, quote } from "../text";
import { type Located, locate, ValueReader } from "./constants";
import { type Consumer, consumersOf, isParameterOnly, isWeightInput, storedOrder } from "./consumers";
import { ModelFiles } from "./files";
import { exportForms } from "./forms";
import { groupOf } from "./groups";
import type { OnnxModel, Weight } from "./model";
import { blockOpset, opsetChange } from "./opsets";
import { buildNetwork, type Constant, type Value } from "./network";
import { parseModel } from "./parse";
import { dequantizedViews } from "./quantized";
import { requantizable } from "./requantize";
import type { ModelProto } from "./proto";

/**
 * Integers are weights only when an operator takes them as weights, or when there are so many that a person should see where
 * the bytes are (masks, tables); below that they are shapes, axes and indices.
 */
const mostSettings = 256;

/** Reads an ONNX file's header. `source` is the file `name` in `folder`, and stays the caller's to close. */
export async function readModel(folder: ModelFolder, name: string, source: ByteSource): Promise<OnnxModel> {
  const proto = await parseModel(source);
  if (!proto.graph)
    throw new EngineError("malformed", "The file has no graph; it is empty or not an ONNX model.", { file: source.path });
  const network = buildNetwork(proto);
  const files = new ModelFiles(folder, source, name);
  const located: Located[] = [];
  const byValue = new Map<Value, Located>();
  for (const constant of network.constants) {
    const found = await locate(constant, files);
    located.push(found);
    if (constant.value.constant === constant) byValue.set(constant.value, found);
  }
  const known = new Map<Value, readonly Consumer[]>();
  const consumers = (value: Value) => {
    let list = known.get(value);
    if (!list) known.set(value, (list = consumersOf(value, network)));
    return list;
  };
  const dequantized = await dequantizedViews({
    network,
    values: new ValueReader(files),
    located: (value) => byValue.get(value),
    transposed: (value) => byValue.get(value)?.dims.length === 2 && orderOf(consumers(value)) === "in-out",
    convolution: (value) => isConvolution(consumers(value)),
  }).finally(() => files.close());
  return { proto, network, files, located, consumers, blockOpset: opsetChange(proto, network, blockOpset), ...dequantized };
}

/** Names that exporters give to every graph. */
const exporterNames = /^(main|main_graph|graph|model|torch[-_]jit[-_]export|tf2onnx|spox_graph)$/i;

/** What the graph is called; its exporter's name says nothing of the network (it is among the metadata). */
function architectureOf({ graph }: ModelProto): string {
  const name = graph!.name;
  return !name || exporterNames.test(name) ? "unknown" : name;
}

/** Header of `name` in `folder` as a ModelIndex. What is wrong with single tensors is in `problems`. */
export async function readIndex(folder: ModelFolder, name: string): Promise<ModelIndex> {
  const source = await folder.open(name);
  try {
    const model = await readModel(folder, name, source);
    const problems = new Problems();
    for (const duplicate of model.network.duplicates)
      problems.add("duplicate-name", `The name of ${quote(duplicate)} is used twice.`, duplicate);
    const tensors: TensorInfo[] = [];
    let parameterCount = 0;
    const values = new ValueReader(model.files);
    for (const listed of weightsOf(model)) {
      const tensor = await describe(model, listed, values, problems);
      tensors.push(tensor);
      if (listed.isParameter) parameterCount += tensor.elementCount;
    }
    reportOverlaps(model, problems);
    const { proto, files } = model;
    return {
      format: "onnx",
      path: source.path,
      folder: folder.path,
      files: files.names,
      byteLength: files.sizes.reduce((sum, size) => sum + size, 0),
      architecture: architectureOf(proto),
      layerCount: 0,
      parameterCount,
      tensors,
      metadata: metadataOf(proto),
      problems: problems.list(),
    };
  } finally {
    await source.close();
  }
}

/** The constants that are shown as tensors, in the order in which the graph uses them. */
export function weightsOf(model: OnnxModel): Weight[] {
  const parameters = new Set<Value>();
  for (const view of model.views.values()) if ("parameters" in view) view.parameters.forEach((p) => parameters.add(p));
  const weights: (Weight & { order: number })[] = [];
  for (const located of model.located) {
    const { value } = located.constant;
    const viewed = model.views.get(value);
    const view = viewed && "layout" in viewed ? viewed : undefined;
    if (parameters.has(value) || (!view && isParameterOnly(value))) continue;
    const consumers = model.consumers(value);
    const asWeight = view !== undefined || (located.dims.length > 1 && consumers.some(isWeightInput));
    if (!isShown(located, asWeight, consumers)) continue;
    const kind = located.type?.kind;
    const isParameter = asWeight || kind === "float" || kind === "complex";
    weights.push({ located, view, consumers, isParameter, order: placeOf(value, consumers) });
  }
  return weights.sort((a, b) => (a.order === b.order ? 0 : a.order - b.order));
}

/** Where a constant stands in the order of the graph: at its first operator or, for one inside a function, at the call. */
function placeOf(value: Value, consumers: readonly Consumer[]): number {
  const first = consumers.find((c) => !c.node.scope.fn || c.node.scope.fn === value.scope.fn)?.node.order;
  return first ?? value.uses[0]?.node.order ?? Infinity;
}

/** Operators whose parameters may have one element: a layer with one output has a bias of one. Elsewhere it is a setting. */
const layers = new Set([
  "Conv",
  "ConvTranspose",
  "Gemm",
  "PRelu",
  "BatchNormalization",
  "InstanceNormalization",
  "LayerNormalization",
  "GroupNormalization",
  "RMSNormalization",
  "LSTM",
  "GRU",
  "RNN",
]);

function isShown({ count, type }: Located, asWeight: boolean, consumers: readonly Consumer[]): boolean {
  if (asWeight || !type) return true;
  if (type.kind === "integer" || type.kind === "bool" || type.kind === "string") return count > mostSettings;
  return count !== 1 || consumers.some((c) => layers.has(c.node.proto.opType));
}

async function describe(model: OnnxModel, weight: Weight, values: ValueReader, problems: Problems): Promise<TensorInfo> {
  const { located, view, consumers } = weight;
  const { value, name } = located.constant;
  const transposed = view ? view.layout.codeOrder === "in-out" : located.dims.length === 2 && orderOf(consumers) === "in-out";
  const dims = [...(view?.dims ?? located.dims)];
  if (transposed) dims.reverse();
  const range = !view && located.type?.scalar ? await values.range(located) : undefined;
  let storage: TensorStorage | undefined;
  if (view) storage = { encoding: "affine", planes: view.planes, affine: view.layout };
  else if (range && "problem" in range) problems.add(range.problem.code, range.problem.message, name);
  else if (range) storage = { encoding: located.type!.scalar!, planes: [range], ...(transposed ? { transposed } : {}) };
  if (located.problem) problems.add(located.problem.code, located.problem.message, name);
  const viewed = model.views.get(value);
  if (viewed && "problem" in viewed) problems.add(viewed.problem.code, viewed.problem.message, name);
  const orders = new Set(consumers.map(storedOrder).filter((order) => order !== undefined));
  if (orders.size > 1 && located.dims.length === 2) {
    problems.add(
      "shared-transposed",
      "The matrix is used both as it is and transposed; it is shown as its first use takes it.",
      name,
    );
  }
  if (model.disagreeing.has(value)) {
    problems.add("scales-disagree", "The codes are used with different scales; they are shown with the first.", name);
  }
  const elementCount = dims.reduce((a, b) => a * b, 1);
  const byteLength = view?.byteLength ?? located.byteLength;
  const nodeName = consumers.find((c) => c.node.proto.name)?.node.proto.name;
  return {
    name,
    shape: dims,
    elementCount: located.count === 0 ? 0 : elementCount,
    encodingLabel: view?.label ?? located.label,
    byteLength,
    bitsPerWeight: located.count > 0 ? (8 * byteLength) / elementCount : 0,
    storage,
    role: "other",
    group: groupOf(name, consumers),
    consumerName: nodeName,
    consumers: [...new Set(consumers.map((c) => c.node.proto.opType))].slice(0, 16),
    exportForms: formsOf(model, weight),
  };
}

/** What exports can make of a weight. */
export function formsOf(model: OnnxModel, weight: Weight): ExportForms | undefined {
  const { located, consumers, replaced } = replaceable(model, weight);
  return exportForms({
    proto: model.proto,
    located,
    consumers,
    quantized: replaced ? "again" : model.views.has(located.constant.value),
    blockOpset: model.blockOpset,
  });
}

/** The weight as an export takes it: floats, where it is quantized in a way that can be undone. */
export const replaceable = (model: OnnxModel, weight: Weight): Weight => requantizable(model, weight) ?? weight;

/** The order of the first use that tells. */
export function orderOf(consumers: readonly Consumer[]): "out-in" | "in-out" | undefined {
  for (const consumer of consumers) {
    const order = storedOrder(consumer);
    if (order) return order;
  }
  return undefined;
}

/** As the engine decides which dimensions of a tensor form a row. */
const isConvolution = (consumers: readonly Consumer[]) =>
  consumers.length === 0 || consumers.some((c) => c.node.proto.opType.includes("Conv"));

/** Two tensors may be one (the same range); ranges that overlap otherwise are a broken file. */
function reportOverlaps(model: OnnxModel, problems: Problems): void {
  const ranges: { constant: Constant; file: number; offset: number; end: number }[] = [];
  for (const { constant, data } of model.located) {
    if (data && "file" in data && data.file > 0 && data.byteLength > 0) {
      ranges.push({ constant, file: data.file, offset: data.offset, end: data.offset + data.byteLength });
    }
  }
  ranges.sort((a, b) => a.file - b.file || a.offset - b.offset || a.end - b.end);
  let last = ranges[0];
  for (const range of ranges.slice(1)) {
    const same = range.file === last.file && range.offset === last.offset && range.end === last.end;
    if (!same && range.file === last.file && range.offset < last.end) {
      const name = range.constant.name;
      problems.add(
        "overlapping-tensors",
        `The external data of ${quote(name)} overlaps that of ${quote(last.constant.name)}.`,
        name,
      );
    }
    if (range.file !== last.file || range.end > last.end) last = range;
  }
}

function metadataOf(proto: ModelProto): [string, string][] {
  const entries: [string, string | number | undefined][] = [
    ["ir_version", proto.irVersion],
    ...proto.opsetImport.map((o): [string, number] => [`opset ${o.domain || "ai.onnx"}`, o.version]),
    ["producer_name", proto.producerName],
    ["producer_version", proto.producerVersion],
    ["graph", proto.graph!.name],
    ["domain", proto.domain],
    ["model_version", proto.modelVersion || undefined],
    ["doc_string", proto.docString],
    ...proto.metadataProps.map((p): [string, string] => [p.key, p.value]),
  ];
  const shown = entries.filter(([, value]) => value !== undefined && value !== "");
  return shown.slice(0, 1000).map(([key, value]) => [cut(key), cut(String(value))]);
}
