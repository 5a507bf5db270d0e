import type { ArrangementName } from "../format";
import type { Piece } from "./encode";
import { qdqAxis } from "./forms";
import type { Output } from "./output";
import type { Weight } from "./model";

const types = { FLOAT: 1, UINT8: 2, INT8: 3, FLOAT16: 10, UINT4: 21, INT4: 22 } as const;

/** The parts of "int4-qdq-g32-asym"; undefined for other names. */
export function parseBlockQdq(encoding: string): { bits: 4 | 8; block: number; asymmetric: boolean } | undefined {
  const [, bits, block, asym] = /^int([48])-qdq-g(\d+)(-asym)?$/.exec(encoding) ?? [];
  return bits ? { bits: Number(bits) as 4 | 8, block: Number(block), asymmetric: asym !== undefined } : undefined;
}

/**
 * The weight becomes 8-bit codes in its own order and a DequantizeLinear with one scale per output channel, which gives the
 * value its old name: its users stay as they are.
 */
export function toQdq(output: Output, weight: Weight, encoding: string, isMicrosoft: boolean): void {
  const { located, consumers } = weight;
  const { value } = located.constant;
  const axis = qdqAxis(located, consumers)!;
  const channels = located.dims[axis];
  const [codeBytes, scaleBytes] = output.options.facts.planeBytes(encoding, channels, located.count / channels);
  const plane = planesOf(weight, encoding);
  const codes = output.unique(`${value.name}_quantized`);
  const scale = output.unique(`${value.name}_scale`);
  const zero = output.unique(`${value.name}_zero_point`);
  const codeContent = [plane(0, codeBytes, axis === 1 ? "transpose-bytes" : "rows")];
  const zeroContent: Piece[] = [{ kind: "bytes", bytes: new Uint8Array(channels) }];
  const initializers = [
    ...output.initializer(value.scope, { name: codes, type: types.INT8, dims: located.dims, content: codeContent }),
    ...output.initializer(value.scope, { name: scale, type: types.FLOAT, dims: [channels], content: [plane(1, scaleBytes)] }),
    ...output.initializer(value.scope, { name: zero, type: types.INT8, dims: [channels], content: zeroContent }),
  ];
  dequantize(output, weight, { initializers, inputs: [codes, scale, zero], attributes: { axis }, isMicrosoft });
}

/**
 * The weight becomes codes of 4 or 8 bits in its own order and a DequantizeLinear with one scale per block of input channels
 * (operator set 21).
 */
export function toBlockQdq(output: Output, weight: Weight, encoding: string): void {
  const { located, consumers } = weight;
  const { value } = located.constant;
  const { bits, block, asymmetric } = parseBlockQdq(encoding)!;
  const rowAxis = qdqAxis(located, consumers)!;
  const axis = 1 - rowAxis;
  const [rows, columns] = [located.dims[rowAxis], located.dims[axis]];
  const scaleDims = located.dims.map((d, i) => (i === axis ? Math.ceil(columns / block) : d));
  const [codeBytes, scaleBytes, zeroBytes] = output.options.facts.planeBytes(encoding, rows, columns);
  const plane = planesOf(weight, encoding);
  const turned = rowAxis === 1;
  const turnedCodes = bits === 4 ? "transpose-nibbles" : "transpose-bytes";
  const [codes, scales] = [output.unique(`${value.name}_quantized`), output.unique(`${value.name}_scale`)];
  const type = asymmetric ? (bits === 4 ? types.UINT4 : types.UINT8) : bits === 4 ? types.INT4 : types.INT8;
  const codeContent = [plane(0, codeBytes, turned ? turnedCodes : "rows")];
  const scaleContent = [plane(1, scaleBytes, turned ? "transpose-4-bytes" : "rows")];
  const initializers = [
    ...output.initializer(value.scope, { name: codes, type, dims: located.dims, content: codeContent }),
    ...output.initializer(value.scope, { name: scales, type: types.FLOAT, dims: scaleDims, content: scaleContent }),
  ];
  const inputs = [codes, scales];
  if (asymmetric) {
    const zeros = output.unique(`${value.name}_zero_point`);
    const zeroContent = [plane(2, zeroBytes, turned ? turnedCodes : "rows")];
    initializers.push(...output.initializer(value.scope, { name: zeros, type, dims: scaleDims, content: zeroContent }));
    inputs.push(zeros);
  }
  dequantize(output, weight, { initializers, inputs, attributes: { axis, block_size: block }, isMicrosoft: false });
}

/** The weight is stored in half precision, and a Cast gives its users the f32 value under the old name. */
export function toHalf(output: Output, weight: Weight, encoding: string): void {
  const { located, consumers } = weight;
  const { value } = located.constant;
  const isTurned = located.dims.length === 2 && qdqAxis(located, consumers) === 1;
  const [rows, columns] = isTurned ? [located.dims[1], located.dims[0]] : [located.dims[0], located.count / located.dims[0]];
  const [bytes] = output.options.facts.planeBytes(encoding, rows, columns);
  const name = output.unique(`${value.name}_f16`);
  const content = [planesOf(weight, encoding)(0, bytes, isTurned ? "transpose-2-bytes" : "rows")];
  const initializers = output.initializer(value.scope, { name, type: types.FLOAT16, dims: located.dims, content });
  output.substitute(located.constant, initializers, cast(output, weight, name));
}

const planesOf =
  ({ located }: Weight, encoding: string) =>
  (plane: number, byteLength: number, arrangement: "rows" | ArrangementName = "rows"): Piece => ({
    kind: "plane",
    byteLength,
    tensor: located.constant.name,
    encoding,
    plane,
    arrangement,
  });

interface Dequantized {
  readonly initializers: readonly Piece[];
  readonly inputs: readonly string[];
  readonly attributes: Record<string, number>;
  readonly isMicrosoft: boolean;
}

function dequantize(output: Output, weight: Weight, { initializers, inputs, attributes, isMicrosoft }: Dequantized): void {
  const { constant, type } = weight.located;
  const { value } = constant;
  // It gives f32 in every version of ONNX; weights of other types are converted after it.
  const isFloat = type!.id === types.FLOAT;
  const result = isFloat ? value.name : output.unique(`${value.name}_dequantized`);
  const nodes = output.node(value.scope, {
    op: "DequantizeLinear",
    domain: isMicrosoft ? "com.microsoft" : "",
    name: output.unique(`${value.name}_DequantizeLinear`),
    inputs,
    outputs: [result],
    attributes,
  });
  if (!isFloat) nodes.push(...cast(output, weight, result));
  output.substitute(constant, initializers, nodes);
}

/** From `input` to the weight's own type and name. */
const cast = (output: Output, { located }: Weight, input: string): Piece[] =>
  output.node(located.constant.value.scope, {
    op: "Cast",
    name: output.unique(`${located.constant.value.name}_Cast`),
    inputs: [input],
    outputs: [located.constant.value.name],
    attributes: { to: located.type!.id },
  });
