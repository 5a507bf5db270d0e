import {
  attributeOf,
  functionKey,
  type GraphNode,
  inputOf,
  intAttribute,
  isDefaultDomain,
  isMicrosoft,
  type Network,
  outputOf,
  type Value,
} from "./network";
import { shortList } from "./values";

/** An operator that computes with a value, found behind what only moves or converts it. */
export interface Consumer {
  readonly node: GraphNode;
  readonly input: number;
  /** Was the matrix transposed on the way? Undefined where it was reshaped or permuted otherwise. */
  readonly flipped: boolean | undefined;
  /** Nodes passed on the way, nearest to the value first. */
  readonly through: readonly GraphNode[];
}

/** More consumers than this say nothing new. */
export const mostConsumers = 256;
const mostSteps = 512;

/**
 * The operators that compute with `value`, in graph order: through Identity, Cast, Transpose, Dequantize- and QuantizeLinear and
 * reshapes, and into the bodies of local functions.
 */
export function consumersOf(value: Value, network: Network): Consumer[] {
  const found: Consumer[] = [];
  const seen = new Map<Value, Set<boolean | undefined>>();
  const queue: { value: Value; flipped: boolean | undefined; through: readonly GraphNode[] }[] = [
    { value, flipped: false, through: [] },
  ];
  for (let step = 0; step < Math.min(queue.length, mostSteps) && found.length < mostConsumers; step++) {
    const at = queue[step];
    const before = seen.get(at.value) ?? new Set();
    if (before.has(at.flipped)) continue;
    seen.set(at.value, before.add(at.flipped));
    for (const { node, input } of at.value.uses) {
      const fn = network.functions.get(functionKey(node.proto.domain, node.proto.opType, node.proto.overload));
      const next = fn ? formal(fn.fn!.input[input], fn.values) : passes(node, input) ? outputOf(node) : undefined;
      if (next) {
        if (queue.length < mostSteps)
          queue.push({ value: next, flipped: turn(node, at.flipped), through: fn ? at.through : [...at.through, node] });
      } else if (found.length < mostConsumers) {
        found.push({ node, input, flipped: at.flipped, through: at.through });
      }
    }
  }
  return found.sort((a, b) => a.node.order - b.node.order);
}

const formal = (name: string | undefined, values: ReadonlyMap<string, Value>) => (name ? values.get(name) : undefined);

const movers = new Set(["Identity", "Cast", "CastLike", "Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten"]);
const converters = new Set(["DequantizeLinear", "QuantizeLinear"]);

function passes(node: GraphNode, input: number): boolean {
  const { opType, domain } = node.proto;
  if (input !== 0) return false;
  return (
    (isDefaultDomain(domain) && (movers.has(opType) || converters.has(opType))) || (isMicrosoft(domain) && converters.has(opType))
  );
}

/** What a mover does to the orientation of a matrix. */
function turn(node: GraphNode, flipped: boolean | undefined): boolean | undefined {
  const { opType } = node.proto;
  if (opType === "Transpose" && isDefaultDomain(node.proto.domain)) {
    const perm = attributeOf(node.proto, "perm");
    const order = perm ? shortList(perm.ints) : [1, 0];
    if (order?.length !== 2 || flipped === undefined) return undefined;
    return order[0] === 1 ? !flipped : flipped;
  }
  return ["Reshape", "Squeeze", "Unsqueeze", "Flatten"].includes(opType) ? undefined : flipped;
}

/** Stored order of a matrix as one operator's input: "out-in" is [out, in]. Undefined: the operator has no such notion. */
type Order = (node: GraphNode) => "out-in" | "in-out";
const outIn: Order = () => "out-in";
const inOut: Order = () => "in-out";
const unlessSet =
  (attribute: string): Order =>
  (node) =>
    intAttribute(node.proto, attribute, 0) ? "out-in" : "in-out";
const whenSet =
  (attribute: string): Order =>
  (node) =>
    intAttribute(node.proto, attribute, 0) ? "in-out" : "out-in";

