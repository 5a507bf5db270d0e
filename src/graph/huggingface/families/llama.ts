import { mapByTable, type Family } from "../family";
import { decoderMetadata, headDimension, isRotaryBuffer, keyValueHeads, llama3Frequencies, llamaNames, postAttentionNorm,
  queryKeyValueBiases, ropeScaling, u32 } from "./common";
import { requireActivation, windowNotes } from "./settings";

const names = [
  ...llamaNames,
  postAttentionNorm,
  ...queryKeyValueBiases,
  ["model.layers.{n}.self_attn.o_proj.bias", "blk.{n}.attn_output.bias"],
  ["model.layers.{n}.mlp.gate_proj.bias", "blk.{n}.ffn_gate.bias"],
  ["model.layers.{n}.mlp.up_proj.bias", "blk.{n}.ffn_up.bias"],
  ["model.layers.{n}.mlp.down_proj.bias", "blk.{n}.ffn_down.bias"],
] as const;

/** Llama 1–3.x and Mistral. Rotated halves become neighbouring pairs: rows of q and k are interleaved per head. */
export const llama: Family = {
  architectures: ["LlamaForCausalLM", "LLaMAForCausalLM", "MistralForCausalLM"],
  ggufArchitecture: "llama",
  metadata(config) {
    requireActivation(config, "hidden_act", "SiLU");
    return [
      ...decoderMetadata("llama", config),
      u32("llama.rope.dimension_count", headDimension(config)),
      ...ropeScaling("llama", config, ["llama3"]),
    ];
  },
  // Llama's own code knows no window, whatever its configuration says.
  notes: (config) => (config.architecture === "MistralForCausalLM" ? windowNotes(config) : []),
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
