import assert from "node:assert/strict";
import { bytes, f32, floats, graph, int, join, model, type NodeSpec, packed, raw, T, tensor, text } from "../../../builders/onnx";
import { read } from "./check";

const w = floats("w", [2, 3], [1, 2, 3, 4, 5, 6]);
const turned = [1, 4, 2, 5, 3, 6];
const asStored = [1, 2, 3, 4, 5, 6];
const transpose = (from: string, to: string): NodeSpec => ({
  op: "Transpose",
  in: [from],
  out: [to],
  attributes: { perm: [1, 0] },
});

describe("ONNX weights are shown as [out, in]", () => {
  const rows: [name: string, nodes: NodeSpec[], shape: number[], consumers: string[]][] = [
    ["second factor of MatMul", [{ op: "MatMul", in: ["x", "w"], out: ["y"] }], [3, 2], ["MatMul"]],
    ["first factor of MatMul", [{ op: "MatMul", in: ["w", "x"], out: ["y"] }], [2, 3], ["MatMul"]],
    ["Gemm", [{ op: "Gemm", in: ["x", "w"], out: ["y"] }], [3, 2], ["Gemm"]],
    ["Gemm with transB", [{ op: "Gemm", in: ["x", "w"], out: ["y"], attributes: { transB: 1 } }], [2, 3], ["Gemm"]],
    ["Gemm of another domain says nothing", [{ op: "Gemm", in: ["x", "w"], out: ["y"], domain: "my" }], [2, 3], ["Gemm"]],
    [
      "first factor of Gemm with transA",
      [{ op: "Gemm", in: ["w", "x"], out: ["y"], attributes: { transA: 1 } }],
      [3, 2],
      ["Gemm"],
    ],
    ["Gather", [{ op: "Gather", in: ["w", "i"], out: ["y"] }], [2, 3], ["Gather"]],
    ["transposed before MatMul", [transpose("w", "t"), { op: "MatMul", in: ["x", "t"], out: ["y"] }], [2, 3], ["MatMul"]],
    [
      "transposed twice",
      [transpose("w", "s"), transpose("s", "t"), { op: "MatMul", in: ["x", "t"], out: ["y"] }],
      [3, 2],
      ["MatMul"],
    ],
    [
      "Transpose without perm reverses",
      [
        { op: "Transpose", in: ["w"], out: ["t"] },
        { op: "MatMul", in: ["x", "t"], out: ["y"] },
      ],
      [2, 3],
      ["MatMul"],
    ],
    [
      "Identity and Cast on the way",
      [
        { op: "Identity", in: ["w"], out: ["a"] },
        { op: "Cast", in: ["a"], out: ["b"], attributes: { to: T.FLOAT16 } },
        { op: "MatMul", in: ["x", "b"], out: ["y"] },
      ],
      [3, 2],
      ["MatMul"],
    ],
    [
      "rounded to a grid on the way",
      [
        { op: "QuantizeLinear", in: ["w", "s"], out: ["q"] },
        { op: "DequantizeLinear", in: ["q", "s"], out: ["d"] },
        { op: "MatMul", in: ["x", "d"], out: ["y"] },
      ],
      [3, 2],
      ["MatMul"],
    ],
    ["inside a local function", [{ op: "Linear", domain: "my", in: ["x", "w"], out: ["y"] }], [3, 2], ["MatMul"]],
    [
      "inside the body of If",
      [
        {
          op: "If",
          in: ["c"],
          out: ["y"],
          attributes: { then_branch: { graph: graph({ nodes: [{ op: "MatMul", in: ["x", "w"], out: ["z"] }] }) } },
        },
      ],
      [3, 2],
      ["MatMul"],
    ],
    [
      "the first use in graph order decides",
      [
        { op: "Add", in: ["w", "b"], out: ["n"] },
        { op: "MatMul", in: ["x", "w"], out: ["y"] },
        { op: "Gather", in: ["n", "i"], out: ["z"] },
      ],
      [3, 2],
      ["Add", "MatMul"],
    ],
  ];
  for (const [name, nodes, shape, consumers] of rows) {
    it(name, async () => {
      const got = await read({
        nodes,
        initializers: [w],
        functions: [
          {
            name: "Linear",
            domain: "my",
            inputs: ["a", "b"],
            outputs: ["c"],
            nodes: [{ op: "MatMul", in: ["a", "b"], out: ["c"] }],
          },
        ],
      });
      const tensor = got.tensor("w");
      assert.deepEqual([tensor.shape, tensor.consumers], [shape, consumers]);
      assert.deepEqual(await got.values("w"), shape[0] === 3 ? turned : asStored);
      assert.deepEqual(got.index.problems, []);
    });
  }

  it("a matrix used as it is and transposed is shown once, with a problem", async () => {
    const got = await read({
      initializers: [w],
      nodes: [
        { op: "Gather", in: ["w", "i"], out: ["e"] },
        { op: "MatMul", in: ["x", "w"], out: ["y"] },
      ],
    });
    assert.deepEqual(got.tensor("w").shape, [2, 3]);
    assert.deepEqual(
      got.index.problems.map((p) => [p.code, p.tensor]),
      [["shared-transposed", "w"]],
    );
  });

  it("a kernel of Conv and a stack of matrices keep their order", async () => {
    const got = await read({
      initializers: [floats("k", [1, 2, 1, 2], [1, 2, 3, 4]), floats("b", [1, 2, 2], [1, 2, 3, 4])],
      nodes: [
        { op: "Conv", in: ["x", "k"], out: ["y"] },
        { op: "MatMul", in: ["y", "b"], out: ["z"] },
      ],
    });
    assert.deepEqual(
      [got.tensor("k").shape, got.tensor("b").shape],
      [
        [1, 2, 1, 2],
        [1, 2, 2],
      ],
    );
  });
});

