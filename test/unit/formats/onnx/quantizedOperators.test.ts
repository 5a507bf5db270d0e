import { floats, raw, T, tensor } from "../../../builders/onnx";

import { check, i8, microsoft, packed, product2x3, type Row, u8 } from "./quantizedCase";

describe("ONNX weights that operators take quantized", () => {
  const rows: Row[] = [
    {
      name: "MatMulInteger with the scale multiplied in behind it",
      initializers: [i8("q", [2, 3], product2x3.codes), floats("s", [3], [1, 10, 100]), i8("z", [3], [0, 1, 2])],
      nodes: [
        { op: "DynamicQuantizeLinear", in: ["x"], out: ["xq", "xs", "xz"] },
        { op: "MatMulInteger", in: ["xq", "q", "xz", "z"], out: ["i"] },
        { op: "Cast", in: ["i"], out: ["f"], attributes: { to: 1 } },
        { op: "Mul", in: ["xs", "s"], out: ["xss"] },
        { op: "Mul", in: ["f", "xss"], out: ["y"] },
      ],
      shape: [3, 2],
      values: [1, 4, 10, 40, 100, 400],
      label: "INT8 per channel",
      byteLength: 21,
    },
    {
      name: "ConvInteger",
      initializers: [u8("q", [2, 1, 1], [3, 5]), floats("s", [], [2]), u8("z", [], [1])],
      nodes: [
        { op: "ConvInteger", in: ["xq", "q", "xz", "z"], out: ["i"] },
        { op: "Cast", in: ["i"], out: ["f"] },
        { op: "Mul", in: ["s", "f"], out: ["y"] },
      ],
      shape: [2, 1, 1],
      values: [4, 8],
      label: "UINT8 per tensor",
      byteLength: 7,
    },
    {
      name: "QLinearConv",
      initializers: [
        i8("q", [2, 1, 1], [3, 5]),
        floats("s", [2], [1, 10]),
        i8("z", [2], [1, 1]),
        floats("as", [], [1]),
        u8("az", [], [0]),
      ],
      nodes: [{ op: "QLinearConv", in: ["x", "as", "az", "q", "s", "z", "as", "az"], out: ["y"] }],
      shape: [2, 1, 1],
      values: [2, 40],
      label: "INT8 per channel",
      byteLength: 12,
    },
    {
      name: "QLinearMatMul",
      initializers: [
        i8("q", [2, 3], product2x3.codes),
        floats("s", [3], [1, 10, 100]),
        i8("z", [3], [0, 0, 0]),
        floats("as", [], [1]),
        u8("az", [], [0]),
      ],
      nodes: [{ op: "QLinearMatMul", in: ["x", "as", "az", "q", "s", "z", "as", "az"], out: ["y"] }],
      shape: [3, 2],
      values: [1, 4, 20, 50, 300, 600],
      label: "INT8 per channel",
      byteLength: 21,
    },
    {
      name: "QGemm",
      initializers: [i8("q", [3, 2], product2x3.codes), floats("s", [3], [1, 10, 100]), floats("as", [], [1]), u8("az", [], [0])],
      nodes: [{ op: "QGemm", domain: microsoft, in: ["x", "as", "az", "q", "s"], out: ["y"], attributes: { transB: 1 } }],
      shape: [3, 2],
      values: [1, 2, 30, 40, 500, 600],
      label: "INT8 per channel",
      byteLength: 18,
    },
    {
      name: "DynamicQuantizeMatMul with transposed codes",
      initializers: [i8("q", [3, 2], product2x3.codes), floats("s", [3], [1, 10, 100])],
      nodes: [
        { op: "Transpose", in: ["q"], out: ["t"], attributes: { perm: [1, 0] } },
        { op: "DynamicQuantizeMatMul", domain: microsoft, in: ["x", "t", "s"], out: ["y"] },
      ],
      shape: [3, 2],
      values: [1, 2, 30, 40, 500, 600],
      label: "INT8 per channel",
      byteLength: 18,
    },
    {
      name: "MatMulNBits, 4 bits, middle of the range for zero, the last block filled up",
      initializers: [
        u8("q", [2, 2, 8], [0x98, ...new Array(7).fill(0x88), 0x9a, ...new Array(15).fill(0x88), ...new Array(8).fill(0x70)]),
        floats("s", [2, 2], [1, 2, 3, 4]),
      ],
      nodes: [
        {
          op: "MatMulNBits",
          domain: microsoft,
          in: ["x", "q", "s"],
          out: ["y"],
          attributes: { K: 18, N: 2, bits: 4, block_size: 16 },
        },
      ],
      shape: [2, 18],
      values: [0, 1, ...new Array(14).fill(0), 4, 2, ...new Array(16).fill(0), -32, -4],
      label: "INT4 g16",
      byteLength: 32 + 16,
    },
    {
      name: "MatMulNBits, 2 bits, packed zero points",
      initializers: [
        u8("q", [1, 2, 4], [0b11_10_01_00, 0, 0, 0, 0b01_01_01_01, 0, 0, 0]),
        floats("s", [2], [1, 10]),
        u8("z", [1, 1], [0b10_01]),
      ],
      nodes: [
        {
          op: "MatMulNBits",
          domain: microsoft,
          in: ["x", "q", "s", "z"],
          out: ["y"],
          attributes: { K: 20, N: 1, bits: 2, block_size: 16 },
        },
      ],
      shape: [1, 20],
      values: [-1, 0, 1, 2, ...new Array(12).fill(-1), -10, -10, -10, -10],
      label: "INT2 g16 asym",
      byteLength: 8 + 8 + 1,
    },
    {
      name: "MatMulNBits, 8 bits, zero points that are floats",
      initializers: [u8("q", [1, 1, 16], [1, 2, ...new Array(14).fill(0)]), floats("s", [1, 1], [2]), floats("z", [1, 1], [0.5])],
      nodes: [
        {
          op: "MatMulNBits",
          domain: microsoft,
          in: ["x", "q", "s", "z"],
          out: ["y"],
          attributes: { K: 3, N: 1, bits: 8, block_size: 16 },
        },
      ],
      shape: [1, 3],
      values: [1, 3, -1],
      label: "INT8 g16 asym",
      byteLength: 16 + 4 + 4,
    },
    {
      name: "MatMulNBits with a group for each column",
      initializers: [
        u8("q", [1, 2, 16], [129, 129, ...new Array(15).fill(0), 130, ...new Array(14).fill(0)]),
        floats("s", [1, 2], [1, 10]),
        tensor({
          name: "g",
          type: T.INT32,
          dims: [18],
          raw: raw(Int32Array.from({ length: 18 }, (_, i) => (i === 0 || i === 17 ? 1 : 0))),
        }),
      ],
      nodes: [
        {
          op: "MatMulNBits",
          domain: microsoft,
          in: ["x", "q", "s", "", "g"],
          out: ["y"],
          attributes: { K: 18, N: 1, bits: 8, block_size: 16 },
        },
      ],
      shape: [1, 18],
      values: [10, 1, ...new Array(15).fill(-128), 20],
      label: "INT8 g16",
      byteLength: 32 + 8 + 72,
    },
    {
      name: "GatherBlockQuantized on bytes, 4 bits",
      initializers: [
        u8("q", [1, 16], [0x98, ...new Array(7).fill(0x88), ...new Array(8).fill(0x99)]),
        floats("s", [1, 2], [1, 10]),
      ],
      nodes: [
        {
          op: "GatherBlockQuantized",
          domain: microsoft,
          in: ["q", "i", "s"],
          out: ["y"],
          attributes: { bits: 4, block_size: 16, quantize_axis: 1 },
        },
      ],
      shape: [1, 32],
      values: [0, 1, ...new Array(14).fill(0), ...new Array(16).fill(10)],
      label: "INT4 g16",
      byteLength: 24,
    },
    {
      name: "GatherBlockQuantized on 4-bit integers, with zero points",
      initializers: [
        packed("q", T.UINT4, [1, 32], [0x21, ...new Array(15).fill(0x11)]),
        floats("s", [1, 2], [1, 10]),
        packed("z", T.UINT4, [1, 2], [0x31]),
      ],
      nodes: [
        {
          op: "GatherBlockQuantized",
          domain: microsoft,
          in: ["q", "i", "s", "z"],
          out: ["y"],
          attributes: { block_size: 16, quantize_axis: 1 },
        },
      ],
      shape: [1, 32],
      values: [0, 1, ...new Array(14).fill(0), ...new Array(16).fill(-20)],
      label: "UINT4 g16 asym",
      byteLength: 16 + 8 + 1,
    },
    {
      name: "QAttention",
      initializers: [i8("q", [2, 3], product2x3.codes), floats("s", [3], [1, 10, 100]), floats("as", [], [1]), u8("az", [], [0])],
      nodes: [{ op: "QAttention", domain: microsoft, in: ["x", "q", "b", "as", "s", "", "az"], out: ["y"] }],
      shape: [3, 2],
      values: [1, 4, 20, 50, 300, 600],
      label: "INT8 per channel",
      byteLength: 18,
    },
    {
      name: "DynamicQuantizeLSTM, scales per direction and gate",
      initializers: [i8("q", [2, 1, 2], [1, 2, 3, 4]), floats("s", [2, 2], [1, 10, 100, 1000])],
      nodes: [{ op: "DynamicQuantizeLSTM", domain: microsoft, in: ["x", "q", "r", "", "", "", "", "", "s"], out: ["y"] }],
      shape: [2, 1, 2],
      values: [1, 20, 300, 4000],
      label: "INT8 per channel",
      byteLength: 20,
    },
  ];
  for (const row of rows) it(row.name, () => check(row));
});
