import { attributeOf, isDefaultDomain, type Network } from "./network";
import type { ModelProto } from "./proto";
import { defaultOpset } from "./forms";

/** First version of the default operator set whose DequantizeLinear takes a scale per channel. */
export const qdqOpset = 13;

/**
 * Operators by the version from which on they mean the same up to version 13: no attribute or input went away, and no default
 * changed (compared schema by schema, onnx 1.23). A model of at least that version may be relabelled as version 13.
 */
const unchangedSince: readonly (readonly [number, string])[] = [
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
const since = new Map(unchangedSince.flatMap(([version, names]) => names.split(" ").map((name) => [name, version] as const)));

/** How a model can use a DequantizeLinear per channel. */
export type QdqOpset =
  | { readonly kind: "as is" }
  /** The version of the default operator set is raised to 13. */
  | { readonly kind: "raise" }
  /** onnxruntime's own operator of the same name, because the version cannot be raised. */
  | { readonly kind: "microsoft"; readonly why: string };

export function qdqOpsetOf(proto: ModelProto, network: Network): QdqOpset {
  const version = defaultOpset(proto);
  if (version >= qdqOpset) return { kind: "as is" };
  if (version < 7) return { kind: "microsoft", why: `version ${version} is too old` };
  if (proto.functions.length) return { kind: "microsoft", why: "the model has functions of its own" };
  for (const scope of network.scopes) {
    for (const { proto: node } of scope.nodes) {
      if (!isDefaultDomain(node.domain)) continue;
      if (!((since.get(node.opType) ?? Infinity) <= version))
        return { kind: "microsoft", why: `${node.opType} means something else there` };
      // Before 9 a spatial attribute could make it another operator, and a reference hides what an attribute is.
      if (node.attribute.some((a) => a.refAttrName) || attributeOf(node, "consumed_inputs")) {
        return { kind: "microsoft", why: `${node.opType} has attributes of an older version` };
      }
    }
  }
  return { kind: "raise" };
}
