import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { EngineError } from "../../../../src/core/errors";
import { encodingFacts } from "../../../../src/encodings";
import { safetensors } from "../../../../src/formats/safetensors";
import { mergeConfig } from "../../../../src/formats/safetensors/configWriter";
import { openFolder } from "../../../../src/node/files";
import { TemporaryFolder } from "../../../builders/folder";
import { exportPlainly, valuesOf } from "../../../builders/runPlan";
import { safetensorsFile, type TensorSpec } from "../../../builders/safetensors";

let folder: TemporaryFolder;
beforeEach(() => (folder = new TemporaryFolder()));
afterEach(() => folder.remove());

const sample = path.join(__dirname, "../../../../media/sample");
const out = () => path.join(folder.path, "out");

const wave = (shape: number[], dtype = "F32"): TensorSpec => {
  const count = shape.reduce((a, b) => a * b, 1);
  const values = Float32Array.from({ length: count }, (_, i) => Math.sin(i * 0.7) * (1 + (i % 13)));
  if (dtype === "F32") return { dtype, shape, data: new Uint8Array(values.buffer) };
  return { dtype, shape, data: new Uint8Array(Uint16Array.from(new Uint32Array(values.buffer), (b) => b >>> 16).buffer) };
};

/** One block of a Llama with what should stay as it is. */
const block = (dtype = "F32"): Record<string, TensorSpec> => ({
  "model.embed_tokens.weight": wave([9, 128], dtype),
  "model.layers.0.self_attn.q_proj.weight": wave([10, 128], dtype),
  "model.layers.0.self_attn.q_proj.bias": wave([10], dtype),
  "model.layers.0.mlp.gate.weight": wave([4, 128], dtype),
  "model.layers.0.input_layernorm.weight": wave([128], dtype),
  "model.layers.0.mlp.up_proj.weight": wave([6, 128], dtype),
  "vision.conv.weight": wave([2, 3, 2, 2], dtype),
  "lm_head.weight": wave([9, 128], dtype),
});

const config = () => JSON.parse(fs.readFileSync(path.join(out(), "config.json"), "utf8"));

