import { mapByTable, type Family } from "../family";
import { decoderMetadata, headDimension, isRotaryBuffer, keyValueHeads, llama3Frequencies, llamaNames, postAttentionNorm,
  ropeScaling, u32 } from "./common";

const names = [...llamaNames, postAttentionNorm];

/** Llama 1–3.x and Mistral. Rotated halves become neighbouring pairs: rows of q and k are interleaved per head. */
export const llama: Family = {
  architectures: ["LlamaForCausalLM", "LLaMAForCausalLM", "MistralForCausalLM"],
  ggufArchitecture: "llama",
  metadata: (config) => [
    ...decoderMetadata("llama", config),
    u32("llama.rope.dimension_count", headDimension(config)),
    ...ropeScaling("llama", config),
  ],
  map(name, config) {
    if (isRotaryBuffer(name)) return "skip";
    const gguf = mapByTable(name, names);
    if (gguf === undefined) return undefined;
    if (/attn_q\.(weight|bias)$/.test(gguf)) return { name: gguf, ropeHeads: config.integer("num_attention_heads") };
    if (/attn_k\.(weight|bias)$/.test(gguf)) return { name: gguf, ropeHeads: keyValueHeads(config) };
    return { name: gguf };
  },
  computed: llama3Frequencies,
};
