import assert from "node:assert/strict";
import { floats, type NodeSpec, raw, T, tensor } from "../../../builders/onnx";
import { read } from "./check";

import { check, dequantize, gemm, i8, matmul, microsoft, packed, product2x3, type Row, u8 } from "./quantizedCase";

describe("ONNX weights behind DequantizeLinear", () => {
  const rows: Row[] = [
    {
      name: "DequantizeLinear per tensor",
      initializers: [i8("q", [2, 3], product2x3.codes), floats("s", [], [0.5])],
      nodes: [dequantize(["q", "s"]), matmul],
      shape: [3, 2],
      values: [0.5, 2, 1, 2.5, 1.5, 3],
      label: "INT8 per tensor",
      byteLength: 10,
    },
    {
      name: "DequantizeLinear per tensor with a zero point",
      initializers: [u8("q", [2, 3], product2x3.codes), floats("s", [], [0.5]), u8("z", [], [2])],
      nodes: [dequantize(["q", "s", "z"]), matmul],
      shape: [3, 2],
      values: [-0.5, 1, 0, 1.5, 0.5, 2],
      label: "UINT8 per tensor",
      byteLength: 11,
    },
    {
      name: "DequantizeLinear per output of MatMul",
      initializers: [i8("q", [2, 3], product2x3.codes), floats("s", [3], [1, 10, 100]), i8("z", [3], [0, 1, 2])],
      nodes: [dequantize(["q", "s", "z"], { axis: 1 }), matmul],
      shape: [3, 2],
      values: [1, 4, 10, 40, 100, 400],
      label: "INT8 per channel",
      byteLength: 6 + 12 + 3,
    },
    {
      name: "DequantizeLinear per output of Gemm with transB, axis counted from the end",
      initializers: [i8("q", [3, 2], product2x3.codes), floats("s", [3], [1, 10, 100])],
      nodes: [dequantize(["q", "s"], { axis: -2 }), gemm],
      shape: [3, 2],
      values: [1, 2, 30, 40, 500, 600],
      label: "INT8 per channel",
      byteLength: 18,
    },
    {
      name: "DequantizeLinear per output of Conv",
      initializers: [i8("q", [2, 1, 1, 2], [1, 2, 3, 4]), floats("s", [2], [1, 10])],
      nodes: [dequantize(["q", "s"], { axis: 0 }), { op: "Conv", in: ["x", "d"], out: ["y"] }],
      shape: [2, 1, 1, 2],
      values: [1, 2, 30, 40],
      label: "INT8 per channel",
      byteLength: 12,
    },
    {
      name: "DequantizeLinear per input of Conv",
      initializers: [i8("q", [1, 2, 1, 2], [1, 2, 3, 4]), floats("s", [2], [1, 10])],
      nodes: [dequantize(["q", "s"], { axis: 1 }), { op: "Conv", in: ["x", "d"], out: ["y"] }],
      shape: [1, 2, 1, 2],
      values: [1, 2, 30, 40],
      label: "INT8 per channel",
      byteLength: 12,
    },
    {
      name: "DequantizeLinear in blocks of 2 along the input, 4-bit codes whose rows share bytes",
      initializers: [packed("q", T.INT4, [3, 3], [0x21, 0x43, 0x65, 0x87, 0x01]), floats("s", [2, 3], [1, 2, 3, 10, 20, 30])],
      nodes: [dequantize(["q", "s"], { axis: 0, block_size: 2 }), matmul],
      shape: [3, 3],
      values: [1, 4, 70, 4, 10, -160, 9, 18, 30],
      label: "INT4 g2",
      byteLength: 5 + 24,
    },
    {
      name: "zero points of 4 bits in blocks, an odd number of them",
      initializers: [
        packed("q", T.UINT4, [3, 2], [0x21, 0x43, 0x65]),
        floats("s", [3, 1], [1, 10, 100]),
        packed("z", T.UINT4, [3, 1], [0x21, 0x03]),
      ],
      nodes: [dequantize(["q", "s", "z"], { axis: 1, block_size: 2 }), gemm],
      shape: [3, 2],
      values: [0, 1, 10, 20, 200, 300],
      label: "UINT4 g2",
      byteLength: 3 + 12 + 2,
    },
    {
      name: "codes of 2 bits",
      initializers: [packed("q", T.INT2, [1, 4], [0b11_10_01_00]), floats("s", [], [2])],
      nodes: [dequantize(["q", "s"]), gemm],
      shape: [1, 4],
      values: [0, 2, -4, -2],
      label: "INT2 per tensor",
      byteLength: 5,
    },
    {
      name: "codes of 16 bits and a bias of 32",
      initializers: [
        tensor({ name: "q", type: T.INT32, dims: [2], raw: raw(Int32Array.of(-100000, 7)) }),
        floats("s", [2], [0.5, 2]),
      ],
      nodes: [dequantize(["q", "s"], { axis: 0 }), { op: "Conv", in: ["x", "k", "d"], out: ["y"] }],
      shape: [2],
      values: [-50000, 14],
      label: "INT32 per channel",
      byteLength: 16,
    },
    {
      name: "codes that are 8-bit floats, scales of 16 bits",
      initializers: [
        packed("q", T.FLOAT8E4M3FN, [2, 2], [0x38, 0x40, 0xb8, 0x44]),
        tensor({ name: "s", type: T.FLOAT16, dims: [2], raw: raw(Uint16Array.of(0x3c00, 0x4000)) }),
      ],
      nodes: [dequantize(["q", "s"], { axis: 1 }), matmul],
      shape: [2, 2],
      values: [1, -1, 4, 6],
      label: "FLOAT8E4M3FN per channel",
      byteLength: 8,
    },
    {
      name: "4-bit floats whose scales are quantized themselves",
      initializers: [
        packed("q", T.FLOAT4E2M1, [1, 4], [0x42, 0x7a]),
        packed("s8", T.FLOAT8E4M3FN, [1, 2], [0x38, 0x40]),
        floats("global", [], [0.5]),
      ],
      nodes: [
        { op: "DequantizeLinear", in: ["s8", "global"], out: ["s"] },
        dequantize(["q", "s"], { axis: 1, block_size: 2 }),
        gemm,
      ],
      shape: [1, 4],
      values: [0.5, 1, -1, 6],
      label: "FLOAT4E2M1 g2",
      byteLength: 4,
    },
    {
      name: "a stack of matrices with scales per column",
      initializers: [i8("q", [2, 1, 2], [1, 2, 3, 4]), floats("s", [2], [1, 10])],
      nodes: [dequantize(["q", "s"], { axis: 2 }), matmul],
      shape: [2, 1, 2],
      values: [1, 20, 3, 40],
      label: "INT8 per channel",
      byteLength: 12,
    },
    {
      name: "a kernel with scales along its height",
      initializers: [i8("q", [1, 2, 2, 1], [1, 2, 3, 4]), floats("s", [2], [1, 10])],
      nodes: [dequantize(["q", "s"], { axis: 2 }), { op: "Conv", in: ["x", "d"], out: ["y"] }],
      shape: [1, 2, 2, 1],
      values: [1, 20, 3, 40],
      label: "INT8 per channel",
      byteLength: 12,
    },
    {
      name: "onnxruntime's own DequantizeLinear",
      initializers: [i8("q", [1, 2], [3, 4]), floats("s", [], [2])],
      nodes: [dequantize(["q", "s"], {}, microsoft), gemm],
      shape: [1, 2],
      values: [6, 8],
      label: "INT8 per tensor",
      byteLength: 6,
    },
    {
      name: "embeddings looked up before they are dequantized",
      initializers: [u8("q", [2, 2], [1, 2, 3, 4]), floats("s", [], [2]), u8("z", [], [1])],
      nodes: [{ op: "Gather", in: ["q", "ids"], out: ["g"] }, dequantize(["g", "s", "z"])],
      shape: [2, 2],
      values: [0, 2, 4, 6],
      label: "UINT8 per tensor",
      byteLength: 9,
    },
  ];
  for (const row of rows) it(row.name, () => check(row));

  const broken: [name: string, initializers: Uint8Array[], nodes: NodeSpec[]][] = [
    ["a scale that is computed", [i8("q", [2, 2], [1, 2, 3, 4])], [{ op: "MatMulInteger", in: ["x", "q"], out: ["y"] }]],
    [
      "a zero point that is computed",
      [i8("q", [2, 2], [1, 2, 3, 4]), floats("s", [], [1])],
      [dequantize(["q", "s", "z"]), matmul],
    ],
    ["scales of another number", [i8("q", [2, 2], [1, 2, 3, 4]), floats("s", [3], [1, 2, 3])], [dequantize(["q", "s"]), matmul]],
    [
      "blocks of another number",
      [i8("q", [2, 2], [1, 2, 3, 4]), floats("s", [2, 2], [1, 2, 3, 4])],
      [dequantize(["q", "s"], { block_size: 2 }), matmul],
    ],
    [
      "an axis that does not exist",
      [i8("q", [2, 2], [1, 2, 3, 4]), floats("s", [2], [1, 2])],
      [dequantize(["q", "s"], { axis: 7 }), matmul],
    ],
    [
      "MatMulNBits with the wrong number of bytes",
      [u8("q", [1, 1, 8], new Array(8).fill(0)), floats("s", [1, 1], [1])],
      [
        {
          op: "MatMulNBits",
          domain: microsoft,
          in: ["x", "q", "s"],
          out: ["y"],
          attributes: { K: 1000, N: 1, bits: 4, block_size: 16 },
        },
      ],
    ],
    [
      "MatMulNBits of negative size",
      [u8("q", [1, 1, 8], new Array(8).fill(0)), floats("s", [1, 1], [1])],
      [
        {
          op: "MatMulNBits",
          domain: microsoft,
          in: ["x", "q", "s"],
          out: ["y"],
          attributes: { K: -16, N: -1, bits: 4, block_size: 16 },
        },
      ],
    ],
    [
      "MatMulNBits with blocks of 24",
      [u8("q", [1, 1, 12], new Array(12).fill(0)), floats("s", [1, 1], [1])],
      [
        {
          op: "MatMulNBits",
          domain: microsoft,
          in: ["x", "q", "s"],
          out: ["y"],
          attributes: { K: 24, N: 1, bits: 4, block_size: 24 },
        },
      ],
    ],
  ];
  for (const [name, initializers, nodes] of broken) {
    it(`${name}: the stored codes are shown, with a problem`, async () => {
      const got = await read({ initializers, nodes });
      assert.deepEqual(
        got.index.problems.map((p) => [p.code, p.tensor]),
        [["quantization-not-shown", "q"]],
      );
      assert.match(got.tensor("q").storage!.encoding, /^[iu]8$/);
      assert.equal((await got.values("q")).length, got.tensor("q").byteLength);
    });
  }

  it("codes used with two different scales are shown with the first, with a problem", async () => {
    const got = await read({
      initializers: [i8("q", [1, 2], [1, 2]), floats("s", [], [1]), floats("t", [], [2])],
      nodes: [
        dequantize(["q", "s"]),
        gemm,
        { op: "DequantizeLinear", in: ["q", "t"], out: ["e"] },
        { op: "Gemm", in: ["x", "e"], out: ["z"] },
      ],
    });
    assert.deepEqual(got.index.problems.map((p) => p.code).sort(), ["scales-disagree", "shared-transposed"]);
    assert.deepEqual(await got.values("q"), [1, 2]);
  });

  it("two uses with the same scales are no disagreement", async () => {
    const got = await read({
      initializers: [i8("q", [1, 2], [1, 2]), floats("s", [], [1])],
      nodes: [
        dequantize(["q", "s"]),
        gemm,
        { op: "DequantizeLinear", in: ["q", "s"], out: ["e"] },
        { op: "Relu", in: ["e"], out: ["z"] },
      ],
    });
    assert.deepEqual(got.index.problems, []);
  });

  it("a scale and a zero point that are kept outside the file", async () => {
    const outside = (name: string, type: number, offset: string) => tensor({ name, type, external: { location: "p.bin", offset } });
    const got = await read(
      {
        initializers: [u8("q", [1, 2], [3, 4]), outside("s", T.FLOAT, "0"), outside("z", T.UINT8, "4")],
        nodes: [dequantize(["q", "s", "z"]), gemm],
      },
      { "p.bin": Uint8Array.of(...raw(Float32Array.of(0.5)), 2) },
    );
    assert.deepEqual(got.index.problems, []);
    assert.deepEqual(await got.values("q"), [0.5, 1]);
  });
});
