import assert from "node:assert/strict";
import type { FormatName, ModelIndex, TensorInfo } from "../../../src/core/model";
import { ropeOrder } from "../../../src/core/rowOrder";
import { align } from "../../../src/graph/align";
import { conventionOf } from "../../../src/graph/conventions";
import { families } from "../../../src/graph/huggingface/families";
import { HuggingFaceConfig } from "../../../src/graph/huggingface/config";
import { annotate } from "../../../src/graph/roles";

type Listed = readonly [name: string, shape: readonly number[], rest?: Partial<TensorInfo>];

function model(
  format: FormatName, architecture: string, listed: readonly Listed[], metadata: readonly (readonly [string, string])[] = [],
): ModelIndex {
  const tensors = listed.map(([name, shape, rest]): TensorInfo => {
    const elementCount = shape.reduce((a, b) => a * b, 1);
    return { name, shape, elementCount, encodingLabel: "F32", byteLength: 4 * elementCount, bitsPerWeight: 32, role: "other", group: "",
      storage: { encoding: "f32", planes: [{ file: 0, offset: 0, byteLength: 4 * elementCount }] }, ...rest };
  });
  return annotate({ format, path: `/models/${architecture}`, folder: "/models", files: ["f"], byteLength: 0, architecture, layerCount: 0,
    parameterCount: 0, tensors, metadata, problems: [] });
}

/** "a ~ b" for each pair with what is undone, "a ? b (reason)" for what is left over, sorted. */
function described(a: ModelIndex, b: ModelIndex): string[] {
  const { pairs, unmatched } = align(a, b);
  return [
    ...pairs.map(({ a, b, rows, offset, undone, part }) => {
      // Heads are the first digit of a RoPE order's one piece.
      const [side] = (["a", "b"] as const).filter((one) => rows?.[one] && part?.side !== one);
      const order = side && rows?.[side];
      return [
        `${a.name} ~ ${b.name}`,
        ...(part ? [`rows ${part.first}+${part.rows}${part.every ? ` of ${part.every.times}×${part.every.rows}` : ""} of ${part.side}`] : []),
        ...(undone.includes("rope") ? [`rope ${side} ${order![0].digits[0][0]}`] : []),
        ...(undone.includes("alternating") ? [`sorted ${side} ${order!.map(({ first, digits }) => [first, ...digits].join(" ")).join(" | ")}`] : []),
        ...(offset ? [`${offset > 0 ? "+" : ""}${offset}`] : []),
        ...(undone.includes("tied-head") ? ["tied"] : []),
      ].join(" ");
    }),
    ...unmatched.map(({ a, b, reason, side }) => `${a?.name ?? ""} ? ${b?.name ?? ""} (${reason}${side ? ` of ${side}` : ""})`),
  ].sort();
}

const check = (a: ModelIndex, b: ModelIndex, expected: readonly string[]) => assert.deepEqual(described(a, b), [...expected].sort());

const llamaHf = (more: readonly Listed[] = []) => model("safetensors", "LlamaForCausalLM", [
  ["model.embed_tokens.weight", [40, 16]],
  ["model.layers.0.input_layernorm.weight", [16]],
  ["model.layers.0.self_attn.q_proj.weight", [16, 16]],
  ["model.layers.0.self_attn.k_proj.weight", [8, 16]],
  ["model.layers.0.self_attn.v_proj.weight", [8, 16]],
  ["model.layers.0.self_attn.o_proj.weight", [16, 16]],
  ["model.layers.0.post_attention_layernorm.weight", [16]],
  ["model.layers.0.mlp.gate_proj.weight", [48, 16]],
  ["model.layers.0.mlp.up_proj.weight", [48, 16]],
  ["model.layers.0.mlp.down_proj.weight", [16, 48]],
  ["model.norm.weight", [16]],
  ...more,
]);

const llamaBlock: readonly Listed[] = [
  ["blk.0.attn_norm.weight", [16]],
  ["blk.0.attn_q.weight", [16, 16]],
  ["blk.0.attn_k.weight", [8, 16]],
  ["blk.0.attn_v.weight", [8, 16]],
  ["blk.0.attn_output.weight", [16, 16]],
  ["blk.0.ffn_norm.weight", [16]],
  ["blk.0.ffn_gate.weight", [48, 16]],
  ["blk.0.ffn_up.weight", [48, 16]],
  ["blk.0.ffn_down.weight", [16, 48]],
];
const heads = (architecture: string) => [[`${architecture}.attention.head_count`, "4"], [`${architecture}.attention.head_count_kv`, "2"]] as const;
const llamaGguf = (metadata: readonly (readonly [string, string])[] = heads("llama")) => model("gguf", "llama", [
  ["token_embd.weight", [40, 16]], ...llamaBlock, ["output_norm.weight", [16]],
], metadata);

