import { mapByTable, type Family } from "../family";
import { f32, u32 } from "./common";
import { requireActivation } from "./settings";

const both = (source: string, gguf: string) =>
  [[`${source}.weight`, `${gguf}.weight`], [`${source}.bias`, `${gguf}.bias`]] as const;
const names = [
  ["wte.weight", "token_embd.weight"],
  ["wpe.weight", "position_embd.weight"],
  ["lm_head.weight", "output.weight"],
  ...both("ln_f", "output_norm"),
  ...both("h.{n}.ln_1", "blk.{n}.attn_norm"),
  ...both("h.{n}.attn.c_attn", "blk.{n}.attn_qkv"),
  ...both("h.{n}.attn.c_proj", "blk.{n}.attn_output"),
  ...both("h.{n}.ln_2", "blk.{n}.ffn_norm"),
  ...both("h.{n}.mlp.c_fc", "blk.{n}.ffn_up"),
  ...both("h.{n}.mlp.c_proj", "blk.{n}.ffn_down"),
] as const;

/** Flags of config.json that llama.cpp has one fixed answer to. */
const fixed = [["scale_attn_weights", true], ["scale_attn_by_inverse_layer_idx", false], ["add_cross_attention", false]] as const;

/** Learned positions, layer norms with biases. Its Conv1D weights are [out, in] here as everywhere (formats/safetensors). */
export const gpt2: Family = {
  architectures: ["GPT2LMHeadModel"],
  ggufArchitecture: "gpt2",
  metadata(config) {
    requireActivation(config, "activation_function", "GELU");
    for (const [key, usual] of fixed) {
      if (config.flag(key, usual) === usual) continue;
      throw config.refuse(`llama.cpp's gpt2 takes ${key} for ${usual}, but config.json says ${!usual}, so the model cannot become a GGUF.`);
    }
    const width = config.integer("n_embd", "hidden_size");
    return [
      u32("gpt2.block_count", config.integer("n_layer", "num_hidden_layers")),
      u32("gpt2.context_length", config.integer("n_positions", "n_ctx", "max_position_embeddings")),
      u32("gpt2.embedding_length", width),
      u32("gpt2.feed_forward_length", config.optionalInteger("n_inner") ?? 4 * width),
      u32("gpt2.attention.head_count", config.integer("n_head", "num_attention_heads")),
      f32("gpt2.attention.layer_norm_epsilon", config.number("layer_norm_epsilon")),
      u32("gpt2.vocab_size", config.integer("vocab_size")),
    ];
  },
  map(name) {
    const bare = name.replace(/^transformer\./, "");
    if (/\.attn\.(bias|masked_bias)$/.test(bare)) return "skip"; // the causal mask
    const gguf = mapByTable(bare, names);
    if (gguf === undefined) return undefined;
    return { name: gguf };
  },
};
