import type { ExportForm, ExportForms } from "../../core/model";
import type { Located } from "./constants";
import { type Consumer, isWeightInput, mostConsumers, storedOrder } from "./consumers";
import { attributeOf, defaultOpset, functionOf, type GraphNode, intAttribute, isDefaultDomain, isMicrosoft, outputOf, type Value } from "./network";
import { blockOpset as blockVersion, channelOpset, type OpsetChange } from "./opsets";
import type { ModelProto } from "./proto";

export interface FormContext {
  readonly proto: ModelProto;
  readonly located: Located;
  readonly consumers: readonly Consumer[];
  /** Shown dequantized: its codes stay as they are, or ("again") are seen as floats that can be quantized again. */
  readonly quantized: boolean | "again";
  /** What it takes to have DequantizeLinear per block. */
  readonly blockOpset: OpsetChange;
}

const floats = new Map([
  [1, "f32"],
  [10, "f16"],
  [16, "bf16"],
] as const);

/** What exports can make of a weight; undefined for tensors that no operator takes as one. */
export function exportForms(context: FormContext): ExportForms | undefined {
  const forms: { -readonly [F in keyof ExportForms]: ExportForms[F] } = {};
  const { type, dims } = context.located;
  const common = keptAnyway(context);
  type Type = "f32" | "f16" | "bf16" | undefined;
  // The first reason counts; later ones presume that the earlier hold.
  const form = (kept: () => string | undefined, scaleType: () => Type): ExportForm => {
    const why = common ?? kept();
    return why === undefined ? { scaleType: scaleType()! } : { kept: why };
  };
  const stored = () => floats.get(type?.id as 1);
  const computed = () => computedType(context);
  if (context.quantized === "again" && context.consumers.every(isBlockProduct)) {
    forms.MatMulNBits = form(() => keptFromBlocks(context), computed);
  } else if (isProductWeight(context)) {
    forms.MatMulNBits = form(() => keptFromBlocks(context), computed);
    forms.QDQ = form(() => keptFromQdq(context), stored);
    forms.BlockQDQ = form(() => keptFromBlockQdq(context), stored);
  } else if (isTable(context)) {
    forms.GatherBlockQuantized = form(() => keptFromGather(context), computed);
  }
  if (type?.id === 1 && !context.quantized && dims.length > 1 && context.consumers.some(isWeightInput)) {
    const isOld = defaultOpset(context.proto) < 6;
    forms.F16 = form(() => (isOld ? "Cast is written otherwise in this version of ONNX" : undefined), stored);
  }
  return Object.keys(forms).length ? forms : undefined;
}

/** Is it a weight of MatMul, Gemm or Conv? */
const isProductWeight = ({ consumers, located }: FormContext) =>
  consumers.some(
    ({ node, input }) =>
      isDefaultDomain(node.proto.domain) &&
      ((["MatMul", "Gemm"].includes(node.proto.opType) && located.dims.length === 2 && input < 2) ||
        (node.proto.opType === "Conv" && input === 1)),
  );

/** Does Gather look rows up in it? */
const isTable = ({ consumers, located }: FormContext) =>
  located.dims.length === 2 && floats.has(located.type?.id as 1) && consumers.some(isLookUp);

const isLookUp = ({ node, input }: Consumer) =>
  input === 0 &&
  ((isDefaultDomain(node.proto.domain) && node.proto.opType === "Gather") ||
    (isMicrosoft(node.proto.domain) && node.proto.opType === "GatherBlockQuantized"));

const isBlockProduct = ({ node, input }: Consumer) => isMicrosoft(node.proto.domain) && node.proto.opType === "MatMulNBits" && input === 1;

/** What keeps a weight as it is whatever the form. */
function keptAnyway({ located, consumers, quantized }: FormContext): string | undefined {
  const { type, problem } = located;
  const { value, origin } = located.constant;
  const fn = functionOf(value.scope);
  if (quantized === true) return "it is quantized already, and its codes serve operators that would have to change with it";
  if (problem || !type || located.count === 0) return "its values cannot be read";
  if (!floats.has(type.id as 1)) return `it is stored as ${type.name}`;
  if (value.isAmbiguous) return "another constant has the same name";
  if (fn && consumers.some((c) => functionOf(c.node.scope) !== fn)) return calledWith;
  if (fn && consumers.some((c) => c.node.proto.attribute.some((a) => a.refAttrName))) return "the caller of its function decides how it is used";
  if (origin.kind !== "initializer" && origin.kind !== "node") return "it is not stored as a tensor";
  if (consumers.length >= mostConsumers) return "too many operators use it";
  if (consumers.some((c) => c.through.some((n) => n.proto.opType === "QuantizeLinear")))
    return "it is quantized while the model runs";
  return undefined;
}

/** A function may be called with other weights too, so its operators stay what they are. */
const calledWith = "it is handed to a local function, whose other calls share its operators; inline the functions first (onnx.inliner), or choose QDQ";

const isHandedOver = ({ consumers, located }: FormContext) =>
  consumers.some((c) => functionOf(c.node.scope) !== functionOf(located.constant.value.scope));

/** Functions say themselves which version they are written in, and stay in it. */
function keptByFunction({ located }: FormContext, version: number): string | undefined {
  const fn = functionOf(located.constant.value.scope);
  if (!fn || defaultOpset(fn) >= version) return undefined;
  return `its function is written for version ${defaultOpset(fn)} of the operator set, and version ${version} is needed`;
}

