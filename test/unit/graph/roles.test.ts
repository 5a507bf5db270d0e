import assert from "node:assert/strict";
import type { FormatName, ModelIndex, TensorInfo } from "../../../src/core/model";
import { annotate } from "../../../src/graph/roles";

type Given = string | (Partial<TensorInfo> & { readonly name: string });

function model(tensors: readonly Given[], format: FormatName = "safetensors"): ModelIndex {
  return {
    format,
    path: "/m",
    folder: "/",
    files: ["m"],
    byteLength: 0,
    architecture: "x",
    layerCount: 0,
    parameterCount: 0,
    metadata: [],
    problems: [],
    tensors: tensors.map((given) => {
      const extra = typeof given === "string" ? { name: given } : given;
      const module = extra.name.split(".").at(-2) ?? "";
      const shape = extra.shape ?? (/norm|^ln_/i.test(module) || /bias$/.test(extra.name) ? [8] : [8, 4]);
      return {
        shape,
        elementCount: shape.reduce((a, b) => a * b, 1),
        encodingLabel: "F32",
        byteLength: 0,
        bitsPerWeight: 32,
        role: "other",
        group: "",
        ...extra,
      };
    }),
  };
}

/** "name role layer[/expert]" per tensor, in the model's order. */
const shown = (index: ModelIndex) =>
  annotate(index).tensors.map((t) =>
    [t.name, t.role, ...(t.layer === undefined ? [] : [t.layer]), ...(t.expert === undefined ? [] : [`e${t.expert}`])].join(" "),
  );

const families: [family: string, rows: readonly string[]][] = [
  [
    "Llama, Mistral, Qwen 2",
    [
      "model.embed_tokens.weight embedding",
      "model.layers.1.input_layernorm.weight attn_norm 1",
      "model.layers.1.self_attn.q_proj.weight q 1",
      "model.layers.1.self_attn.k_proj.weight k 1",
      "model.layers.1.self_attn.v_proj.weight v 1",
      "model.layers.1.self_attn.o_proj.weight o 1",
      "model.layers.1.post_attention_layernorm.weight ffn_norm 1",
      "model.layers.1.mlp.gate_proj.weight gate 1",
      "model.layers.1.mlp.up_proj.weight up 1",
      "model.layers.1.mlp.down_proj.weight down 1",
      "model.layers.1.self_attn.q_proj.bias bias 1",
      "model.norm.weight norm",
      "lm_head.weight head",
    ],
  ],
  [
    "Qwen 3, with norms on q and k",
    [
      "model.layers.0.self_attn.q_proj.weight q 0",
      "model.layers.0.self_attn.q_norm.weight norm 0",
      "model.layers.0.self_attn.k_norm.weight norm 0",
    ],
  ],
  [
    "Phi-3",
    [
      "model.layers.0.self_attn.qkv_proj.weight qkv 0",
      "model.layers.0.mlp.gate_up_proj.weight gate_up 0",
      "model.layers.0.mlp.down_proj.weight down 0",
    ],
  ],
  [
    "Gemma 2, four norms in a block",
    [
      "model.layers.0.input_layernorm.weight attn_norm 0",
      "model.layers.0.pre_feedforward_layernorm.weight ffn_norm 0",
      "model.layers.0.post_attention_layernorm.weight norm 0",
      "model.layers.0.post_feedforward_layernorm.weight norm 0",
    ],
  ],
  [
    "GPT-2",
    [
      "wte.weight embedding",
      "wpe.weight embedding",
      "h.0.ln_1.weight attn_norm 0",
      "h.0.attn.c_attn.weight qkv 0",
      "h.0.attn.c_proj.weight o 0",
      "h.0.ln_2.weight ffn_norm 0",
      "h.0.mlp.c_fc.weight up 0",
      "h.0.mlp.c_proj.weight down 0",
      "h.0.attn.c_attn.bias bias 0",
      "ln_f.weight norm",
    ],
  ],
  [
    "GPT-NeoX",
    [
      "gpt_neox.embed_in.weight embedding",
      "gpt_neox.layers.0.attention.query_key_value.weight qkv 0",
      "gpt_neox.layers.0.attention.dense.weight o 0",
      "gpt_neox.layers.0.mlp.dense_h_to_4h.weight up 0",
      "gpt_neox.layers.0.mlp.dense_4h_to_h.weight down 0",
      "gpt_neox.final_layer_norm.weight norm",
      "embed_out.weight head",
    ],
  ],
  [
    "Falcon",
    [
      "transformer.word_embeddings.weight embedding",
      "transformer.h.0.ln_attn.weight attn_norm 0",
      "transformer.h.0.self_attention.query_key_value.weight qkv 0",
      "transformer.h.0.self_attention.dense.weight o 0",
      "transformer.h.0.ln_mlp.weight ffn_norm 0",
      "transformer.h.0.mlp.dense_h_to_4h.weight up 0",
    ],
  ],
  [
    "OPT",
    [
      "model.decoder.embed_tokens.weight embedding",
      "model.decoder.embed_positions.weight embedding",
      "model.decoder.layers.0.self_attn_layer_norm.weight attn_norm 0",
      "model.decoder.layers.0.self_attn.out_proj.weight o 0",
      "model.decoder.layers.0.final_layer_norm.weight ffn_norm 0",
      "model.decoder.layers.0.fc1.weight up 0",
      "model.decoder.layers.0.fc2.weight down 0",
      "model.decoder.final_layer_norm.weight norm",
    ],
  ],
  [
    "BERT",
    [
      "bert.embeddings.word_embeddings.weight embedding",
      "bert.embeddings.position_embeddings.weight embedding",
      "bert.encoder.layer.0.attention.output.LayerNorm.weight attn_norm 0",
      "bert.encoder.layer.0.attention.self.query.weight q 0",
      "bert.encoder.layer.0.attention.self.key.weight k 0",
      "bert.encoder.layer.0.attention.self.value.weight v 0",
      "bert.encoder.layer.0.attention.output.dense.weight o 0",
      "bert.encoder.layer.0.output.LayerNorm.weight ffn_norm 0",
      "bert.encoder.layer.0.intermediate.dense.weight up 0",
      "bert.encoder.layer.0.output.dense.weight down 0",
      "bert.embeddings.LayerNorm.weight norm",
    ],
  ],
  [
    "T5: blocks hold layers",
    [
      "shared.weight embedding",
      "encoder.block.1.layer.0.SelfAttention.q.weight q 1",
      "encoder.block.1.layer.0.SelfAttention.o.weight o 1",
      "encoder.block.1.layer.1.DenseReluDense.wi_0.weight gate 1",
      "encoder.block.1.layer.1.DenseReluDense.wi_1.weight up 1",
      "encoder.block.1.layer.1.DenseReluDense.wo.weight down 1",
    ],
  ],
  [
    "Mixtral: an expert is a number",
    [
      "model.layers.0.self_attn.q_proj.weight q 0",
      "model.layers.0.block_sparse_moe.gate.weight router 0",
      "model.layers.0.block_sparse_moe.experts.7.w1.weight gate 0 e7",
      "model.layers.0.block_sparse_moe.experts.7.w3.weight up 0 e7",
      "model.layers.0.block_sparse_moe.experts.7.w2.weight down 0 e7",
    ],
  ],
  [
    "Qwen MoE and DeepSeek",
    [
      "model.layers.3.self_attn.q_a_proj.weight q 3",
      "model.layers.3.self_attn.kv_a_proj_with_mqa.weight qkv 3",
      "model.layers.3.self_attn.kv_b_proj.weight qkv 3",
      "model.layers.3.mlp.gate.weight router 3",
      "model.layers.3.mlp.shared_experts.gate_proj.weight gate 3",
      "model.layers.3.self_attn.kv_a_layernorm.weight norm 3",
      "model.layers.3.mlp.experts.12.gate_proj.weight gate 3 e12",
      "model.layers.3.mlp.experts.12.down_proj.weight down 3 e12",
    ],
  ],
  ["names with wrappers", ["base_model.model.model.layers.0.self_attn.q_proj.weight q 0"]],
];

