import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import * as vscode from "vscode";
import type { ExportResult } from "../../src/core/api/engine";
import { writeDenseModel } from "../builders/sparseModel";
import { activated, closeAll, copySample, open, temporaryFolder, until } from "./support";

describe("recipes in the editor", () => {
  const folder = temporaryFolder();
  /** A copy: measured errors are kept beside the model. */
  const model = () => path.join(folder.path, "sample/model.safetensors");
  before(() => copySample(path.join(folder.path, "sample")));
  afterEach(closeAll);

  /** Writes and shows a recipe; `at`: the position of a text in it, or just behind. */
  async function shown(name: string, text: string, place = folder.path) {
    const uri = vscode.Uri.file(path.join(place, `${name}.bitlens.json`));
    fs.writeFileSync(uri.fsPath, text);
    const document = await vscode.workspace.openTextDocument(uri);
    await vscode.window.showTextDocument(document, { viewColumn: vscode.ViewColumn.Beside });
    return { uri, document, at: (part: string, shift = 1) => document.positionAt(document.getText().indexOf(part) + shift) };
  }
  const recipe = (...rules: string[]) =>
    `{\n  "bitlens": 1,\n  "target": "gguf",\n  "rules": [\n    ${rules.join(",\n    ")}\n  ]\n}\n`;
  const finding = (uri: vscode.Uri, code: string) =>
    until(`the finding ${code}`, () => vscode.languages.getDiagnostics(uri).find((d) => d.code === code));

  async function hoverText(uri: vscode.Uri, position: vscode.Position): Promise<string> {
    const hovers = await vscode.commands.executeCommand<vscode.Hover[]>("vscode.executeHoverProvider", uri, position);
    return hovers.flatMap((h) => h.contents.map((c) => (typeof c === "string" ? c : c.value))).join("\n\n");
  }
  async function completions(uri: vscode.Uri, position: vscode.Position): Promise<vscode.CompletionItem[]> {
    return (await vscode.commands.executeCommand<vscode.CompletionList>("vscode.executeCompletionItemProvider", uri, position))
      .items;
  }
  async function quickFixes(uri: vscode.Uri, diagnostic: vscode.Diagnostic): Promise<vscode.CodeAction[]> {
    const kind = vscode.CodeActionKind.QuickFix.value;
    const found = await vscode.commands.executeCommand<vscode.CodeAction[]>(
      "vscode.executeCodeActionProvider",
      uri,
      diagnostic.range,
      kind,
    );
    // The JSON extension, and whoever else, may offer their own.
    return found.filter((a) => a.edit?.has(uri));
  }

  it("hovers: what a pattern matches, and its size after; the error once it is measured", async () => {
    const document = await open(model());
    await document.loaded();
    const { uri, at } = await shown("hover", recipe('{ "match": "*.q_proj.weight", "encoding": "q4_K" }'));
    const before = await hoverText(uri, at('"*.q_proj'));
    assert.match(before, /\*\*4 tensors\*\* in blocks 0–3: `model\.layers\.0\.self_attn\.q_proj\.weight`/);
    assert.match(before, /→ 147 kB, 4\.50 bpw as `q4_K`; error not measured yet\. \[Measure\]\(command:bitlens\.planBudget\?/);
    const link = /command:bitlens\.planBudget\?([^)]*)/.exec(before)![1];
    await vscode.commands.executeCommand("bitlens.planBudget", ...JSON.parse(decodeURIComponent(link)));
    assert.equal(document.budget.target, "gguf");
    const after = await hoverText(uri, at('"q4_K'));
    assert.match(after, /\*\*Q4_K\*\*: 4-bit codes/);
    assert.match(after, /relative squared error 0\.00\d+, 2\d\.\d dB SQNR/);
    assert.match(after, /\| \*\*`q4_K`\*\* \| \*\*147 kB\*\* \| \*\*2\d\.\d dB\*\* \|/);
    assert.match(await hoverText(uri, at('"gguf')), /llama\.cpp/);
  });

  it("a recipe is read against the model of its name that lies beside it, though no panel shows it", async () => {
    const text = recipe('{ "match": "blk.*.attn_q.weight", "encoding": "q4_K" }').replace(
      '"rules"',
      '"model": { "name": "model.safetensors" },\n  "rules"',
    );
    const { uri, at } = await shown("beside", text, path.dirname(model()));
    assert.match((await finding(uri, "no-match")).message, /matches no tensor/);
    assert.match(await hoverText(uri, at('"blk')), /Matches no tensor of `model\.safetensors`/);
  });

  it("a recipe beside its model is for that one, though another of the same name is in use; it is exported without a question", async () => {
    const other = path.join(folder.path, "other/model.safetensors");
    fs.mkdirSync(path.dirname(other));
    await writeDenseModel(other, { count: 1, size: 256 });
    await (await open(other)).loaded();
    const name = '"model": { "name": "model.safetensors" },\n  "rules"';
    const text = (match: string) =>
      recipe(`{ "match": "${match}", "encoding": "int8-channel" }`).replace('"rules"', name).replace('"gguf"', '"safetensors"');
    const { told } = await activated();
    const { uri } = await shown("same-name", text("layers.*.proj.weight"), path.dirname(model()));
    await finding(uri, "no-match");
    const { uri: good } = await shown("fits", text("*"), path.dirname(model()));
    const output = path.join(folder.path, "from-recipe");
    const result = await vscode.commands.executeCommand<ExportResult | undefined>("bitlens.exportRecipe", good, { output });
    assert.equal(result?.tensorCount, 28, told().at(-1)?.message);
  });

  it("completion: the model's patterns, the encodings that they can take, the methods that go with one", async () => {
    const document = await open(model());
    await document.loaded();
    const { uri, at } = await shown(
      "complete",
      recipe('{ "match": "", "encoding": "" }', '{ "match": "*", "encoding": "q4_K", "method": "" }'),
    );
    const patterns = (await completions(uri, at('"match": ""', 10))).map((i) => i.label);
    for (const want of [
      "*",
      "model.layers.*.self_attn.{q_proj,k_proj,v_proj}.weight",
      "model.layers.2.*",
      "model.embed_tokens.weight",
    ])
      assert.ok(patterns.includes(want), want);
    const encodings = await completions(uri, at('"encoding": ""', 13));
    const q6 = encodings.find((i) => i.label === "q6_K");
    assert.match(q6?.detail ?? "", /^6\.56 bpw · /);
    assert.ok(!encodings.some((i) => i.label === "int4-g128"));
    assert.equal(new Set(encodings.map((i) => i.label)).size, encodings.length, "something is offered twice");
    assert.deepEqual(
      (await completions(uri, at('"method": ""', 11))).map((i) => i.label),
      ["rtn"],
    );
  });

  it("quick fixes mend what is marked, and just that", async () => {
    const document = await open(model());
    await document.loaded();
    const rules = [
      '{ "match": "*", "encoding": "int4-g128" }',
      '{ "match": "model.layers.*.self_attn.q_porj.weight", "encoding": "q8_0" }',
    ];
    const { uri, document: text } = await shown("fix", recipe(...rules));
    const unfit = await finding(uri, "cannot-hold");
    const [first] = await quickFixes(uri, unfit);
    assert.equal(first.title, "Use q4_K");
    assert.equal(first.isPreferred, true);
    await vscode.workspace.applyEdit(first.edit!);
    assert.equal(text.getText(), recipe(rules[0].replace("int4-g128", "q4_K"), rules[1]));
    await until("the finding to go", () =>
      vscode.languages.getDiagnostics(uri).some((d) => d.code === "cannot-hold") ? undefined : true,
    );
    const unmatched = await finding(uri, "no-match");
    const names = (await quickFixes(uri, unmatched)).map((a) => a.title);
    assert.equal(names[0], "Match model.layers.*.self_attn.q_proj.weight");
    assert.ok(names.includes("Remove the rule"));
  });

  it("a rule that cannot be read hides nothing of the others", async () => {
    await (await open(model())).loaded();
    const { uri, document } = await shown("partly", recipe('{ "match": "*", "encodng": "q4_K" }', '{ "match": "no.such", "encoding": "q4_K" }'));
    const found = await finding(uri, "no-match");
    assert.equal(document.getText(found.range), '"no.such"');
    assert.ok((await quickFixes(uri, found)).some((a) => a.title === "Remove the rule"));
  });

  it("a pattern with an open bracket is marked, which the schema does not see", async () => {
    const { uri } = await shown("bracket", recipe('{ "match": "a[0", "encoding": "q4_K" }'));
    assert.match((await finding(uri, "bad-pattern")).message, /balanced brackets/);
    await activated();
  });
});
