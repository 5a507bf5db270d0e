/** What a tensor's name says about its place. */
export interface PlaceInName {
  /** Path of the module in dots: "model.layers.3.mlp.up_proj". */
  readonly module: string;
  /** What the module calls this tensor: "weight", "bias", … */
  readonly parameter: string;
  /** The path before the block's number ("model.decoder.layers"); undefined outside blocks. */
  readonly stack?: string;
  /** The number, or numbers of nested blocks. */
  readonly block?: readonly number[];
  /** The module's path inside its block. */
  readonly inBlock: string;
  readonly expert?: number;
}

/** Lists of like modules. A number after another word ("conv.3") is a position in a sequence, not a block. */
const block =
  /(?:^|\.)(layers?|h|blocks?|blk|decoder_layers|encoder_layers|transformer_blocks|encoderlayer|decoderlayer)\.(\d{1,5})(?=\.|$)/;
/** Blocks that stand in stages (Swin): both numbers count. */
const nestedBlock = /^\.blocks\.(\d{1,5})(?=\.|$)/;
const expertNumber = /(?:^|\.)experts?\.(\d{1,5})\./;

/** What exporters and quantizers append to a module's or parameter's name. */
const suffixes: readonly (readonly [RegExp, string])[] = [
  // Copies in another encoding, whatever they are copies of: "MatMul_7_Q4", "Const:0_quantized", "forward_basis_f16".
  [/(_(DQ|Q\d|f16|quantized|dequantized|DequantizeLinear(_Output)?))+(_\d+)?$/, ""],
  // TensorFlow: "model/conv1/Conv2D/ReadVariableOp:0".
  [/:\d+$/, ""],
  [/\.ReadVariableOp(_\d+)?(\.resource)?$/, ""],
  // Transposed, packed or quantized copies: "weight_T_quantized", "weight_DQ_Q4", "weight_packed".
  [/(\.|^)(weight|bias)_[A-Za-z0-9_]+$/, "$1$2"],
  // The operator that a builder names last: "q_proj.MatMul.weight", "q_proj.MatMul".
  [/\.(MatMul|Gemm|Conv|Gather)(_\d+)?(?=\.(weight|bias)$)/, ""],
  [/\.(MatMul|Gemm|Add|Conv|Conv2D|BiasAdd|Gather|Mul)(_\d+)?$/, ""],
];

const parameters =
  /^(weight|bias|scale|gamma|beta|running_mean|running_var|num_batches_tracked|w|b|in_proj_weight|in_proj_bias|qweight|kernel)$/i;

export function placeInName(name: string): PlaceInName {
  let path = name.replace(/^\/+/, "").replace(/[/]+/g, ".");
  for (const [pattern, replacement] of suffixes) path = path.replace(pattern, replacement);
  const lastDot = path.lastIndexOf(".");
  const last = path.slice(lastDot + 1);
  const hasParameter = lastDot >= 0 && (parameters.test(last) || /^(weight|bias)/.test(last));
  // PyTorch's fused attention keeps its matrices as parameters of the attention itself.
  const keepsName = last.startsWith("in_proj");
  const module = hasParameter && !keepsName ? path.slice(0, lastDot) : path;
  const parameter = keepsName ? last.replace("in_proj_", "") : hasParameter ? last : "";
  const found = block.exec(module);
  const expert = expertNumber.exec(path);
  const common = { module, parameter, ...(expert && { expert: Number(expert[1]) }) };
  if (!found) return { ...common, inBlock: module };
  const after = module.slice(found.index + found[0].length);
  const nested = nestedBlock.exec(after);
  return {
    ...common,
    stack: module.slice(0, found.index + found[0].length - found[2].length - 1),
    block: nested ? [Number(found[2]), Number(nested[1])] : [Number(found[2])],
    inBlock: (nested ? after.slice(nested[0].length) : after).replace(/^\./, "").replace(/(^|\.)experts?\.\d+\./, "$1"),
  };
}
