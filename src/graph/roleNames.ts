import type { TensorRole } from "../core/model";

/**
 * Last parts of module paths and the role that the field gives them, first match wins. Paths end in the module ("mlp.c_proj"),
 * without ".weight". Families: Llama, Mistral, Mixtral, Qwen 2/3 and MoE, DeepSeek, Phi-3, Gemma, GPT-2, GPT-J, NeoX, Falcon,
 * OPT, BART, BERT, DistilBERT, T5, ViT, Whisper, MPT, llama2.c's names, GGUF's, and those of ONNX exporters, which follow the modules.
 */
type Row = readonly [role: TensorRole, modules: string];

const rows: readonly Row[] = [
  // Mixtures of experts before their like-named feed-forwards.
  [
    "router",
    "mlp.gate|block_sparse_moe.gate|feed_forward.gate|feed_forward.router|moe.gate|router|router.layer|router.classifier|gate.wg",
  ],
  ["router", "shared_expert_gate|ffn_gate_inp|ffn_gate_inp_shexp|exp_probs_b"],
  ["gate_up", "gate_up_proj|gate_up|w13|wi_fused"],
  // Norms, which carry the names of what they follow.
  [
    "attn_norm",
    "input_layernorm|ln_1|attention_norm|attn_norm|ln_attn|self_attn_layer_norm|attention.output.LayerNorm|norm1|norm_1",
  ],
  ["attn_norm", "layer_norm1|layernorm_before|sa_layer_norm|attention_layernorm|layer.0.layer_norm|attn_output_norm"],
  [
    "ffn_norm",
    "pre_feedforward_layernorm|post_attention_layernorm|ln_2|ffn_norm|ln_mlp|output.LayerNorm|norm2|norm_2|layer_norm2",
  ],
  ["ffn_norm", "layernorm_after|output_layer_norm|final_layer_norm|ffn_layernorm|layer_output_norm"],
  // Attention.
  ["qkv", "qkv_proj|qkv|query_key_value|c_attn|Wqkv|in_proj|in_proj_weight|attn_qkv|W_pack|in_proj_qkvz|att_proj"],
  ["qkv", "kv_a_proj_with_mqa|kv_b_proj|attn_kv_a_mqa|attn_kv_b|kv_proj|to_kv|attn_kv"],
  ["q", "q_proj|query|wq|q_lin|to_q|attn_q|q_a_proj|q_b_proj|attn_q_a|attn_q_b|SelfAttention.q|EncDecAttention.q|attn.q"],
  ["k", "k_proj|key|wk|k_lin|to_k|attn_k|attn_k_b|SelfAttention.k|EncDecAttention.k|attn.k"],
  ["v", "v_proj|value|wv|v_lin|to_v|attn_v|attn_v_b|SelfAttention.v|EncDecAttention.v|attn.v"],
  ["o", "o_proj|out_proj|attn.c_proj|attention.c_proj|attention.dense|self_attention.dense|attention.output.dense|out_lin"],
  [
    "o",
    "attention.wo|to_out.0|to_out|attn_output|SelfAttention.o|EncDecAttention.o|attn.proj|attn.out|self_attn.dense|attn.o|attn_out",
  ],
  // Feed-forward.
  ["gate", "gate_proj|w1|ffn_gate|ffn_gate_exps|ffn_gate_shexp|wi_0|linear_v|gate_linear"],
  [
    "up",
    "up_proj|w3|ffn_up|ffn_up_exps|ffn_up_shexp|wi_1|wi|fc1|c_fc|dense_h_to_4h|intermediate.dense|lin1|fc_in|mlp.fc_1|ff_proj",
  ],
  ["down", "down_proj|w2|ffn_down|ffn_down_exps|ffn_down_shexp|fc2|mlp.c_proj|c_proj|dense_4h_to_h|output.dense|lin2|fc_out"],
  ["down", "DenseReluDense.wo|wo|mlp.fc_2|ff_out"],
];

/** Modules outside the blocks. */
const outerRows: readonly Row[] = [
  ["head", "lm_head|output|embed_out|predictions.decoder|classifier|score|qa_outputs|output_projection|cls"],
  ["embedding", "embed_tokens|embed_positions|embed_in|wte|wpe|word_embeddings|position_embeddings|token_type_embeddings|shared"],
  [
    "embedding",
    "tok_embeddings|token_embd|position_embd|token_types|per_layer_token_embd|word_embedding|embedding|embeddings|token_embedding|embed",
  ],
];

const byPath = (table: readonly Row[]): ReadonlyMap<string, TensorRole> =>
  new Map(table.flatMap(([role, modules]) => modules.split("|").map((path) => [path.toLowerCase(), role] as const)));

const inner = byPath(rows);
const outer = byPath(outerRows);
const longestPath = 3;

/** The role of a module inside a block, or undefined. Longer endings win: "mlp.c_proj" before "c_proj". */
export const blockRole = (path: string): TensorRole | undefined => look(inner, path);

/** The role of a module outside the blocks, or undefined. */
export const outerRole = (path: string): TensorRole | undefined => look(outer, path);

function look(table: ReadonlyMap<string, TensorRole>, path: string): TensorRole | undefined {
  const parts = path.toLowerCase().split(".");
  for (let length = Math.min(longestPath, parts.length); length > 0; length--) {
    const role = table.get(parts.slice(-length).join("."));
    if (role) return role;
  }
  return undefined;
}
