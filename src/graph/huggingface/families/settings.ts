import type { HuggingFaceConfig } from "../config";

/** What llama.cpp's SiLU and GELU stand for. Its GELU is the one by tanh; the one by erf differs from it by 5e-4 at most. */
const activations = {
  SiLU: ["silu", "swish"],
  GELU: ["gelu_new", "gelu_pytorch_tanh", "gelu_fast", "gelu", "gelu_python"],
} as const;

/** Throws "unsupported" where config.json's `key` names another activation than the one that llama.cpp has for the family. */
export function requireActivation(config: HuggingFaceConfig, key: string, computed: keyof typeof activations): void {
  const name = config.optionalText(key);
  if (name === undefined || (activations[computed] as readonly string[]).includes(name)) return;
  throw config.refuse(`llama.cpp computes ${computed} in this architecture, but config.json says ${key} "${name}", so the model cannot become a GGUF.`);
}

/** For families whose sliding window llama.cpp leaves out: up to that length both compute the same. */
export function windowNotes(config: HuggingFaceConfig): string[] {
  const window = config.optionalInteger("sliding_window");
  if (!window || window >= config.integer("max_position_embeddings")) return [];
  return [`llama.cpp leaves this architecture's sliding window out (sliding_window ${window}): beyond ${window} tokens it computes something else.`];
}
