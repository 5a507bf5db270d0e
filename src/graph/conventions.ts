import type { FormatName, ModelIndex, TensorInfo } from "../core/model";
import { HuggingFaceConfig } from "./huggingface/config";
import { families } from "./huggingface/families";

/** How a file's weights differ from the network's definition. */
export interface Convention {
  /** Rows of so many heads are interleaved for rotation by neighbouring pairs; 0 where the file does not say how many. */
  readonly ropeHeads?: number;
  /** What was added to every element. */
  readonly add: number;
}

const asDefined: Convention = { add: 0 };

/** GGUF architectures whose q and k llama.cpp's converter interleaves (LlamaModel.permute in their own modify_tensors or by descent). */
const interleaved: ReadonlySet<string> = new Set([
  "llama", "arcee", "arctic", "baichuan", "bailingmoe", "deepseek", "granite", "granitemoe", "internlm2", "minicpm", "olmo", "smollm3", "xverse",
]);
/** GGUF architectures whose converter adds 1 to every norm (GemmaModel, Gemma2Model, Gemma3Model). */
const raisedNorms: ReadonlySet<string> = new Set(["gemma", "gemma2", "gemma3"]);

/** Does this model's converter interleave the rows of q and k? */
export const keepsHeadsInPairs = (format: FormatName, architecture: string): boolean => format === "gguf" && interleaved.has(architecture);

/** Tells of each tensor of a model what its converter did to it. */
export function conventionOf(index: ModelIndex): (tensor: TensorInfo) => Convention {
  const { format, architecture } = index;
  if (format !== "gguf") return () => asDefined;
  if (raisedNorms.has(architecture)) return ({ name }) => (name.endsWith("norm.weight") ? { add: 1 } : asDefined);
  if (!interleaved.has(architecture)) return () => asDefined;
  const { heads, keyValueHeads } = ggufHeads(index);
  return ({ name }) => {
    const found = /^blk\.\d+\.attn_([qk])\.(weight|bias)$/.exec(name);
    return found ? { ropeHeads: (found[1] === "q" ? heads : keyValueHeads) ?? 0, add: 0 } : asDefined;
  };
}

/** What a GGUF says of its heads; of lists by layer, the first layer's. */
export function ggufHeads({ architecture, metadata }: ModelIndex): Record<"heads" | "keyValueHeads" | "headSize", number | undefined> {
  const entries = new Map(metadata);
  const number = (key: string) => {
    const digits = /^\[?(\d+)/.exec(entries.get(`${architecture}.${key}`) ?? "")?.[1];
    return digits === undefined ? undefined : Number(digits);
  };
  const heads = number("attention.head_count");
  const width = number("embedding_length");
  return {
    heads,
    keyValueHeads: number("attention.head_count_kv") ?? heads,
    headSize: number("attention.key_length") ?? (heads && width ? width / heads : undefined),
  };
}

type Renamed = readonly (readonly [pattern: RegExp, name: string])[];
/** Norms that roles do not tell apart, of GGUF architectures without a family here (llama.cpp's tensor_mapping.py). */
const norms: Renamed = [
  [/^(?:ln_f|final_layer_?norm|norm)\.(weight|bias)$/, "output_norm.$1"],
  [/^word_embeddings_layernorm\.(weight|bias)$/, "token_embd_norm.$1"],
];
/** Falcon's two norms of a block change places. */
const renamed: ReadonlyMap<string, Renamed> = new Map([
  ["falcon", [[/^h\.(\d+)\.ln_mlp\.(weight|bias)$/, "blk.$1.attn_norm.$2"], [/^h\.(\d+)\.ln_attn\.(weight|bias)$/, "blk.$1.attn_norm_2.$2"]]],
]);

/** Only names are asked for. */
const anyConfig = HuggingFaceConfig.parse('{"num_attention_heads":1,"num_key_value_heads":1}', "config.json");

/** What llama.cpp calls a Hugging Face parameter ("layers.0.mlp.up_proj.weight", without the wrapping module) in this architecture. */
export function ggufName(parameter: string, architecture: string): string | undefined {
  const family = families.find((f) => f.ggufArchitecture === architecture);
  if (!family) {
    const row = [...(renamed.get(architecture) ?? []), ...norms].find(([pattern]) => pattern.test(parameter));
    return row && parameter.replace(row[0], row[1]);
  }
  for (const name of [`model.${parameter}`, parameter]) {
    const mapping = family.map(name, anyConfig);
    if (mapping !== undefined && mapping !== "skip") return mapping.name;
  }
  return undefined;
}
