import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import type { ExportRequest } from "../../../src/core/api/engine";
import type { EngineError } from "../../../src/core/errors";
import type { Recipe } from "../../../src/core/recipe";
import { createNodeEngine } from "../../../src/node/createNodeEngine";
import { floats, model, T, value } from "../../builders/onnx";
import { gaussians } from "../../builders/random";
import { safetensorsFile } from "../../builders/safetensors";
import { inFolder } from "../../builders/toyModel";

const sample = path.join(__dirname, "../../../media/sample");
const handle = createNodeEngine({ threads: 1 });
const { engine } = handle;

/** A product and a table, in this operator set. */
const network = (opset: number) =>
  model({
    opset,
    inputs: [value("x", T.FLOAT, ["n", 64]), value("i", T.INT64, ["n"])],
    outputs: [value("y", T.FLOAT), value("e", T.FLOAT)],
    initializers: [floats("w", [64, 32], gaussians(64 * 32, 1)), floats("t", [40, 64], gaussians(40 * 64, 2))],
    nodes: [
      { op: "MatMul", in: ["x", "w"], out: ["y"] },
      { op: "Gather", in: ["t", "i"], out: ["e"] },
    ],
  });

/** `up_proj` has rows that groups of 128 do not divide, `gate_proj` beside it does not. */
const uneven = () => {
  const module = (name: string) => `model.layers.0.mlp.${name}.weight`;
  return safetensorsFile({ [module("gate_proj")]: { dtype: "F32", shape: [64, 128] }, [module("up_proj")]: { dtype: "F32", shape: [64, 96] } });
};

const recipe = (target: Recipe["target"], ...rules: Recipe["rules"]): Recipe => ({ bitlens: 1, target, transforms: [], rules });

type Choice = { readonly encoding: string } | { readonly recipe: Recipe };

/** Codes of what is said before an export of the file, or folder, is written; nothing is. */
async function codes(source: string, choice: Choice): Promise<string[]> {
  return inFolder(async (folder) => {
    const request = { path: source, output: path.join(folder, outputName(source, choice)), ...choice } as ExportRequest;
    const warnings = await engine.exportWarnings(request);
    for (const { message, runtime, source: place } of warnings) assert.ok(/^.{20,}\.$/.test(message) && runtime && place!.length > 20, message);
    assert.deepEqual(fs.readdirSync(folder), []);
    return warnings.map((w) => w.code);
  });
}

function outputName(source: string, choice: Choice): string {
  if (source.endsWith(".onnx")) return "out.onnx";
  const toGguf = "recipe" in choice ? choice.recipe.target === "gguf" : !/-|^f8/.test(choice.encoding);
  return toGguf ? "out.gguf" : "out";
}

describe("engine: will an export load?", () => {
  after(async () => {
    engine.dispose();
    await handle.idle();
  });

  // Warnings of uniform exports: what is asked for is told, and ordinary exports are silent.
  const uniform: [name: string, encoding: string, want: readonly string[]][] = [
    ["a mix, of a Hugging Face folder", "q4_K_M", []],
    ["whole blocks of one type", "q8_0", []],
    ["ternary blocks", "tq2_0", ["cpu-only"]],
    ["a young type", "q1_0", ["young-type"]],
    ["groups in safetensors", "int4-g128", []],
    ["8-bit inputs", "int8-qdq", ["int8-activations"]],
    ["a research layout", "lsbq2-g128", ["research-layout"]],
  ];
  for (const [name, encoding, want] of uniform) {
    it(`the sample, ${name}: ${encoding}`, async () => assert.deepEqual(await codes(sample, { encoding }), want));
  }

  const networks: [opset: number, encoding: string, want: readonly string[]][] = [
    [17, "int4-g32", ["quantized-embedding"]],
    [17, "int2-g32", ["two-bits"]],
    [17, "int4-qdq-g32", ["int8-activations", "operator-set-21"]],
    [21, "int4-qdq-g32", ["int8-activations"]],
    [17, "f16", []],
  ];
  for (const [opset, encoding, want] of networks) {
    it(`ONNX of operator set ${opset}: ${encoding}`, () =>
      inFolder(async (folder) => {
        const file = path.join(folder, "model.onnx");
        fs.writeFileSync(file, network(opset));
        assert.deepEqual(await codes(file, { encoding }), want);
      }));
  }

  it("a quantized file is asked again, about what changes", () =>
    inFolder(async (folder) => {
      const file = path.join(folder, "model.onnx");
      const once = path.join(folder, "once.onnx");
      fs.writeFileSync(file, network(17));
      const { notes } = await engine.export({ path: file, encoding: "int4-g32", output: once }, () => {});
      assert.deepEqual(notes, [], "what was said before is not said again");
      assert.deepEqual(await codes(once, { encoding: "int8-g32" }), []);
      assert.deepEqual(await codes(once, { encoding: "int2-g32" }), ["two-bits"]);
    }));

  it("a recipe: its own warnings and those of the runtime", async () => {
    const everything = { match: "*", encoding: "q4_K" };
    assert.deepEqual(await codes(sample, { recipe: recipe("gguf", everything) }), ["small-head"]);
    assert.deepEqual(await codes(sample, { recipe: recipe("gguf", everything, { match: "*embed*", encoding: "q6_K" }) }), []);
  });

  /** Refused by warnings, estimate and export alike, in one sentence, with nothing written. */
  async function refused(source: string, choice: Choice, pattern: RegExp): Promise<void> {
    await inFolder(async (folder) => {
      const request = { path: source, output: path.join(folder, "out"), ...choice } as ExportRequest;
      for (const ask of [() => engine.exportWarnings(request), () => engine.estimate(request), () => engine.export(request, () => {})]) {
        await assert.rejects(ask(), (error: EngineError) => {
          assert.equal(error.code, "bad-request");
          assert.match(error.message, pattern);
          return true;
        });
      }
      assert.deepEqual(fs.readdirSync(folder), []);
    });
  }

  it("a uniform export that a runtime refuses says the tensors, the runtime and what to choose instead", () =>
    inFolder(async (folder) => {
      const file = path.join(folder, "model.safetensors");
      fs.writeFileSync(file, uneven());
      await refused(file, { encoding: "int4-g128" },
        /^vLLM fuses gate and up .* block 0 these differ: model\.layers\.0\.mlp\.gate_proj\.weight, .*up_proj\.weight \(vLLM: vllm\/.*\); choose int4-channel instead\.$/);
      assert.deepEqual(await codes(file, { encoding: "int4-g32" }), ["group-alignment"]);
    }));

  it("choices say beforehand which of them a runtime refuses, as the export would", () =>
    inFolder(async (folder) => {
      const file = path.join(folder, "model.safetensors");
      fs.writeFileSync(file, uneven());
      const choices = await engine.exportChoices(file);
      assert.ok(choices.some((c) => c.refused) && choices.some((c) => !c.refused));
      for (const { encoding, refused } of choices) {
        const says = await codes(file, { encoding }).then(() => undefined, (error: EngineError) => error.message);
        assert.equal(says === undefined, refused === undefined, encoding);
        if (refused !== undefined) assert.match(refused, /^vLLM fuses gate and up .*\(vLLM\)$/);
      }
    }));

  it("a recipe that a runtime refuses says so too, with its first remedy", () =>
    refused(sample, { recipe: recipe("safetensors", { match: "*", encoding: "int8-g128" }, { match: "*.q_proj.weight", encoding: "int4-g128" }) },
      /^In the recipe, rules\[1\]\.encoding: vLLM fuses q, k and v .* \(vLLM: vllm\/.*\); use int8-g128 for q_proj\.$/));
});
