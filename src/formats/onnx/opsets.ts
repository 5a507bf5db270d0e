import { attributeOf, defaultOpset, isDefaultDomain, type Network } from "./network";
import type { ModelProto, NodeProto } from "./proto";
import { shortList } from "./values";

/** First versions of the default operator set whose DequantizeLinear takes a scale per channel, and one per block. */
export const channelOpset = 13;
export const blockOpset = 21;
export type WantedOpset = typeof channelOpset | typeof blockOpset;

/**
 * Operators by the version from which on they mean the same up to version 13: no attribute or input went away, and no default
 * changed (compared schema by schema, onnx 1.23). A model of at least that version may be relabelled as version 13.
 */
const unchangedTo13: readonly (readonly [number, string])[] = [
  [7, "ArgMax ArgMin AveragePool Constant Conv ConvTranspose DepthToSpace Flatten Gather GlobalAveragePool GlobalMaxPool"],
  [7, "Identity If LRN Loop LpNormalization MatMul MaxPool MaxRoiPool Not RandomNormal RandomNormalLike RandomUniform"],
  [7, "RandomUniformLike ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd"],
  [7, "ReduceSumSquare Shape Size Softplus Softsign SpaceToDepth Transpose GlobalLpPool LpPool Concat Reshape Abs Cast Ceil"],
  [7, "Elu Exp Floor HardSigmoid InstanceNormalization LeakyRelu Log Max Mean Min Neg PRelu Reciprocal Relu Selu Sigmoid Sqrt"],
  [7, "Sum Tanh Tile Acos Add And Asin Atan Cos Div Equal GRU Gemm Greater LSTM Less Mul Multinomial Or Pow RNN Sin Sub Tan"],
  [7, "Xor"],
  [8, "Expand"],
  [9, "Acosh Asinh Atanh BatchNormalization Compress ConstantOfShape Cosh Erf EyeLike IsNaN MaxUnpool"],
  [9, "MeanVarianceNormalization NonZero OneHot Scan Shrink Sign Sinh TfIdfVectorizer Where"],
  [10, "ConvInteger DequantizeLinear IsInf MatMulInteger Mod NonMaxSuppression QLinearConv QLinearMatMul QuantizeLinear"],
  [10, "ReverseSequence RoiAlign Slice StringNormalizer ThresholdedRelu TopK"],
  [11, "BitShift Clip ConcatFromSequence CumSum Det DynamicQuantizeLinear GatherElements GatherND Pad Range Resize Round"],
  [11, "ScatterElements ScatterND SequenceAt SequenceConstruct SequenceEmpty SequenceErase SequenceInsert SequenceLength"],
  [11, "SplitToSequence Unique"],
  [12, "Celu Dropout Einsum GreaterOrEqual LessOrEqual NegativeLogLikelihoodLoss SoftmaxCrossEntropyLoss"],
];

/**
 * The same up to version 21, where it differs from the above. RoiAlign samples at other points from 16 on, GroupNormalization
 * scales per channel from 21 on: the schemas do not show it.
 */
const unchangedTo21: readonly (readonly [number, string])[] = [
  [13, "Hardmax LogSoftmax ReduceSum Softmax Split Squeeze Unsqueeze"],
  [14, "HardSwish Trilu"],
  [15, "Bernoulli CastLike"],
  [16, "RoiAlign"],
  [17, "BlackmanWindow HammingWindow HannWindow LayerNormalization MelWeightMatrix STFT SequenceMap"],
  [18, "BitwiseAnd BitwiseNot BitwiseOr BitwiseXor CenterCropPad Col2Im Mish"],
  [19, "DeformConv"],
  [20, "AffineGrid DFT Gelu GridSample RegexFullMatch StringConcat StringSplit"],
  [21, "GroupNormalization"],
];

const byName = (rows: readonly (readonly [number, string])[]) =>
  rows.flatMap(([version, names]) => names.split(" ").map((name) => [name, version] as const));
const since: Record<WantedOpset, ReadonlyMap<string, number>> = {
  [channelOpset]: new Map(byName(unchangedTo13)),
  [blockOpset]: new Map(byName([...unchangedTo13, ...unchangedTo21])),
};

/** How a node is written otherwise in version 18 and later, with the same meaning. */
export type Amendment =
  /** Reduce…: the axes are an input instead of an attribute. */
  | { readonly kind: "axes"; readonly node: NodeProto; readonly axes: readonly number[] }
  /** Split into equal parts says how many. */
  | { readonly kind: "parts"; readonly node: NodeProto };

/** How a model can use a DequantizeLinear with more than one scale. */
export type OpsetChange =
  | { readonly kind: "as is" }
  /** The version of the default operator set is raised. */
  | { readonly kind: "raise"; readonly to: WantedOpset; readonly amendments: readonly Amendment[] }
  | { readonly kind: "impossible"; readonly why: string };

export function opsetChange(proto: ModelProto, network: Network, wanted: WantedOpset): OpsetChange {
  const version = defaultOpset(proto);
  if (version >= wanted) return { kind: "as is" };
  if (version < 7) return { kind: "impossible", why: `version ${version} is too old` };
  if (proto.functions.length) return { kind: "impossible", why: "the model has functions of its own" };
  const amendments: Amendment[] = [];
  for (const scope of network.scopes) {
    for (const { proto: node } of scope.nodes) {
      if (!isDefaultDomain(node.domain)) continue;
      if (!((since[wanted].get(node.opType) ?? Infinity) <= version))
        return { kind: "impossible", why: `${node.opType} means something else there` };
      // Before 9 a spatial attribute could make it another operator, and a reference hides what an attribute is.
      if (node.attribute.some((a) => a.refAttrName) || attributeOf(node, "consumed_inputs")) {
        return { kind: "impossible", why: `${node.opType} has attributes of an older version` };
      }
      if (wanted === channelOpset) continue;
      const step = amended(node, version);
      if (typeof step === "string") return { kind: "impossible", why: step };
      if (step) amendments.push(step);
    }
  }
  return { kind: "raise", to: wanted, amendments };
}

/** What a node needs on the way to version 21; a sentence's end where that cannot be done. */
function amended(node: NodeProto, version: number): Amendment | string | undefined {
  const { opType } = node;
  if (opType === "BatchNormalization" && version < 14 && node.output.filter((name) => name).length > 1)
    return "BatchNormalization is in training";
  if (opType === "AveragePool" && version < 19 && attributeOf(node, "ceil_mode")?.i) return "AveragePool rounds sizes up";
  const resizing = opType === "Resize" ? attributeOf(node, "coordinate_transformation_mode")?.s?.bytes : undefined;
  if (resizing && new TextDecoder().decode(resizing) === "tf_half_pixel_for_nn") return "Resize has a mode that is gone there";
  if (version >= 18) return undefined;
  if (opType === "Split" && !node.input[1]) return { kind: "parts", node };
  const axes = opType.startsWith("Reduce") && opType !== "ReduceSum" ? attributeOf(node, "axes") : undefined;
  if (!axes) return undefined;
  const list = shortList(axes.ints);
  return list ? { kind: "axes", node, axes: list } : `${opType} has too many axes`;
}
