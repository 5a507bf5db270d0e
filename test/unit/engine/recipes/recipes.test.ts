import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import type { EngineError } from "../../../../src/core/errors";
import type { Recipe } from "../../../../src/core/recipe";
import type { EncodingError } from "../../../../src/core/series";
import { floats, model as onnxModel, T, value } from "../../../builders/onnx";
import { gaussians } from "../../../builders/random";
import { createNodeEngine } from "../../../../src/node/createNodeEngine";

const sample = path.join(__dirname, "../../../../media/sample");
const none = () => {};

describe("engine: recipes and the bit budget", function () {
  this.timeout(120_000);
  const { engine } = createNodeEngine({ threads: 2 });
  let folder: string;
  let model: string;
  before(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "bitlens-recipes-"));
    model = path.join(folder, "model");
    fs.cpSync(sample, model, { recursive: true });
    fs.rmSync(path.join(model, ".bitlens"), { recursive: true, force: true });
  });
  after(() => {
    engine.dispose();
    fs.rmSync(folder, { recursive: true, force: true });
  });
  const refuses = (work: Promise<unknown>, message: RegExp) =>
    assert.rejects(work, (error: EngineError) => error.name === "EngineError" && message.test(error.describe()));

  it("measures once and remembers beside the model", async () => {
    const reports: number[] = [];
    const first = await engine.sensitivity({ path: model, target: "gguf" }, (p) => reports.push(p.bytesDone));
    assert.ok(reports.length > 0);
    assert.equal(fs.readdirSync(path.join(model, ".bitlens")).length, 1);
    const again: number[] = [];
    assert.deepEqual(await engine.sensitivity({ path: model, target: "gguf" }, (p) => again.push(p.bytesDone)), first);
    assert.deepEqual(again, []);
    assert.equal(first.tensors.length, 29);
    for (const { candidates } of first.tensors) assert.equal(candidates.at(-1)?.encoding, "keep");
  });

  it("a damaged table is measured again, not believed", async () => {
    const kept = path.join(model, ".bitlens", fs.readdirSync(path.join(model, ".bitlens"))[0]);
    fs.writeFileSync(kept, "{\"version\": 1, \"tensors\": [");
    const table = await engine.sensitivity({ path: model, target: "gguf" }, none);
    assert.equal(table.tensors.length, 29);
  });

  /** Products and a table whose groups leave zero points in odd numbers. */
  const network = () =>
    onnxModel({
      inputs: [value("x", T.FLOAT, ["n", 416]), value("i", T.INT64, ["n"])],
      outputs: [value("z", T.FLOAT), value("e", T.FLOAT)],
      initializers: [floats("a", [416, 300], gaussians(416 * 300, 1)), floats("b", [300, 70], gaussians(300 * 70, 2)), floats("t", [999, 128], gaussians(999 * 128, 3))],
      nodes: [
        { op: "MatMul", in: ["x", "a"], out: ["y"] },
        { op: "MatMul", in: ["y", "b"], out: ["z"] },
        { op: "Gather", in: ["t", "i"], out: ["e"] },
      ],
    });
  /** Of a changed tensor: its entry in a JSON header, or its operator and names in a graph. GGUF has one size for all types. */
  const headerBytes = { gguf: 0, safetensors: 200, onnx: 600 };

  for (const target of ["gguf", "safetensors", "onnx"] as const) {
    it(`${target}: the plan keeps to the budget, is exported as planned, and has the size it says`, async () => {
      const budget = { gguf: 2_100_000, safetensors: 3_400_000, onnx: 160_000 }[target];
      const source = target === "onnx" ? path.join(folder, "network.onnx") : model;
      if (target === "onnx") fs.writeFileSync(source, network());
      const plan = await engine.plan({ path: source, target, budget: { fileBytes: budget } }, none);
      const table = await engine.sensitivity({ path: source, target, rememberedOnly: true }, none);
      const counted = table.fixedBytes + plan.choices.reduce((sum, c) => sum + c.bytes, 0);
      assert.ok(Math.abs(counted - plan.byteLength) <= headerBytes[target] * table.tensors.length, `counted ${counted}, laid out ${plan.byteLength}`);
      assert.ok(plan.byteLength <= budget && plan.byteLength > 0.99 * budget, String(plan.byteLength));
      const output = path.join(folder, { gguf: "planned.gguf", safetensors: "planned", onnx: "planned.onnx" }[target]);
      const result = await engine.export({ path: source, recipe: plan.recipe, output }, none);
      const weights = result.files.filter((f) => /\.(gguf|safetensors|onnx)$/.test(f)).reduce((sum, f) => sum + fs.statSync(f).size, 0);
      assert.equal(weights, plan.byteLength);
      const check = await engine.check(source, plan.recipe);
      assert.equal(check.byteLength, plan.byteLength);
      assert.deepEqual(check.findings.filter((f) => f.severity === "error"), []);
    });
  }

  it("what the analysis measures as stored is what an export would hold, under the name that was asked for", async () => {
    const tensors = ["model.embed_tokens.weight", "model.layers.0.mlp.up_proj.weight"];
    const errorsOf = async (encoding: string, asStored: boolean) => {
      const found: EncodingError[] = [];
      await engine.analyse({ path: model, tensors, encodings: [encoding], asStored }, (e) => {
        if (e.kind === "report") found[tensors.indexOf(e.report.name)] = e.report.errors[0];
      });
      return found;
    };
    const [embedding, linear] = await errorsOf("int4-g128", true);
    const [plain] = await errorsOf("int4-g128", false);
    const [, direct] = await errorsOf("int4-g128-bf16", false);
    assert.deepEqual(linear, { ...direct, encoding: "int4-g128", stored: "int4-g128-bf16" });
    assert.deepEqual(embedding, plain, "safetensors keeps embeddings, so there is no other name");
    const choices = await engine.exportChoices(model);
    const into = choices.find((c) => c.encoding === "int4-g128")!.assigned!.map((a) => a.encoding);
    assert.deepEqual(into, [linear.stored], "the shown choice finds its figure");
  });

  it("at equal bytes the plan errs less than every named mix", async () => {
    const { uniforms } = await engine.pareto({ path: model, target: "gguf" }, none);
    assert.ok(uniforms.length >= 10);
    for (const { name, byteLength, squaredError } of uniforms) {
      const plan = await engine.plan({ path: model, target: "gguf", budget: { fileBytes: byteLength } }, none);
      assert.ok(plan.squaredError <= squaredError, `${name}: ${plan.squaredError} against ${squaredError}`);
    }
  });

  it("locks hold, and vLLM's fused layers agree", async () => {
    const locks = [{ match: "*.v_proj.weight", encoding: "q8_0" }];
    const gguf = await engine.plan({ path: model, target: "gguf", budget: { bitsPerWeight: 5 }, locks }, none);
    for (const { name, encoding } of gguf.choices) if (name.includes("v_proj")) assert.equal(encoding, "q8_0");
    const { choices } = await engine.plan({ path: model, target: "safetensors", budget: { bitsPerWeight: 9 } }, none);
    const of = (name: string) => choices.find((c) => c.name === `model.layers.0.${name}.weight`)?.encoding;
    assert.equal(of("self_attn.q_proj"), of("self_attn.v_proj"));
    assert.equal(of("mlp.gate_proj"), of("mlp.up_proj"));
  });

  const recipe = (rules: Recipe["rules"], target: Recipe["target"] = "gguf"): Recipe => ({ bitlens: 1, target, transforms: [], rules });
  it("a rule's method chooses the values that are written", async () => {
    const written = async (method?: string) => {
      const rules = [{ match: "*.down_proj.weight", encoding: "tq2_0", method }];
      const output = path.join(folder, `ternary-${method}.gguf`);
      await engine.export({ path: model, recipe: recipe(rules), output }, none);
      const found: number[] = [];
      await engine.compare({ pathA: model, pathB: output }, (event) => {
        if (event.kind === "pair" && event.comparison.a.name.includes("down_proj")) found.push(event.comparison.sqnr);
      });
      return found;
    };
    const [rounded, fitted] = [await written(), await written("lsbq")];
    assert.ok(rounded.length > 0);
    rounded.forEach((usual, i) => assert.ok(fitted[i] > usual + 3, `${usual} dB rounded, ${fitted[i]} dB fitted`));
  });

  it("refuses what cannot be, saying what to change, and writes nothing", async () => {
    const output = path.join(folder, "refused.gguf");
    await refuses(engine.plan({ path: model, target: "gguf", budget: { fileBytes: 1000 } }, none), /smallest possible is 1\.\d+ MB/);
    await refuses(engine.plan({ path: model, target: "onnx", budget: { fileBytes: 1e6 } }, none), /cannot become onnx/);
    await refuses(engine.export({ path: model, output, recipe: recipe([{ match: "*.nothing", encoding: "q4_K" }]) }, none), /matches no tensor/);
    await refuses(engine.export({ path: model, output, recipe: recipe([{ match: "*", encoding: "q9_K" }]) }, none), /q9_K/);
    await refuses(engine.export({ path: model, output, recipe: recipe([{ match: "*", encoding: "int4-g128" }]) }, none), /int4-g128/);
    await refuses(engine.export({ path: model, output, recipe: recipe([]) }, none), /no tensor changes/);
    assert.equal(fs.existsSync(output), false);
  });

  it("says what a runtime will not load", async () => {
    const differing = recipe([{ match: "*", encoding: "int8-g128-bf16" }, { match: "*.q_proj.weight", encoding: "int4-g128-bf16" }], "safetensors");
    const { findings, byteLength } = await engine.check(model, differing);
    assert.deepEqual(findings.map((f) => [f.severity, f.code, f.runtime]).filter(([s]) => s === "error"), [["error", "fused-schemes", "vLLM"]]);
    assert.equal(byteLength, undefined);
    const head = await engine.check(model, recipe([{ match: "*", encoding: "q4_K" }]));
    assert.ok(head.findings.some((f) => f.code === "small-head" && f.severity === "warning"));
  });
});
