import assert from "node:assert/strict";
import * as path from "node:path";
import * as vscode from "vscode";
import type { Comparison } from "../../src/vscode/comparison";
import { writeGguf } from "./models";
import { activated, closeAll, sampleUri, temporaryFolder, until } from "./support";

describe("compare", () => {
  const folder = temporaryFolder();
  afterEach(closeAll);

  const compare = async (a: vscode.Uri, b: vscode.Uri): Promise<Comparison> => {
    await vscode.commands.executeCommand("bitlens.compare", a, [a, b]);
    const { app } = await activated();
    return until("a comparison", () => app.comparisons.all.find((c) => c.pathA === a.fsPath && c.pathB === b.fsPath));
  };
  const ended = (comparison: Comparison, kind: Comparison["status"]["kind"]) =>
    until(`the comparison to be ${kind}`, () => (comparison.status.kind === kind ? comparison.status : undefined));

  it("opens a panel for a model and its export, one for each two files, and closes with it", async () => {
    const { app } = await activated();
    const output = path.join(folder.path, "sample-q8_0.gguf");
    await vscode.commands.executeCommand("bitlens.export", sampleUri(), { encoding: "q8_0", output });
    const comparison = await compare(sampleUri(), vscode.Uri.file(output));
    await ended(comparison, "done");
    // The window tells the extension host of its tabs some time after they changed.
    const label = "model.safetensors ↔ sample-q8_0.gguf";
    await until("its tab to be in front", () => vscode.window.tabGroups.activeTabGroup.activeTab?.label === label || undefined);
    assert.deepEqual([comparison.pairs.size, comparison.failed.length, comparison.summary!.unmatched.length], [38, 0, 0]);
    assert.deepEqual(comparison.pairs.get("model.layers.0.self_attn.q_proj.weight\nblk.0.attn_q.weight")!.undone, ["rope"]);
    assert.match(comparison.report()!, /38 pairs of tensors, \d+ equal; SQNR over all \d+\.\d dB\./);
    assert.equal(await compare(sampleUri(), vscode.Uri.file(output)), comparison, "asking again brings the same panel up");
    await ended(comparison, "done");
    await closeAll();
    assert.equal(app.comparisons.all.length, 0);
  });

  it("shows what failed where two models have nothing in common", async () => {
    const other = path.join(folder.path, "other.gguf");
    writeGguf(other);
    const comparison = await compare(sampleUri(), vscode.Uri.file(other));
    const status = await ended(comparison, "failed");
    assert.match(status.kind === "failed" ? status.error.message : "", /^These models .* have nothing to compare: /);
  });

  it("is cancelled by the command, and by closing its panel", async () => {
    const { app } = await activated();
    const comparison = await compare(sampleUri(), sampleUri());
    await vscode.commands.executeCommand("bitlens.cancel");
    assert.ok(!comparison.running);
    void comparison.run();
    await closeAll();
    await until("the comparison to end", () => !comparison.running || undefined);
    assert.deepEqual(app.comparisons.all, []);
  });
});
