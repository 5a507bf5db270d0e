import { mapByTable, type Family } from "../family";
import { decoderMetadata, f32, headDimension, isRotaryBuffer, llamaNames, ropeScaling, u32 } from "./common";
import { requireActivation } from "./settings";

const names = [
  ...llamaNames,
  ["model.layers.{n}.post_attention_layernorm.weight", "blk.{n}.post_attention_norm.weight"],
  ["model.layers.{n}.pre_feedforward_layernorm.weight", "blk.{n}.ffn_norm.weight"],
  ["model.layers.{n}.post_feedforward_layernorm.weight", "blk.{n}.post_ffw_norm.weight"],
] as const;

/** The 27B variant, which llama.cpp recognises by its depth and scales attention by the hidden size. */
const blocksOf27B = 46;

/** Norm weights are used as 1 + w, and llama.cpp expects the sum. The head is the embedding. */
export const gemma2: Family = {
  architectures: ["Gemma2ForCausalLM"],
  ggufArchitecture: "gemma2",
  metadata(config) {
    requireActivation(config, "hidden_activation", "GELU");
    const scalar = config.optionalNumber("query_pre_attn_scalar") ?? headDimension(config);
    const expected = config.integer("num_hidden_layers") === blocksOf27B
      ? config.integer("hidden_size") / config.integer("num_attention_heads")
      : headDimension(config);
    if (scalar !== expected) {
      throw config.refuse(`llama.cpp scales Gemma 2's attention by ${expected}, but config.json says query_pre_attn_scalar ${scalar}.`);
    }
    return [
      ...decoderMetadata("gemma2", config),
      f32("gemma2.attn_logit_softcapping", config.number("attn_logit_softcapping")),
      f32("gemma2.final_logit_softcapping", config.number("final_logit_softcapping")),
      u32("gemma2.attention.sliding_window", config.integer("sliding_window")),
      ...ropeScaling("gemma2", config),
    ];
  },
  map(name) {
    if (isRotaryBuffer(name) || name === "lm_head.weight") return "skip";
    const gguf = mapByTable(name, names);
    if (gguf === undefined) return undefined;
    return gguf.endsWith("norm.weight") ? { name: gguf, add: 1 } : { name: gguf };
  },
};
