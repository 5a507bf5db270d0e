import assert from "node:assert/strict";
import type { CompareSummary, TensorComparison } from "../../../src/core/api/compare";
import { encoding as encodingNamed } from "../../../src/encodings";
import { createNodeEngine } from "../../../src/node/createNodeEngine";
import { TemporaryFolder } from "../../builders/folder";
import { ggufFile, valueType } from "../../builders/gguf";
import { safetensorsFile } from "../../builders/safetensors";
import { heavyTailed } from "../../builders/weights";

/** A tensor's rows, as numbers that are told apart; a bias has rows of one. */
interface Values {
  readonly columns: number;
  readonly rows: readonly Float32Array[];
  readonly isVector?: boolean;
}

interface Attention {
  readonly heads: number;
  readonly groups: number;
  readonly size: number;
}

const width = 64;

function random(rows: number, columns: number, seed: number): Values {
  const all = heavyTailed(rows * columns, seed);
  const each = Array.from({ length: rows }, (_, r) => all.subarray(r * columns, (r + 1) * columns));
  return { columns, rows: each, ...(columns === 1 && { isVector: true }) };
}

const stackedRows = (...parts: readonly Values[]): Values => ({ ...parts[0], rows: parts.flatMap((p) => p.rows) });

/** qkv.view(groups, queries + 2, size, …): the queries of each group; its key head; its value head. */
function split(qkv: Values, { heads, groups, size }: Attention): [q: Values, k: Values, v: Values] {
  const queries = heads / groups;
  const q: Float32Array[] = [];
  const k: Float32Array[] = [];
  const v: Float32Array[] = [];
  qkv.rows.forEach((row, i) => {
    const inGroup = Math.floor(i / size) % (queries + 2);
    (inGroup < queries ? q : inGroup === queries ? k : v).push(row);
  });
  return [q, k, v].map((rows) => ({ ...qkv, rows })) as unknown as [Values, Values, Values];
}

/** LlamaModel.permute: reshape(heads, 2, size / 2).swapaxes(1, 2). */
function permuted(x: Values, heads: number): Values {
  const half = x.rows.length / heads / 2;
  const rows: Float32Array[] = [];
  for (let h = 0; h < heads; h++) for (let j = 0; j < half; j++) for (let s = 0; s < 2; s++) rows.push(x.rows[(2 * h + s) * half + j]);
  return { ...x, rows };
}

function flat({ rows, columns }: Values): Float32Array {
  const all = new Float32Array(rows.length * columns);
  rows.forEach((row, i) => all.set(row, i * columns));
  return all;
}

