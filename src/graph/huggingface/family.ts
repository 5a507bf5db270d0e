import type { MetadataEntry } from "../../formats/gguf/metadata";
import type { HuggingFaceConfig } from "./config";

/** How one source tensor becomes a GGUF tensor. */
export interface TensorMapping {
  /** GGUF name. */
  readonly name: string;
  /** Rows of each head are interleaved: llama.cpp's "llama" rotates neighbouring pairs, Hugging Face halves. Number of heads. */
  readonly ropeHeads?: number;
  /** Added to every element (Gemma's norms are stored as w and used as 1 + w). One-dimensional tensors only. */
  readonly add?: number;
}

/** A tensor that has no source and is computed from the configuration. */
export interface ComputedTensor {
  readonly name: string;
  readonly values: Float32Array;
}

/**
 * One model family: how llama.cpp names its parts. Facts from llama.cpp's model loader (src/llama-arch.cpp,
 * src/llama-model.cpp) and from the configurations that Hugging Face transformers documents.
 */
export interface Family {
  /** `architectures[0]` values it serves. */
  readonly architectures: readonly string[];
  /** general.architecture. */
  readonly ggufArchitecture: string;
  /** Metadata beyond general.* and the tokenizer. Throws "unsupported" for settings that llama.cpp would compute differently. */
  metadata(config: HuggingFaceConfig): MetadataEntry[];
  /** What a person should know of the converted model; nothing by default. */
  notes?(config: HuggingFaceConfig): string[];
  /** The GGUF side of a source tensor, "skip" for buffers that are recomputed, undefined for a name it does not know. */
  map(name: string, config: HuggingFaceConfig): TensorMapping | "skip" | undefined;
  /** Tensors made from the configuration (RoPE frequency factors). */
  computed?(config: HuggingFaceConfig): ComputedTensor[];
}

/** Looks a name up in patterns with {n} for the block number: rows of [source, GGUF]. */
export function mapByTable(name: string, rows: readonly (readonly [source: string, gguf: string])[]): string | undefined {
  const found = /(?:^|\.)(?:layers|h)\.(\d+)\./.exec(name);
  const block = found?.[1];
  const generic = found ? name.replace(found[0], found[0].replace(/\d+/, "{n}")) : name;
  const row = rows.find(([source]) => source === generic);
  return row?.[1].replace("{n}", block ?? "");
}
