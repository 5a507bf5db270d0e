import type { Located } from "./constants";
import type { OnnxModel, Weight } from "./model";
import { attributeOf, type GraphNode, inputOf, intAttribute, isDefaultDomain, isMicrosoft, outputOf, type Value } from "./network";

/**
 * A quantized weight as the floats that its operators compute with, so that it can be quantized again: behind a DequantizeLinear of
 * its own, or inside MatMulNBits and GatherBlockQuantized. Undefined where its codes serve other operators too.
 */
export function requantizable(model: OnnxModel, { located, view, isParameter }: Weight): Weight | undefined {
  const codes = located.constant.value;
  if (!view || codes.isOutput || codes.isAmbiguous || codes.scope.fn || model.disagreeing.has(codes)) return undefined;
  const nodes = [...new Set(codes.uses.map((u) => u.node))];
  const scales = locatedOf(model, view.parameters[0]);
  const isDirect = (node: GraphNode) => view.parameters.every((p) => node.proto.input.some((_, i) => inputOf(node, i) === p));
  if (nodes.length === 0 || !scales || !nodes.every((node) => isDirect(node) && !node.scope.fn)) return undefined;
  const value = nodes.every(takesBlocks) ? codes : nodes.length === 1 && codes.uses.length === 1 ? dequantizedBy(nodes[0]) : undefined;
  if (!value || (value === codes && codes.uses.some((u) => u.input !== codesInput(u.node)))) return undefined;
  const count = view.dims.reduce((a, b) => a * b, 1);
  return {
    located: { ...located, constant: { ...located.constant, value }, dims: view.dims, count, type: scales.type, byteLength: 4 * count },
    consumers: model.consumers(value),
    isParameter,
    replaced: { nodes, codes, parameters: view.parameters },
  };
}

const known = new WeakMap<OnnxModel, ReadonlyMap<Value, Located>>();
function locatedOf(model: OnnxModel, value: Value | undefined): Located | undefined {
  let byValue = known.get(model);
  if (!byValue) known.set(model, (byValue = new Map(model.located.map((l) => [l.constant.value, l]))));
  return value && byValue.get(value);
}

/** Operators that hold blocks of codes as we write them too. */
const takesBlocks = ({ proto }: GraphNode): boolean =>
  isMicrosoft(proto.domain) && (proto.opType === "MatMulNBits" || (proto.opType === "GatherBlockQuantized" && !intAttribute(proto, "gather_axis", 0)));

const codesInput = ({ proto }: GraphNode): number => (proto.opType === "MatMulNBits" ? 1 : 0);

/** What a DequantizeLinear of floats gives; it has the type of its scales unless it says otherwise. */
function dequantizedBy(node: GraphNode): Value | undefined {
  const { proto } = node;
  if (proto.opType !== "DequantizeLinear" || !(isDefaultDomain(proto.domain) || isMicrosoft(proto.domain)) || attributeOf(proto, "output_dtype")) return undefined;
  const value = outputOf(node);
  return value?.isOutput ? undefined : value;
}