describe("roles by name", () => {
  for (const [family, rows] of families) {
    it(family, () => {
      const names = rows.map((r) => r.split(" ")[0]);
      // Given backwards, they come out in the order of the network.
      assert.deepEqual(shown(model([...names].reverse())).sort(), [...rows].sort());
      assert.deepEqual(shown(model(names)), rows);
    });
  }

  it("GGUF", () => {
    const rows = [
      "token_embd.weight embedding",
      "blk.0.attn_norm.weight attn_norm 0",
      "blk.0.attn_q.weight q 0",
      "blk.0.attn_k.weight k 0",
      "blk.0.attn_v.weight v 0",
      "blk.0.attn_output.weight o 0",
      "blk.0.ffn_norm.weight ffn_norm 0",
      "blk.0.ffn_gate.weight gate 0",
      "blk.0.ffn_up.weight up 0",
      "blk.0.ffn_down.weight down 0",
      "blk.1.attn_qkv.weight qkv 1",
      "blk.1.ffn_gate_inp.weight router 1",
      "blk.1.ffn_gate_exps.weight gate 1",
      "blk.1.ffn_up_exps.weight up 1",
      "blk.1.ffn_down_exps.weight down 1",
      "blk.1.ssm_conv1d.weight conv 1",
      "blk.1.attn_q_norm.weight norm 1",
      "output_norm.weight norm",
      "output.weight head",
    ];
    const index = annotate(
      model(["output.weight", ...rows.map((r) => r.split(" ")[0]).filter((n) => n !== "output.weight")], "gguf"),
    );
    assert.deepEqual(
      shown(model(["output.weight", ...rows.map((r) => r.split(" ")[0]).filter((n) => n !== "output.weight")], "gguf")),
      rows,
    );
    assert.equal(index.layerCount, 2);
  });

  const exported: [name: string, expected: string][] = [
    ["model.layers.2.self_attn.q_proj.weight_T", "q 2"],
    ["model.layers.2.mlp.down_proj.weight_T_quantized", "down 2"],
    ["model.layers.2.self_attn.k_proj.weight_DQ_Q4", "k 2"],
    ["model.layers.2.attn.q_proj.MatMul.weight_Q4", "q 2"],
    ["lm_head.MatMul.weight", "head"],
    ["/model/layers.2/mlp/up_proj/MatMul", "up 2"],
    ["model/conv6/Conv2D/ReadVariableOp:0", "conv"],
    ["rope.cos", "other"],
  ];
  for (const [name, expected] of exported) {
    it(`ONNX: ${name} is ${expected}`, () => {
      const shape = name.includes("conv") ? [8, 4, 3, 3] : [8, 4];
      assert.deepEqual(shown(model([{ name, shape }], "onnx")), [`${name} ${expected}`]);
    });
  }

  it("ONNX: a name made up by the exporter gives way to the module that the reader found", () => {
    const given = { name: "onnx::MatMul_1234", group: "/model/layers.3/self_attn/v_proj" };
    const [tensor] = annotate(model([given], "onnx")).tensors;
    assert.deepEqual([tensor.role, tensor.layer, tensor.group], ["v", 3, "/model/layers.3/self_attn/v_proj"]);
  });

  it("ONNX keeps the order of its graph", () => {
    const names = ["lm_head.weight", "model.layers.1.mlp.up_proj.weight", "model.layers.0.mlp.up_proj.weight"];
    assert.deepEqual(
      annotate(model(names, "onnx")).tensors.map((t) => t.name),
      names,
    );
  });

  it("what is convolved is a convolution, what is gathered an embedding, whatever the name", () => {
    const given = [
      { name: "a", shape: [8, 4, 1, 1], consumers: ["Conv"] },
      { name: "b", shape: [8, 4], consumers: ["Gather"] },
      { name: "c", shape: [8, 4], consumers: ["MatMul"] },
      { name: "d", shape: [8, 4, 3] },
    ];
    assert.deepEqual(shown(model(given, "onnx")), ["a conv", "b embedding", "c other", "d other"]);
  });
});