function keptFromBlocks(context: FormContext): string | undefined {
  const { consumers, located } = context;
  const { value } = located.constant;
  if (located.dims.length !== 2) return "MatMulNBits takes matrices only";
  if (value.isOutput) return "it is an output of the graph";
  if (isHandedOver(context)) return calledWith;
  const orders = new Set<string | undefined>();
  for (const consumer of consumers) {
    const why = keptFromProduct(consumer, context.proto);
    if (why) return why;
    orders.add(storedOrder(consumer));
  }
  if (orders.size !== 1 || orders.has(undefined)) return "it is used both as it is and transposed";
  if (computedType(context) === undefined) return "it is converted to types that MatMulNBits does not compute in";
  return undefined;
}

/** Why a single use cannot become MatMulNBits. */
function keptFromProduct(consumer: Consumer, proto: ModelProto): string | undefined {
  const { node, input, through } = consumer;
  const { opType } = node.proto;
  if (isBlockProduct(consumer)) return undefined;
  if (!isDefaultDomain(node.proto.domain) || (opType !== "MatMul" && opType !== "Gemm")) return `${opType} uses it as well`;
  if (input !== 1) return "it is the first factor of a product";
  if (node.proto.input.length > 1 && node.proto.input[0] === node.proto.input[1]) return "it is multiplied with itself";
  const moved = through.find((n) => !["Identity", "Cast", "Transpose"].includes(n.proto.opType));
  if (moved) return `${moved.proto.opType} changes it before it is used`;
  if (through.some((n) => outputOf(n)?.isOutput)) return "what is made of it leaves the graph";
  if (opType === "MatMul") return undefined;
  if (defaultOpset(proto) < 7) return "Gemm broadcasts differently in this version of ONNX";
  if (intAttribute(node.proto, "transA", 0)) return "its Gemm transposes the input";
  if ((attributeOf(node.proto, "alpha")?.f ?? 1) !== 1) return "its Gemm has a factor alpha";
  if (node.proto.input[2] && (attributeOf(node.proto, "beta")?.f ?? 1) !== 1) return "its Gemm has a factor beta";
  return undefined;
}

function keptFromQdq(context: FormContext): string | undefined {
  const { consumers, located } = context;
  const old = keptByFunction(context, channelOpset);
  if (old) return old;
  const axis = qdqAxis(located, consumers);
  if (axis === undefined) return "it is reshaped before it is used";
  const other = consumers.find((c) => c.node.proto.opType === "DequantizeLinear" || c.node.proto.opType === "QuantizeLinear");
  return other ? "it is a parameter of quantization" : undefined;
}

function keptFromBlockQdq(context: FormContext): string | undefined {
  const { blockOpset, located } = context;
  if (located.dims.length !== 2) return "blocks are cut along the rows of matrices only";
  const other = keptFromQdq(context);
  if (other) return other;
  const old = keptByFunction(context, blockVersion);
  if (old) return old;
  if (blockOpset.kind === "impossible" && !functionOf(located.constant.value.scope))
    return `DequantizeLinear per block needs version 21 of the operator set, to which this model cannot be raised: ${blockOpset.why}`;
  return undefined;
}

function keptFromGather(context: FormContext): string | undefined {
  const { consumers, located } = context;
  if (located.constant.value.isOutput) return "it is an output of the graph";
  if (isHandedOver(context)) return calledWith;
  for (const consumer of consumers) {
    const { node, through, flipped } = consumer;
    if (!isLookUp(consumer)) return `${node.proto.opType} uses it as well`;
    if (![0, -2].includes(intAttribute(node.proto, "axis", 0))) return "its Gather looks up columns";
    const moved = through.find((n) => !["Identity", "Cast", "Transpose"].includes(n.proto.opType));
    if (moved) return `${moved.proto.opType} changes it before it is used`;
    if (flipped !== false) return "its Gather takes it transposed";
    if (through.some((n) => outputOf(n)?.isOutput)) return "what is made of it leaves the graph";
  }
  if (computedType(context) === undefined) return "it is converted to types that GatherBlockQuantized does not give";
  return undefined;
}

/** Output dimension in the file's order, which gets one scale per index. */
export function qdqAxis(located: Located, consumers: readonly Consumer[]): 0 | 1 | undefined {
  if (located.dims.length > 2)
    return consumers.some((c) => c.node.proto.opType === "Conv" && c.through.every(keepsShape)) ? 0 : undefined;
  const order = consumers.map(storedOrder).find((o) => o !== undefined);
  return order && (order === "in-out" ? 1 : 0);
}

const keepsShape = (node: GraphNode) => node.proto.opType === "Identity" || node.proto.opType === "Cast";

/** The float type that every product of the weight is computed in; undefined where they differ. */
function computedType({ located, consumers }: FormContext): "f32" | "f16" | "bf16" | undefined {
  const types = new Set(
    consumers.map(({ through }) => {
      const cast = through.findLast((n) => n.proto.opType === "Cast");
      return floats.get((cast ? intAttribute(cast.proto, "to", 0) : located.type!.id) as 1);
    }),
  );
  return types.size === 1 ? [...types][0] : undefined;
}

/** Nodes between a weight and its products, which have no purpose once the products read codes. */
export function nodesBetween(value: Value, consumers: readonly Consumer[]): GraphNode[] {
  const nodes = new Set(consumers.flatMap((c) => c.through));
  // A branch that ends in nothing hangs on the weight as well.
  const queue = value.uses.map((u) => u.node).concat([...nodes]);
  for (const node of queue) {
    if (nodes.has(node) || !["Identity", "Cast", "Transpose"].includes(node.proto.opType)) continue;
    nodes.add(node);
    queue.push(...(outputOf(node)?.uses ?? []).map((u) => u.node));
  }
  return [...nodes];
}
