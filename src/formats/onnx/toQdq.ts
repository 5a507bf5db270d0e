import type { Assignment } from "../format";
import { node, type Piece } from "./encode";
import { qdqAxis } from "./forms";
import type { Output } from "./output";
import type { Weight } from "./read";

/**
 * The weight becomes 8-bit codes in its own order and a DequantizeLinear with one scale per output channel, which gives the
 * value its old name: its users stay as they are.
 */
export function toQdq(output: Output, weight: Weight, assignment: Assignment, isMicrosoft: boolean): void {
  const { located, consumers } = weight;
  const { value, origin } = located.constant;
  const axis = qdqAxis(located, consumers)!;
  const channels = located.dims[axis];
  const [codeBytes, scaleBytes] = output.options.facts.planeBytes(assignment.encoding, channels, located.count / channels);
  const plane = (number: number, byteLength: number, arrangement: "rows" | "transpose-bytes"): Piece => ({
    kind: "plane",
    byteLength,
    tensor: assignment.tensor,
    encoding: assignment.encoding,
    plane: number,
    arrangement,
  });
  const codes = output.unique(`${value.name}_quantized`);
  const scale = output.unique(`${value.name}_scale`);
  const zero = output.unique(`${value.name}_zero_point`);
  const initializers = [
    ...output.initializer({
      name: codes,
      type: 3,
      dims: located.dims,
      content: [plane(0, codeBytes, axis === 1 ? "transpose-bytes" : "rows")],
    }),
    ...output.initializer({ name: scale, type: 1, dims: [channels], content: [plane(1, scaleBytes, "rows")] }),
    ...output.initializer({
      name: zero,
      type: 3,
      dims: [channels],
      content: [{ kind: "bytes", bytes: new Uint8Array(channels) }],
    }),
  ];
  // DequantizeLinear gives f32 in every version of ONNX; weights of other types are converted after it.
  const isFloat = located.type!.id === 1;
  const result = isFloat ? value.name : output.unique(`${value.name}_dequantized`);
  const nodes = node({
    op: "DequantizeLinear",
    domain: isMicrosoft ? "com.microsoft" : "",
    name: output.unique(`${value.name}_DequantizeLinear`),
    inputs: [codes, scale, zero],
    outputs: [result],
    attributes: { axis },
  });
  if (!isFloat) {
    nodes.push(
      ...node({
        op: "Cast",
        name: output.unique(`${value.name}_Cast`),
        inputs: [result],
        outputs: [value.name],
        attributes: { to: located.type!.id },
      }),
    );
  }
  if (origin.kind === "node") output.replace(origin.node.proto.span, [...initializers, ...nodes]);
  else if (origin.kind === "initializer") {
    output.replace(origin.proto.span, initializers);
    output.insertFirst(value.scope.graph!, nodes);
  }
  output.removeInput(value.scope, value.name);
}