describe("blocks and groups", () => {
  it("groups are module paths", () => {
    const groups = annotate(
      model(["encoder.conv1.weight", "encoder.conv1.bias", "alone", "a.b.weight_packed", "__proto__", ""]),
    ).tensors.map((t) => t.group);
    assert.deepEqual(groups, ["encoder.conv1", "encoder.conv1", "alone", "a.b", "__proto__", ""]);
  });

  it("an encoder's blocks come before the decoder's, and both are counted", () => {
    const index = annotate(
      model([
        "model.decoder.layers.0.fc1.weight",
        "model.decoder.layers.1.fc1.weight",
        "model.encoder.layers.0.fc1.weight",
        "model.encoder.layers.1.fc1.weight",
      ]),
    );
    assert.deepEqual(
      index.tensors.map((t) => [t.name, t.layer]),
      [
        ["model.encoder.layers.0.fc1.weight", 0],
        ["model.encoder.layers.1.fc1.weight", 1],
        ["model.decoder.layers.0.fc1.weight", 2],
        ["model.decoder.layers.1.fc1.weight", 3],
      ],
    );
    assert.equal(index.layerCount, 4);
  });

  it("blocks nested in stages are counted through", () => {
    const index = annotate(
      model(["layers.0.blocks.0.attn.qkv.weight", "layers.0.blocks.1.attn.qkv.weight", "layers.1.blocks.0.attn.qkv.weight"]),
    );
    assert.deepEqual(
      index.tensors.map((t) => t.layer),
      [0, 1, 2],
    );
  });

  it("one part of a large model keeps its block numbers", () => {
    assert.deepEqual(
      annotate(model(["model.layers.30.mlp.up_proj.weight", "model.layers.31.mlp.up_proj.weight"])).tensors.map((t) => t.layer),
      [30, 31],
    );
  });

  it("a hostile block number does not make a hundred thousand blocks", () => {
    assert.equal(annotate(model(["layers.0.a.weight", "layers.99999.a.weight"])).layerCount, 2);
    assert.equal(annotate(model(["layers.99999999999.a.weight"])).layerCount, 0);
  });

  it("numbers in a sequence of modules are no blocks", () => {
    const index = annotate(
      model([
        { name: "base_net.0.1.weight", shape: [8] },
        { name: "features.3.conv.weight", shape: [8, 4, 3, 3] },
      ]),
    );
    assert.equal(index.layerCount, 0);
    assert.deepEqual(
      index.tensors.map((t) => t.role),
      ["other", "conv"],
    );
  });

  it("a model without blocks keeps its order", () => {
    const names = ["z.weight", "a.weight", "lm_head.weight", "b.weight"];
    assert.deepEqual(
      annotate(model(names)).tensors.map((t) => t.name),
      names,
    );
  });
});
