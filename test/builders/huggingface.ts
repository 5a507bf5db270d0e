import fs from "node:fs";
import path from "node:path";

/** Golden facts of a tiny model: Hugging Face transformers' log-probabilities for weights that an integer hash makes. */
export interface TinyModel {
  readonly config: Record<string, unknown>;
  /** Name, shape, seed, scale, offset: w[i] = hash(i, seed) · scale + offset. */
  readonly tensors: readonly (readonly [name: string, shape: number[], seed: number, scale: number, offset: number])[];
  readonly tokens: readonly number[];
  /** By position in `tokens`: log softmax of the logits there. */
  readonly logProbabilities: Readonly<Record<string, number[]>>;
}

/** Uniform in [−0.5, 0.5), exact in f32: the same on every machine. */
export function hashed(i: number, seed: number): number {
  let h = (Math.imul(i, 2654435761) + seed) >>> 0;
  h ^= h >>> 16;
  h = Math.imul(h, 0x7feb352d) >>> 0;
  h ^= h >>> 15;
  h = Math.imul(h, 0x846ca68b) >>> 0;
  h ^= h >>> 16;
  return (h >>> 8) / 2 ** 24 - 0.5;
}

export function readTiny(name: string): TinyModel {
  return JSON.parse(fs.readFileSync(path.join(__dirname, "../golden/conversion", `${name}.json`), "utf8")) as TinyModel;
}

/** Writes config.json, model.safetensors (F32) and a tokenizer of 256 bytes, a few merges and two special tokens. */
export function writeTiny(folder: string, model: TinyModel, tokenizer: object = byteTokenizer()): string {
  const header: Record<string, unknown> = { __metadata__: { format: "pt" } };
  let offset = 0;
  for (const [name, shape] of model.tensors) {
    const bytes = 4 * shape.reduce((a, b) => a * b, 1);
    header[name] = { dtype: "F32", shape, data_offsets: [offset, offset + bytes] };
    offset += bytes;
  }
  const json = Buffer.from(JSON.stringify(header));
  const data = Buffer.alloc(8 + json.length + offset);
  data.writeBigUInt64LE(BigInt(json.length), 0);
  json.copy(data, 8);
  let at = 8 + json.length;
  for (const [, shape, seed, scale, add] of model.tensors) {
    const count = shape.reduce((a, b) => a * b, 1);
    for (let i = 0; i < count; i++, at += 4) data.writeFloatLE(Math.fround(Math.fround(hashed(i, seed) * scale) + add), at);
  }
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, "config.json"), JSON.stringify(model.config));
  fs.writeFileSync(path.join(folder, "tokenizer.json"), JSON.stringify(tokenizer));
  const file = path.join(folder, "model.safetensors");
  fs.writeFileSync(file, data);
  return file;
}

/** GPT-2's printable stand-ins for the 256 bytes. */
export function byteAlphabet(): string[] {
  const printable = (b: number) => (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || (b >= 174 && b <= 255);
  let next = 256;
  return Array.from({ length: 256 }, (_, b) => String.fromCodePoint(printable(b) ? b : next++));
}

const merges: [string, string][] = [["Ġ", "t"], ["h", "e"], ["Ġt", "he"], ["a", "n"], ["an", "d"], ["Ġ", "and"]];

/** Byte-level BPE: two special tokens, 256 bytes, six merges; the ids above are unused. */
export function byteTokenizer(preTokenizer: object = { type: "ByteLevel", add_prefix_space: false, use_regex: true }): object {
  const vocab: Record<string, number> = {};
  byteAlphabet().forEach((c, b) => (vocab[c] = b + 2));
  merges.forEach(([a, b], i) => (vocab[a + b] = 258 + i));
  return {
    version: "1.0",
    added_tokens: ["<s>", "</s>"].map((content, id) => ({ id, content, special: true })),
    pre_tokenizer: preTokenizer,
    model: { type: "BPE", vocab: { ...vocab, "<s>": 0, "</s>": 1 }, merges },
  };
}

/** SentencePiece BPE as transformers writes it: <unk>, <s>, </s>, 26 byte tokens, letters, merges. */
export function pieceTokenizer(): object {
  const vocab: Record<string, number> = { "<unk>": 0, "<s>": 1, "</s>": 2 };
  let id = 3;
  for (let b = 0; b < 256; b++) vocab[`<0x${b.toString(16).toUpperCase().padStart(2, "0")}>`] = id++;
  for (const letter of ["▁", "t", "h", "e", "a", "n", "d"]) vocab[letter] = id++;
  const pieces = merges.map(([a, b]) => [a.replace("Ġ", "▁"), b.replace("Ġ", "▁")]);
  for (const [a, b] of pieces) vocab[a + b] = id++;
  return {
    version: "1.0",
    added_tokens: ["<unk>", "<s>", "</s>"].map((content, i) => ({ id: i, content, special: true })),
    normalizer: { type: "Sequence", normalizers: [{ type: "Prepend", prepend: "▁" }, { type: "Replace", pattern: { String: " " }, content: "▁" }] },
    pre_tokenizer: null,
    post_processor: { type: "TemplateProcessing", single: [{ SpecialToken: { id: "<s>" } }, { Sequence: { id: "A" } }] },
    model: { type: "BPE", unk_token: "<unk>", byte_fallback: true, vocab, merges: pieces },
  };
}
