import assert from "node:assert/strict";
import * as vscode from "vscode";
import { activated, closeAll, open, sampleUri, status, until } from "./support";

const tensor = "model.layers.2.mlp.down_proj.weight";

describe("panel, tree and commands", () => {
  afterEach(closeAll);

  it("one document serves two editors of the same file", async () => {
    const { app } = await activated();
    const document = await open(sampleUri());
    await vscode.commands.executeCommand("workbench.action.splitEditor");
    await until("two tabs", () => (vscode.window.tabGroups.all.flatMap((g) => g.tabs).length === 2 ? true : undefined));
    assert.equal(app.documents.all.length, 1);
    assert.equal(app.documents.get(sampleUri()), document);
  });

  it("Show Layer moves the selection, and the layers tree follows it", async () => {
    const { tree } = await activated();
    const document = await open(sampleUri());
    await document.loaded();
    await vscode.commands.executeCommand("bitlens.layers.focus");
    await vscode.commands.executeCommand("bitlens.showLayer", document.uri, tensor);
    assert.equal(document.selected, tensor);
    await until("the tree's selection", () => (tree.selection === tensor ? true : undefined));
  });

  it("Show Layer with a name that does not exist changes nothing", async () => {
    const document = await open(sampleUri());
    await document.loaded();
    await vscode.commands.executeCommand("bitlens.showLayer", document.uri, tensor);
    await vscode.commands.executeCommand("bitlens.showLayer", document.uri, "__proto__");
    assert.equal(document.selected, tensor);
  });

  it("Open Sample Model and Analyze Model work with no panel open", async () => {
    const { app } = await activated();
    await vscode.commands.executeCommand("bitlens.openSample");
    const document = await until("the sample", () => app.documents.get(sampleUri()));
    await status(document, "done");
    await closeAll();
    await vscode.commands.executeCommand("bitlens.analyze", sampleUri());
    assert.equal(app.documents.get(sampleUri())?.status.kind, "done");
  });

  it("Analyze Model measures everything again when nothing is missing", async () => {
    const document = await open(sampleUri());
    await status(document, "done");
    const before = document.results.reports.get(tensor);
    await vscode.commands.executeCommand("bitlens.analyze", document.uri);
    assert.equal(document.results.reports.size, 38);
    assert.notEqual(document.results.reports.get(tensor), before);
  });

  it("whole reports are kept for the layer view, and measured again when they were let go", async () => {
    const document = await open(sampleUri());
    await status(document, "done");
    assert.equal(document.results.reports.get(tensor)?.input, undefined);
    assert.equal((await document.detail(tensor))?.input?.absMax.length, 768);
  });
});
