import { EngineError } from "../../core/errors";
import { bool, f32Array, i32Array, text, textArray, u32, type MetadataEntry } from "../../formats/gguf/metadata";
import type { HuggingFaceConfig } from "./config";
import { preTokenizerName } from "./preTokenizers";

/** llama_token_type of llama.cpp. */
const tokenType = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

export interface TokenizerFiles {
  /** Text of tokenizer.json. */
  readonly tokenizer: string;
  /** Text of tokenizer_config.json, when there is one. */
  readonly config?: string;
  /** Path of tokenizer.json, for messages. */
  readonly path: string;
}

interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special?: boolean;
}

interface TokenizerJson {
  readonly added_tokens?: readonly AddedToken[];
  readonly normalizer?: unknown;
  readonly pre_tokenizer?: unknown;
  readonly post_processor?: unknown;
  readonly model?: {
    readonly type?: string;
    readonly vocab?: Record<string, number> | readonly (readonly [string, number])[];
    readonly merges?: readonly (string | readonly [string, string])[];
    readonly unk_token?: string | null;
    readonly byte_fallback?: boolean;
  };
}

export interface TokenizerMetadata {
  readonly entries: MetadataEntry[];
  /** By id. */
  readonly tokens: readonly string[];
  readonly notes: string[];
}

/**
 * The tokenizer.ggml.* metadata of a GGUF from Hugging Face's tokenizer files: byte-level BPE ("gpt2") or SentencePiece BPE
 * with byte fallback ("llama"). Keys as in the GGUF specification (ggml docs/gguf.md).
 */
export function tokenizerMetadata(files: TokenizerFiles, model: HuggingFaceConfig): TokenizerMetadata {
  const json = parse<TokenizerJson>(files.tokenizer, files.path);
  const config = files.config === undefined ? {} : parse<Record<string, unknown>>(files.config, "tokenizer_config.json");
  const kind = json.model?.type ?? (json.model?.merges ? "BPE" : "unknown");
  if (kind !== "BPE" || json.model?.vocab === undefined || Array.isArray(json.model.vocab)) {
    throw new EngineError("unsupported", `The tokenizer is of type ${kind}; only byte-level BPE and SentencePiece BPE can be written yet.`, {
      file: files.path,
    });
  }
  const vocabulary = json.model.vocab as Record<string, number>;
  const added = json.added_tokens ?? [];
  const sentencePiece = json.model.byte_fallback === true;
  const { tokens, types } = listTokens(vocabulary, added, model.optionalInteger("vocab_size") ?? 0, files.path);
  const merges = (json.model.merges ?? []).map((m) => (typeof m === "string" ? m.split(" ", 2) : m) as readonly [string, string]);
  const notes: string[] = [];
  const entries: MetadataEntry[] = [];

  if (sentencePiece) {
    const unknown = json.model.unk_token;
    for (let id = 0; id < tokens.length; id++) {
      if (/^<0x[0-9A-Fa-f]{2}>$/.test(tokens[id])) types[id] = tokenType.byte;
      else if (tokens[id] === unknown) types[id] = tokenType.unknown;
    }
    entries.push(text("tokenizer.ggml.model", "llama"), text("tokenizer.ggml.pre", "default"));
    entries.push(textArray("tokenizer.ggml.tokens", tokens));
    entries.push(f32Array("tokenizer.ggml.scores", mergeScores(tokens, types, merges)));
    entries.push(i32Array("tokenizer.ggml.token_type", types));
    entries.push(bool("tokenizer.ggml.add_space_prefix", prependsSpace(json)));
  } else {
    const pre = preTokenizerName(json.pre_tokenizer);
    if (pre === undefined) {
      notes.push("llama.cpp has no pre-tokenizer that cuts text as this tokenizer.json does; \"default\" is written, and text may be split differently.");
    }
    entries.push(text("tokenizer.ggml.model", "gpt2"), text("tokenizer.ggml.pre", pre ?? "default"));
    entries.push(textArray("tokenizer.ggml.tokens", tokens));
    entries.push(i32Array("tokenizer.ggml.token_type", types));
    entries.push(textArray("tokenizer.ggml.merges", merges.map(([a, b]) => `${a.replaceAll(" ", "Ġ")} ${b.replaceAll(" ", "Ġ")}`)));
  }
  entries.push(...specialTokens(tokens, config, model, json));
  const template = config.chat_template;
  if (typeof template === "string") entries.push(text("tokenizer.chat_template", template));
  return { entries, tokens, notes };
}

