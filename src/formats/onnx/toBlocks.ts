import { EngineError } from "../../core/errors";
import type { ArrangementName, EncodingFacts } from "../format";
import type { Piece } from "./encode";
import { nodesBetween } from "./forms";
import type { Output } from "./output";
import type { Weight } from "./model";
import { orderOf } from "./read";

/** The parts of "int4-g32-asym-f16" that the container has to know; the rest is the encoding's business. */
const pattern = /^int([248])-g(\d+)(-asym)?(?:-(f32|f16|bf16))?(?:-(?:absmax|extreme|minmax))?$/;
const scaleTypes = { f32: 1, f16: 10, bf16: 16 } as const;

/** What MatMulNBits and GatherBlockQuantized take of an encoding's name; undefined where they cannot hold it. */
export function parseBlocks(encoding: string): BlockEncoding | undefined {
  const [, bits, block, asym, scale] = pattern.exec(encoding) ?? [];
  const size = Number(block);
  // onnxruntime: a power of two of at least 16.
  if (!bits || size < 16 || !Number.isInteger(Math.log2(size))) return undefined;
  const scaleType = scale as BlockEncoding["scaleType"] | undefined;
  return { bits: Number(bits), block: size, asymmetric: asym !== undefined, scaleType: scaleType ?? "f32" };
}

export interface BlockEncoding {
  readonly bits: number;
  readonly block: number;
  readonly asymmetric: boolean;
  readonly scaleType: keyof typeof scaleTypes;
}

/**
 * The products of a weight become MatMulNBits (com.microsoft, onnxruntime docs/ContribOperators.md), a Gemm's addend an Add
 * behind it. The weight itself, and nodes that only turned it, go. accuracy_level 1: activations stay f32.
 */
export function toBlocks(output: Output, weight: Weight, encoding: string): void {
  const { located, consumers } = weight;
  const { dims } = located;
  const [N, K] = orderOf(consumers) === "in-out" ? [dims[1], dims[0]] : dims;
  const { inputs, bits, block } = placeBlocks(output, weight, { encoding, rows: N, columns: K, isTable: false });
  const attributes = { K, N, bits, block_size: block, accuracy_level: 1 };
  for (const { proto: product, scope } of new Set(consumers.map((c) => c.node))) {
    const addend = product.opType === "Gemm" ? product.input[2] : product.opType === "MatMulNBits" ? product.input[5] : undefined;
    const result = addend ? output.unique(`${product.output[0]}_product`) : product.output[0];
    const nodes = output.node(scope, {
      op: "MatMulNBits",
      domain: "com.microsoft",
      name: product.name,
      inputs: [product.input[0], ...inputs],
      outputs: [result],
      attributes,
    });
    if (addend) {
      const addName = product.name && output.unique(`${product.name}_bias`);
      nodes.push(...output.node(scope, { op: "Add", name: addName, inputs: [result, addend], outputs: [product.output[0]] }));
    }
    output.replace(product.span, nodes);
  }
}

/**
 * Look-ups in a table become GatherBlockQuantized (com.microsoft): bytes packed along the rows, as MatMulNBits has them. Rows must
 * be whole blocks: the table has no padding.
 */
export function toTable(output: Output, weight: Weight, encoding: string): void {
  const { located, consumers } = weight;
  const [rows, columns] = located.dims;
  const { inputs, bits, block } = placeBlocks(output, weight, { encoding, rows, columns, isTable: true });
  const [codes, ...parameters] = inputs;
  for (const { proto: lookUp, scope } of new Set(consumers.map((c) => c.node))) {
    const nodes = output.node(scope, {
      op: "GatherBlockQuantized",
      domain: "com.microsoft",
      name: lookUp.name,
      inputs: [codes, lookUp.input[1], ...parameters],
      outputs: [lookUp.output[0]],
      attributes: { bits, block_size: block, gather_axis: 0, quantize_axis: 1 },
    });
    output.replace(lookUp.span, nodes);
  }
}

