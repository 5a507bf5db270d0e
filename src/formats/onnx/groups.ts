import type { Consumer } from "./consumers";
import { inputOf, isDefaultDomain, outputOf } from "./network";

/** Names that exporters make up for tensors they moved or folded: these say nothing, the operator's name may. */
const generatedName = /^(onnx::\w+_\d+|_?v?_?\d+|(val|initializer|const_fold_opt_|t)_?\d+)$/;

/**
 * The module of a constant whose own name is made up, in dots; "" for others. The name of its operator says it, or the bias that is
 * added to its product, which older exporters leave its name.
 */
export function groupOf(name: string, consumers: readonly Consumer[]): string {
  if (!generatedName.test(name)) return "";
  const own = moduleOf(consumers.find((c) => c.node.proto.name)?.node.proto.name ?? "");
  return own.includes(".") ? own : (moduleOfBias(consumers) ?? own);
}

/** "/model/layers.0/self_attn/q_proj/MatMul" → "model.layers.0.self_attn.q_proj". */
const moduleOf = (nodeName: string) =>
  nodeName
    .replace(/^\/+/, "")
    .replace(/\/[A-Z]\w*$/, "")
    .replaceAll("/", ".");

/** Of a weight with one product, to which alone a constant "….bias" is added. */
function moduleOfBias(consumers: readonly Consumer[]): string | undefined {
  const [{ node } = {}, ...others] = consumers;
  if (!node || others.length > 0 || node.proto.opType !== "MatMul" || !isDefaultDomain(node.proto.domain)) return undefined;
  const [sum, ...more] = outputOf(node)?.uses ?? [];
  if (!sum || more.length > 0 || sum.node.proto.opType !== "Add" || !isDefaultDomain(sum.node.proto.domain)) return undefined;
  const bias = inputOf(sum.node, 1 - sum.input);
  return bias?.constant ? /^(.+)[./]bias$/.exec(bias.name)?.[1].replaceAll("/", ".") : undefined;
}
