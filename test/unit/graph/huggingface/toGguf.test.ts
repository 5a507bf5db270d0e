import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import type { EngineError } from "../../../../src/core/errors";
import { createNodeEngine } from "../../../../src/node/createNodeEngine";
import { ggmlAvailable } from "../../../builders/ggml";
import { askLlama, type LlamaAnswer, type LlamaRequest } from "../../../builders/llama";
import { pieceTokenizer, readTiny, writeTiny, type TinyModel } from "../../../builders/huggingface";

const sample = path.join(__dirname, "../../../../media/sample");

/** llama.cpp looks <|endoftext|> up in every Phi-3 vocabulary. */
const phi3Tokenizer = () => {
  const tokenizer = pieceTokenizer() as { added_tokens: object[] };
  tokenizer.added_tokens.push({ id: 280, content: "<|endoftext|>", special: true });
  return tokenizer;
};

/** A tied model whose one table is kept under the head's name, as some files have it. */
const headOnly = (tiny: TinyModel): TinyModel => ({
  ...tiny,
  tensors: tiny.tensors.map(([name, ...rest]) => [name === "model.embed_tokens.weight" ? "lm_head.weight" : name, ...rest] as const),
});

const withoutTensor = (tiny: TinyModel, left: string): TinyModel => ({ ...tiny, tensors: tiny.tensors.filter(([name]) => name !== left) });

const withTensors = (tiny: TinyModel, more: readonly (readonly [name: string, length: number])[]): TinyModel =>
  ({ ...tiny, tensors: [...tiny.tensors, ...more.map(([name, length], i): TinyModel["tensors"][number] => [name, [length], i, 0.1, 0])] });

const mlpBiases = (tiny: TinyModel) => withTensors(tiny, [0, 1].flatMap((block) =>
  ([["gate", "intermediate_size"], ["up", "intermediate_size"], ["down", "hidden_size"]] as const).map(([part, width]) =>
    [`model.layers.${block}.mlp.${part}_proj.bias`, tiny.config[width] as number] as const)));

