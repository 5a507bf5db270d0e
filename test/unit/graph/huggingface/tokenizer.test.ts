import assert from "node:assert/strict";
import { metadataText } from "../../../../src/formats/gguf/metadata";
import { HuggingFaceConfig } from "../../../../src/graph/huggingface/config";
import { preTokenizerName } from "../../../../src/graph/huggingface/preTokenizers";
import { tokenizerMetadata } from "../../../../src/graph/huggingface/tokenizer";
import { byteTokenizer, pieceTokenizer } from "../../../builders/huggingface";

const config = (values: object) => HuggingFaceConfig.parse(JSON.stringify(values), "config.json");
const made = (tokenizer: object, model: object = {}, tokenizerConfig?: object) =>
  tokenizerMetadata({ tokenizer: JSON.stringify(tokenizer), config: tokenizerConfig && JSON.stringify(tokenizerConfig), path: "tokenizer.json" }, config(model));
const entry = (result: ReturnType<typeof made>, key: string) => result.entries.find((e) => e.key === key);
const textOf = (result: ReturnType<typeof made>, key: string) => {
  const found = entry(result, key);
  return found && metadataText(found);
};
const arrayView = (result: ReturnType<typeof made>, key: string) => {
  const { value } = entry(result, key)!;
  return new DataView(value.buffer, value.byteOffset, value.byteLength);
};

describe("tokenizer metadata for GGUF", () => {
  it("writes byte-level BPE with its pre-tokenizer, unused ids as placeholders", () => {
    const result = made(byteTokenizer(), { vocab_size: 288 }, { bos_token: "<s>", eos_token: { content: "</s>" } });
    assert.equal(textOf(result, "tokenizer.ggml.model"), "gpt2");
    assert.equal(textOf(result, "tokenizer.ggml.pre"), "gpt-2");
    assert.equal(textOf(result, "tokenizer.ggml.bos_token_id"), "0");
    assert.equal(textOf(result, "tokenizer.ggml.eos_token_id"), "1");
    assert.equal(textOf(result, "tokenizer.ggml.add_bos_token"), "false");
    const types = arrayView(result, "tokenizer.ggml.token_type");
    assert.equal(Number(types.getBigUint64(8, true)), 288);
    assert.deepEqual([0, 1, 2, 263, 264, 287].map((i) => types.getInt32(16 + 4 * i, true)), [3, 3, 1, 1, 5, 5]);
    assert.deepEqual(result.notes, []);
  });

  it("restores SentencePiece scores from the order of merges, so that pieces merge in the same order", () => {
    const result = made(pieceTokenizer(), { vocab_size: 272 });
    assert.equal(textOf(result, "tokenizer.ggml.model"), "llama");
    assert.equal(textOf(result, "tokenizer.ggml.add_space_prefix"), "true");
    assert.equal(textOf(result, "tokenizer.ggml.add_bos_token"), "true");
    const scores = arrayView(result, "tokenizer.ggml.scores");
    const types = arrayView(result, "tokenizer.ggml.token_type");
    const score = (i: number) => scores.getFloat32(16 + 4 * i, true);
    const firstMerge = 3 + 256 + 7;
    assert.deepEqual([0, 1, 2].map((i) => score(firstMerge + i)), [-0, -1, -2]);
    assert.ok(score(3 + 256) < score(firstMerge + 5), "single letters rank below every merge");
    assert.deepEqual([0, 1, 3, 259].map((i) => types.getInt32(16 + 4 * i, true)), [2, 3, 6, 1]);
  });

  it("says when llama.cpp would cut text differently instead of pretending", () => {
    const odd = byteTokenizer({ type: "Sequence", pretokenizers: [{ type: "Split", pattern: { Regex: "x+" } }, { type: "ByteLevel", use_regex: false }] });
    const result = made(odd);
    assert.equal(textOf(result, "tokenizer.ggml.pre"), "default");
    assert.equal(result.notes.length, 1);
  });

  it("names Llama 3's and Qwen 2's regular expressions", () => {
    const split = (Regex: string) => ({ type: "Sequence", pretokenizers: [{ type: "Split", pattern: { Regex } }, { type: "ByteLevel", use_regex: false }] });
    const head = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|";
    const tail = "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
    assert.equal(preTokenizerName(split(`${head}\\p{N}{1,3}${tail}`)), "llama-bpe");
    assert.equal(preTokenizerName(split(`${head}\\p{N}${tail}`)), "qwen2");
    assert.equal(preTokenizerName({ type: "Whitespace" }), undefined);
  });

  const refused: [danger: string, tokenizer: object, message: RegExp][] = [
    ["a WordPiece vocabulary", { model: { type: "WordPiece", vocab: {} } }, /WordPiece/],
    ["a Unigram vocabulary", { model: { type: "Unigram", vocab: [["a", -1]] } }, /Unigram/],
    ["a token id that would allocate gigabytes", { model: { type: "BPE", vocab: { a: 2 ** 40 }, merges: [] } }, /beyond any vocabulary/],
    ["a negative token id", { model: { type: "BPE", vocab: { a: -1 }, merges: [] } }, /id -1/],
  ];
  for (const [danger, tokenizer, message] of refused) {
    it(`refuses ${danger}`, () => {
      assert.throws(() => made(tokenizer), message);
    });
  }
});
