import assert from "node:assert/strict";
import { companionsOf } from "../../../../src/formats/safetensors/companions";
import { openFolder } from "../../../../src/node/files";
import { TemporaryFolder } from "../../../builders/folder";

let folder: TemporaryFolder;
beforeEach(() => (folder = new TemporaryFolder()));
afterEach(() => folder.remove());

async function carried(files: Record<string, string>, written: readonly string[] = ["config.json"]): Promise<string[]> {
  for (const [name, content] of Object.entries(files)) folder.put(name, content);
  const { files: taken, left } = await companionsOf(await openFolder(folder.path), new Set(written));
  assert.deepEqual(
    [...taken.map((f) => f.name), ...left].sort(),
    Object.keys(files)
      .filter((name) => !written.includes(name) && !name.startsWith(".") && !name.includes("/"))
      .sort(),
  );
  return taken.map((f) => f.name);
}

describe("what is carried along with exported weights", () => {
  const rows: readonly [name: string, belongs: boolean][] = [
    ["generation_config.json", true],
    ["tokenizer_config.json", true],
    ["preprocessor_config.json", true],
    ["video_preprocessor_config.json", true],
    ["config_sentence_transformers.json", true],
    ["tokenizer.json", true],
    ["tokenizer.model", true],
    ["tokenizer.model.v3", true],
    ["tekken.json", true],
    ["vocab.json", true],
    ["vocab-src.json", true],
    ["vocab.txt", true],
    ["merges.txt", true],
    ["spiece.model", true],
    ["sentencepiece.bpe.model", true],
    ["source.spm", true],
    ["qwen.tiktoken", true],
    ["special_tokens_map.json", true],
    ["added_tokens.json", true],
    ["chat_template.json", true],
    ["chat_template.jinja", true],
    ["README.md", true],
    ["LICENSE", true],
    ["LICENSE.txt", true],
    ["USE_POLICY.md", true],
    ["NOTICE", true],
    // What a folder of downloads holds.
    ["holiday.jpg", false],
    ["bank-statement.pdf", false],
    ["passwords.txt", false],
    ["notes.md", false],
    ["package.json", false],
    ["data.json", false],
    ["setup.py", false],
    ["train.jsonl", false],
    [".env", false],
    // Other copies of the weights, and what is true of the source's only.
    ["model-q4.gguf", false],
    ["pytorch_model.bin", false],
    ["model.safetensors.index.json", false],
    ["consolidated.00.pth", false],
    ["quantize_config.json", false],
    ["quant_config.json", false],
  ];
  for (const [name, belongs] of rows) {
    it(`${name} ${belongs ? "belongs to the model" : "stays behind"}`, async () =>
      assert.deepEqual(await carried({ [name]: "x" }), belongs ? [name] : []));
  }

  it("a model's own code comes along with what it imports, other code does not", async () => {
    const auto_map = { AutoConfig: "configuration_x.XConfig", AutoTokenizer: ["tok.XTokenizer", null], AutoModel: "someone/else--far.Away" };
    assert.deepEqual(
      await carried({
        "config.json": JSON.stringify({ auto_map }),
        "tokenizer_config.json": JSON.stringify({ auto_map: { AutoTokenizer: "tok_fast.Fast" } }),
        "configuration_x.py": "from transformers import A\nfrom .rope import (\n  rotate)\n",
        "rope.py": "def f():\n    from . import cache, masks as m\n",
        "cache.py": "import far\n",
        "masks.py": "from .rope import rotate\nfrom . import (\n    heads,\n    tok as t,\n)\nimport unrelated\n",
        "heads.py": "",
        "tok.py": "",
        "tok_fast.py": "",
        "far.py": "",
        "unrelated.py": "",
      }),
      ["cache.py", "configuration_x.py", "heads.py", "masks.py", "rope.py", "tok.py", "tok_fast.py", "tokenizer_config.json"],
    );
  });

  it("a settings file that is no JSON, and a module outside the folder, name no code", async () => {
    const files = { "config.json": JSON.stringify({ auto_map: { A: "../secret.B", C: "..D.E", F: 5 } }), "tokenizer_config.json": "{" };
    assert.deepEqual(await carried(files), ["tokenizer_config.json"]);
  });

  it("a file of a belonging name that no tokenizer could have the size of stays behind", async () => {
    folder.put("weights.model", { head: new Uint8Array(8), size: 2 ** 29 });
    const { files, left } = await companionsOf(await openFolder(folder.path), new Set());
    assert.deepEqual([files, left], [[], ["weights.model"]]);
  });
});