/** Every id from 0 to the vocabulary's size; ids without a token become unused placeholders, as in llama.cpp's converter. */
function listTokens(vocabulary: Record<string, number>, added: readonly AddedToken[], size: number, file: string) {
  const pairs = Object.entries(vocabulary);
  let count = size;
  for (const [, id] of pairs) count = Math.max(count, id + 1);
  for (const token of added) count = Math.max(count, token.id + 1);
  if (!Number.isSafeInteger(count) || count > 1 << 24) {
    throw new EngineError("malformed", `A token id of ${count - 1} is beyond any vocabulary.`, { file });
  }
  const tokens = Array.from({ length: count }, (_, id) => `[PAD${id}]`);
  const types = new Int32Array(count).fill(tokenType.unused);
  const place = (content: string, id: number, type: number) => {
    if (!Number.isInteger(id) || id < 0) throw new EngineError("malformed", `Token ${JSON.stringify(content)} has the id ${id}.`, { file });
    tokens[id] = content;
    types[id] = type;
  };
  for (const [content, id] of pairs) place(content, id, tokenType.normal);
  for (const token of added) place(token.content, token.id, token.special ? tokenType.control : tokenType.userDefined);
  return { tokens, types };
}

/**
 * SentencePiece BPE merges the pair whose result has the highest score; its trainer numbers pieces in the order in which
 * they were merged and scores them −number. tokenizer.json keeps that order in `merges` and drops the scores, so they are
 * restored from it: −(rank of the first merge that makes the piece).
 */
function mergeScores(tokens: readonly string[], types: Int32Array, merges: readonly (readonly [string, string])[]): Float32Array {
  const rank = new Map<string, number>();
  merges.forEach(([a, b], i) => {
    if (!rank.has(a + b)) rank.set(a + b, i);
  });
  const last = merges.length;
  return Float32Array.from(tokens, (token, id) => (types[id] === tokenType.normal ? -(rank.get(token) ?? last + id) : 0));
}

/** Does the tokenizer put a space before the text? Newer files say it in Metaspace, older ones in a Prepend normalizer. */
function prependsSpace(json: TokenizerJson): boolean {
  const all = JSON.stringify([json.normalizer ?? null, json.pre_tokenizer ?? null]);
  if (all.includes('"type":"Prepend"')) return true;
  return /"type":"Metaspace"[^}]*"prepend_scheme":"(first|always)"/.test(all) || /"type":"Metaspace"[^}]*"add_prefix_space":true/.test(all);
}

function specialTokens(tokens: readonly string[], config: Record<string, unknown>, model: HuggingFaceConfig, json: TokenizerJson): MetadataEntry[] {
  const ids = new Map(tokens.map((t, i) => [t, i]));
  const entries: MetadataEntry[] = [];
  for (const [key, ggml] of [["bos", "bos"], ["eos", "eos"], ["unk", "unknown"], ["pad", "padding"], ["sep", "seperator"], ["mask", "mask"]]) {
    const named = config[`${key}_token`];
    const content = typeof named === "string" ? named : (named as { content?: string } | null | undefined)?.content;
    const id = (content === undefined ? undefined : ids.get(content)) ?? model.optionalInteger(`${key}_token_id`);
    if (id !== undefined && id < tokens.length) entries.push(u32(`tokenizer.ggml.${ggml}_token_id`, id));
  }
  const adds = (key: "bos" | "eos") => {
    const flag = config[`add_${key}_token`];
    return typeof flag === "boolean" ? flag : templateAdds(json.post_processor, key);
  };
  entries.push(bool("tokenizer.ggml.add_bos_token", adds("bos")), bool("tokenizer.ggml.add_eos_token", adds("eos")));
  return entries;
}

/** Does a TemplateProcessing post-processor begin (or end) a single sequence with a special token? */
function templateAdds(postProcessor: unknown, where: "bos" | "eos"): boolean {
  const step = postProcessor as { type?: string; processors?: unknown[]; single?: Record<string, unknown>[] } | null | undefined;
  if (step?.type === "Sequence") return (step.processors ?? []).some((p) => templateAdds(p, where));
  if (step?.type !== "TemplateProcessing" || !Array.isArray(step.single) || step.single.length === 0) return false;
  const end = where === "bos" ? step.single[0] : step.single[step.single.length - 1];
  return "SpecialToken" in end;
}

function parse<T>(source: string, file: string): T {
  try {
    const value: unknown = JSON.parse(source);
    if (typeof value === "object" && value !== null) return value as T;
  } catch (error) {
    throw new EngineError("malformed", `It is not valid JSON: ${(error as Error).message}.`, { file });
  }
  throw new EngineError("malformed", "It should hold one JSON object.", { file });
}
