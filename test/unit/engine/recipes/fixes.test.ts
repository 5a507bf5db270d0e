import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseRecipe, serializeRecipe } from "../../../../src/budget/recipe";
import type { RecipeFinding } from "../../../../src/core/api/engine";
import type { Recipe, RecipeRule } from "../../../../src/core/recipe";
import { createNodeEngine } from "../../../../src/node/createNodeEngine";
import { edited, textEdits } from "../../../../src/vscode/recipes/edits";
import { ggufFile } from "../../../builders/gguf";

const sample = path.join(__dirname, "../../../../media/sample");

interface Case {
  readonly name: string;
  readonly model?: "sample" | "narrow";
  readonly target?: Recipe["target"];
  readonly rules: readonly RecipeRule[];
  readonly made?: Recipe["model"];
  readonly code: string;
  /** Place of the finding, and titles of its fixes. */
  readonly at: string;
  readonly fixes: readonly string[];
  /** Part of the message. */
  readonly says?: RegExp;
}

const qOfAll = "model.layers.*.self_attn.q_proj.weight";

const cases: readonly Case[] = [
  {
    name: "a misspelt encoding",
    rules: [{ match: "*", encoding: "q4_k_m" }],
    code: "unknown-encoding",
    at: "rules.0.encoding",
    fixes: ["Use q4_K"],
  },
  {
    name: "a misspelt fallback",
    model: "narrow",
    rules: [{ match: "*", encoding: "q4_K", fallback: ["q8"] }],
    code: "unknown-encoding",
    at: "rules.0.fallback.0",
    fixes: ["Use q8_0"],
  },
  {
    name: "rows that do not fill the blocks take llama.cpp's own fallback",
    model: "narrow",
    rules: [{ match: "*", encoding: "q4_K" }],
    code: "cannot-hold",
    at: "rules.0.encoding",
    fixes: ["Fall back to q5_0", "Fall back to iq4_nl", "Use q5_0"],
    says: /blk\.0\.ffn_down\.weight cannot be stored as q4_K: rows of 96 weights do not divide into blocks of 256; choose/,
  },
  {
    name: "a rule for one matrix that does not fit takes another encoding",
    model: "narrow",
    rules: [{ match: "*down*", encoding: "q6_K" }],
    code: "cannot-hold",
    at: "rules.0.encoding",
    fixes: ["Use q8_0", "Use bf16", "Use f16"],
  },
  {
    name: "an encoding of another container",
    rules: [{ match: "*", encoding: "int4-g128" }],
    code: "cannot-hold",
    at: "rules.0.encoding",
    fixes: ["Use q4_K", "Use iq4_xs", "Use iq4_nl"],
    says: /GGUF has no tensor type for it/,
  },
  {
    name: "an encoding of another container with a group that goes as well",
    rules: [{ match: "*", encoding: "int4", group: 64 }],
    code: "cannot-hold",
    at: "rules.0.encoding",
    fixes: ["Use q4_K", "Use iq4_nl", "Use q4_0"],
  },
  {
    name: "ggml's blocks in safetensors",
    target: "safetensors",
    rules: [{ match: "*", encoding: "q4_K" }],
    code: "cannot-hold",
    at: "rules.0.encoding",
    fixes: ["Use int4-g32", "Use int4-g32-asym", "Use int4-g128-asym"],
    says: /no layout of safetensors that a runtime reads holds it/,
  },
  {
    name: "a float type in safetensors",
    target: "safetensors",
    rules: [{ match: "*", encoding: "f16" }],
    code: "cannot-hold",
    at: "rules.0.encoding",
    fixes: ["Use int8-g32-asym", "Use int8-g32", "Use int8-g128-asym"],
    says: /exports to safetensors leave float types as they are/,
  },
  {
    name: "an encoding that is read only",
    rules: [{ match: "*", encoding: "iq2_xxs" }],
    code: "cannot-hold",
    at: "rules.0.encoding",
    fixes: ["Use q2_K", "Use q3_K", "Use q4_K"],
    says: /it can be read, but not written/,
  },
  {
    name: "a letter wrong in a pattern",
    rules: [{ match: "modle.layers.*.self_attn.q_proj.weight", encoding: "q4_K" }],
    code: "no-match",
    at: "rules.0.match",
    fixes: [
      `Match ${qOfAll}`,
      "Match model.layers.*.self_attn.k_proj.weight",
      "Match model.layers.*.self_attn.v_proj.weight",
      "Remove the rule",
    ],
    says: /matches no tensor that can be quantized; names look like model\./,
  },
  {
    name: "the names of another family, in some blocks",
    rules: [
      { match: "*", encoding: "q4_K" },
      { match: "blk.{0,1}.attn_q.weight", encoding: "q6_K" },
    ],
    code: "no-match",
    at: "rules.1.match",
    fixes: ["Match model.layers.{0,1}.self_attn.q_proj.weight", "Remove the rule"],
  },
  {
    name: "blocks that the model does not have",
    rules: [{ match: "model.layers.{8,9}.self_attn.q_proj.weight", encoding: "q4_K" }],
    code: "no-match",
    at: "rules.0.match",
    fixes: [
      `Match ${qOfAll}`,
      "Match model.layers.*.self_attn.k_proj.weight",
      "Match model.layers.*.self_attn.v_proj.weight",
      "Remove the rule",
    ],
  },
  {
    name: "norms, which stay",
    rules: [
      { match: "*", encoding: "q4_K" },
      { match: "*norm.weight", encoding: "q8_0" },
    ],
    code: "no-match",
    at: "rules.1.match",
    fixes: ["Remove the rule"],
    says: /matches only what an export keeps as it is \(.*and 8 others\); remove the rule/,
  },
  {
    name: "a role that no match has",
    rules: [{ match: "*.q_proj.weight", role: "v", encoding: "q4_K" }],
    code: "no-match",
    at: "rules.0.match",
    fixes: ["Use q", "Leave the role out", "Remove the rule"],
  },
  {
    name: "a rule that others cover",
    rules: [
      { match: "*q_proj*", encoding: "q4_K" },
      { match: "*", encoding: "q6_K" },
    ],
    code: "shadowed",
    at: "rules.0",
    fixes: ["Remove the rule"],
  },
  {
    name: "a misspelt method",
    rules: [{ match: "*", encoding: "q8_0", method: "rnt" }],
    code: "unknown-method",
    at: "rules.0.method",
    fixes: ["Use rtn", "Leave the method out"],
  },
  {
    name: "a method that does not make the encoding",
    rules: [{ match: "*", encoding: "q8_0", method: "pvq" }],
    code: "method-mismatch",
    at: "rules.0.method",
    fixes: ["Leave the method out"],
    says: /The method pvq cannot produce q8_0/,
  },
  {
    name: "an option that the method does not have",
    rules: [{ match: "*", encoding: "q8_0", method: "rtn", options: { fit: "exact" } }],
    code: "unknown-option",
    at: "rules.0.options.fit",
    fixes: ["Remove the option fit"],
  },
  {
    name: "an option's value",
    target: "safetensors",
    rules: [{ match: "*", encoding: "lsbq2-g128", method: "lsbq", options: { fit: "best" } }],
    code: "unknown-option",
    at: "rules.0.options.fit",
    fixes: ["Use exact", "Use greedy", "Remove the option fit"],
  },
  {
    name: "options without a method",
    rules: [{ match: "*", encoding: "q8_0", options: { fit: "exact" } }],
    code: "unknown-option",
    at: "rules.0.options",
    fixes: ["Remove the options"],
  },
  {
    name: "a recipe for another model",
    rules: [{ match: "*", encoding: "q8_0" }],
    made: { name: "other.gguf", fingerprint: "00" },
    code: "other-model",
    at: "model.fingerprint",
    fixes: ["Make it a recipe for model.safetensors", "Make it a recipe for any model"],
    says: /made for another model \(other\.gguf\)/,
  },
  {
    name: "a container that the model cannot become",
    target: "onnx",
    rules: [{ match: "*", encoding: "int4-g32" }],
    code: "wrong-target",
    at: "target",
    fixes: ["Make it a recipe for safetensors", "Make it a recipe for gguf"],
    says: /cannot become onnx; it can be written as safetensors or gguf/,
  },
  {
    name: "q apart from k and v: the rule for q follows, or a new one takes k and v along",
    target: "safetensors",
    rules: [
      { match: "*", encoding: "int4-g128" },
      { match: "*.q_proj.weight", encoding: "int8-g128" },
    ],
    code: "fused-schemes",
    at: "rules.1.encoding",
    fixes: ["Use int4-g128 for q_proj", "Add a rule: int8-g128 for k_proj and v_proj"],
  },
  {
    name: "gate apart from up in one block",
    target: "safetensors",
    rules: [
      { match: "*", encoding: "int4-g128" },
      { match: "model.layers.1.mlp.{gate,down}_proj.weight", encoding: "int8-g128" },
    ],
    code: "fused-schemes",
    at: "rules.1.encoding",
    fixes: [
      "Add a rule: int8-g128 for model.layers.1.mlp.up_proj.weight",
      "Add a rule: int4-g128 for model.layers.1.mlp.gate_proj.weight",
    ],
  },
  {
    name: "a small head gets a rule of its own",
    rules: [{ match: "*", encoding: "q4_K" }],
    code: "small-head",
    at: "rules.0.encoding",
    fixes: ["Add a rule: q6_K for model.embed_tokens.weight", "Add a rule: q8_0 for model.embed_tokens.weight"],
  },
  {
    name: "two quantization methods in one model",
    target: "safetensors",
    rules: [
      { match: "*", encoding: "int4-g128" },
      { match: "*.mlp.down_proj.weight", encoding: "gptq-4bit-g128" },
    ],
    code: "one-method",
    at: "rules.1.encoding",
    fixes: ["Use int4-g128 for down_proj"],
  },
];

