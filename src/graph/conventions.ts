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

/** GGUF architectures whose q and k llama.cpp's converter interleaves (LlamaModel.permute). */
const interleaved: ReadonlySet<string> = new Set(["llama"]);
/** GGUF architectures whose converter adds 1 to every norm (GemmaModel, Gemma2Model, Gemma3Model). */
const raisedNorms: ReadonlySet<string> = new Set(["gemma", "gemma2", "gemma3"]);

/** Does this model's converter interleave the rows of q and k? */
export const keepsHeadsInPairs = (format: FormatName, architecture: string): boolean => format === "gguf" && interleaved.has(architecture);

/** Tells of each tensor of a model what its converter did to it. */
export function conventionOf(index: ModelIndex): (tensor: TensorInfo) => Convention {
  const { format, architecture, metadata } = index;
  if (format !== "gguf") return () => asDefined;
  if (raisedNorms.has(architecture)) return ({ name }) => (name.endsWith("norm.weight") ? { add: 1 } : asDefined);
  if (!interleaved.has(architecture)) return () => asDefined;
  const entries = new Map(metadata);
  const number = (key: string) => /^\[?(\d+)/.exec(entries.get(`${architecture}.attention.${key}`) ?? "")?.[1];
  const heads = number("head_count");
  const keyValueHeads = number("head_count_kv") ?? heads;
  return ({ name }) => {
    const found = /^blk\.\d+\.attn_([qk])\.(weight|bias)$/.exec(name);
    return found ? { ropeHeads: Number((found[1] === "q" ? heads : keyValueHeads) ?? 0), add: 0 } : asDefined;
  };
}

/** Only names are asked for. */
const anyConfig = HuggingFaceConfig.parse('{"num_attention_heads":1,"num_key_value_heads":1}', "config.json");

/** What llama.cpp calls a Hugging Face parameter ("layers.0.mlp.up_proj.weight", without the wrapping module) in this architecture. */
export function ggufName(parameter: string, architecture: string): string | undefined {
  const family = families.find((f) => f.ggufArchitecture === architecture);
  if (!family) return undefined;
  for (const name of [`model.${parameter}`, parameter]) {
    const mapping = family.map(name, anyConfig);
    if (mapping !== undefined && mapping !== "skip") return mapping.name;
  }
  return undefined;
}
