import assert from "node:assert/strict";
import { onnx } from "../../../../src/formats/onnx";
import { floats, memoryFolder, model, type NodeSpec, value } from "../../../builders/onnx";

const matrix = (name: string) => floats(name, [4, 4], new Float32Array(16));
const bias = (name: string) => floats(name, [4], new Float32Array(4));

async function check(nodes: NodeSpec[], initializers: Uint8Array[], expected: Record<string, string>): Promise<void> {
  const source = model({ nodes, inputs: [value("x", 1, ["n", 4])], outputs: [value("y")], initializers });
  const { tensors } = await onnx.readIndex(memoryFolder({ "m.onnx": source }), "m.onnx");
  for (const [name, group] of Object.entries(expected)) assert.equal(tensors.find((t) => t.name === name)?.group, group, name);
}

const product = (name: string, weight = "onnx::MatMul_42"): NodeSpec => ({ op: "MatMul", name, in: ["x", weight], out: ["p"] });
const query = "encoder.layer.0.attention.self.query";

describe("ONNX: the module of a weight whose name is made up", () => {
  it("is told by its operator's path", () =>
    check([product("/encoder/layer.0/attention/self/query/MatMul")], [matrix("onnx::MatMul_42")], { "onnx::MatMul_42": query }));

  it("is told by the bias that is added to its product, on either side", async () => {
    for (const sides of [["p", `${query}.bias`], [`${query}.bias`, "p"]]) {
      await check([product("MatMul_17"), { op: "Add", in: sides, out: ["y"] }], [matrix("onnx::MatMul_42"), bias(`${query}.bias`)], { "onnx::MatMul_42": query });
    }
  });

  it("a weight with a name of its own keeps it", () =>
    check([product("MatMul_17", "w.weight"), { op: "Add", in: ["p", `${query}.bias`], out: ["y"] }], [matrix("w.weight"), bias(`${query}.bias`)], { "w.weight": "" }));

  const silent: [danger: string, nodes: NodeSpec[]][] = [
    ["a product that is used twice", [{ op: "Add", in: ["p", `${query}.bias`], out: ["y"] }, { op: "Relu", in: ["p"], out: ["z"] }]],
    ["a weight of two products", [{ op: "MatMul", in: ["p", "onnx::MatMul_42"], out: ["q"] }, { op: "Add", in: ["q", `${query}.bias`], out: ["y"] }]],
    ["a bias that another operator takes", [{ op: "Mul", in: ["p", `${query}.bias`], out: ["y"] }]],
    ["an addend of another name", [{ op: "Add", in: ["p", "other"], out: ["y"] }, { op: "Add", in: ["y", `${query}.bias`], out: ["z"] }]],
  ];
  for (const [danger, nodes] of silent) {
    it(`${danger} tells nothing`, () =>
      check([product("MatMul_17"), ...nodes], [matrix("onnx::MatMul_42"), bias(`${query}.bias`), bias("other")], { "onnx::MatMul_42": "MatMul_17" }));
  }
});