describe("engine: what a check suggests", function () {
  this.timeout(60_000);
  const { engine } = createNodeEngine({ threads: 1 });
  const models = { sample: path.join(sample, "model.safetensors"), narrow: "" };
  before(() => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "bitlens-fixes-"));
    models.narrow = path.join(folder, "narrow.gguf");
    const matrix = (name: string, columns: number) => ({ name, ne: [columns, 64], type: 0, byteLength: 4 * columns * 64 });
    const tensors = [matrix("blk.0.ffn_up.weight", 256), matrix("blk.0.ffn_down.weight", 96), matrix("output.weight", 256)];
    fs.writeFileSync(models.narrow, ggufFile({ entries: [["general.architecture", [8, "llama"]]], tensors }));
  });
  after(() => {
    engine.dispose();
    fs.rmSync(path.dirname(models.narrow), { recursive: true });
  });
  const findings = async (model: keyof typeof models, text: string): Promise<readonly RecipeFinding[]> =>
    (await engine.check(models[model], parseRecipe(text))).findings;

  for (const { name, model = "sample", target = "gguf", rules, made, code, at, fixes, says } of cases) {
    it(`${name}: each suggestion mends it`, async () => {
      const text = serializeRecipe({ bitlens: 1, target, ...(made && { model: made }), transforms: [], rules });
      const same = (f: RecipeFinding) => f.code === code && f.path.join(".") === at;
      const found = (await findings(model, text)).find(same);
      assert.ok(found, JSON.stringify(await findings(model, text)));
      assert.deepEqual(
        found.fixes?.map((f) => f.title),
        fixes,
      );
      if (says) assert.match(found.message, says);
      for (const fix of found.fixes!) {
        const edits = textEdits(text, fix.edits);
        assert.ok(edits, fix.title);
        const left: RecipeFinding[] = (await findings(model, edited(text, edits))).filter(
          (f) => same(f) && f.message === found.message,
        );
        assert.deepEqual(left, [], fix.title);
      }
    });
  }

  it("a finding about rows names the runtime that minds", async () => {
    const text = serializeRecipe({ bitlens: 1, target: "gguf", transforms: [], rules: [{ match: "*", encoding: "q4_K" }] });
    const found = (await findings("narrow", text)).find((f) => f.code === "cannot-hold");
    assert.equal(found?.runtime, "llama.cpp");
    assert.match(found?.source ?? "", /gguf\.cpp/);
  });

  it("only what is wrong is said: a recipe that can do nothing for an unknown encoding is not also said to do nothing", async () => {
    const text = serializeRecipe({ bitlens: 1, target: "gguf", transforms: [], rules: [{ match: "*", encoding: "q4_k_m" }] });
    assert.deepEqual(
      (await findings("sample", text)).map((f) => f.code),
      ["unknown-encoding"],
    );
  });

  it("every type of GGUF that can be written may be named, also those that plans leave out", async () => {
    for (const encoding of ["tq1_0", "tq2_0", "q1_0", "q2_0", "mxfp4", "nvfp4", "f32", "TQ2_0"]) {
      const recipe: Recipe = {
        bitlens: 1,
        target: "gguf",
        transforms: [],
        rules: [
          { match: "*", encoding },
          { match: "*embed*", encoding: "q8_0" },
        ],
      };
      const { byteLength, findings: said } = await engine.check(models.sample, recipe);
      assert.ok(byteLength! > 1e6, `${encoding}: ${JSON.stringify(said)}`);
    }
  });

  it("a tensor that has the encoding already stays", async () => {
    const recipe: Recipe = {
      bitlens: 1,
      target: "gguf",
      transforms: [],
      rules: [
        { match: "*down*", encoding: "f32" },
        { match: "*up*", encoding: "q8_0" },
      ],
    };
    const { tensorCount, findings: said } = await engine.check(models.narrow, recipe);
    assert.deepEqual([tensorCount, said], [1, []]);
  });
});