describe("ONNX constants wherever they are", () => {
  const body = (value: number) =>
    graph({
      nodes: [
        { op: "Constant", in: [], out: ["k"], attributes: { value: { tensor: floats("", [2], [value, value]) } } },
        { op: "Relu", in: ["k"], out: ["o"] },
      ],
      initializers: [floats("i", [2], [-value, -value])],
    });

  it("bodies of If have names of their own, also where nodes have none", async () => {
    const nodes = ["", "named", "named"].map((name): NodeSpec => ({
      op: "If",
      name,
      in: ["c"],
      out: ["y"],
      attributes: { then_branch: { graph: body(1) }, else_branch: { graph: body(2) } },
    }));
    const got = await read({ nodes });
    const paths = [
      "If_0/then_branch",
      "If_0/else_branch",
      "named/then_branch",
      "named/else_branch",
      "named/then_branch_2",
      "named/else_branch_2",
    ];
    assert.deepEqual(got.index.tensors.map((t) => t.name).sort(), paths.flatMap((p) => [`${p}/i`, `${p}/k`]).sort());
    assert.deepEqual(await got.values("named/else_branch_2/k"), [2, 2]);
    assert.deepEqual(got.index.problems, []);
  });

  it("Constant nodes in a local function", async () => {
    const nodes: NodeSpec[] = [
      { op: "Constant", in: [], out: ["k"], attributes: { value: { tensor: floats("", [2, 1], [7, 8]) } } },
      { op: "MatMul", in: ["x", "k"], out: ["y"] },
    ];
    const got = await read({
      functions: [{ name: "F", domain: "d", inputs: ["x"], outputs: ["y"], nodes }],
      nodes: [{ op: "F", domain: "d", in: ["x"], out: ["y"] }],
    });
    assert.deepEqual(got.tensor("d.F/k").shape, [1, 2]);
    assert.deepEqual(await got.values("d.F/k"), [7, 8]);
  });

  it("lists of floats in a Constant node, packed or one by one", async () => {
    const got = await read({
      nodes: [
        { op: "Constant", in: [], out: ["a"], attributes: { value_floats: { fields: join(f32(7, 1.5), f32(7, 2)) } } },
        { op: "Constant", in: [], out: ["b"], attributes: { value_floats: { fields: bytes(7, raw(Float32Array.of(1.5, 2))) } } },
      ],
    });
    assert.deepEqual(
      [await got.values("a"), await got.values("b")],
      [
        [1.5, 2],
        [1.5, 2],
      ],
    );
  });

  it("settings are no weights: shapes, axes, single numbers, scales of activations", async () => {
    const got = await read({
      initializers: [
        tensor({ name: "shape", type: T.INT64, dims: [2], fields: [packed(7, [1, -1])] }),
        floats("eps", [1], [1e-5]),
        floats("one", [], [1]),
        floats("scale", [], [0.1]),
        tensor({ name: "zero", type: T.UINT8, raw: Uint8Array.of(3) }),
        floats("bias", [1], [0.5]),
        floats("kernel", [1, 1, 1], [2]),
      ],
      nodes: [
        { op: "Constant", in: [], out: ["two"], attributes: { value_float: { float: 2 } } },
        { op: "Constant", in: [], out: ["ints"], attributes: { value_ints: [1, 2, 3] } },
        { op: "QuantizeLinear", in: ["x", "scale", "zero"], out: ["q"] },
        { op: "Reshape", in: ["x", "shape"], out: ["r"] },
        { op: "Add", in: ["r", "eps"], out: ["s"] },
        { op: "Mul", in: ["s", "one"], out: ["t"] },
        { op: "Conv", in: ["t", "kernel", "bias"], out: ["u"] },
      ],
    });
    assert.deepEqual(
      got.index.tensors.map((t) => t.name),
      ["bias", "kernel"],
    );
    assert.equal(got.index.parameterCount, 2);
  });

  it("large masks are shown and not counted as parameters; tables of integers that Gather reads are", async () => {
    const got = await read({
      initializers: [
        tensor({ name: "mask", type: T.BOOL, dims: [20, 20], raw: new Uint8Array(400) }),
        tensor({ name: "table", type: T.UINT8, dims: [4, 4], raw: new Uint8Array(16) }),
      ],
      nodes: [
        { op: "Where", in: ["mask", "a", "b"], out: ["y"] },
        { op: "Gather", in: ["table", "i"], out: ["z"] },
      ],
    });
    assert.deepEqual(
      got.index.tensors.map((t) => [t.name, t.elementCount]),
      [
        ["mask", 400],
        ["table", 16],
      ],
    );
    assert.equal(got.index.parameterCount, 16);
  });

  it("two initializers of one name are both shown, with a problem", async () => {
    const got = await read({ initializers: [floats("w", [2], [1, 2]), floats("w", [2], [3, 4])] });
    assert.deepEqual(
      got.index.problems.map((p) => [p.code, p.tensor]),
      [["duplicate-name", "w#2"]],
    );
    assert.deepEqual(
      [await got.values("w"), await got.values("w#2")],
      [
        [1, 2],
        [3, 4],
      ],
    );
  });

  it("tensors come in the order in which the graph uses them", async () => {
    const got = await read({
      initializers: ["unused", "c", "a", "b"].map((n) => floats(n, [2], [1, 2])),
      nodes: ["a", "b", "c"].map((n) => ({ op: "Relu", in: [n], out: [`${n}_`] })),
    });
    assert.deepEqual(
      got.index.tensors.map((t) => t.name),
      ["a", "b", "c", "unused"],
    );
  });

  it("empty tensors and graphs", async () => {
    const got = await read({ initializers: [floats("e", [0, 4], [])] });
    assert.deepEqual([got.tensor("e").elementCount, got.tensor("e").bitsPerWeight, got.index.parameterCount], [0, 0, 0]);
    assert.deepEqual(got.index.problems, []);
    assert.deepEqual((await read(model({}))).index.tensors, []);
  });

  it("what the file says of itself", async () => {
    const { index } = await read({
      name: "net",
      ir: 9,
      opset: 17,
      domains: { "com.microsoft": 1 },
      initializers: [floats("onnx::MatMul_12", [2, 2], [1, 2, 3, 4])],
      nodes: [{ op: "MatMul", name: "/model/layers.0/q_proj/MatMul", in: ["x", "onnx::MatMul_12"], out: ["y"] }],
      before: [text(2, "tool"), text(3, "1.0"), int(5, 3), bytes(14, join(text(1, "key"), text(2, "v".repeat(5000))))],
    });
    assert.equal(index.architecture, "net");
    const metadata = new Map(index.metadata);
    assert.deepEqual(
      ["ir_version", "opset ai.onnx", "opset com.microsoft", "producer_name", "model_version"].map((k) => metadata.get(k)),
      ["9", "17", "1", "tool", "3"],
    );
    assert.ok(metadata.get("key")!.length < 2000);
    assert.deepEqual(
      [index.tensors[0].consumerName, index.tensors[0].group],
      ["/model/layers.0/q_proj/MatMul", "model.layers.0.q_proj"],
    );
    assert.deepEqual([index.format, index.files, index.byteLength], ["onnx", ["m.onnx"], index.byteLength]);
  });

  for (const [name, architecture] of [["main_graph", "unknown"], ["torch-jit-export", "unknown"], ["tf2onnx", "unknown"], ["", "unknown"], ["llama", "llama"]])
    it(`a graph called "${name}" is of architecture ${architecture}`, async () =>
      assert.equal((await read(model({ name }))).index.architecture, architecture));
});