const llamaPairs = (side: "a" | "b", names: (hf: string, gguf: string) => string) => [
  names("model.embed_tokens.weight", "token_embd.weight"),
  names("model.layers.0.input_layernorm.weight", "blk.0.attn_norm.weight"),
  `${names("model.layers.0.self_attn.q_proj.weight", "blk.0.attn_q.weight")} rope ${side} 4`,
  `${names("model.layers.0.self_attn.k_proj.weight", "blk.0.attn_k.weight")} rope ${side} 2`,
  names("model.layers.0.self_attn.v_proj.weight", "blk.0.attn_v.weight"),
  names("model.layers.0.self_attn.o_proj.weight", "blk.0.attn_output.weight"),
  names("model.layers.0.post_attention_layernorm.weight", "blk.0.ffn_norm.weight"),
  names("model.layers.0.mlp.gate_proj.weight", "blk.0.ffn_gate.weight"),
  names("model.layers.0.mlp.up_proj.weight", "blk.0.ffn_up.weight"),
  names("model.layers.0.mlp.down_proj.weight", "blk.0.ffn_down.weight"),
  names("model.norm.weight", "output_norm.weight"),
];

describe("alignment of two models", () => {
  it("Llama: Hugging Face against GGUF, q and k in RoPE order on the GGUF's side", () => {
    check(llamaHf(), llamaGguf(), llamaPairs("b", (hf, gguf) => `${hf} ~ ${gguf}`));
  });

  it("Llama: GGUF against Hugging Face", () => {
    check(llamaGguf(), llamaHf(), llamaPairs("a", (hf, gguf) => `${gguf} ~ ${hf}`));
  });

  it("two GGUFs of one architecture share their order", () => {
    assert.ok(align(llamaGguf(), llamaGguf()).pairs.every((p) => p.rows === undefined && p.a.name === p.b.name));
  });

  it("a GGUF that does not say how many heads leaves q and k out, and says so", () => {
    assert.deepEqual(described(llamaHf(), llamaGguf([])).filter((line) => line.includes("?")), [
      "model.layers.0.self_attn.k_proj.weight ? blk.0.attn_k.weight (order of b)",
      "model.layers.0.self_attn.q_proj.weight ? blk.0.attn_q.weight (order of b)",
    ]);
  });

  it("without head_count_kv, k has as many heads as q; lists of heads by layer give the first", () => {
    const { pairs } = align(llamaHf(), llamaGguf([["llama.attention.head_count", "[2, 2]"]]));
    assert.deepEqual(pairs.flatMap(({ rows }) => (rows ? [rows] : [])), [{ b: ropeOrder(16, 2) }, { b: ropeOrder(8, 2) }]);
  });

  it("an untied head that the other model keeps as its embedding", () => {
    check(llamaHf([["lm_head.weight", [40, 16]]]), llamaGguf(), [
      ...llamaPairs("b", (hf, gguf) => `${hf} ~ ${gguf}`), "lm_head.weight ~ token_embd.weight tied",
    ]);
  });

  it("a model that keeps only the head, against one that keeps only the embedding", () => {
    check(model("safetensors", "LlamaForCausalLM", [["lm_head.weight", [40, 16]]]), model("gguf", "llama", [["token_embd.weight", [40, 16]]]), [
      "lm_head.weight ~ token_embd.weight tied",
    ]);
  });

  const copies: [name: string, copy: string][] = [
    ["graph/Const_24:0", "graph/Const_24:0_Q4"],
    ["model/conv1/Conv2D/ReadVariableOp:0", "model/conv1/Conv2D/ReadVariableOp:0_quantized"],
    ["stft.forward_basis_buffer", "stft.forward_basis_buffer_f16"],
    ["const_fold_opt__428", "const_fold_opt__428_quantized_2"],
    ["const_fold_opt__428_quantized", "const_fold_opt__428_DequantizeLinear_quantized"],
  ];
  for (const [name, copy] of copies) {
    it(`a copy in another encoding: ${copy}`, () => {
      const one = (own: string) => model("onnx", "main_graph", [[own, [16, 8]], ["other", [16, 8]]]);
      check(one(name), one(copy), [`${name} ~ ${copy}`, "other ~ other"]);
    });
  }

  it("a head of another size is no embedding", () => {
    check(model("safetensors", "LlamaForCausalLM", [["lm_head.weight", [10, 16]]]), model("gguf", "llama", [["token_embd.weight", [40, 16]]]), [
      "lm_head.weight ?  (missing)", " ? token_embd.weight (missing)",
    ]);
  });

  it("Qwen2: biases pair, nothing is permuted", () => {
    const hf = model("safetensors", "Qwen2ForCausalLM", [
      ["model.layers.0.self_attn.q_proj.weight", [16, 16]], ["model.layers.0.self_attn.q_proj.bias", [16]], ["model.layers.0.self_attn.k_proj.bias", [8]],
    ]);
    const gguf = model("gguf", "qwen2", [["blk.0.attn_k.bias", [8]], ["blk.0.attn_q.bias", [16]], ["blk.0.attn_q.weight", [16, 16]]], heads("qwen2"));
    check(hf, gguf, [
      "model.layers.0.self_attn.q_proj.weight ~ blk.0.attn_q.weight",
      "model.layers.0.self_attn.q_proj.bias ~ blk.0.attn_q.bias",
      "model.layers.0.self_attn.k_proj.bias ~ blk.0.attn_k.bias",
    ]);
  });

  it("whoever's converter descends from Llama's turns q and k, and nobody else's does", () => {
    const turned = (architecture: string) => align(llamaHf(), model("gguf", architecture, llamaBlock, heads(architecture))).pairs.filter((p) => p.undone.includes("rope")).length;
    for (const architecture of ["llama", "granite", "smollm3", "minicpm", "olmo", "internlm2"]) assert.equal(turned(architecture), 2, architecture);
    for (const architecture of ["qwen2", "olmo2", "stablelm", "gptneox", "constructor"]) assert.equal(turned(architecture), 0, architecture);
  });

  it("biases in RoPE order", () => {
    check(model("safetensors", "LlamaForCausalLM", [["model.layers.0.self_attn.q_proj.bias", [16]]]),
      model("gguf", "llama", [["blk.0.attn_q.bias", [16]]], heads("llama")),
      ["model.layers.0.self_attn.q_proj.bias ~ blk.0.attn_q.bias rope b 4"]);
  });

  it("GPT-2: fused attention, two c_proj in a block, norms with biases, with and without the wrapping module", () => {
    const named = (prefix: string): Listed[] => [
      [`${prefix}wte.weight`, [40, 16]], [`${prefix}wpe.weight`, [32, 16]], [`${prefix}h.0.ln_1.weight`, [16]], [`${prefix}h.0.ln_1.bias`, [16]],
      [`${prefix}h.0.attn.c_attn.weight`, [48, 16]], [`${prefix}h.0.attn.c_attn.bias`, [48]], [`${prefix}h.0.attn.c_proj.weight`, [16, 16]],
      [`${prefix}h.0.mlp.c_proj.weight`, [16, 64]], [`${prefix}ln_f.weight`, [16]], [`${prefix}ln_f.bias`, [16]], [`${prefix}h.0.attn.bias`, [1, 1, 32, 32]],
    ];
    const gguf = model("gguf", "gpt2", [
      ["token_embd.weight", [40, 16]], ["position_embd.weight", [32, 16]], ["blk.0.attn_norm.weight", [16]], ["blk.0.attn_norm.bias", [16]],
      ["blk.0.attn_qkv.weight", [48, 16]], ["blk.0.attn_qkv.bias", [48]], ["blk.0.attn_output.weight", [16, 16]], ["blk.0.ffn_down.weight", [16, 64]],
      ["output_norm.weight", [16]], ["output_norm.bias", [16]],
    ]);
    for (const prefix of ["transformer.", ""]) {
      check(model("safetensors", "GPT2LMHeadModel", named(prefix)), gguf, [
        `${prefix}wte.weight ~ token_embd.weight`, `${prefix}wpe.weight ~ position_embd.weight`, `${prefix}h.0.ln_1.weight ~ blk.0.attn_norm.weight`,
        `${prefix}h.0.ln_1.bias ~ blk.0.attn_norm.bias`, `${prefix}h.0.attn.c_attn.weight ~ blk.0.attn_qkv.weight`,
        `${prefix}h.0.attn.c_attn.bias ~ blk.0.attn_qkv.bias`, `${prefix}h.0.attn.c_proj.weight ~ blk.0.attn_output.weight`,
        `${prefix}h.0.mlp.c_proj.weight ~ blk.0.ffn_down.weight`, `${prefix}ln_f.weight ~ output_norm.weight`, `${prefix}ln_f.bias ~ output_norm.bias`,
        `${prefix}h.0.attn.bias ?  (missing)`,
      ]);
    }
  });

  it("Gemma 2: four norms to a block, each 1 lower in Hugging Face", () => {
    const hf = model("safetensors", "Gemma2ForCausalLM", [
      ["model.layers.0.input_layernorm.weight", [16]], ["model.layers.0.post_attention_layernorm.weight", [16]],
      ["model.layers.0.pre_feedforward_layernorm.weight", [16]], ["model.layers.0.post_feedforward_layernorm.weight", [16]],
      ["model.layers.0.self_attn.q_proj.weight", [16, 16]], ["model.norm.weight", [16]],
    ]);
    const gguf = model("gguf", "gemma2", [
      ["blk.0.attn_norm.weight", [16]], ["blk.0.post_attention_norm.weight", [16]], ["blk.0.ffn_norm.weight", [16]], ["blk.0.post_ffw_norm.weight", [16]],
      ["blk.0.attn_q.weight", [16, 16]], ["output_norm.weight", [16]],
    ], heads("gemma2"));
    const rows = (line: (hf: string, gguf: string, sign: string) => string) => [
      line("model.layers.0.input_layernorm.weight", "blk.0.attn_norm.weight", " "),
      line("model.layers.0.post_attention_layernorm.weight", "blk.0.post_attention_norm.weight", " "),
      line("model.layers.0.pre_feedforward_layernorm.weight", "blk.0.ffn_norm.weight", " "),
      line("model.layers.0.post_feedforward_layernorm.weight", "blk.0.post_ffw_norm.weight", " "),
      line("model.norm.weight", "output_norm.weight", " "),
    ];
    check(hf, gguf, [...rows((a, b) => `${a} ~ ${b} -1`), "model.layers.0.self_attn.q_proj.weight ~ blk.0.attn_q.weight"]);
    check(gguf, hf, [...rows((a, b) => `${b} ~ ${a} +1`), "blk.0.attn_q.weight ~ model.layers.0.self_attn.q_proj.weight"]);
    assert.ok(align(gguf, gguf).pairs.every((p) => p.offset === undefined));
  });

  it("ONNX: suffixes of quantizers, paths with slashes, names made up by an exporter", () => {
    const onnx = model("onnx", "main_graph", [
      ["model.embed_tokens.weight_quantized", [40, 16]],
      ["/model/layers.0/self_attn/q_proj/MatMul.weight_T_Q4", [16, 16]],
      ["onnx::MatMul_421", [8, 16], { group: "model.layers.0.self_attn.k_proj", consumers: ["MatMul"] }],
      ["model.layers.0.mlp.up_proj.weight_DQ_Q4", [48, 16]],
      ["model.layers.0.input_layernorm.weight", [16]],
    ]);
    check(llamaHf(), onnx, [
      "model.embed_tokens.weight ~ model.embed_tokens.weight_quantized",
      "model.layers.0.self_attn.q_proj.weight ~ /model/layers.0/self_attn/q_proj/MatMul.weight_T_Q4",
      "model.layers.0.self_attn.k_proj.weight ~ onnx::MatMul_421",
      "model.layers.0.mlp.up_proj.weight ~ model.layers.0.mlp.up_proj.weight_DQ_Q4",
      "model.layers.0.input_layernorm.weight ~ model.layers.0.input_layernorm.weight",
      ...["self_attn.v_proj", "self_attn.o_proj", "post_attention_layernorm", "mlp.gate_proj", "mlp.down_proj"].map(
        (module) => `model.layers.0.${module}.weight ?  (missing)`),
      "model.norm.weight ?  (missing)",
    ]);
    assert.ok(described(onnx, llamaGguf()).includes("onnx::MatMul_421 ~ blk.0.attn_k.weight rope b 2"));
  });

  it("GGUF architectures without a table pair by role, block and shape", () => {
    const hf = model("safetensors", "Starcoder2ForCausalLM", [
      ["model.layers.0.self_attn.q_proj.weight", [16, 16]], ["model.layers.0.self_attn.q_proj.bias", [16]], ["model.layers.1.mlp.c_proj.weight", [16, 64]],
      ["model.layers.1.mlp.c_fc.weight", [64, 16]],
    ]);
    const gguf = model("gguf", "starcoder2", [
      ["blk.0.attn_q.weight", [16, 16]], ["blk.0.attn_q.bias", [16]], ["blk.1.ffn_down.weight", [16, 64]], ["blk.1.ffn_up.weight", [64, 17]],
    ]);
    check(hf, gguf, [
      "model.layers.0.self_attn.q_proj.weight ~ blk.0.attn_q.weight", "model.layers.0.self_attn.q_proj.bias ~ blk.0.attn_q.bias",
      "model.layers.1.mlp.c_proj.weight ~ blk.1.ffn_down.weight", "model.layers.1.mlp.c_fc.weight ?  (missing)", " ? blk.1.ffn_up.weight (missing)",
    ]);
  });

  it("the same name in other shapes or unreadable values is no pair, with its reason; dimensions of 1 do not count", () => {
    const a = model("onnx", "a", [["conv.weight", [4, 2, 3, 3]], ["fc.weight", [4, 8]], ["fc.bias", [4]], ["odd", [3, 3]]]);
    const b = model("onnx", "b", [["conv.weight", [4, 2, 3]], ["fc.weight", [4, 8], { storage: undefined }], ["fc.bias", [1, 4, 1]], ["other", [3, 3]]]);
    check(a, b, ["conv.weight ? conv.weight (shape)", "fc.weight ? fc.weight (unreadable)", "fc.bias ~ fc.bias", "odd ?  (missing)", " ? other (missing)"]);
  });

  const split: readonly Listed[] = [
    ["model.layers.0.self_attn.q_proj.weight", [16, 16]], ["model.layers.0.self_attn.k_proj.weight", [8, 16]],
    ["model.layers.0.self_attn.v_proj.weight", [8, 16]], ["model.layers.0.mlp.gate_proj.weight", [48, 16]], ["model.layers.0.mlp.up_proj.weight", [48, 16]],
  ];
  const qkv = (name: string) => [`${name} rows 0+16`, `${name} rows 16+8`, `${name} rows 24+8`];

  it("q, k, v and gate, up in one tensor each, against their parts, both ways", () => {
    const parts = model("safetensors", "LlamaForCausalLM", split);
    const phi = model("safetensors", "Phi3ForCausalLM", [["model.layers.0.self_attn.qkv_proj.weight", [32, 16]], ["model.layers.0.mlp.gate_up_proj.weight", [96, 16]]]);
    const gguf = model("gguf", "phi3", [["blk.0.attn_qkv.weight", [32, 16]], ["blk.0.ffn_up.weight", [96, 16]]], heads("phi3"));
    const rows = [[0, 16], [16, 8], [24, 8], [0, 48], [48, 48]];
    for (const whole of [phi, gguf]) {
      const names = [0, 0, 0, 1, 1].map((i) => whole.tensors[i].name);
      check(parts, whole, split.map(([name], i) => `${name} ~ ${names[i]} rows ${rows[i].join("+")} of b`));
      check(whole, parts, split.map(([name], i) => `${names[i]} ~ ${name} rows ${rows[i].join("+")} of a`));
    }
  });

  it("a fused q, k, v against a GGUF in RoPE order: the parts are turned, each by its own heads", () => {
    const fused = model("safetensors", "Phi3ForCausalLM", [["model.layers.0.self_attn.qkv_proj.weight", [32, 16]]]);
    const gguf = model("gguf", "llama", llamaBlock.filter(([name]) => /attn_[qkv]\./.test(name)), heads("llama"));
    const [q, k, v] = qkv("rows").map((text) => text.replace("rows ", ""));
    const name = "model.layers.0.self_attn.qkv_proj.weight";
    check(fused, gguf, [`${name} ~ blk.0.attn_q.weight ${q} of a rope b 4`, `${name} ~ blk.0.attn_k.weight ${k} of a rope b 2`, `${name} ~ blk.0.attn_v.weight ${v} of a`]);
  });

  it("biases of a fused projection", () => {
    const fused = model("safetensors", "GPT2LMHeadModel", [["h.0.attn.c_attn.bias", [48]]]);
    const parts = model("onnx", "g", ["q", "k", "v"].map((m): Listed => [`layers.0.attn.${m}_proj.bias`, [16]]));
    check(fused, parts, ["q", "k", "v"].map((m, i) => `h.0.attn.c_attn.bias ~ layers.0.attn.${m}_proj.bias rows ${16 * i}+16 of a`));
  });

  it("experts one by one against all of a layer", () => {
    const hf = model("safetensors", "MixtralForCausalLM", [0, 1].flatMap((e): Listed[] => [
      [`model.layers.0.block_sparse_moe.experts.${e}.w1.weight`, [24, 16]], [`model.layers.0.block_sparse_moe.experts.${e}.w2.weight`, [16, 24]]]));
    const gguf = model("gguf", "llama", [["blk.0.ffn_gate_exps.weight", [2, 24, 16]], ["blk.0.ffn_down_exps.weight", [2, 16, 24]]], heads("llama"));
    check(hf, gguf, [0, 1].flatMap((e) => [
      `model.layers.0.block_sparse_moe.experts.${e}.w1.weight ~ blk.0.ffn_gate_exps.weight rows ${24 * e}+24 of b`,
      `model.layers.0.block_sparse_moe.experts.${e}.w2.weight ~ blk.0.ffn_down_exps.weight rows ${16 * e}+16 of b`]));
  });

  for (const [danger, name, shape, parts] of [
    ["rows that do not add up", "model.layers.0.self_attn.qkv_proj.weight", [40, 16], split],
    ["other columns", "model.layers.0.self_attn.qkv_proj.weight", [32, 17], split],
    ["a part that is missing", "model.layers.0.self_attn.qkv_proj.weight", [32, 16], split.slice(1)],
    ["two tensors of one part's role", "model.layers.0.self_attn.qkv_proj.weight", [32, 16], [...split, ["model.layers.0.cross.q_proj.weight", [16, 16]]]],
    ["q, k, v that alternate by head", "model.layers.0.attention.query_key_value.weight", [32, 16], split],
    ["experts whose gate and up alternate", "model.layers.0.mlp.experts.gate_up_proj", [2, 16, 48], split],
    ["as many experts as a hostile file says", "blk.0.ffn_gate_exps.weight", [2 ** 30, 48, 16], split],
  ] as [string, string, number[], Listed[]][]) {
    it(`${danger}: nothing is cut`, () => {
      for (const format of ["safetensors", "gguf"] as const) {
        assert.equal(align(model(format, "x", [[name, shape]]), model("safetensors", "LlamaForCausalLM", parts)).pairs.length, 0);
      }
    });
  }

  it("a role that two tensors share is no evidence", () => {
    const a = model("safetensors", "x", [["encoder.layers.0.self_attn.q_proj.weight", [8, 8]], ["decoder.layers.0.self_attn.q_proj.weight", [8, 8]]]);
    const b = model("gguf", "y", [["blk.0.attn_q.weight", [8, 8]], ["blk.0.attn_q_a.weight", [8, 8]]]);
    assert.equal(align(a, b).pairs.length, 0);
  });

  it("undoes what every family's conversion does, and nothing else", () => {
    const config = HuggingFaceConfig.parse('{"num_attention_heads":4,"num_key_value_heads":2}', "config.json");
    const modules = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.qkv_proj", "self_attn.q_norm", "mlp.up_proj",
      "input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm", "post_feedforward_layernorm"];
    const names = [...modules.flatMap((m) => [`model.layers.0.${m}.weight`, `model.layers.0.${m}.bias`]), "model.norm.weight", "model.embed_tokens.weight",
      "h.0.ln_1.weight", "h.0.attn.c_attn.weight"];
    let seen = 0;
    for (const family of families) {
      const index = model("gguf", family.ggufArchitecture, [], heads(family.ggufArchitecture));
      for (const name of names) {
        const mapping = family.map(name, config);
        if (mapping === undefined || mapping === "skip") continue;
        seen++;
        const convention = conventionOf(index)({ name: mapping.name } as TensorInfo);
        assert.deepEqual([convention.ropeHeads, convention.add], [mapping.ropeHeads, mapping.add ?? 0], `${family.ggufArchitecture}: ${name}`);
      }
    }
    assert.ok(seen > 40);
  });
});
