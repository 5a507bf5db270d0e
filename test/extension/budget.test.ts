import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import * as vscode from "vscode";
import type { ExportResult } from "../../src/core/api/engine";
import { serializeRecipe } from "../../src/budget/recipe";
import { writeDenseModel } from "../builders/sparseModel";
import { activated, closeAll, copySample, open, temporaryFolder, until } from "./support";

const exportRecipe = (uri: vscode.Uri, answers: unknown) =>
  vscode.commands.executeCommand<ExportResult | undefined>("bitlens.exportRecipe", uri, answers);

describe("the bit budget", () => {
  const folder = temporaryFolder();
  /** A copy: measured errors are kept beside the model. */
  const model = () => vscode.Uri.file(path.join(folder.path, "sample/model.safetensors"));
  before(() => copySample(path.join(folder.path, "sample")));
  afterEach(closeAll);

  it("the command measures and shows a plan; what is exported is the plan", async () => {
    await vscode.commands.executeCommand("bitlens.planBudget", model());
    const { app, told } = await activated();
    const { budget, uri } = app.documents.get(model())!;
    assert.equal(budget.view?.state.kind, "ready");
    const { minimum, maximum } = budget.plan!;
    await budget.apply({ kind: "size", fileBytes: Math.round(minimum + 0.3 * (maximum - minimum)), final: true });
    const counted = budget.plan;
    await until("the plan's file to be laid out", () => budget.plan !== counted || undefined);
    const output = path.join(folder.path, "planned");
    const result = await exportRecipe(uri, { plan: true, output });
    assert.ok(result, told().at(-1)?.message);
    const weights = fs.readdirSync(output).filter((f) => f.endsWith(".safetensors"));
    const written = weights.reduce((n, f) => n + fs.statSync(path.join(output, f)).size, 0);
    assert.equal(written, budget.plan!.byteLength);
    assert.ok(written <= budget.plan!.fileBytes);
  });

  it("Cancel ends a measurement at once", async () => {
    const file = path.join(folder.path, "large.safetensors");
    await writeDenseModel(file, { count: 3, size: 2048 });
    const { app, told } = await activated();
    const before = told().length;
    const planning = vscode.commands.executeCommand("bitlens.planBudget", vscode.Uri.file(file));
    const document = await until("the measurement", () => app.documents.all.find((d) => d.uri.fsPath === file && d.budget.progress));
    await document.cancel();
    await vscode.commands.executeCommand("bitlens.cancel");
    assert.equal(document.budget.measuring, false);
    await planning;
    assert.deepEqual(document.budget.view?.state, { kind: "unmeasured", error: undefined });
    assert.equal(told().length, before, "cancelling is no error");
  });

  it("the errors are remembered: the model opens with its plan", async () => {
    const document = await open(model());
    await document.loaded();
    await document.budget.open();
    assert.equal(document.budget.view?.state.kind, "ready");
    assert.ok(document.budget.plan);
  });

  it("a recipe from a file is exported; one that does not fit is refused and nothing is written", async () => {
    const document = await open(model());
    await document.loaded();
    await document.budget.measure();
    const recipe = document.budget.recipe();
    const write = (name: string, text: string) => {
      const file = path.join(folder.path, name);
      fs.writeFileSync(file, text);
      return file;
    };
    const output = path.join(folder.path, "from-file");
    assert.ok(await exportRecipe(document.uri, { recipe: write("good.bitlens.json", serializeRecipe(recipe)), output }));
    const { told } = await activated();
    const bad: [string, string, RegExp][] = [
      ["pattern", serializeRecipe({ ...recipe, rules: [{ match: "no.such.*", encoding: "keep" }] }), /cannot be applied to .*"no\.such\.\*" matches no tensor/],
      ["text", "{", /could not be read: The recipe is not valid JSON/],
      ["target", serializeRecipe({ ...recipe, target: "onnx" }), /cannot become onnx/],
    ];
    for (const [name, text, says] of bad) {
      const never = path.join(folder.path, `never-${name}`);
      assert.equal(await exportRecipe(document.uri, { recipe: write(`${name}.bitlens.json`, text), output: never }), undefined);
      assert.match(told().at(-1)!.message, says);
      assert.ok(!fs.existsSync(never));
    }
  });

  it("a rule that matches nothing in the model in use is marked where it stands", async () => {
    const document = await open(model());
    await document.loaded();
    const file = path.join(folder.path, "rules.bitlens.json");
    const text = '{ "bitlens": 1, "target": "safetensors", "rules": [\n  { "match": "*", "encoding": "int8-channel" },\n  { "match": "no.such.*", "encoding": "keep" }] }';
    fs.writeFileSync(file, text);
    const uri = vscode.Uri.file(file);
    await vscode.window.showTextDocument(uri, { viewColumn: vscode.ViewColumn.Beside });
    const found = await until("the finding", () => vscode.languages.getDiagnostics(uri).find((d) => d.code === "no-match"));
    assert.equal(found.range.start.line, 2);
    assert.match(found.message, /"no\.such\.\*" matches no tensor/);
  });

  it("a recipe's mistakes are marked while it is edited", async () => {
    const file = path.join(folder.path, "edited.bitlens.json");
    fs.writeFileSync(file, '{ "bitlens": 2, "target": "gguf", "rules": [] }');
    const uri = vscode.Uri.file(file);
    await vscode.window.showTextDocument(uri);
    const found = await until("a schema diagnostic", () => vscode.languages.getDiagnostics(uri).find((d) => d.range.start.character > 0));
    assert.ok(found.message.length > 0);
  });
});