describe("GGUF from a Hugging Face folder", function () {
  this.timeout(120_000);
  const { engine } = createNodeEngine({ threads: 2 });
  let folder: string;
  before(() => (folder = fs.mkdtempSync(path.join(os.tmpdir(), "bitlens-convert-"))));
  after(() => {
    engine.dispose();
    fs.rmSync(folder, { recursive: true, force: true });
  });
  const convert = async (source: string, encoding: string, name: string) => {
    const output = path.join(folder, `${name}-${encoding}.gguf`);
    const result = await engine.export({ path: source, encoding, output }, () => {});
    return { output, result };
  };

  // llama.cpp comes as a library for x86-64; elsewhere there is nothing to compare with.
  if (ggmlAvailable()) describe("as llama.cpp computes it", () => {
    const families = ["llama", "llama3-rope", "mistral", "qwen2", "qwen3", "phi3", "gemma2", "gpt2"];
    /** What llama.cpp refused or computed otherwise: by danger, the model and the folder's name. */
    const loaded: Readonly<Record<string, readonly [folder: string, tiny: TinyModel]>> = {
      "a tied model that keeps its table as lm_head": ["head-only", headOnly(readTiny("llama3-rope"))],
      "a name that promises Phi-3's tokens": ["tiny-Phi-3-tuned", readTiny("llama")],
      "biases in the MLP": ["mlp-bias", mlpBiases(readTiny("llama"))],
    };
    const answers = new Map<string, LlamaAnswer>();
    before(async () => {
      const requests: [name: string, request: LlamaRequest][] = [];
      for (const name of families) {
        const tiny = readTiny(name);
        const source = writeTiny(path.join(folder, name), tiny, name === "phi3" ? phi3Tokenizer() : undefined);
        const { output } = await convert(source, "f32", name);
        requests.push([name, { model: output, tokens: tiny.tokens, positions: Object.keys(tiny.logProbabilities).map(Number) }]);
      }
      for (const [danger, [name, tiny]] of Object.entries(loaded)) {
        const { output } = await convert(writeTiny(path.join(folder, name), tiny), "f32", name);
        requests.push([danger, { model: output, tokens: tiny.tokens, positions: Object.keys(tiny.logProbabilities).map(Number) }]);
      }
      const pieces = await convert(writeTiny(path.join(folder, "pieces"), readTiny("llama"), pieceTokenizer()), "f32", "pieces");
      requests.push(["pieces", { model: pieces.output, prompt: "the and", maxTokens: 1 }]);
      const quantized = await convert(path.join(sample, "model.safetensors"), "q4_K_M", "sample");
      requests.push(["sample", { model: quantized.output, prompt: "Once upon a time, there was a little", maxTokens: 12 }]);
      // And once more from GGUF to GGUF, in the types that need no super-blocks.
      const half = await convert(path.join(sample, "model.safetensors"), "f16", "sample");
      for (const encoding of ["q8_0", "q5_1", "q4_0"]) {
        const { output } = await convert(half.output, encoding, "again");
        requests.push([encoding, { model: output, prompt: "Once upon a time, there was a little", maxTokens: 12 }]);
      }
      const all = await askLlama(requests.map(([, request]) => request));
      requests.forEach(([name], i) => answers.set(name, all[i]));
    });

    for (const name of families) {
      it(`${name}: the probabilities of transformers`, () => {
        const { logProbabilities, error } = answers.get(name)!;
        assert.equal(error, undefined);
        for (const [position, expected] of Object.entries(readTiny(name).logProbabilities)) {
          const actual = logProbabilities![position];
          assert.equal(actual.length, expected.length);
          expected.forEach((logP, token) => {
            assert.ok(Math.abs(actual[token] - logP) < 1e-3, `token ${token} after ${position}: ${actual[token]} instead of ${logP}`);
          });
        }
      });
    }

    for (const [danger, [, tiny]] of Object.entries(loaded)) {
      it(`loads ${danger}`, () => {
        const { logProbabilities, error } = answers.get(danger)!;
        assert.equal(error, undefined);
        if (danger.startsWith("biases")) return; // no golden of its own
        for (const [position, expected] of Object.entries(tiny.logProbabilities)) {
          expected.forEach((logP, token) => assert.ok(Math.abs(logProbabilities![position][token] - logP) < 1e-3, `token ${token} after ${position}`));
        }
      });
    }

    it("a SentencePiece vocabulary cuts text in the order of its merges", () => {
      // ▁the ▁and are the third and the sixth merge of the vocabulary.
      const firstMerge = 3 + 256 + 7;
      assert.deepEqual(answers.get("pieces")!.tokens, [firstMerge + 2, firstMerge + 5]);
    });

    for (const name of ["sample", "q8_0", "q5_1", "q4_0"]) {
      it(`the sample, quantized (${name}), still writes English`, () => {
        assert.match(answers.get(name)!.text ?? "", /^ [a-z]+ [a-z]+/);
      });
    }
  });

  it("predicts the size that is written, and reads back", async () => {
    const source = path.join(sample, "model.safetensors");
    const choices = await engine.exportChoices(source);
    const choice = choices.find((c) => c.encoding === "q8_0" && c.format === "gguf");
    const { output, result } = await convert(source, "q8_0", "sized");
    assert.equal(fs.statSync(output).size, choice?.byteLength);
    const index = await engine.open(output);
    assert.equal(index.architecture, "llama");
    assert.equal(index.tensors.length, 38);
    assert.deepEqual(index.problems, []);
    assert.equal(result.tensorCount, 29);
  });

  const yarn = { rope_type: "yarn", rope_theta: 10000, factor: 4, original_max_position_embeddings: 32 };
  const refused: [danger: string, family: string, config: (c: Record<string, unknown>) => void, message: RegExp][] = [
    ["an unknown architecture", "llama", (c) => (c.architectures = ["MambaForCausalLM"]), /MambaForCausalLM models cannot be written as GGUF yet/],
    ["a RoPE scaling that llama.cpp lacks", "llama", (c) => (c.rope_parameters = { rope_type: "dynamic", rope_theta: 10000 }), /RoPE scaling "dynamic"/],
    ["factors of a RoPE that its family does not read", "qwen2", (c) => (c.rope_parameters = { rope_type: "llama3", rope_theta: 10000 }), /RoPE scaling "llama3"/],
    ["Gemma's RoPE scaled by what llama.cpp lacks", "gemma2", (c) => (c.rope_parameters = { rope_type: "dynamic", rope_theta: 10000 }), /RoPE scaling "dynamic"/],
    ["YaRN with a constant of its own", "qwen2", (c) => (c.rope_parameters = { ...yarn, beta_fast: 16 }), /beta_fast 16/],
    ["YaRN with a temperature of its own", "llama", (c) => (c.rope_parameters = { ...yarn, attention_factor: 1 }), /attention_factor 1/],
    ["an activation that llama.cpp does not compute there", "llama", (c) => (c.hidden_act = "gelu"), /computes SiLU .* hidden_act "gelu"/],
    ["the same in GPT-2", "gpt2", (c) => (c.activation_function = "relu"), /computes GELU .* activation_function "relu"/],
    ["the same in Gemma", "gemma2", (c) => (c.hidden_activation = "silu"), /computes GELU .* hidden_activation "silu"/],
    ["attention scaled by the layer", "gpt2", (c) => (c.scale_attn_by_inverse_layer_idx = true), /scale_attn_by_inverse_layer_idx/],
    ["attention that is not scaled", "gpt2", (c) => (c.scale_attn_weights = false), /scale_attn_weights/],
    ["a missing width", "llama", (c) => delete c.hidden_size, /hidden_size/],
    ["more layers than there are", "llama", (c) => (c.num_hidden_layers = 3), /no model\.layers\.2\./],
    ["fewer layers than there are", "llama", (c) => (c.num_hidden_layers = 1), /says 1 layers/],
    ["more rows than tokens", "llama", (c) => (c.vocab_size = 300), /embedding has 288 rows, but .* make 300 tokens/],
  ];
  for (const [danger, family, change, message] of refused) {
    it(`refuses ${danger} and writes nothing`, async () => {
      const tiny = readTiny(family);
      const config = { ...tiny.config };
      change(config);
      const source = writeTiny(path.join(folder, danger.replaceAll(" ", "-")), { ...tiny, config });
      const output = path.join(folder, "refused.gguf");
      await assert.rejects(engine.export({ path: source, encoding: "q8_0", output }, () => {}), (error: EngineError) => message.test(error.message));
      assert.equal(fs.existsSync(output), false);
    });
  }

  const lacking: [danger: string, tiny: () => TinyModel, message: RegExp][] = [
    ["a missing tensor", () => withoutTensor(readTiny("llama"), "model.layers.1.self_attn.v_proj.weight"), /no model\.layers\.1\.self_attn\.v_proj\.weight/],
    ["a missing embedding", () => withoutTensor(readTiny("llama"), "model.embed_tokens.weight"), /becomes token_embd\.weight/],
    ["a missing head", () => withoutTensor(readTiny("llama"), "lm_head.weight"), /no head/],
    ["biases that llama.cpp does not read", () => withTensors(readTiny("qwen3"), [["model.layers.0.self_attn.q_proj.bias", 64]]), /no place for this tensor/],
  ];
  for (const [danger, tiny, message] of lacking) {
    it(`refuses ${danger}, which llama.cpp would not load`, async () => {
      const source = writeTiny(path.join(folder, danger.replaceAll(" ", "-")), tiny());
      await assert.rejects(convert(source, "f32", "refused"), (error: EngineError) => message.test(error.message));
    });
  }

  const windows: [family: string, config: Record<string, unknown>, noted: boolean][] = [
    ["mistral", { sliding_window: 16 }, true],
    ["mistral", { sliding_window: 4096 }, false],
    ["qwen2", { sliding_window: 16, use_sliding_window: true }, true],
    ["qwen2", { sliding_window: 16, use_sliding_window: false }, false],
    ["phi3", { sliding_window: 64 }, true],
    ["gemma2", { sliding_window: 64 }, false],
  ];
  for (const [family, change, noted] of windows) {
    it(`${family} with ${JSON.stringify(change)}: ${noted ? "says that llama.cpp leaves the window out" : "says nothing of windows"}`, async () => {
      const tiny = readTiny(family);
      const source = writeTiny(path.join(folder, `window-${family}-${noted}`), { ...tiny, config: { ...tiny.config, ...change } });
      const { result } = await convert(source, "f32", `window-${family}-${noted}`);
      assert.equal(result.notes.some((note) => /sliding window out/.test(note)), noted);
    });
  }
});