/** The planes with zero points as the operators want them: each row's in whole bytes. */
export function storedBytes(encoding: string, { rows, columns }: { rows: number; columns: number }, facts: EncodingFacts): number {
  const planes = facts.planeBytes(encoding, rows, columns);
  const parsed = parseBlocks(encoding);
  if (encoding === "int8-qdq") return planes.reduce((a, b) => a + b, rows); // a zero point per channel, which is 0
  if (!parsed?.asymmetric) return planes.reduce((a, b) => a + b, 0);
  return planes[0] + planes[1] + rows * zeroRowBytes(Math.ceil(columns / parsed.block), parsed.bits);
}

const zeroRowBytes = (groups: number, bits: number) => Math.ceil((groups * bits) / 8);

interface Blocks {
  readonly encoding: string;
  readonly rows: number;
  readonly columns: number;
  readonly isTable: boolean;
}

/** Replaces the weight by its codes, scales and zero points; their names, in the order of the operators' inputs. */
function placeBlocks(output: Output, weight: Weight, { encoding, rows, columns, isTable }: Blocks) {
  const { constant } = weight.located;
  const { value } = constant;
  // Of codes that are quantized again, without what the first time had put behind the name.
  const name = weight.replaced ? value.name.replace(/_Q\d(_\d+)?$|(_DQ_Q\d)?_(dequantized|DequantizeLinear(_Output)?(_\d+)?)$/, "") : value.name;
  const place = { tensor: constant.name };
  const parsed = parseBlocks(encoding);
  if (!parsed) throw new EngineError("bad-request", `ONNX Runtime's block operators cannot hold ${encoding}.`, place);
  const { bits, block, asymmetric, scaleType } = parsed;
  const groups = Math.ceil(columns / block);
  if (isTable && columns % block) {
    const message = `GatherBlockQuantized needs rows of a multiple of ${block} weights; this table's have ${columns}.`;
    throw new EngineError("bad-request", message, place);
  }
  const [codeBytes, scaleBytes, zeroBytes] = output.options.facts.planeBytes(encoding, rows, columns);
  if (codeBytes !== (rows * groups * block * bits) / 8 || (asymmetric && zeroBytes !== rows * groups)) {
    throw new EngineError("unsupported", `The codes of ${encoding} are not laid out as ONNX Runtime needs them.`, place);
  }
  const plane = (number: number, byteLength: number, arrangement: "rows" | ArrangementName = "rows"): Piece => ({
    kind: "plane",
    byteLength,
    tensor: constant.name,
    encoding,
    plane: number,
    arrangement,
  });
  const names = {
    codes: output.unique(`${name}_Q${bits}`),
    scales: output.unique(`${name}_scales`),
    zeros: asymmetric ? output.unique(`${name}_zero_points`) : "",
  };
  const blockBytes = (block * bits) / 8;
  const codeDims = isTable ? [rows, groups * blockBytes] : [rows, groups, blockBytes];
  const pieces = [
    ...output.initializer(value.scope, { name: names.codes, type: 2, dims: codeDims, content: [plane(0, codeBytes)] }),
    ...output.initializer(value.scope, { name: names.scales, type: scaleTypes[scaleType], dims: [rows, groups], content: [plane(1, scaleBytes)] }),
  ];
  if (asymmetric) {
    const rowBytes = zeroRowBytes(groups, bits);
    const arrangement = bits === 8 ? "rows" : bits === 4 ? "pack-4-bit-zeros-in-rows" : "pack-2-bit-zeros-in-rows";
    const content = [plane(2, rows * rowBytes, arrangement)];
    pieces.push(...output.initializer(value.scope, { name: names.zeros, type: 2, dims: [rows, rowBytes], content }));
  }
  output.substitute(constant, pieces, []);
  for (const between of nodesBetween(value, weight.consumers)) output.replace(between.proto.span, []);
  return { inputs: [names.codes, names.scales, ...(asymmetric ? [names.zeros] : [])], bits, block };
}
