import { EngineError } from "../../core/errors";
import type { Assignment } from "../format";
import { node, type Piece } from "./encode";
import { nodesBetween } from "./forms";
import type { Output } from "./output";
import { orderOf, type Weight } from "./read";

/** The parts of "int4-g32-asym-f16" that the container has to know; the rest is the encoding's business. */
const pattern = /^int([48])-g(\d+)(-asym)?(?:-(f32|f16|bf16))?$/;
const scaleTypes = { f32: 1, f16: 10, bf16: 16 } as const;

/**
 * The products of a weight become MatMulNBits (com.microsoft, onnxruntime docs/ContribOperators.md), a Gemm's addend an Add
 * behind it. The weight itself, and nodes that only turned it, go. accuracy_level 1: activations stay f32.
 */
export function toBlocks(output: Output, weight: Weight, assignment: Assignment): void {
  const { located, consumers } = weight;
  const { value, origin } = located.constant;
  const [, bitsText, groupText, asymmetric, scaleName] = pattern.exec(assignment.encoding) ?? [];
  if (!bitsText)
    throw new EngineError("bad-request", `MatMulNBits cannot hold ${assignment.encoding}.`, { tensor: assignment.tensor });
  const [bits, block] = [Number(bitsText), Number(groupText)];
  const [N, K] = orderOf(consumers) === "in-out" ? [located.dims[1], located.dims[0]] : located.dims;
  const groups = Math.ceil(K / block);
  const [codeBytes, scaleBytes, zeroBytes] = output.options.facts.planeBytes(assignment.encoding, N, K);
  if (codeBytes !== (N * groups * block * bits) / 8 || (asymmetric && zeroBytes !== N * groups)) {
    throw new EngineError("unsupported", `The codes of ${assignment.encoding} are not laid out as MatMulNBits needs them.`, {
      tensor: assignment.tensor,
    });
  }
  const plane = (number: number, byteLength: number, arrangement: "rows" | "pack-4-bit-zeros-in-rows" = "rows"): Piece => ({
    kind: "plane",
    byteLength,
    tensor: assignment.tensor,
    encoding: assignment.encoding,
    plane: number,
    arrangement,
  });
  const name = value.name;
  const names = {
    codes: output.unique(`${name}_Q${bits}`),
    scales: output.unique(`${name}_scales`),
    zeros: asymmetric ? output.unique(`${name}_zero_points`) : "",
  };
  const pieces = [
    ...output.initializer({ name: names.codes, type: 2, dims: [N, groups, (block * bits) / 8], content: [plane(0, codeBytes)] }),
    ...output.initializer({
      name: names.scales,
      type: scaleTypes[(scaleName ?? "f32") as "f32"],
      dims: [N, groups],
      content: [plane(1, scaleBytes)],
    }),
  ];
  if (asymmetric) {
    const rowBytes = bits === 4 ? Math.ceil(groups / 2) : groups;
    pieces.push(
      ...output.initializer({
        name: names.zeros,
        type: 2,
        dims: [N, rowBytes],
        content: [plane(2, N * rowBytes, bits === 4 ? "pack-4-bit-zeros-in-rows" : "rows")],
      }),
    );
  }
  // Initializers may stand anywhere in the message of their graph.
  if (origin.kind === "initializer") output.replace(origin.proto.span, pieces);
  else if (origin.kind === "node") output.replace(origin.node.proto.span, pieces);
  output.removeInput(value.scope, value.name);
  for (const between of nodesBetween(value, consumers)) output.replace(between.proto.span, []);
  const inputs = [names.codes, names.scales, ...(asymmetric ? [names.zeros] : [])];
  const attributes = { K, N, bits, block_size: block, accuracy_level: 1 };
  for (const product of new Set(consumers.map((c) => c.node.proto))) {
    const addend = product.opType === "Gemm" ? product.input[2] : undefined;
    const result = addend ? output.unique(`${product.output[0]}_product`) : product.output[0];
    const nodes = node({
      op: "MatMulNBits",
      domain: "com.microsoft",
      name: product.name,
      inputs: [product.input[0], ...inputs],
      outputs: [result],
      attributes,
    });
    if (addend) {
      const addName = product.name && output.unique(`${product.name}_bias`);
      nodes.push(...node({ op: "Add", name: addName, inputs: [result, addend], outputs: [product.output[0]] }));
    }
    output.replace(product.span, nodes);
  }
}
