import { bool, f32, text, u32, type MetadataEntry } from "../../../formats/gguf/metadata";
import type { HuggingFaceConfig } from "../config";
import type { ComputedTensor } from "../family";

export const headDimension = (config: HuggingFaceConfig) =>
  config.optionalInteger("head_dim") ?? config.integer("hidden_size") / config.integer("num_attention_heads");

export const keyValueHeads = (config: HuggingFaceConfig) =>
  config.optionalInteger("num_key_value_heads") ?? config.integer("num_attention_heads");

/** What every decoder with RMS norms and rotary positions writes under its own architecture's prefix. */
export function decoderMetadata(architecture: string, config: HuggingFaceConfig): MetadataEntry[] {
  const key = (name: string) => `${architecture}.${name}`;
  return [
    u32(key("block_count"), config.integer("num_hidden_layers")),
    u32(key("context_length"), config.integer("max_position_embeddings")),
    u32(key("embedding_length"), config.integer("hidden_size")),
    u32(key("feed_forward_length"), config.integer("intermediate_size")),
    u32(key("attention.head_count"), config.integer("num_attention_heads")),
    u32(key("attention.head_count_kv"), keyValueHeads(config)),
    u32(key("attention.key_length"), headDimension(config)),
    u32(key("attention.value_length"), headDimension(config)),
    f32(key("attention.layer_norm_rms_epsilon"), config.number("rms_norm_eps")),
    f32(key("rope.freq_base"), config.rope.theta),
    u32(key("vocab_size"), config.integer("vocab_size")),
  ];
}

/**
 * RoPE scaling that llama.cpp applies by metadata. Refuses kinds it would compute differently; `byTensors` are those that the
 * family writes as tensors of factors instead.
 */
export function ropeScaling(architecture: string, config: HuggingFaceConfig, byTensors: readonly string[] = []): MetadataEntry[] {
  const { type, factor, originalContext } = config.rope;
  const key = (name: string) => `${architecture}.rope.scaling.${name}`;
  if (byTensors.includes(type)) return [];
  switch (type) {
    case "default":
      return [];
    case "linear":
      return [text(key("type"), "linear"), f32(key("factor"), factor ?? 1)];
    case "yarn":
      refuseOddYarn(config);
      return [
        text(key("type"), "yarn"),
        f32(key("factor"), factor ?? 1),
        u32(key("original_context_length"), originalContext ?? config.integer("max_position_embeddings")),
      ];
    default:
      throw config.refuse(`RoPE scaling "${type}" has no equivalent in llama.cpp, so this model cannot become a GGUF yet.`);
  }
}

/** llama.cpp's constants of YaRN are the paper's: other ones would have to be known to whoever runs the file. */
function refuseOddYarn(config: HuggingFaceConfig): void {
  const { factor = 1, yarn } = config.rope;
  const usual: Readonly<Record<string, number>> = { beta_fast: 32, beta_slow: 1, attention_factor: factor <= 1 ? 1 : 0.1 * Math.log(factor) + 1 };
  for (const [key, value] of Object.entries(yarn)) {
    if (usual[key] !== undefined && Math.abs(value - usual[key]) <= 1e-4 * usual[key]) continue;
    throw config.refuse(`llama.cpp scales RoPE by YaRN's usual constants, but config.json says ${key} ${value}, so this model cannot become a GGUF yet.`);
  }
}

/** Llama 3.1's frequency factors, one per rotated pair (Hugging Face modeling_rope_utils, rope_type "llama3"). */
export function llama3Frequencies(config: HuggingFaceConfig): ComputedTensor[] {
  const rope = config.rope;
  if (rope.type !== "llama3") return [];
  const factor = rope.factor ?? 8;
  const low = rope.lowFrequencyFactor ?? 1;
  const high = rope.highFrequencyFactor ?? 4;
  const context = rope.originalContext ?? 8192;
  const dimension = headDimension(config);
  const values = new Float32Array(dimension / 2);
  for (let i = 0; i < values.length; i++) {
    const wavelength = 2 * Math.PI * rope.theta ** ((2 * i) / dimension);
    if (wavelength < context / high) values[i] = 1;
    else if (wavelength > context / low) values[i] = factor;
    else {
      const smooth = (context / wavelength - low) / (high - low);
      values[i] = 1 / ((1 - smooth) / factor + smooth);
    }
  }
  return [{ name: "rope_freqs.weight", values }];
}

/** Attention and MLP of the Llama lineage, without the prefix-dependent parts. */
export const llamaNames = [
  ["model.embed_tokens.weight", "token_embd.weight"],
  ["model.norm.weight", "output_norm.weight"],
  ["lm_head.weight", "output.weight"],
  ["model.layers.{n}.input_layernorm.weight", "blk.{n}.attn_norm.weight"],
  ["model.layers.{n}.self_attn.q_proj.weight", "blk.{n}.attn_q.weight"],
  ["model.layers.{n}.self_attn.k_proj.weight", "blk.{n}.attn_k.weight"],
  ["model.layers.{n}.self_attn.v_proj.weight", "blk.{n}.attn_v.weight"],
  ["model.layers.{n}.self_attn.o_proj.weight", "blk.{n}.attn_output.weight"],
  ["model.layers.{n}.mlp.gate_proj.weight", "blk.{n}.ffn_gate.weight"],
  ["model.layers.{n}.mlp.up_proj.weight", "blk.{n}.ffn_up.weight"],
  ["model.layers.{n}.mlp.down_proj.weight", "blk.{n}.ffn_down.weight"],
] as const satisfies readonly (readonly [string, string])[];

export const queryKeyValueBiases = [
  ["model.layers.{n}.self_attn.q_proj.bias", "blk.{n}.attn_q.bias"],
  ["model.layers.{n}.self_attn.k_proj.bias", "blk.{n}.attn_k.bias"],
  ["model.layers.{n}.self_attn.v_proj.bias", "blk.{n}.attn_v.bias"],
] as const;

export const postAttentionNorm = ["model.layers.{n}.post_attention_layernorm.weight", "blk.{n}.ffn_norm.weight"] as const;

/** The exporter's leftover buffers. */
export const isRotaryBuffer = (name: string) => name.endsWith("rotary_emb.inv_freq");

export { bool, f32, text, u32 };
