import { EngineError } from "../../core/errors";
import type { ModelIndex, TensorInfo } from "../../core/model";
import type { HuggingFaceConfig } from "./config";
import type { Family, TensorMapping } from "./family";

/** A tensor of the source and what it becomes. */
export interface Mapped {
  readonly source: TensorInfo;
  readonly mapping: TensorMapping;
}

const embedding = "token_embd.weight";
const head = "output.weight";

/**
 * Every tensor of the model under its GGUF name; the head once, where it is the embedding. Throws "unsupported" for a tensor
 * that llama.cpp has no place for and for one that it would miss, since it loads neither.
 */
export function mapTensors(index: ModelIndex, family: Family, config: HuggingFaceConfig): { mapped: Mapped[]; notes: string[] } {
  const mapped: Mapped[] = [];
  const tied = config.flag("tie_word_embeddings", false);
  for (const source of index.tensors) {
    const mapping = family.map(source.name, config);
    if (mapping === "skip") continue;
    if (mapping === undefined) {
      const message = `llama.cpp's ${family.ggufArchitecture} has no place for this tensor, so the model cannot become a GGUF.`;
      throw new EngineError("unsupported", message, { file: index.path, tensor: source.name });
    }
    mapped.push({ source, mapping });
  }
  const at = mapped.findIndex(({ mapping }) => mapping.name === head);
  const notes: string[] = [];
  if (tied && at >= 0) {
    if (mapped.some(({ mapping }) => mapping.name === embedding)) {
      notes.push("The head is the embedding (tie_word_embeddings), so it is written once.");
      mapped.splice(at, 1);
    } else mapped[at] = { source: mapped[at].source, mapping: { name: embedding } }; // A file may keep the one tensor under either name.
  }
  requireWhole(mapped, index, config);
  return { mapped, notes };
}

const ofBlock = /^blk\.(\d+)\.(.*)$/;

/** Blocks are alike in every family: what one has, all have, as many as the configuration counts. */
function requireWhole(mapped: readonly Mapped[], index: ModelIndex, config: HuggingFaceConfig): void {
  const count = config.integer("num_hidden_layers", "n_layer");
  const names = new Set(mapped.map(({ mapping }) => mapping.name));
  const missing = (what: string) => new EngineError("unsupported", `The model has no ${what}, so it cannot become a GGUF that loads.`, { file: index.path });
  for (const outer of [embedding, "output_norm.weight"]) if (!names.has(outer)) throw missing(`tensor that becomes ${outer}`);
  if (config.saysNo("tie_word_embeddings") && !names.has(head)) {
    throw missing("head, although config.json says that it is not the embedding (tie_word_embeddings)");
  }
  /** By name in its block: one that has it. */
  const parts = new Map<string, TensorInfo>();
  for (const { source, mapping } of mapped) {
    const [, block, part] = ofBlock.exec(mapping.name) ?? [];
    if (part === undefined) continue;
    if (Number(block) >= count) {
      const message = `config.json says ${count} layers and this tensor is of one beyond, so the model cannot become a GGUF that loads.`;
      throw new EngineError("unsupported", message, { file: index.path, tensor: source.name });
    }
    parts.set(part, source);
  }
  if (parts.size === 0 && count > 0) throw missing(`tensors of its ${count} layers`);
  for (let block = 0; block < count; block++) {
    for (const [part, { name }] of parts) {
      if (!names.has(`blk.${block}.${part}`)) throw missing(name.replace(/(^|\.)(layers|h)\.\d+\./, `$1$2.${block}.`));
    }
  }
}
