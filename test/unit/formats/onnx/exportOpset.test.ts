import assert from "node:assert/strict";
import { onnx } from "../../../../src/formats/onnx";
import type { OrtValue } from "../../../../src/node/ort/session";
import { graph, memoryFolder, model, type ModelSpec, type NodeSpec, T, value } from "../../../builders/onnx";
import { exportTo } from "./executor";
import { check, error, matrixCase, product } from "./exportCase";

describe("ONNX export: raising the operator set to 21", () => {
  const opsetOf = async (files: ReadonlyMap<string, Uint8Array>) => {
    const { metadata } = await onnx.readIndex(memoryFolder(Object.fromEntries(files)), "out.onnx");
    const fields = new Map(metadata);
    return [fields.get("opset ai.onnx"), fields.get("ir_version")];
  };
  const toMean = (attributes: NodeSpec["attributes"]): NodeSpec[] => [
    { op: "MatMul", in: ["x", "w"], out: ["m"] },
    { op: "ReduceMean", in: ["m"], out: ["y"], attributes },
  ];
  const raised: [name: string, opset: number, nodes: NodeSpec[], note: RegExp, outputs?: string[]][] = [
    ["nothing to change", 13, [{ ...product, out: ["m"] }, { op: "Softmax", in: ["m"], out: ["y"] }], /no operator of the model changes/],
    ["axes of a reduction, the last by a negative number", 13, toMean({ axes: [-1] }), /one operator is written/],
    ["several axes", 11, toMean({ axes: [0, 1], keepdims: 0 }), /one operator is written/],
    ["a reduction over everything", 17, toMean({ keepdims: 0 }), /no operator of the model changes/],
    [
      "a split into equal parts",
      13,
      [{ ...product, out: ["m"] }, { op: "Split", in: ["m"], out: ["y", "z"], attributes: { axis: 0 } }],
      /one operator is written/,
      ["y", "z"],
    ],
    [
      "reductions in a body",
      15,
      [
        {
          op: "If",
          in: ["c"],
          out: ["y"],
          attributes: Object.fromEntries(
            ["then_branch", "else_branch"].map((name) => [name, { graph: graph({ nodes: toMean({ axes: [1] }), outputs: [value("y")] }) }]),
          ),
        },
      ],
      /2 operators are written/,
    ],
  ];
  for (const [name, opset, nodes, note, outputs = ["y"]] of raised) {
    it(name, async () => {
      const inputs = [value("x", T.FLOAT, [2, 40]), ...(name.includes("body") ? [value("c", T.BOOL, [])] : [])];
      const c = matrixCase(nodes, { opset, ir: 7, inputs, outputs: outputs.map((o) => value(o)) });
      const feeds = name.includes("body") ? { ...c.feeds, c: { type: "bool", dims: [], data: Uint8Array.of(1) } as OrtValue } : c.feeds;
      const { files, notes } = await check("int8-qdq-g32", { ...c, feeds, error: { ...error, 8: 0.1 } });
      assert.match(notes.join(" "), note);
      assert.deepEqual(await opsetOf(files), ["21", "10"]);
    });
  }

  it("an older IR of a model that says 21 already is raised: it has no 4-bit types", async () => {
    const { files, notes } = await check("int4-qdq-g32", matrixCase([product], { ir: 8, opset: 21 }));
    assert.deepEqual([await opsetOf(files), notes], [["21", "10"], []]);
  });

  const kept: [name: string, spec: Partial<ModelSpec>, last: NodeSpec, why: RegExp][] = [
    ["Softmax before 13", { opset: 11 }, { op: "Softmax", in: ["m"], out: ["y"] }, /cannot be raised: Softmax means something else/],
    ["a split by attribute", { opset: 11 }, { op: "Split", in: ["m"], out: ["y"] }, /Split means something else/],
    [
      "sizes rounded up",
      { opset: 13 },
      { op: "AveragePool", in: ["m"], out: ["y"], attributes: { ceil_mode: 1, kernel_shape: [2] } },
      /AveragePool rounds sizes up/,
    ],
    [
      "GroupNormalization before 21",
      { opset: 18 },
      { op: "GroupNormalization", in: ["m", "s", "b"], out: ["y"], attributes: { num_groups: 1 } },
      /GroupNormalization means something else/,
    ],
    [
      "local functions",
      { opset: 13, functions: [{ name: "L", domain: "d", inputs: ["a"], outputs: ["c"], nodes: [{ op: "Relu", in: ["a"], out: ["c"] }] }] },
      { op: "L", domain: "d", in: ["m"], out: ["y"] },
      /functions of its own/,
    ],
  ];
  for (const [name, spec, last, why] of kept) {
    it(`${name}: the weight stays, a note says why, and a recipe is refused for the same reason`, async () => {
      const source = model({ ...matrixCase([{ ...product, out: ["m"] }, last]).spec, ...spec });
      const folder = memoryFolder({ "m.onnx": source });
      const { files, notes } = await exportTo(folder, "m.onnx", "int4-qdq-g32");
      assert.match(notes.join(" "), why);
      assert.deepEqual(files.get("out.onnx"), source);
      await assert.rejects(exportTo(folder, "m.onnx", [{ tensor: "w", encoding: "int4-qdq-g32" }]), why);
    });
  }
});