describe("engine: compare, rows of q, k and v that alternate", function () {
  this.timeout(60_000);
  const { engine } = createNodeEngine({ threads: 2 });
  let folder: TemporaryFolder;
  before(() => (folder = new TemporaryFolder()));
  after(() => {
    engine.dispose();
    folder.remove();
  });

  let written = 0;
  const huggingFace = (tensors: Readonly<Record<string, Values>>, config?: object): string => {
    const place = `hf-${written++}`;
    if (config) folder.put(`${place}/config.json`, Buffer.from(JSON.stringify(config)));
    return folder.put(`${place}/model.safetensors`, safetensorsFile(Object.fromEntries(Object.entries(tensors).map(([name, x]) => [
      name, { dtype: "F32", shape: [x.rows.length, ...(x.isVector ? [] : [x.columns])], data: new Uint8Array(flat(x).buffer) }]))));
  };
  /** F32, or matrices in Q8_0. */
  const gguf = (architecture: string, tensors: Readonly<Record<string, Values>>, numbers: Readonly<Record<string, number>>, q8 = false): string => {
    const data = (x: Values) => {
      if (!q8 || x.isVector) return new Uint8Array(flat(x).buffer);
      const member = encodingNamed("q8_0");
      const plane = new Uint8Array(x.rows.length * member.planes[0].rowBytes(x.columns));
      member.encode!(flat(x), x.rows.length, x.columns, [plane]);
      return plane;
    };
    return folder.put(`${written++}.gguf`, ggufFile({
      entries: [["general.architecture", [valueType.string, architecture]],
        ...Object.entries(numbers).map(([key, value]) => [`${architecture}.${key}`, [valueType.u32, value]] as const)],
      tensors: Object.entries(tensors).map(([name, x]) => ({
        name, type: q8 && !x.isVector ? 8 : 0, ne: x.isVector ? [x.rows.length] : [x.columns, x.rows.length], data: data(x) })),
    }));
  };
  const compare = async (pathA: string, pathB: string): Promise<{ summary: CompareSummary; pairs: TensorComparison[] }> => {
    const pairs: TensorComparison[] = [];
    const summary = await engine.compare({ pathA, pathB }, (event) => {
      if (event.kind === "pair") pairs.push(event.comparison);
      assert.notEqual(event.kind, "failed", JSON.stringify(event));
    });
    return { summary, pairs };
  };
  /** Both ways: all tensors have a counterpart, and none differs. */
  const equal = async (a: string, b: string, pairCount: number, undone: string) => {
    for (const [x, y] of [[a, b], [b, a]]) {
      const { summary, pairs } = await compare(x, y);
      assert.deepEqual(summary.unmatched, []);
      assert.deepEqual(pairs.filter((p) => p.sqnr !== Infinity || p.maxDifference !== 0).map((p) => p.a.name), []);
      assert.deepEqual(pairs.filter((p) => (p.undone as string[]).includes(undone)).length, pairCount);
      assert.equal(summary.progress.bytesDone, summary.progress.bytesTotal);
    }
  };

  interface Family {
    readonly what: string;
    readonly attention: Attention;
    readonly config: object;
    /** Of the fused matrix, without ".weight". */
    readonly module: string;
    readonly architecture: string;
    readonly numbers?: (a: Attention) => Record<string, number>;
    readonly hasBias?: boolean;
    /** The other modules of the model, with their GGUF names; biases as `hasBias` says, norms always have one. */
    readonly others?: readonly (readonly [module: string, gguf: string, rows: number, kind?: "norm" | "no bias"])[];
  }

  const counts = ({ heads, groups }: Attention) => ({ embedding_length: width, "attention.head_count": heads, "attention.head_count_kv": groups });
  const bloomBlock = (prefix: string): Family["others"] => [
    [`${prefix}word_embeddings`, "token_embd", 40, "no bias"], [`${prefix}word_embeddings_layernorm`, "token_embd_norm", width, "norm"],
    [`${prefix}h.0.input_layernorm`, "blk.0.attn_norm", width, "norm"], [`${prefix}h.0.self_attention.dense`, "blk.0.attn_output", width],
    [`${prefix}h.0.post_attention_layernorm`, "blk.0.ffn_norm", width, "norm"], [`${prefix}h.0.mlp.dense_h_to_4h`, "blk.0.ffn_up", 4 * width],
    [`${prefix}h.0.mlp.dense_4h_to_h`, "blk.0.ffn_down", width], [`${prefix}ln_f`, "output_norm", width, "norm"],
  ];
  const families: readonly Family[] = [
    { what: "GPT-NeoX", attention: { heads: 4, groups: 4, size: 16 }, hasBias: true, config: { model_type: "gpt_neox", num_attention_heads: 4, hidden_size: width },
      module: "gpt_neox.layers.0.attention.query_key_value", architecture: "gptneox", numbers: () => ({ embedding_length: width, "attention.head_count": 4 }), others: [
        ["gpt_neox.embed_in", "token_embd", 40, "no bias"], ["gpt_neox.layers.0.input_layernorm", "blk.0.attn_norm", width, "norm"],
        ["gpt_neox.layers.0.post_attention_layernorm", "blk.0.ffn_norm", width, "norm"], ["gpt_neox.layers.0.attention.dense", "blk.0.attn_output", width],
        ["gpt_neox.layers.0.mlp.dense_h_to_4h", "blk.0.ffn_up", 4 * width], ["gpt_neox.layers.0.mlp.dense_4h_to_h", "blk.0.ffn_down", width],
        ["gpt_neox.final_layer_norm", "output_norm", width, "norm"], ["embed_out", "output", 40, "no bias"]] },
    { what: "BLOOM", attention: { heads: 2, groups: 2, size: 32 }, hasBias: true, config: { model_type: "bloom", n_head: 2, hidden_size: width },
      module: "transformer.h.0.self_attention.query_key_value", architecture: "bloom", others: bloomBlock("transformer.") },
    { what: "BLOOM without the wrapping module", attention: { heads: 2, groups: 2, size: 32 }, hasBias: true, config: { model_type: "bloom", num_attention_heads: 2, n_embed: width },
      module: "h.0.self_attention.query_key_value", architecture: "bloom", others: bloomBlock("") },
    // num_kv_heads as falcon-7b has it, where it means nothing.
    { what: "Falcon with one key head", attention: { heads: 4, groups: 1, size: 16 }, module: "transformer.h.0.self_attention.query_key_value", architecture: "falcon",
      config: { model_type: "falcon", num_attention_heads: 4, num_kv_heads: 4, multi_query: true, new_decoder_architecture: false, hidden_size: width } },
    { what: "Falcon's newer layout", attention: { heads: 8, groups: 2, size: 8 }, module: "transformer.h.0.self_attention.query_key_value", architecture: "falcon",
      config: { model_type: "falcon", num_attention_heads: 8, num_kv_heads: 2, new_decoder_architecture: true, hidden_size: width }, others: [
        ["transformer.word_embeddings", "token_embd", 40], ["transformer.h.0.ln_attn", "blk.0.attn_norm_2", width, "norm"], ["transformer.h.0.ln_mlp", "blk.0.attn_norm", width, "norm"],
        ["transformer.h.0.self_attention.dense", "blk.0.attn_output", width], ["transformer.h.0.mlp.dense_h_to_4h", "blk.0.ffn_up", 4 * width],
        ["transformer.h.0.mlp.dense_4h_to_h", "blk.0.ffn_down", width], ["transformer.ln_f", "output_norm", width, "norm"], ["lm_head", "output", 40]] },
    { what: "Falcon's own code, larger", attention: { heads: 8, groups: 2, size: 8 }, module: "transformer.h.0.self_attention.query_key_value", architecture: "falcon",
      config: { model_type: "RefinedWeb", n_head: 8, n_head_kv: 2, hidden_size: width } },
    { what: "Falcon's own code, smaller", attention: { heads: 4, groups: 1, size: 16 }, module: "transformer.h.0.self_attention.query_key_value", architecture: "falcon",
      config: { model_type: "RefinedWebModel", n_head: 4, multi_query: true, hidden_size: width } },
  ];
  const fusedOf = ({ attention: { heads, groups, size }, module, hasBias }: Family): Record<string, Values> => {
    const rows = (heads + 2 * groups) * size;
    return { [`${module}.weight`]: random(rows, width, 1), ...(hasBias && { [`${module}.bias`]: random(rows, 1, 2) }) };
  };

  for (const family of families) {
    const { what, attention, config, architecture, numbers = counts } = family;
    const fused = fusedOf(family);
    const named = (pick: (x: Values, parameter: string) => Record<string, Values>) =>
      Object.assign({}, ...Object.entries(fused).map(([name, x]) => pick(x, name.split(".").pop()!))) as Record<string, Values>;
    const converted = (q8 = false) => gguf(architecture, named((x, p) => ({ [`blk.0.attn_qkv.${p}`]: stackedRows(...split(x, attention)) })), numbers(attention), q8);
    const tensors = Object.keys(fused).length;

    it(`${what}: against its conversion's attn_qkv nothing differs`, async () => {
      await equal(huggingFace(fused, config), converted(), attention.groups > 1 ? tensors : 0, "alternating");
    });

    if (family.others) {
      it(`${what}: a whole model finds each of its tensors in its conversion`, async () => {
        const both = (family.others ?? []).flatMap(([module, ggufName, rows, kind], i) => [
          [`${module}.weight`, `${ggufName}.weight`, random(rows, kind === "norm" ? 1 : width, 10 + i)] as const,
          ...(kind === "norm" || (family.hasBias && kind !== "no bias") ? [[`${module}.bias`, `${ggufName}.bias`, random(rows, 1, 30 + i)] as const] : []),
        ]);
        const source = huggingFace({ ...fused, ...Object.fromEntries(both.map(([name, , x]) => [name, x])) }, config);
        const qkv = named((x, p) => ({ [`blk.0.attn_qkv.${p}`]: stackedRows(...split(x, attention)) }));
        await equal(source, gguf(architecture, { ...qkv, ...Object.fromEntries(both.map(([, name, x]) => [name, x])) }, numbers(attention)), tensors, "alternating");
      });
    }

    it(`${what}: against q, k and v one by one nothing differs`, async () => {
      const single = named((x, p) => Object.fromEntries(split(x, attention).map((part, i) => [`model.layers.0.self_attn.${"qkv"[i]}_proj.${p}`, part])));
      const [whole, parts] = [huggingFace(fused, config), huggingFace(single)];
      await equal(whole, parts, 3 * tensors, "fused");
      for (const [a, b] of [[whole, parts], [parts, whole]]) {
        const roles = (await compare(a, b)).pairs.map((p) => p.role);
        assert.deepEqual(roles.filter((role) => role !== "bias").sort(), ["k", "q", "v"], "which part it is, not what holds it");
      }
    });

    it(`${what}: a quantized attn_qkv shows the error of its blocks, whatever their place`, async () => {
      const matrix = fused[`${family.module}.weight`];
      const { pairs } = await compare(huggingFace(fused, config), converted(true));
      const plain = { "blk.0.attn_qkv.weight": stackedRows(...split(matrix, attention)) };
      const [expected] = (await compare(gguf("phi3", plain, {}), gguf("phi3", plain, {}, true))).pairs;
      const found = pairs.find((p) => p.a.shape.length === 2)!;
      assert.ok(expected.squaredError > 0 && Math.abs(found.squaredError - expected.squaredError) <= 1e-12 * expected.squaredError);
    });
  }

  it("without config.json the GGUF's own heads are what its rows were sorted by", async () => {
    for (const family of families.filter((f) => f.attention.groups > 1)) {
      const fused = fusedOf(family);
      const sortedRows = Object.fromEntries(Object.entries(fused).map(([name, x]) => [`blk.0.attn_qkv.${name.split(".").pop()}`, stackedRows(...split(x, family.attention))]));
      await equal(huggingFace(fused), gguf(family.architecture, sortedRows, (family.numbers ?? counts)(family.attention)), Object.keys(fused).length, "alternating");
    }
  });

  it("InternLM2's wqkv against a GGUF's q, k and v in RoPE order, and its bias against single ones", async () => {
    const attention = { heads: 8, groups: 2, size: 8 };
    const config = { model_type: "internlm2", num_attention_heads: 8, num_key_value_heads: 2, hidden_size: width };
    const wqkv = random(12 * 8, width, 5);
    const [q, k, v] = split(wqkv, attention);
    const source = huggingFace({ "model.layers.0.attention.wqkv.weight": wqkv }, config);
    const converted = gguf("internlm2", { "blk.0.attn_q.weight": permuted(q, 8), "blk.0.attn_k.weight": permuted(k, 2), "blk.0.attn_v.weight": v }, counts(attention));
    await equal(source, converted, 3, "fused");
    await equal(source, converted, 2, "rope");
    const bias = random(12 * 8, 1, 6);
    const single = huggingFace(Object.fromEntries(split(bias, attention).map((part, i) => [`model.layers.0.self_attn.${"qkv"[i]}_proj.bias`, part])));
    await equal(huggingFace({ "model.layers.0.attention.wqkv.bias": bias }, config), single, 3, "fused");
  });

  it("StarCoder's c_attn alternates where every head has its own key, and only there", async () => {
    const name = "transformer.h.0.attn.c_attn";
    const cases = [[{ multi_query: false }, { heads: 4, groups: 4, size: 16 }], [{}, { heads: 4, groups: 1, size: 16 }]] as const;
    for (const [config, attention] of cases) {
      const fused = random((attention.heads + 2 * attention.groups) * 16, width, 8);
      const single = Object.fromEntries(split(fused, attention).map((part, i) => [`model.layers.0.self_attn.${"qkv"[i]}_proj.weight`, part]));
      await equal(huggingFace({ [`${name}.weight`]: fused }, { model_type: "gpt_bigcode", n_head: 4, n_embd: width, ...config }), huggingFace(single), 3, "fused");
    }
  });

  it("Bailing's query_key_value is q above k above v, and its GGUF's heads are in RoPE order", async () => {
    const [q, k, v] = [random(64, width, 1), random(16, width, 2), random(16, width, 3)];
    const source = huggingFace({ "model.layers.0.attention.query_key_value.weight": stackedRows(q, k, v) }, { model_type: "bailing_moe", num_attention_heads: 4 });
    const numbers = counts({ heads: 4, groups: 1, size: 16 });
    await equal(source, gguf("bailingmoe", { "blk.0.attn_q.weight": permuted(q, 4), "blk.0.attn_k.weight": permuted(k, 1), "blk.0.attn_v.weight": v }, numbers), 2, "rope");
  });

  it("a changed row is told by the first model's own rows, either way round", async () => {
    const attention = { heads: 4, groups: 4, size: 16 };
    const [{ config, numbers }] = families;
    const name = "gpt_neox.layers.0.attention.query_key_value.weight";
    const matrix = random(192, width, 1);
    // The first key row of the third head.
    const changed = { ...matrix, rows: matrix.rows.map((row, i) => (i === 2 * 48 + 16 ? row.map(() => 9) : row)) };
    const source = huggingFace({ [name]: changed }, config);
    const converted = gguf("gptneox", { "blk.0.attn_qkv.weight": stackedRows(...split(matrix, attention)) }, numbers!(attention));
    const worst = async (a: string, b: string) => (await compare(a, b)).pairs.map((p) => p.worstOutputs!.map((w) => w.index));
    assert.deepEqual(await worst(source, converted), [[112]]);
    assert.deepEqual(await worst(converted, source), [[64 + 32]]);
    const keys = huggingFace({ "model.layers.0.self_attn.k_proj.weight": split(matrix, attention)[1], "model.layers.0.self_attn.q_proj.weight": split(matrix, attention)[0],
      "model.layers.0.self_attn.v_proj.weight": split(matrix, attention)[2] });
    const byRow = async (a: string, b: string) => (await compare(a, b)).pairs.flatMap((p) => p.worstOutputs!.map((w) => w.index));
    assert.deepEqual(await byRow(source, keys), [112]);
    assert.deepEqual(await byRow(keys, source), [32]);
  });

  it("bands of many threads cut heads and groups of a large matrix, and find what one thread finds", async () => {
    const attention = { heads: 64, groups: 8, size: 64 };
    const config = { model_type: "internlm2", num_attention_heads: 64, num_key_value_heads: 8 };
    // 5120 rows of 2048: each of q, k and v by itself, and the whole, is more than a band.
    const wqkv = random(80 * 64, 2048, 7);
    const source = huggingFace({ "model.layers.0.attention.wqkv.weight": wqkv }, config);
    const [q, k, v] = split(wqkv, attention);
    await equal(source, huggingFace({ "h.0.attn.c_attn.weight": stackedRows(q, k, v) }, { model_type: "megatron" }), 1, "alternating");
  });

  it("heads that are not said, or do not fit, leave the pair out, with the reason", async () => {
    const name = "gpt_neox.layers.0.attention.query_key_value.weight";
    // So that there is something to compare.
    const up = random(8, width, 3);
    const fused = { [name]: random(192, width, 1), "gpt_neox.layers.0.mlp.dense_h_to_4h.weight": up };
    const sortedRows = { "blk.0.attn_qkv.weight": random(192, width, 1), "blk.0.ffn_up.weight": up };
    const single = { ...Object.fromEntries(["q", "k", "v"].map((m) => [`model.layers.0.self_attn.${m}_proj.weight`, random(64, width, 1)])), "model.layers.0.mlp.up_proj.weight": up };
    const left = async (a: string, b: string) => (await compare(a, b)).summary.unmatched.map((u) => u.message);
    const why = (which: string, of: string) => `the ${which} model does not tell how heads share the rows of ${of}, so their order cannot be undone.`;
    for (const config of [undefined, { model_type: "gpt_neox" }, { model_type: "gpt_neox", num_attention_heads: 5 },
      { model_type: "gpt_neox", num_attention_heads: 4, hidden_size: 32 }, { model_type: "of_tomorrow", num_attention_heads: 4 }]) {
      assert.deepEqual(await left(huggingFace(fused, config), gguf("gptneox", sortedRows, {})), [`${name} and blk.0.attn_qkv.weight: ${why("first", name)}`]);
      assert.deepEqual(await left(huggingFace(single), huggingFace(fused, config)),
        ["q", "k", "v"].map((m) => `model.layers.0.self_attn.${m}_proj.weight and ${name}: ${why("second", name)}`));
    }
  });

  it("models that keep their rows alike are compared as they are, known or not", async () => {
    const name = "transformer.encoder.layers.0.self_attention.query_key_value.weight";
    const matrix = random(192, width, 1);
    // ChatGLM's converter leaves the rows alone.
    await equal(huggingFace({ [name]: matrix }, { model_type: "chatglm" }), gguf("chatglm", { "blk.0.attn_qkv.weight": matrix }, {}), 0, "alternating");
    await equal(huggingFace({ [name]: matrix }), huggingFace({ [name]: matrix }, { model_type: "gpt_neox", num_attention_heads: 4 }), 0, "alternating");
  });
});
