import assert from "node:assert/strict";
import { floats, graph, memoryFolder, model, type ModelSpec, type NodeSpec, T, value } from "../../../builders/onnx";
import { exportTo } from "./executor";
import { allTargets, type Case, check, error, feed, io, K, N, outIn, transposed, w, weights } from "./exportCase";

const constant = (stored: Uint8Array): NodeSpec => ({ op: "Constant", in: [], out: ["w"], attributes: { value: { tensor: stored } } });
const twice: NodeSpec[] = [
  { op: "L", domain: "d", in: ["x"], out: ["a"] }, { op: "L", domain: "d", in: ["x"], out: ["b"] }, { op: "Add", in: ["a", "b"], out: ["y"] },
];

/** A network that calls a function twice, whose weight is a constant of its own. */
function functionCase(nodes: NodeSpec[], stored: (kn: Float32Array) => Uint8Array = (kn) => floats("w", [K, N], kn), more: Partial<ModelSpec> = {}): Case {
  const spec = (kn: Float32Array): ModelSpec => ({
    nodes: twice, ...io([2, K]), domains: { d: 1 }, ...more,
    functions: [{ name: "L", domain: "d", inputs: ["i"], outputs: ["o"], nodes: [constant(stored(kn)), ...nodes] }],
  });
  return { spec: spec(w), feeds: { x: feed([2, K]) }, changed: ["d.L/w"], withValues: (v) => spec(transposed([...v.values()][0], N, K)), error };
}

const product: NodeSpec = { op: "MatMul", in: ["i", "w"], out: ["o"] };
const branch = graph({ nodes: [{ op: "MatMul", in: ["i", "w"], out: ["o2"] }], outputs: [value("o2")] });

describe("ONNX export: constants of local functions", () => {
  for (const target of allTargets) {
    it(`${target}: a function that is called twice`, () => check(target, functionCase([product])));
  }

  it("a Gemm with its addend, transposed", () =>
    check("int4-g32", functionCase(
      [{ op: "Constant", in: [], out: ["b"], attributes: { value: { tensor: floats("b", [N], weights(N, 4)) } } },
        { op: "Gemm", in: ["i", "w", "b"], out: ["o"], attributes: { transB: 1 } }], outIn)));

  it("a product in a body inside a function", () =>
    check("int8-g32", functionCase([
      { op: "Constant", in: [], out: ["c"], attributes: { value: { tensor: floats("c", [], [1]) } } },
      { op: "Cast", in: ["c"], out: ["t"], attributes: { to: T.BOOL } },
      { op: "If", in: ["t"], out: ["o"], attributes: { then_branch: { graph: branch }, else_branch: { graph: branch } } }])));

  it("the function imports the runtime's operators itself, once", async () => {
    const { files } = await exportTo(memoryFolder({ "m.onnx": model(functionCase([product]).spec) }), "m.onnx", "int4-g32");
    const text = Buffer.from(files.get("out.onnx")!).toString("latin1");
    assert.equal(text.match(/com\.microsoft/g)!.length, 3, "the operator, the function's import and the model's");
  });

  const kept: [danger: string, target: string, spec: ModelSpec, why: RegExp][] = [
    ["a function of an older version", "int8-qdq", functionCase([product], undefined, { opset: 12 }).spec, /its function is written for version 12 of the operator set, and version 13 is needed/],
    ["blocks in a function of an older version", "int4-qdq-g32", functionCase([product], undefined, { opset: 20 }).spec, /its function is written for version 20/],
    ["a constant that another function takes", "int4-g32", {
      ...functionCase([{ op: "M", domain: "d", in: ["i", "w"], out: ["o"] }]).spec,
      functions: [
        { name: "L", domain: "d", inputs: ["i"], outputs: ["o"], nodes: [constant(floats("w", [K, N], w)), { op: "M", domain: "d", in: ["i", "w"], out: ["o"] }] },
        { name: "M", domain: "d", inputs: ["p", "q"], outputs: ["r"], nodes: [{ op: "MatMul", in: ["p", "q"], out: ["r"] }] },
      ],
    }, /handed to a local function/],
  ];
  for (const [danger, target, spec, why] of kept) {
    it(`${danger}: kept, and a note says why`, async () => {
      const source = model(spec);
      const { files, notes } = await exportTo(memoryFolder({ "m.onnx": source }), "m.onnx", target);
      assert.match(notes.join(" "), why);
      assert.deepEqual(files.get("out.onnx"), source);
    });
  }
});