/** Where operators take weights, and how they lie. The first matrix of a product is a weight where it is constant: W·x. */
const weightInputs: Record<string, Record<number, Order>> = {
  MatMul: { 0: outIn, 1: inOut },
  Gemm: { 0: whenSet("transA"), 1: unlessSet("transB") },
  FusedMatMul: { 0: whenSet("transA"), 1: unlessSet("transB") },
  FusedGemm: { 0: whenSet("transA"), 1: unlessSet("transB") },
  Conv: { 1: outIn },
  FusedConv: { 1: outIn },
  NhwcFusedConv: { 1: outIn },
  ConvTranspose: { 1: outIn },
  ConvInteger: { 1: outIn },
  QLinearConv: { 3: outIn },
  MatMulInteger: { 0: outIn, 1: inOut },
  QLinearMatMul: { 0: outIn, 3: inOut },
  DynamicQuantizeMatMul: { 1: inOut },
  MatMulIntegerToFloat: { 1: inOut },
  QGemm: { 3: unlessSet("transB") },
  Attention: { 1: inOut },
  QAttention: { 1: inOut },
  Gather: { 0: outIn },
  GatherBlockQuantized: { 0: outIn },
  MatMulNBits: { 1: outIn },
  MatMulBnb4: { 1: outIn },
  LSTM: { 1: outIn, 2: outIn },
  GRU: { 1: outIn, 2: outIn },
  RNN: { 1: outIn, 2: outIn },
  DynamicQuantizeLSTM: { 1: outIn, 2: outIn },
  EmbedLayerNormalization: { 2: outIn, 3: outIn, 4: outIn },
  QEmbedLayerNormalization: { 2: outIn, 3: outIn, 4: outIn },
  QMoE: { 2: outIn, 5: outIn, 8: outIn },
};

/**
 * How the file stores a matrix that `consumer` computes with: "in-out" where a row of the file is an input channel. Undefined
 * where the operator does not say or the matrix was reshaped on the way.
 */
export function storedOrder(consumer: Consumer): "out-in" | "in-out" | undefined {
  const order = weightOrder(consumer)?.(consumer.node);
  if (!order || consumer.flipped === undefined) return undefined;
  if (!consumer.flipped) return order;
  return order === "out-in" ? "in-out" : "out-in";
}

/** Does the consumer take weights at this input? */
export const isWeightInput = (consumer: Consumer): boolean => weightOrder(consumer) !== undefined;

function weightOrder({ node, input }: Consumer): Order | undefined {
  const { opType, domain } = node.proto;
  const known = isDefaultDomain(domain) || isMicrosoft(domain);
  return known && Object.hasOwn(weightInputs, opType) ? weightInputs[opType][input] : undefined;
}

/** Inputs that hold scales and zero points of operators, by operator; they are settings of the values they belong to. */
const parameterInputs: Record<string, readonly number[]> = {
  QuantizeLinear: [1, 2],
  DequantizeLinear: [1, 2],
  QLinearConv: [1, 2, 4, 5, 6, 7],
  QLinearMatMul: [1, 2, 4, 5, 6, 7],
  MatMulInteger: [2, 3],
  ConvInteger: [2, 3],
  QGemm: [1, 2, 4, 5, 7, 8],
  QAttention: [3, 4, 6, 7],
  DynamicQuantizeMatMul: [2, 3],
  MatMulIntegerToFloat: [2, 3, 4, 5],
  QLinearAdd: [1, 2, 4, 5, 6, 7],
  QLinearMul: [1, 2, 4, 5, 6, 7],
  QLinearSigmoid: [1, 2, 3, 4],
  QLinearLeakyRelu: [1, 2, 3, 4],
  QLinearSoftmax: [1, 2, 3, 4],
  QLinearAveragePool: [1, 2, 3, 4],
  QLinearGlobalAveragePool: [1, 2, 3, 4],
};

/** Is every use of this value a scale or a zero point? */
export function isParameterOnly(value: Value): boolean {
  return (
    value.uses.length > 0 &&
    value.uses.every(({ node, input }) => {
      const { opType, domain } = node.proto;
      return (
        (isDefaultDomain(domain) || isMicrosoft(domain)) &&
        Object.hasOwn(parameterInputs, opType) &&
        parameterInputs[opType].includes(input)
      );
    })
  );
}

/** The constant behind a node's input, through Identity. */
export function constantOf(node: GraphNode, input: number): Value | undefined {
  let value = inputOf(node, input);
  for (let i = 0; value && i < 16; i++) {
    if (value.constant) return value;
    if (value.producer?.proto.opType !== "Identity") return undefined;
    value = inputOf(value.producer, 0);
  }
  return undefined;
}
