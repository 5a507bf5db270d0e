import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import * as vscode from "vscode";
import type { Comparison } from "../../src/vscode/comparison";
import { writeGguf } from "./models";
import { activated, closeAll, open, sampleUri, temporaryFolder, until } from "./support";

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

  it("says when one of its files changed on disk, and compares again; a file that is gone or broken is compared when it is whole again", async () => {
    const { told } = await activated();
    const file = path.join(folder.path, "changing.gguf");
    writeGguf(file);
    const other = path.join(folder.path, "still.gguf");
    fs.copyFileSync(file, other);
    const whole = fs.readFileSync(file);
    const comparison = await compare(vscode.Uri.file(file), vscode.Uri.file(other));
    await ended(comparison, "done");
    assert.equal(comparison.summary!.sqnr, Infinity);
    await open(sampleUri());
    const message = "changing.gguf changed on disk; the comparison changing.gguf ↔ still.gguf shows what it was.";
    const tellings = () => told().filter((one) => one.message === message);

    // A window takes some time to begin watching, and does not say when it does: written again until it is noticed.
    const changed = Buffer.from(whole);
    changed.writeFloatLE(1e6, changed.length - 64);
    const write = () => fs.writeFileSync(file, changed);
    write();
    const writing = setInterval(write, 5000);
    const [{ actions }] = await until("the change to be told", () => (tellings().length > 0 ? tellings() : undefined)).finally(() => clearInterval(writing));
    assert.equal(comparison.summary!.sqnr, Infinity, "what is shown stays until the person asks");
    assert.deepEqual(actions.map((a) => a.title), ["Compare Again"]);
    await vscode.commands.executeCommand(actions[0].command, ...actions[0].arguments!);
    await until("the changed file to be compared", () => (comparison.summary && comparison.summary.sqnr < Infinity) || undefined);

    fs.rmSync(file);
    await vscode.commands.executeCommand(actions[0].command, ...actions[0].arguments!);
    const gone = await ended(comparison, "failed");
    assert.equal(gone.kind === "failed" && gone.error.code, "not-found");
    const before = tellings().length;
    fs.writeFileSync(file, whole.subarray(0, 100));
    const broken = await until("the broken file to be read", () =>
      comparison.status.kind === "failed" && comparison.status.error.code !== "not-found" ? comparison.status : undefined);
    assert.equal(broken.error.code, "truncated");
    fs.writeFileSync(file, whole);
    await ended(comparison, "done");
    assert.equal(comparison.summary!.sqnr, Infinity);
    assert.equal(tellings().length, before, "where nothing was shown, nothing is told");
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
