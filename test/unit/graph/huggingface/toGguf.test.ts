import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import type { EngineError } from "../../../../src/core/errors";
import { createNodeEngine } from "../../../../src/node/createNodeEngine";
import { ggmlAvailable } from "../../../builders/ggml";
import { askLlama, type LlamaAnswer, type LlamaRequest } from "../../../builders/llama";
import { pieceTokenizer, readTiny, writeTiny } from "../../../builders/huggingface";

const sample = path.join(__dirname, "../../../../media/sample");

/** llama.cpp looks <|endoftext|> up in every Phi-3 vocabulary. */
const phi3Tokenizer = () => {
  const tokenizer = pieceTokenizer() as { added_tokens: object[] };
  tokenizer.added_tokens.push({ id: 280, content: "<|endoftext|>", special: true });
  return tokenizer;
};

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
    const answers = new Map<string, LlamaAnswer>();
    before(async () => {
      const requests: [name: string, request: LlamaRequest][] = [];
      for (const name of families) {
        const tiny = readTiny(name);
        const source = writeTiny(path.join(folder, name), tiny, name === "phi3" ? phi3Tokenizer() : undefined);
        const { output } = await convert(source, "f32", name);
        requests.push([name, { model: output, tokens: tiny.tokens, positions: Object.keys(tiny.logProbabilities).map(Number) }]);
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

  const refused: [danger: string, config: (c: Record<string, unknown>) => void, message: RegExp][] = [
    ["an unknown architecture", (c) => (c.architectures = ["MambaForCausalLM"]), /MambaForCausalLM models cannot be written as GGUF yet/],
    ["a RoPE scaling that llama.cpp lacks", (c) => (c.rope_parameters = { rope_type: "dynamic", rope_theta: 10000 }), /RoPE scaling "dynamic"/],
    ["a missing width", (c) => delete c.hidden_size, /hidden_size/],
  ];
  for (const [danger, change, message] of refused) {
    it(`refuses ${danger} and writes nothing`, async () => {
      const tiny = readTiny("llama");
      const config = { ...tiny.config };
      change(config);
      const source = writeTiny(path.join(folder, danger.replaceAll(" ", "-")), { ...tiny, config });
      const output = path.join(folder, "refused.gguf");
      await assert.rejects(engine.export({ path: source, encoding: "q8_0", output }, () => {}), (error: EngineError) => message.test(error.message));
      assert.equal(fs.existsSync(output), false);
    });
  }
});
