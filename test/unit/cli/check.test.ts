import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { inFolder } from "../../builders/toyModel";

const root = path.join(__dirname, "../../..");
const program = path.join(root, "dist/cli.js");
const sample = path.join(root, "media/sample");

interface Outcome {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

const run = (...args: string[]): Promise<Outcome> =>
  new Promise((resolve) =>
    execFile(process.execPath, [program, ...args], (error, out, err) =>
      resolve({ status: error ? Number(error.code) : 0, out, err }),
    ),
  );

/** `bitlens check` of a recipe with this text against the sample. */
function check(text: string, ...options: string[]): Promise<Outcome> {
  let outcome: Outcome | undefined;
  return inFolder(async (folder) => {
    const file = path.join(folder, "x.bitlens.json");
    writeFileSync(file, text);
    outcome = await run("check", file, sample, ...options);
  }).then(() => outcome!);
}
const recipe = (rules: readonly object[], more: object = {}) => JSON.stringify({ bitlens: 1, target: "gguf", ...more, rules });

describe("bitlens check", () => {
  it("a recipe that fits: its size, and what a runtime would rather have", async () => {
    const { status, out, err } = await check(recipe([{ match: "*", encoding: "q4_K" }]));
    assert.deepEqual([status, err], [0, ""]);
    const lines = out.split("\n");
    assert.match(
      lines[0],
      /^warning at rules\[0\]\.encoding: model\.embed_tokens\.weight becomes q4_K; .* \(llama\.cpp: src\/llama-quant\.cpp: /,
    );
    assert.equal(lines[1], "  → add a rule: q6_K for model.embed_tokens.weight");
    assert.match(lines[3], /^2\.1\d MB, 4\.6\d bits per weight, 29 tensors change\.$/);
  });

  // Each: one sentence that says what to change, what to change it to, and exit status 1.
  const wrong: [string, string, RegExp, RegExp][] = [
    [
      "an unknown encoding",
      recipe([{ match: "*", encoding: "q4_k_m" }]),
      /There is no encoding called "q4_k_m"; did you mean q4_K/,
      /→ use q4_K\n/,
    ],
    [
      "a pattern that matches nothing",
      recipe([{ match: "blk.*.attn_q.weight", encoding: "q4_K" }]),
      /matches no tensor that can be quantized/,
      /→ match model\.layers\.\*\.self_attn\.q_proj\.weight\n {2}→ remove the rule\n/,
    ],
    [
      "an encoding of another container",
      recipe([{ match: "*", encoding: "int4-g128" }]),
      /cannot be stored as int4-g128: GGUF has no tensor type for it/,
      /→ use q4_K\n/,
    ],
    [
      "a container that the model cannot become",
      recipe([{ match: "*", encoding: "q4_K" }], { target: "onnx" }),
      /at target: A safetensors model cannot become onnx/,
      /→ make it a recipe for gguf\n/,
    ],
    [
      "q apart from k and v",
      recipe(
        [
          { match: "*", encoding: "int4-g32" },
          { match: "*.q_proj.weight", encoding: "int8-g32" },
        ],
        { target: "safetensors" },
      ),
      /vLLM fuses q, k and v into one layer/,
      /→ use int4-g32 for q_proj\n/,
    ],
    ["no rules", recipe([]), /Under this recipe no tensor changes/, /1 error; nothing can be written/],
  ];
  for (const [name, text, says, suggests] of wrong) {
    it(`fails on ${name}, with a way out`, async () => {
      const { status, out, err } = await check(text);
      assert.deepEqual([status, err], [1, ""]);
      assert.match(out, /^error at /);
      assert.match(out, says);
      assert.match(out, suggests);
      assert.match(out, /nothing can be written\.\n$/);
    });
  }

  it("a recipe for another model warns", async () => {
    const { status, out } = await check(
      recipe([{ match: "*", encoding: "q8_0" }], { model: { name: "other", fingerprint: "00" } }),
    );
    assert.equal(status, 0);
    assert.match(
      out,
      /^warning at model\.fingerprint: This recipe was made for another model \(other\)\.\n {2}→ make it a recipe for model\.safetensors\n/,
    );
  });

  it("as a document: findings with their fixes as changes of the recipe", async () => {
    const { status, out } = await check(recipe([{ match: "*", encoding: "q4_k_m" }]), "--json");
    assert.equal(status, 1);
    const { findings } = JSON.parse(out);
    assert.deepEqual(findings[0].fixes, [{ title: "Use q4_K", edits: [{ path: ["rules", 0, "encoding"], value: "q4_K" }] }]);
  });

  it("a text that begins with the mark of its encoding is a recipe all the same", async () => {
    const { status, err } = await check(`\uFEFF${recipe([{ match: "*", encoding: "q8_0" }])}`);
    assert.deepEqual([status, err], [0, ""]);
  });

  it("what is no recipe is refused in one sentence", async () => {
    await inFolder(async (folder) => {
      const file = path.join(folder, "x.bitlens.json");
      writeFileSync(file, '{"bitlens":1,"target":"gguf","rules":[{"match":"a[0","encoding":"q8_0"}]}');
      const rows: [string, RegExp][] = [
        [file, /rules\[0\]\.match must be a tensor name pattern with balanced brackets/],
        [folder, /The recipe is no file; name a \*\.bitlens\.json/],
        [path.join(folder, "none.bitlens.json"), /No such file/],
      ];
      for (const [name, says] of rows) {
        const { status, out, err } = await run("check", name, sample);
        assert.deepEqual([status, out], [1, ""]);
        assert.match(err, says);
        assert.match(err, /^bitlens: [^\n]+\n$/);
      }
    });
  });

  it("an export with a recipe that does not fit writes nothing", async () => {
    await inFolder(async (folder) => {
      const file = path.join(folder, "x.bitlens.json");
      writeFileSync(file, recipe([{ match: "*", encoding: "int4-g128" }]));
      const { status, err } = await run("export", sample, "--recipe", file, "-o", path.join(folder, "x.gguf"));
      assert.equal(status, 1);
      assert.match(
        err,
        /^bitlens: .*cannot be stored as int4-g128: GGUF has no tensor type for it; choose another encoding, or add a fallback/,
      );
      assert.equal(existsSync(path.join(folder, "x.gguf")), false);
    });
  });
});
