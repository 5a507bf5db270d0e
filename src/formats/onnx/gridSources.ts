import { constantOf } from "./consumers";
import { type GraphNode, inputOf, intAttribute, isDefaultDomain, isMicrosoft, outputOf, type Value } from "./network";

/** An operator's input that holds codes, and where their scales and zero points are. */
export type GridSource =
  | {
      readonly kind: "axis";
      readonly codes: number;
      /** Input of the scale, or "behind": multiplied in after the integer product. */
      readonly scale: number | "behind";
      readonly zero: number;
      /** Dimension of the codes along which scales differ, where they do. Negative: from the end. */
      readonly axis: number;
      /** Neighbours along the axis that share a scale; 0: each index has its own. */
      readonly block: number;
      /** Scales may also differ along the first dimension (directions of an LSTM). */
      readonly leading?: boolean;
    }
  | { readonly kind: "blocks"; readonly codes: number };

const axis = (codes: number, scale: number | "behind", zero: number, along: number): GridSource => ({
  kind: "axis",
  codes,
  scale,
  zero,
  axis: along,
  block: 0,
});

/** By operator. Sources: onnx.ai/onnx/operators, onnxruntime docs/ContribOperators.md. */
const sources: Record<string, (node: GraphNode) => readonly GridSource[]> = {
  DequantizeLinear: ({ proto }) => [
    { ...axis(0, 1, 2, intAttribute(proto, "axis", 1)), block: intAttribute(proto, "block_size", 0) } as GridSource,
  ],
  QLinearConv: () => [axis(3, 4, 5, 0)],
  QLinearMatMul: () => [axis(0, 1, 2, -2), axis(3, 4, 5, -1)],
  QGemm: ({ proto }) => [axis(3, 4, 5, intAttribute(proto, "transB", 0) ? 0 : 1)],
  QAttention: () => [axis(1, 4, 7, 1)],
  DynamicQuantizeMatMul: () => [axis(1, 2, 3, -1)],
  MatMulIntegerToFloat: () => [axis(1, 3, 5, -1)],
  MatMulInteger: () => [axis(1, "behind", 3, -1)],
  ConvInteger: () => [axis(1, "behind", 3, 0)],
  DynamicQuantizeLSTM: () => [
    { ...axis(1, 8, 9, 2), leading: true } as GridSource,
    { ...axis(2, 10, 11, 2), leading: true } as GridSource,
  ],
  QEmbedLayerNormalization: () => [
    axis(2, 8, 13, 0),
    axis(3, 9, 14, 0),
    axis(4, 10, 15, 0),
    axis(5, 11, 16, 0),
    axis(6, 12, 17, 0),
  ],
  MatMulNBits: () => [{ kind: "blocks", codes: 1 }],
  GatherBlockQuantized: () => [{ kind: "blocks", codes: 0 }],
};

export function gridSources(node: GraphNode): readonly GridSource[] {
  const { opType, domain } = node.proto;
  if (!(isDefaultDomain(domain) || isMicrosoft(domain)) || !Object.hasOwn(sources, opType)) return [];
  return sources[opType](node);
}

export interface FoundScale {
  readonly value: Value;
  /** One more factor for the whole tensor, where the scales are quantized themselves (NVFP4). */
  readonly global?: Value;
  readonly others: readonly Value[];
}

export function findScale(node: GraphNode, source: Extract<GridSource, { kind: "axis" }>): FoundScale | undefined {
  if (source.scale === "behind") return scaleBehind(node);
  const value = constantOf(node, source.scale);
  if (value) return { value, others: [] };
  // Scales that come out of a DequantizeLinear with one scale of their own.
  const maker = inputOf(node, source.scale)?.producer;
  if (maker?.proto.opType !== "DequantizeLinear" || maker.proto.input[2]) return undefined;
  const [inner, global] = [constantOf(maker, 0), constantOf(maker, 1)];
  return inner && global ? { value: inner, global, others: [global] } : undefined;
}

/** Steps from an integer product to the multiplication by its scales; exporters need three at most. */
const mostSteps = 8;

/** Follows an integer product through Cast and the like to Mul, and finds the constant factor: the weight's scale. */
function scaleBehind(node: GraphNode): FoundScale | undefined {
  let at = outputOf(node);
  for (let step = 0; at && step < mostSteps; step++) {
    const mul = at.uses.find((u) => u.node.proto.opType === "Mul");
    if (mul) {
      const value = constantFactor(mul.node, 1 - mul.input);
      return value && { value, others: [] };
    }
    const next = at.uses.find(
      (u) => u.input === 0 && ["Cast", "Identity", "Reshape", "Unsqueeze", "Squeeze"].includes(u.node.proto.opType),
    );
    at = next && outputOf(next.node);
  }
  return undefined;
}

/** The constant in a product of scales: itself, or one side of a Mul that makes it (the other is the activation's scale). */
function constantFactor(node: GraphNode, input: number, depth = 0): Value | undefined {
  const constant = constantOf(node, input);
  if (constant || depth > 3) return constant;
  const maker = inputOf(node, input)?.producer;
  if (maker?.proto.opType === "Mul") return constantFactor(maker, 1, depth + 1) ?? constantFactor(maker, 0, depth + 1);
  const moves = maker && ["Reshape", "Unsqueeze", "Squeeze", "Identity"].includes(maker.proto.opType);
  return moves ? constantFactor(maker, 0, depth + 1) : undefined;
}