describe("exporting safetensors", () => {
  for (const { name: target } of safetensors.exportTargets.filter((t) => /^int[48]-(g|channel)/.test(t.name))) {
    it(`as ${target} reads back as what the encoding decodes to`, async () => {
      folder.put("m.safetensors", safetensorsFile(block()));
      const { index, assignments, plan } = await exportPlainly({
        format: safetensors,
        folder: folder.path,
        name: "m.safetensors",
        target,
        output: out(),
        outputName: "m.safetensors",
      });
      assert.deepEqual(
        assignments.map((a) => a.tensor),
        ["model.layers.0.mlp.up_proj.weight", "model.layers.0.self_attn.q_proj.weight"],
      );
      const written = await safetensors.readIndex(await openFolder(out()), "m.safetensors");
      assert.deepEqual(written.problems, []);
      assert.deepEqual(
        written.tensors.map((t) => [t.name, t.shape]),
        index.tensors.map((t) => [t.name, t.shape]),
      );
      const bits = Number(target[3]);
      for (const [i, tensor] of written.tensors.entries()) {
        const before = valuesOf(index.tensors[i], index, folder.path);
        const after = valuesOf(tensor, written, out());
        if (!assignments.some((a) => a.tensor === tensor.name)) assert.deepEqual(after, before);
        else {
          const error = after.reduce((sum, v, j) => sum + (v - before[j]) ** 2, 0) / before.reduce((sum, v) => sum + v * v, 0);
          assert.ok(error > 0 && error < (bits === 4 ? 0.02 : 1e-4), `${tensor.name}: ${error}`);
          assert.equal(tensor.storage!.affine!.bits, bits);
        }
      }
      assert.equal(plan.files[0].byteLength % 2, 0);
      const quantization = config().quantization_config;
      const { weights, targets } = quantization.config_groups.group_0;
      assert.deepEqual(targets, ["Linear"]);
      assert.equal(weights.num_bits, bits);
      assert.equal(weights.symmetric, !target.endsWith("-asym"));
      assert.deepEqual(
        [weights.strategy, weights.group_size],
        target.includes("channel") ? ["channel", null] : ["group", Number(/g(\d+)/.exec(target)![1])],
      );
      assert.deepEqual(quantization.ignore, ["lm_head", "model.embed_tokens", "model.layers.0.mlp.gate"]);
      assert.equal(quantization.format, "pack-quantized");
    });
  }

  it("the sample carries its configuration and tokenizer along and has the tensors that compressed-tensors expects", async () => {
    const { assignments, index } = await exportPlainly({
      format: safetensors,
      folder: sample,
      name: "model.safetensors",
      target: "int4-g128-asym",
      output: out(),
      outputName: "model.safetensors",
    });
    assert.equal(assignments.length, 4 * 7);
    assert.ok(assignments.every((a) => a.encoding === "int4-g128-asym-bf16"));
    const header = fs.readFileSync(path.join(out(), "model.safetensors"));
    const json = JSON.parse(header.subarray(8, 8 + Number(header.readBigUInt64LE())).toString());
    const down = "model.layers.0.mlp.down_proj";
    assert.deepEqual(json.__metadata__, { format: "pt" });
    assert.deepEqual([json[`${down}.weight_packed`].dtype, json[`${down}.weight_packed`].shape], ["I32", [256, 96]]);
    assert.deepEqual([json[`${down}.weight_scale`].dtype, json[`${down}.weight_scale`].shape], ["BF16", [256, 6]]);
    assert.deepEqual([json[`${down}.weight_zero_point`].dtype, json[`${down}.weight_zero_point`].shape], ["I32", [32, 6]]);
    assert.deepEqual([json[`${down}.weight_shape`].dtype, json[`${down}.weight_shape`].shape], ["I64", [2]]);
    assert.equal(json[`${down}.weight`], undefined);
    for (const { dtype, data_offsets } of Object.values(json).filter(
      (v): v is { dtype: string; data_offsets: number[] } => "dtype" in (v as object),
    )) {
      assert.equal(data_offsets[0] % ({ I64: 8, I32: 4, BF16: 2 } as Record<string, number>)[dtype], 0, "aligned to its type");
    }
    for (const name of ["tokenizer.json", "tokenizer_config.json", "generation_config.json"]) {
      assert.deepEqual(fs.readFileSync(path.join(out(), name)), fs.readFileSync(path.join(sample, name)));
    }
    const { quantization_config: _, ...rest } = config();
    assert.deepEqual(rest, JSON.parse(fs.readFileSync(path.join(sample, "config.json"), "utf8")));
    const written = await safetensors.readIndex(await openFolder(out()), "model.safetensors");
    assert.equal(written.parameterCount, index.parameterCount);
    assert.equal(written.architecture, "LlamaForCausalLM");
  });

  it("keeps shards as shards, with an index that names the new tensors", async () => {
    const all = Object.entries(block("BF16"));
    const [one, two] = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    folder.put(one, safetensorsFile(Object.fromEntries(all.slice(0, 4))));
    folder.put(two, safetensorsFile(Object.fromEntries(all.slice(4))));
    const map = Object.fromEntries(all.map(([name], i) => [name, i < 4 ? one : two]));
    folder.put("model.safetensors.index.json", JSON.stringify({ metadata: {}, weight_map: map }));
    folder.put("tokenizer.json", "{}");
    folder.put("model-q4.gguf", "other weights");
    folder.put(".git-secret", "hidden");
    const { plan, notes } = await exportPlainly({
      format: safetensors,
      folder: folder.path,
      name: "model.safetensors.index.json",
      target: "int8-g32",
      output: out(),
      outputName: "model.safetensors",
    });
    assert.deepEqual(
      plan.files.map((f) => f.name),
      ["model.safetensors.index.json", one, two, "config.json", "tokenizer.json"],
    );
    assert.ok(notes.some((n) => n.includes("model-q4.gguf")) && notes.some((n) => n.includes("no config.json")));
    const written = await safetensors.readIndex(await openFolder(out()), "model.safetensors.index.json");
    assert.deepEqual(written.problems, []);
    assert.deepEqual(written.tensors.map((t) => t.name).sort(), all.map(([name]) => name).sort());
    assert.deepEqual(config().quantization_config.ignore.includes("lm_head"), true);
  });

  it("a model with a part missing is refused: the rest would pass for the whole", async () => {
    const [one, two] = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    const all = Object.entries(block("BF16"));
    folder.put(one, safetensorsFile(Object.fromEntries(all.slice(0, 4))));
    const map = Object.fromEntries(all.map(([name], i) => [name, i < 4 ? one : two]));
    folder.put("model.safetensors.index.json", JSON.stringify({ weight_map: map }));
    await assert.rejects(
      exportPlainly({
        format: safetensors,
        folder: folder.path,
        name: "model.safetensors.index.json",
        target: "int8-g32",
        output: out(),
        outputName: "model.safetensors",
      }),
      (error: EngineError) => error.code === "unsupported" && /not complete.*model-00002-of-00002/.test(error.message),
    );
  });

  it("of an already quantized model replaces its form and its configuration", async () => {
    folder.put("m.safetensors", safetensorsFile(block()));
    folder.put("config.json", `{"architectures": ["X"]}`);
    await exportPlainly({
      format: safetensors,
      folder: folder.path,
      name: "m.safetensors",
      target: "int8-channel",
      output: out(),
      outputName: "m.safetensors",
    });
    const again = path.join(folder.path, "again");
    const { notes } = await exportPlainly({
      format: safetensors,
      folder: out(),
      name: "m.safetensors",
      target: "int4-g32",
      output: again,
      outputName: "m.safetensors",
    });
    assert.match(notes.join(" "), /quantized already/);
    const text = fs.readFileSync(path.join(again, "config.json"), "utf8");
    assert.equal(text.match(/quantization_config/g)!.length, 1);
    assert.equal(JSON.parse(text).quantization_config.config_groups.group_0.weights.num_bits, 4);
    const written = await safetensors.readIndex(await openFolder(again), "m.safetensors");
    assert.deepEqual(written.problems, []);
    assert.equal(written.tensors.find((t) => t.name.includes("up_proj"))!.encodingLabel, "INT4 g32");
  });

  it("with a different encoding per weight names the modules of each", async () => {
    folder.put("m.safetensors", safetensorsFile(block()));
    await exportPlainly({
      format: safetensors,
      folder: folder.path,
      name: "m.safetensors",
      target: "recipe",
      output: out(),
      outputName: "m.safetensors",
      assignments: [
        { tensor: "model.layers.0.mlp.up_proj.weight", encoding: "int4-g32" },
        { tensor: "model.layers.0.self_attn.q_proj.weight", encoding: "int8-channel" },
      ],
    });
    const { config_groups } = config().quantization_config;
    assert.deepEqual(config_groups.group_0.targets, ["model.layers.0.mlp.up_proj"]);
    assert.deepEqual(config_groups.group_1.targets, ["model.layers.0.self_attn.q_proj"]);
  });

  const refused: [
    danger: string,
    tensors: Record<string, TensorSpec>,
    assignments: { tensor: string; encoding: string }[],
    code: string,
  ][] = [
    [
      "an encoding that the container cannot hold",
      block(),
      [{ tensor: "model.layers.0.mlp.up_proj.weight", encoding: "q4_0" }],
      "bad-request",
    ],
    ["a tensor that is not there", block(), [{ tensor: "nothing.weight", encoding: "int4-g32" }], "bad-request"],
    ["a convolution", block(), [{ tensor: "vision.conv.weight", encoding: "int4-channel" }], "bad-request"],
    [
      "groups that do not divide the row",
      { "a.weight": wave([4, 40]) },
      [{ tensor: "a.weight", encoding: "int4-g32" }],
      "bad-request",
    ],
  ];
  for (const [danger, tensors, assignments, code] of refused) {
    it(`refuses ${danger}`, async () => {
      folder.put("m.safetensors", safetensorsFile(tensors));
      await assert.rejects(
        () =>
          exportPlainly({
            format: safetensors,
            folder: folder.path,
            name: "m.safetensors",
            target: "x",
            output: out(),
            outputName: "m.safetensors",
            assignments,
          }),
        (e) => e instanceof EngineError && e.code === code,
      );
    });
  }

  it("refuses a damaged file instead of copying garbage", async () => {
    const whole = safetensorsFile(block());
    folder.put("m.safetensors", whole.subarray(0, whole.length - 40));
    await assert.rejects(
      () =>
        exportPlainly({
          format: safetensors,
          folder: folder.path,
          name: "m.safetensors",
          target: "int4-g32",
          output: out(),
          outputName: "m.safetensors",
        }),
      (e) => e instanceof EngineError && e.code === "malformed" && e.place.tensor === "lm_head.weight",
    );
  });

  it("leaves out rows that groups do not divide, and says so", async () => {
    folder.put("m.safetensors", safetensorsFile({ "a.weight": wave([4, 40]), "b.weight": wave([4, 64]) }));
    const index = await safetensors.readIndex(await openFolder(folder.path), "m.safetensors");
    const { assignments, notes } = safetensors.assign(index, "int4-g32", encodingFacts);
    assert.deepEqual(
      assignments.map((a) => a.tensor),
      ["b.weight"],
    );
    assert.match(notes[0], /a\.weight \(40\)/);
  });

  it("leaves GPT-2's Conv1D weights, which compressed-tensors does not quantize, and says so", async () => {
    folder.put("m.safetensors", safetensorsFile({ "h.0.attn.c_attn.weight": wave([32, 96]) }));
    const index = await safetensors.readIndex(await openFolder(folder.path), "m.safetensors");
    const { assignments, notes } = safetensors.assign(index, "int4-g32", encodingFacts);
    assert.deepEqual(assignments, []);
    assert.match(notes[0], /Conv1D/);
  });
});

describe("merging config.json", () => {
  const rows: [danger: string, text: string][] = [
    [
      "floats that look like integers and big integers keep their digits",
      `{"rope_theta": 10000.0, "eps": 1e-05, "big": 12345678901234567890}`,
    ],
    ["an earlier quantization is replaced", `{"a": 1, "quantization_config": {"bits": [4]}, "b": 2, "compression_config": null}`],
    ["an empty object", "{}"],
    ["text beyond ASCII", `{"name": "größe 模型"}`],
  ];
  for (const [danger, text] of rows) {
    it(danger, () => {
      const merged = mergeConfig(text, { quant_method: "x" });
      const expected = JSON.parse(text);
      delete expected.compression_config;
      assert.deepEqual(JSON.parse(merged), { ...expected, quantization_config: { quant_method: "x" } });
      for (const literal of ["10000.0", "1e-05", "12345678901234567890"])
        assert.equal(merged.includes(literal), text.includes(literal));
    });
  }
});
