import type { FormatName, TensorInfo } from "../core/model";

/** A tensor seen as rows of weights, the way encodings and channel measures need it. */
export interface MatrixView {
  readonly rows: number;
  readonly columns: number;
  /** Neighbouring columns that belong to one input channel. */
  readonly columnsPerInput: number;
  /** False for tensors of fewer than two dimensions. */
  readonly hasChannels: boolean;
}

const product = (values: readonly number[]) => values.reduce((a, b) => a * b, 1);

/**
 * [out][in·kernel] for convolutions; [everything before][in] for stacked matrices such as the experts of a mixture, so that
 * each expert's rows stay output channels; one row for vectors and scalars.
 */
export function matrixView(
  tensor: Pick<TensorInfo, "shape" | "role" | "consumers" | "storage">, format: FormatName,
): MatrixView {
  const { shape } = tensor;
  if (shape.length < 2) return { rows: 1, columns: product(shape), columnsPerInput: 1, hasChannels: false };
  const rows = tensor.storage?.affine?.rows; // an integer grid's scales are laid out for one view
  if (shape.length > 2 && rows) {
    return { rows, columns: product(shape) / rows, columnsPerInput: rows === shape[0] ? product(shape.slice(2)) : 1, hasChannels: true };
  }
  if (shape.length > 2 && isConvolution(tensor, format)) {
    return { rows: shape[0], columns: product(shape.slice(1)), columnsPerInput: product(shape.slice(2)), hasChannels: true };
  }
  return { rows: product(shape.slice(0, -1)), columns: shape[shape.length - 1], columnsPerInput: 1, hasChannels: true };
}

function isConvolution({ shape, role, consumers }: Pick<TensorInfo, "shape" | "role" | "consumers">, format: FormatName): boolean {
  if (role === "conv" || consumers?.some((c) => c.includes("Conv"))) return true;
  if (role !== "other" || consumers?.length) return false;
  // Nothing tells: three dimensions in a GGUF are experts, elsewhere a convolution over time.
  return shape.length > 3 || format !== "gguf";
}
