import { mapByTable, type Family } from "../family";
import { decoderMetadata, isRotaryBuffer, llamaNames, postAttentionNorm, queryKeyValueBiases, ropeScaling } from "./common";
import { requireActivation, windowNotes } from "./settings";

const qwen2Names = [...llamaNames, postAttentionNorm, ...queryKeyValueBiases];
const qwen3Names = [
  ...llamaNames,
  postAttentionNorm,
  ["model.layers.{n}.self_attn.q_norm.weight", "blk.{n}.attn_q_norm.weight"],
  ["model.layers.{n}.self_attn.k_norm.weight", "blk.{n}.attn_k_norm.weight"],
] as const;

function family(architecture: string, ggufArchitecture: string, names: readonly (readonly [string, string])[]): Family {
  return {
    architectures: [architecture],
    ggufArchitecture,
    metadata(config) {
      requireActivation(config, "hidden_act", "SiLU");
      return [...decoderMetadata(ggufArchitecture, config), ...ropeScaling(ggufArchitecture, config)];
    },
    notes: (config) => (config.flag("use_sliding_window", false) ? windowNotes(config) : []),
    map(name) {
      if (isRotaryBuffer(name)) return "skip";
      const gguf = mapByTable(name, names);
      return gguf === undefined ? undefined : { name: gguf };
    },
  };
}

/** Biases on q, k and v; rotated halves as in Hugging Face, so no permutation. */
export const qwen2 = family("Qwen2ForCausalLM", "qwen2", qwen2Names);
/** Norms on each head's q and k instead of the biases. */
export const qwen3 = family("Qwen3ForCausalLM", "qwen3", qwen3Names);
