import assert from "node:assert/strict";
import { type NodeSpec, raw, T, tensor } from "../../../builders/onnx";
import { read } from "./check";

export const microsoft = "com.microsoft";
export const dequantize = (inputs: string[], attributes: NodeSpec["attributes"] = {}, domain = ""): NodeSpec => ({
  op: "DequantizeLinear",
  in: inputs,
  out: ["d"],
  attributes,
  domain,
});
export const matmul: NodeSpec = { op: "MatMul", in: ["x", "d"], out: ["y"] };
export const gemm: NodeSpec = { op: "Gemm", in: ["x", "d"], out: ["y"], attributes: { transB: 1 } };
export const i8 = (name: string, dims: number[], values: number[]) =>
  tensor({ name, type: T.INT8, dims, raw: raw(Int8Array.from(values)) });
export const u8 = (name: string, dims: number[], values: number[]) =>
  tensor({ name, type: T.UINT8, dims, raw: Uint8Array.from(values) });
export const packed = (name: string, type: number, dims: number[], bytes: number[]) =>
  tensor({ name, type, dims, raw: Uint8Array.from(bytes) });

export interface Row {
  readonly name: string;
  readonly initializers: Uint8Array[];
  readonly nodes: NodeSpec[];
  /** Of the tensor "q", as [out, in]. */
  readonly shape: number[];
  readonly values: number[];
  readonly label: string;
  /** Codes, scales and zero points. */
  readonly byteLength: number;
}

export const product2x3 = { shape: [3, 2], codes: [1, 2, 3, 4, 5, 6] };

/** Reads the row's model and compares its tensor "q", to which scales and zero points belong. */
export async function check(row: Row): Promise<void> {
  const got = await read({ initializers: row.initializers, nodes: row.nodes });
  assert.deepEqual(got.index.problems, []);
  assert.deepEqual(
    got.index.tensors.map((t) => t.name),
    ["q"],
  ); // scales and zero points belong to it
  const tensor = got.tensor("q");
  assert.deepEqual([tensor.shape, tensor.encodingLabel, tensor.byteLength], [row.shape, row.label, row.byteLength]);
  assert.deepEqual(
    (await got.values("q")).map((v) => v || 0),
    row.values,
  );
  assert.equal(got.index.parameterCount, row.values.length);
}
