import assert from "node:assert/strict";
import { onnx } from "../../../../src/formats/onnx";
import {
  bytes,
  floats,
  int,
  join,
  memoryFolder,
  model,
  type ModelSpec,
  type NodeSpec,
  T,
  tensor,
  text,
  value,
} from "../../../builders/onnx";
import { exportTo } from "./executor";

import { io, K, N, product, w, weights } from "./exportCase";

describe("ONNX export: what stays as it is", () => {
  const square = floats("w", [32, 32], weights(1024, 2));
  const rows: [name: string, nodes: NodeSpec[], why: RegExp, more?: Partial<ModelSpec>][] = [
    ["embeddings tied to the head", [{ op: "Gather", in: ["w", "i"], out: ["e"] }, product], /Gather uses it as well/],
    [
      "a matrix used both ways",
      [
        product,
        { op: "Transpose", in: ["w"], out: ["t"], attributes: { perm: [1, 0] } },
        { op: "MatMul", in: ["x", "t"], out: ["z"] },
      ],
      /both as it is and transposed/,
    ],
    ["the first factor of a product", [{ op: "MatMul", in: ["w", "x"], out: ["y"] }], /first factor/],
    ["Gemm with transA", [{ op: "Gemm", in: ["x", "w"], out: ["y"], attributes: { transA: 1 } }], /transposes the input/],
    ["Gemm with alpha", [{ op: "Gemm", in: ["x", "w"], out: ["y"], attributes: { alpha: { float: 2 } } }], /factor alpha/],
    ["Gemm with beta", [{ op: "Gemm", in: ["x", "w", "b"], out: ["y"], attributes: { beta: { float: 2 } } }], /factor beta/],
    ["an output of the graph", [product], /output of the graph/, { outputs: [value("y"), value("w")] }],
    [
      "a weight inside a local function",
      [{ op: "L", domain: "d", in: ["x", "w"], out: ["y"] }],
      /handed to a local function, whose other calls share its operators; inline the functions first/,
      {
        functions: [
          { name: "L", domain: "d", inputs: ["a", "b"], outputs: ["c"], nodes: [{ op: "MatMul", in: ["a", "b"], out: ["c"] }] },
        ],
      },
    ],
    [
      "a weight rounded while running",
      [
        { op: "QuantizeLinear", in: ["w", "s"], out: ["q"] },
        { op: "DequantizeLinear", in: ["q", "s"], out: ["d"] },
        { op: "MatMul", in: ["x", "d"], out: ["y"] },
      ],
      /quantized while the model runs/,
    ],
    [
      "double precision",
      [{ op: "MatMul", in: ["x", "d"], out: ["y"] }],
      /stored as DOUBLE/,
      { initializers: [tensor({ name: "d", type: T.DOUBLE, dims: [2, 2], raw: new Uint8Array(32) })] },
    ],
    ["a second constant of the same name", [product], /same name/, { initializers: [square, square] }],
  ];
  for (const [name, nodes, why, more] of rows) {
    it(`${name}: the file stays byte for byte, and a note says why`, async () => {
      const source = model({ nodes, initializers: [square], ...io([32, 32]), ...more });
      const { files, notes } = await exportTo(memoryFolder({ "m.onnx": source }), "m.onnx", "int4-g32");
      assert.match(notes.join(" "), why);
      assert.deepEqual(files.get("out.onnx"), source);
    });
  }

  it("doc strings, unknown fields and metadata around a replaced weight survive", async () => {
    const source = join(
      model({
        nodes: [product],
        ...io([2, K]),
        initializers: [floats("w", [K, N], w)],
        fields: [text(10, "about this graph"), int(99, 7)],
      }),
      text(6, "about this model"),
      bytes(14, join(text(1, "licence"), text(2, "MIT"))),
      int(98, 5),
    );
    const { files } = await exportTo(memoryFolder({ "m.onnx": source }), "m.onnx", "int8-g32");
    const out = Buffer.from(files.get("out.onnx")!);
    for (const kept of [
      text(10, "about this graph"),
      int(99, 7),
      text(6, "about this model"),
      bytes(14, join(text(1, "licence"), text(2, "MIT"))),
      int(98, 5),
    ]) {
      assert.ok(out.includes(Buffer.from(kept)));
    }
  });

  it("names that are taken already are not given again", async () => {
    const nodes: NodeSpec[] = [product, { op: "Add", in: ["y", "w_Q4"], out: ["z"] }];
    const { files } = await exportTo(
      memoryFolder({
        "m.onnx": model({
          nodes,
          inputs: [value("x", T.FLOAT, [2, K])],
          outputs: [value("z")],
          initializers: [floats("w", [K, N], w), floats("w_Q4", [N], weights(N, 1))],
        }),
      }),
      "m.onnx",
      "int4-g32",
    );
    const index = await onnx.readIndex(memoryFolder(Object.fromEntries(files)), "out.onnx");
    assert.deepEqual(
      index.tensors.map((t) => t.name),
      ["w_Q4_2", "w_Q4"],
    );
  });
});
