import assert from "node:assert/strict";
import { floats, type NodeSpec, raw, T, tensor } from "../../../builders/onnx";
import { read } from "./check";

const microsoft = "com.microsoft";
const dequantize = (inputs: string[], attributes: NodeSpec["attributes"] = {}, domain = ""): NodeSpec =>
  ({ op: "DequantizeLinear", in: inputs, out: ["d"], attributes, domain });
const matmul: NodeSpec = { op: "MatMul", in: ["x", "d"], out: ["y"] };
const gemm: NodeSpec = { op: "Gemm", in: ["x", "d"], out: ["y"], attributes: { transB: 1 } };
const i8 = (name: string, dims: number[], values: number[]) => tensor({ name, type: T.INT8, dims, raw: raw(Int8Array.from(values)) });
const u8 = (name: string, dims: number[], values: number[]) => tensor({ name, type: T.UINT8, dims, raw: Uint8Array.from(values) });
const packed = (name: string, type: number, dims: number[], bytes: number[]) => tensor({ name, type, dims, raw: Uint8Array.from(bytes) });

interface Row {
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

const product2x3 = { shape: [3, 2], codes: [1, 2, 3, 4, 5, 6] };

describe("ONNX weights that are quantized already", () => {
  const rows: Row[] = [
    {
      name: "DequantizeLinear per tensor",
      initializers: [i8("q", [2, 3], product2x3.codes), floats("s", [], [0.5])], nodes: [dequantize(["q", "s"]), matmul],
      shape: [3, 2], values: [0.5, 2, 1, 2.5, 1.5, 3], label: "INT8 per tensor", byteLength: 10,
    },
    {
      name: "DequantizeLinear per tensor with a zero point",
      initializers: [u8("q", [2, 3], product2x3.codes), floats("s", [], [0.5]), u8("z", [], [2])], nodes: [dequantize(["q", "s", "z"]), matmul],
      shape: [3, 2], values: [-0.5, 1, 0, 1.5, 0.5, 2], label: "UINT8 per tensor", byteLength: 11,
    },
    {
      name: "DequantizeLinear per output of MatMul",
      initializers: [i8("q", [2, 3], product2x3.codes), floats("s", [3], [1, 10, 100]), i8("z", [3], [0, 1, 2])],
      nodes: [dequantize(["q", "s", "z"], { axis: 1 }), matmul],
      shape: [3, 2], values: [1, 4, 10, 40, 100, 400], label: "INT8 per channel", byteLength: 6 + 12 + 3,
    },
    {
      name: "DequantizeLinear per output of Gemm with transB, axis counted from the end",
      initializers: [i8("q", [3, 2], product2x3.codes), floats("s", [3], [1, 10, 100])], nodes: [dequantize(["q", "s"], { axis: -2 }), gemm],
      shape: [3, 2], values: [1, 2, 30, 40, 500, 600], label: "INT8 per channel", byteLength: 18,
    },
    {
      name: "DequantizeLinear per output of Conv",
      initializers: [i8("q", [2, 1, 1, 2], [1, 2, 3, 4]), floats("s", [2], [1, 10])],
      nodes: [dequantize(["q", "s"], { axis: 0 }), { op: "Conv", in: ["x", "d"], out: ["y"] }],
      shape: [2, 1, 1, 2], values: [1, 2, 30, 40], label: "INT8 per channel", byteLength: 12,
    },
    {
      name: "DequantizeLinear per input of Conv",
      initializers: [i8("q", [1, 2, 1, 2], [1, 2, 3, 4]), floats("s", [2], [1, 10])],
      nodes: [dequantize(["q", "s"], { axis: 1 }), { op: "Conv", in: ["x", "d"], out: ["y"] }],
      shape: [1, 2, 1, 2], values: [1, 2, 30, 40], label: "INT8 per channel", byteLength: 12,
    },
    {
      name: "DequantizeLinear in blocks of 2 along the input, 4-bit codes whose rows share bytes",
      initializers: [packed("q", T.INT4, [3, 3], [0x21, 0x43, 0x65, 0x87, 0x01]), floats("s", [2, 3], [1, 2, 3, 10, 20, 30])],
      nodes: [dequantize(["q", "s"], { axis: 0, block_size: 2 }), matmul],
      shape: [3, 3], values: [1, 4, 70, 4, 10, -160, 9, 18, 30], label: "INT4 g2", byteLength: 5 + 24,
    },
    {
      name: "zero points of 4 bits in blocks, an odd number of them",
      initializers: [
        packed("q", T.UINT4, [3, 2], [0x21, 0x43, 0x65]), floats("s", [3, 1], [1, 10, 100]), packed("z", T.UINT4, [3, 1], [0x21, 0x03]),
      ],
      nodes: [dequantize(["q", "s", "z"], { axis: 1, block_size: 2 }), gemm],
      shape: [3, 2], values: [0, 1, 10, 20, 200, 300], label: "UINT4 g2", byteLength: 3 + 12 + 2,
    },
    {
      name: "codes of 2 bits",
      initializers: [packed("q", T.INT2, [1, 4], [0b11_10_01_00]), floats("s", [], [2])], nodes: [dequantize(["q", "s"]), gemm],
      shape: [1, 4], values: [0, 2, -4, -2], label: "INT2 per tensor", byteLength: 5,
    },
    {
      name: "codes of 16 bits and a bias of 32",
      initializers: [tensor({ name: "q", type: T.INT32, dims: [2], raw: raw(Int32Array.of(-100000, 7)) }), floats("s", [2], [0.5, 2])],
      nodes: [dequantize(["q", "s"], { axis: 0 }), { op: "Conv", in: ["x", "k", "d"], out: ["y"] }],
      shape: [2], values: [-50000, 14], label: "INT32 per channel", byteLength: 16,
    },
    {
      name: "codes that are 8-bit floats, scales of 16 bits",
      initializers: [
        packed("q", T.FLOAT8E4M3FN, [2, 2], [0x38, 0x40, 0xb8, 0x44]), tensor({ name: "s", type: T.FLOAT16, dims: [2], raw: raw(Uint16Array.of(0x3c00, 0x4000)) }),
      ],
      nodes: [dequantize(["q", "s"], { axis: 1 }), matmul],
      shape: [2, 2], values: [1, -1, 4, 6], label: "FLOAT8E4M3FN per channel", byteLength: 8,
    },
    {
      name: "4-bit floats whose scales are quantized themselves",
      initializers: [
        packed("q", T.FLOAT4E2M1, [1, 4], [0x42, 0x7a]), packed("s8", T.FLOAT8E4M3FN, [1, 2], [0x38, 0x40]), floats("global", [], [0.5]),
      ],
      nodes: [{ op: "DequantizeLinear", in: ["s8", "global"], out: ["s"] }, dequantize(["q", "s"], { axis: 1, block_size: 2 }), gemm],
      shape: [1, 4], values: [0.5, 1, -1, 6], label: "FLOAT4E2M1 g2", byteLength: 4,
    },
    {
      name: "a stack of matrices with scales per column",
      initializers: [i8("q", [2, 1, 2], [1, 2, 3, 4]), floats("s", [2], [1, 10])], nodes: [dequantize(["q", "s"], { axis: 2 }), matmul],
      shape: [2, 1, 2], values: [1, 20, 3, 40], label: "INT8 per channel", byteLength: 12,
    },
    {
      name: "a kernel with scales along its height",
      initializers: [i8("q", [1, 2, 2, 1], [1, 2, 3, 4]), floats("s", [2], [1, 10])],
      nodes: [dequantize(["q", "s"], { axis: 2 }), { op: "Conv", in: ["x", "d"], out: ["y"] }],
      shape: [1, 2, 2, 1], values: [1, 20, 3, 40], label: "INT8 per channel", byteLength: 12,
    },
    {
      name: "onnxruntime's own DequantizeLinear",
      initializers: [i8("q", [1, 2], [3, 4]), floats("s", [], [2])], nodes: [dequantize(["q", "s"], {}, microsoft), gemm],
      shape: [1, 2], values: [6, 8], label: "INT8 per tensor", byteLength: 6,
    },
    {
      name: "embeddings looked up before they are dequantized",
      initializers: [u8("q", [2, 2], [1, 2, 3, 4]), floats("s", [], [2]), u8("z", [], [1])],
      nodes: [{ op: "Gather", in: ["q", "ids"], out: ["g"] }, dequantize(["g", "s", "z"])],
      shape: [2, 2], values: [0, 2, 4, 6], label: "UINT8 per tensor", byteLength: 9,
    },
    {
      name: "MatMulInteger with the scale multiplied in behind it",
      initializers: [i8("q", [2, 3], product2x3.codes), floats("s", [3], [1, 10, 100]), i8("z", [3], [0, 1, 2])],
      nodes: [
        { op: "DynamicQuantizeLinear", in: ["x"], out: ["xq", "xs", "xz"] }, { op: "MatMulInteger", in: ["xq", "q", "xz", "z"], out: ["i"] },
        { op: "Cast", in: ["i"], out: ["f"], attributes: { to: 1 } }, { op: "Mul", in: ["xs", "s"], out: ["xss"] }, { op: "Mul", in: ["f", "xss"], out: ["y"] },
      ],
      shape: [3, 2], values: [1, 4, 10, 40, 100, 400], label: "INT8 per channel", byteLength: 21,
    },
    {
      name: "ConvInteger",
      initializers: [u8("q", [2, 1, 1], [3, 5]), floats("s", [], [2]), u8("z", [], [1])],
      nodes: [{ op: "ConvInteger", in: ["xq", "q", "xz", "z"], out: ["i"] }, { op: "Cast", in: ["i"], out: ["f"] }, { op: "Mul", in: ["s", "f"], out: ["y"] }],
      shape: [2, 1, 1], values: [4, 8], label: "UINT8 per tensor", byteLength: 7,
    },
    {
      name: "QLinearConv",
      initializers: [i8("q", [2, 1, 1], [3, 5]), floats("s", [2], [1, 10]), i8("z", [2], [1, 1]), floats("as", [], [1]), u8("az", [], [0])],
      nodes: [{ op: "QLinearConv", in: ["x", "as", "az", "q", "s", "z", "as", "az"], out: ["y"] }],
      shape: [2, 1, 1], values: [2, 40], label: "INT8 per channel", byteLength: 12,
    },
    {
      name: "QLinearMatMul",
      initializers: [i8("q", [2, 3], product2x3.codes), floats("s", [3], [1, 10, 100]), i8("z", [3], [0, 0, 0]), floats("as", [], [1]), u8("az", [], [0])],
      nodes: [{ op: "QLinearMatMul", in: ["x", "as", "az", "q", "s", "z", "as", "az"], out: ["y"] }],
      shape: [3, 2], values: [1, 4, 20, 50, 300, 600], label: "INT8 per channel", byteLength: 21,
    },
    {
      name: "QGemm",
      initializers: [i8("q", [3, 2], product2x3.codes), floats("s", [3], [1, 10, 100]), floats("as", [], [1]), u8("az", [], [0])],
      nodes: [{ op: "QGemm", domain: microsoft, in: ["x", "as", "az", "q", "s"], out: ["y"], attributes: { transB: 1 } }],
      shape: [3, 2], values: [1, 2, 30, 40, 500, 600], label: "INT8 per channel", byteLength: 18,
    },
    {
      name: "DynamicQuantizeMatMul with transposed codes",
      initializers: [i8("q", [3, 2], product2x3.codes), floats("s", [3], [1, 10, 100])],
      nodes: [
        { op: "Transpose", in: ["q"], out: ["t"], attributes: { perm: [1, 0] } }, { op: "DynamicQuantizeMatMul", domain: microsoft, in: ["x", "t", "s"], out: ["y"] },
      ],
      shape: [3, 2], values: [1, 2, 30, 40, 500, 600], label: "INT8 per channel", byteLength: 18,
    },
    {
      name: "MatMulNBits, 4 bits, middle of the range for zero, the last block filled up",
      initializers: [u8("q", [2, 2, 8], [0x98, ...new Array(7).fill(0x88), 0x9a, ...new Array(15).fill(0x88), ...new Array(8).fill(0x70)]), floats("s", [2, 2], [1, 2, 3, 4])],
      nodes: [{ op: "MatMulNBits", domain: microsoft, in: ["x", "q", "s"], out: ["y"], attributes: { K: 18, N: 2, bits: 4, block_size: 16 } }],
      shape: [2, 18], values: [0, 1, ...new Array(14).fill(0), 4, 2, ...new Array(16).fill(0), -32, -4], label: "INT4 g16", byteLength: 32 + 16,
    },
    {
      name: "MatMulNBits, 2 bits, packed zero points",
      initializers: [u8("q", [1, 2, 4], [0b11_10_01_00, 0, 0, 0, 0b01_01_01_01, 0, 0, 0]), floats("s", [2], [1, 10]), u8("z", [1, 1], [0b10_01])],
      nodes: [{ op: "MatMulNBits", domain: microsoft, in: ["x", "q", "s", "z"], out: ["y"], attributes: { K: 20, N: 1, bits: 2, block_size: 16 } }],
      shape: [1, 20], values: [-1, 0, 1, 2, ...new Array(12).fill(-1), -10, -10, -10, -10], label: "INT2 g16 asym", byteLength: 8 + 8 + 1,
    },
    {
      name: "MatMulNBits, 8 bits, zero points that are floats",
      initializers: [u8("q", [1, 1, 16], [1, 2, ...new Array(14).fill(0)]), floats("s", [1, 1], [2]), floats("z", [1, 1], [0.5])],
      nodes: [{ op: "MatMulNBits", domain: microsoft, in: ["x", "q", "s", "z"], out: ["y"], attributes: { K: 3, N: 1, bits: 8, block_size: 16 } }],
      shape: [1, 3], values: [1, 3, -1], label: "INT8 g16 asym", byteLength: 16 + 4 + 4,
    },
    {
      name: "MatMulNBits with a group for each column",
      initializers: [
        u8("q", [1, 2, 16], [129, 129, ...new Array(15).fill(0), 130, ...new Array(14).fill(0)]), floats("s", [1, 2], [1, 10]),
        tensor({ name: "g", type: T.INT32, dims: [18], raw: raw(Int32Array.from({ length: 18 }, (_, i) => (i === 0 || i === 17 ? 1 : 0))) }),
      ],
      nodes: [{ op: "MatMulNBits", domain: microsoft, in: ["x", "q", "s", "", "g"], out: ["y"], attributes: { K: 18, N: 1, bits: 8, block_size: 16 } }],
      shape: [1, 18], values: [10, 1, ...new Array(15).fill(-128), 20], label: "INT8 g16", byteLength: 32 + 8 + 72,
    },
    {
      name: "GatherBlockQuantized on bytes, 4 bits",
      initializers: [u8("q", [1, 16], [0x98, ...new Array(7).fill(0x88), ...new Array(8).fill(0x99)]), floats("s", [1, 2], [1, 10])],
      nodes: [{ op: "GatherBlockQuantized", domain: microsoft, in: ["q", "i", "s"], out: ["y"], attributes: { bits: 4, block_size: 16, quantize_axis: 1 } }],
      shape: [1, 32], values: [0, 1, ...new Array(14).fill(0), ...new Array(16).fill(10)], label: "INT4 g16", byteLength: 24,
    },
    {
      name: "GatherBlockQuantized on 4-bit integers, with zero points",
      initializers: [
        packed("q", T.UINT4, [1, 32], [0x21, ...new Array(15).fill(0x11)]), floats("s", [1, 2], [1, 10]), packed("z", T.UINT4, [1, 2], [0x31]),
      ],
      nodes: [{ op: "GatherBlockQuantized", domain: microsoft, in: ["q", "i", "s", "z"], out: ["y"], attributes: { block_size: 16, quantize_axis: 1 } }],
      shape: [1, 32], values: [0, 1, ...new Array(14).fill(0), ...new Array(16).fill(-20)], label: "UINT4 g16 asym", byteLength: 16 + 8 + 1,
    },
    {
      name: "QAttention",
      initializers: [i8("q", [2, 3], product2x3.codes), floats("s", [3], [1, 10, 100]), floats("as", [], [1]), u8("az", [], [0])],
      nodes: [{ op: "QAttention", domain: microsoft, in: ["x", "q", "b", "as", "s", "", "az"], out: ["y"] }],
      shape: [3, 2], values: [1, 4, 20, 50, 300, 600], label: "INT8 per channel", byteLength: 18,
    },
    {
      name: "DynamicQuantizeLSTM, scales per direction and gate",
      initializers: [i8("q", [2, 1, 2], [1, 2, 3, 4]), floats("s", [2, 2], [1, 10, 100, 1000])],
      nodes: [{ op: "DynamicQuantizeLSTM", domain: microsoft, in: ["x", "q", "r", "", "", "", "", "", "s"], out: ["y"] }],
      shape: [2, 1, 2], values: [1, 20, 300, 4000], label: "INT8 per channel", byteLength: 20,
    },
  ];
  for (const row of rows) {
    it(row.name, async () => {
      const got = await read({ initializers: row.initializers, nodes: row.nodes });
      assert.deepEqual(got.index.problems, []);
      assert.deepEqual(got.index.tensors.map((t) => t.name), ["q"]); // scales and zero points belong to it
      const tensor = got.tensor("q");
      assert.deepEqual([tensor.shape, tensor.encodingLabel, tensor.byteLength], [row.shape, row.label, row.byteLength]);
      assert.deepEqual((await got.values("q")).map((v) => v || 0), row.values);
      assert.equal(got.index.parameterCount, row.values.length);
    });
  }

  const broken: [name: string, initializers: Uint8Array[], nodes: NodeSpec[]][] = [
    ["a scale that is computed", [i8("q", [2, 2], [1, 2, 3, 4])], [{ op: "MatMulInteger", in: ["x", "q"], out: ["y"] }]],
    ["a zero point that is computed", [i8("q", [2, 2], [1, 2, 3, 4]), floats("s", [], [1])], [dequantize(["q", "s", "z"]), matmul]],
    ["scales of another number", [i8("q", [2, 2], [1, 2, 3, 4]), floats("s", [3], [1, 2, 3])], [dequantize(["q", "s"]), matmul]],
    ["blocks of another number", [i8("q", [2, 2], [1, 2, 3, 4]), floats("s", [2, 2], [1, 2, 3, 4])], [dequantize(["q", "s"], { block_size: 2 }), matmul]],
    ["an axis that does not exist", [i8("q", [2, 2], [1, 2, 3, 4]), floats("s", [2], [1, 2])], [dequantize(["q", "s"], { axis: 7 }), matmul]],
    ["MatMulNBits with the wrong number of bytes", [u8("q", [1, 1, 8], new Array(8).fill(0)), floats("s", [1, 1], [1])],
      [{ op: "MatMulNBits", domain: microsoft, in: ["x", "q", "s"], out: ["y"], attributes: { K: 1000, N: 1, bits: 4, block_size: 16 } }]],
    ["MatMulNBits of negative size", [u8("q", [1, 1, 8], new Array(8).fill(0)), floats("s", [1, 1], [1])],
      [{ op: "MatMulNBits", domain: microsoft, in: ["x", "q", "s"], out: ["y"], attributes: { K: -16, N: -1, bits: 4, block_size: 16 } }]],
    ["MatMulNBits with blocks of 24", [u8("q", [1, 1, 12], new Array(12).fill(0)), floats("s", [1, 1], [1])],
      [{ op: "MatMulNBits", domain: microsoft, in: ["x", "q", "s"], out: ["y"], attributes: { K: 24, N: 1, bits: 4, block_size: 24 } }]],
  ];
  for (const [name, initializers, nodes] of broken) {
    it(`${name}: the stored codes are shown, with a problem`, async () => {
      const got = await read({ initializers, nodes });
      assert.deepEqual(got.index.problems.map((p) => [p.code, p.tensor]), [["quantization-not-shown", "q"]]);
      assert.match(got.tensor("q").storage!.encoding, /^[iu]8$/);
      assert.equal((await got.values("q")).length, got.tensor("q").byteLength);
    });
  }

  it("codes used with two different scales are shown with the first, with a problem", async () => {
    const got = await read({
      initializers: [i8("q", [1, 2], [1, 2]), floats("s", [], [1]), floats("t", [], [2])],
      nodes: [dequantize(["q", "s"]), gemm, { op: "DequantizeLinear", in: ["q", "t"], out: ["e"] }, { op: "Gemm", in: ["x", "e"], out: ["z"] }],
    });
    assert.deepEqual(got.index.problems.map((p) => p.code).sort(), ["scales-disagree", "shared-transposed"]);
    assert.deepEqual(await got.values("q"), [1, 2]);
  });

  it("two uses with the same scales are no disagreement", async () => {
    const got = await read({
      initializers: [i8("q", [1, 2], [1, 2]), floats("s", [], [1])],
      nodes: [dequantize(["q", "s"]), gemm, { op: "DequantizeLinear", in: ["q", "s"], out: ["e"] }, { op: "Relu", in: ["e"], out: ["z"] }],
    });
    assert.deepEqual(got.index.problems, []);
  });
});
