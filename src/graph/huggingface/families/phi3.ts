import { mapByTable, type ComputedTensor, type Family } from "../family";
import { decoderMetadata, f32, headDimension, isRotaryBuffer, llamaNames, postAttentionNorm, ropeScaling, u32 } from "./common";
import { requireActivation, windowNotes } from "./settings";

const names = [
  ...llamaNames,
  postAttentionNorm,
  ["model.layers.{n}.self_attn.qkv_proj.weight", "blk.{n}.attn_qkv.weight"],
  ["model.layers.{n}.mlp.gate_up_proj.weight", "blk.{n}.ffn_up.weight"],
] as const;

/** q, k, v in one matrix, gate and up in one; both stay fused in llama.cpp. */
export const phi3: Family = {
  architectures: ["Phi3ForCausalLM"],
  ggufArchitecture: "phi3",
  metadata(config) {
    requireActivation(config, "hidden_act", "SiLU");
    const rope = config.rope;
    const context = config.integer("max_position_embeddings");
    const original = rope.originalContext ?? context;
    const entries = [
      ...decoderMetadata("phi3", config),
      u32("phi3.rope.dimension_count", Math.trunc(headDimension(config) * rope.partialRotaryFactor)),
      u32("phi3.rope.scaling.original_context_length", original),
      u32("phi3.attention.sliding_window", config.optionalInteger("sliding_window") ?? 0),
      ...ropeScaling("phi3", config, ["longrope", "su"]),
    ];
    if (rope.longFactors) {
      const scale = context / original;
      entries.push(f32("phi3.rope.scaling.attn_factor", scale <= 1 ? 1 : Math.sqrt(1 + Math.log(scale) / Math.log(original))));
    }
    return entries;
  },
  notes: windowNotes,
  map(name) {
    if (isRotaryBuffer(name)) return "skip";
    const gguf = mapByTable(name, names);
    return gguf === undefined ? undefined : { name: gguf };
  },
  computed(config): ComputedTensor[] {
    const { longFactors, shortFactors } = config.rope;
    if (!longFactors || !shortFactors) return [];
    return [
      { name: "rope_factors_long.weight", values: Float32Array.from(longFactors) },
      { name: "rope_factors_short.weight", values: Float32Array.from(shortFactors) },
    ];
  },
};
