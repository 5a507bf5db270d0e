import assert from "node:assert/strict";
import * as path from "node:path";
import * as vscode from "vscode";
import { rankByOutliers } from "../../src/vscode/ranking";
import { weights, writeSafetensors } from "./models";
import { activated, closeAll, open, sampleUri, status, temporaryFolder, until, withSetting } from "./support";

describe("analysis of the sample", () => {
  after(closeAll);

  it("starts by itself and reports all 38 tensors", async () => {
    const document = await open(sampleUri());
    const done = await status(document, "done");
    assert.equal(document.results.reports.size, 38);
    assert.equal(document.results.failures.size, 0);
    assert.ok(done.kind === "done");
    assert.equal(done.progress.tensorsDone, 38);
    assert.equal(done.progress.bytesDone, done.progress.bytesTotal);
  });

  it("measures the encodings of the setting", async () => {
    const document = await open(sampleUri());
    const report = document.results.reports.get("model.layers.0.mlp.down_proj.weight")!;
    const wanted: string[] = vscode.workspace.getConfiguration("bitlens").get("encodings")!;
    assert.deepEqual(report.errors.map((e) => e.encoding).sort(), [...wanted].sort());
  });

  it("ranks layers with channels by their worst ratio, highest first", async () => {
    const document = await open(sampleUri());
    const ranked = rankByOutliers(document.index!.tensors, document.results.reports);
    assert.ok(ranked.length > 20);
    for (let i = 1; i < ranked.length; i++) assert.ok(ranked[i - 1].worst.ratio >= ranked[i].worst.ratio);
  });

  it("offers export choices smaller than the model", async () => {
    const document = await open(sampleUri());
    const choices = await until("export choices", () => document.choices);
    assert.ok(choices.length > 0);
    assert.ok(choices.some((c) => c.byteLength < document.index!.byteLength / 2));
  });
});

describe("a model that was measured before", () => {
  const folder = temporaryFolder();
  afterEach(closeAll);

  const measured = async (file: string) => {
    const document = await open(file);
    const done = await status(document, "done");
    assert.ok(done.kind === "done");
    return { document, remembered: done.progress.before?.tensors, done: done.progress.tensorsDone };
  };

  it("is shown without measuring; changed, it is measured again", async () => {
    const file = path.join(folder.path, "model.safetensors");
    const tensors = Array.from({ length: 6 }, (_, i) => ({ name: `layers.${i}.w`, shape: [64, 64] }));
    writeSafetensors(file, tensors, () => weights(64, 64));
    const { document: first, remembered, done } = await measured(file);
    assert.deepEqual([remembered, done], [0, 6]);
    const report = (await first.detail("layers.3.w"))!;
    await closeAll();

    const { document: second, remembered: all } = await measured(file);
    assert.equal(all, 6);
    assert.equal(second.results.detail("layers.3.w"), undefined, "the large parts are had when they are looked at");
    const again = (await second.detail("layers.3.w"))!;
    assert.deepEqual([again.stats, again.input, again.heat], [report.stats, report.input, report.heat]);
    await vscode.commands.executeCommand("bitlens.analyze", second.uri);
    assert.ok(second.status.kind === "done" && second.status.progress.before?.tensors === 0, "asked for again, it was not measured");
    await closeAll();

    writeSafetensors(file, tensors, () => weights(64, 64).map((w) => 2 * w));
    const { document: third, remembered: none } = await measured(file);
    assert.equal(none, 0);
    assert.equal(third.results.reports.get("layers.3.w")!.stats.absMax, 2 * report.stats.absMax);
  });
});

describe("a long analysis", () => {
  const folder = temporaryFolder();
  withSetting("encodings", ["q8_0"]);
  withSetting("analyzeOnOpen", false);
  afterEach(closeAll);

  /** Half a gigabyte of zeros that takes no disk. */
  const big = () => {
    const file = path.join(folder.path, "big.safetensors");
    writeSafetensors(
      file,
      Array.from({ length: 64 }, (_, i) => ({ name: `layers.${i}.w`, shape: [1024, 2048] })),
    );
    return file;
  };

  it("waits to be asked when the setting says so", async () => {
    const document = await open(big());
    await document.loaded();
    assert.equal(document.status.kind, "idle");
    assert.equal(document.results.reports.size, 0);
  });

  it("is cancelled at once, keeps what it has, and goes on with the rest", async () => {
    const document = await open(big());
    await document.loaded();
    const ended = document.analyse();
    await until("a first report", () => document.results.reports.size || undefined);
    await vscode.commands.executeCommand("bitlens.cancel");
    await ended;
    assert.equal(document.status.kind, "cancelled");
    const kept = document.results.reports.size;
    assert.ok(kept > 0 && kept < 64, `${kept} reports`);
    const [first] = document.results.reports.values();
    await document.analyse();
    assert.equal(document.results.reports.size, 64);
    assert.equal(document.results.reports.get(first.name), first, "a finished tensor was measured again");
    const done = await status(document, "done");
    assert.ok(done.kind === "done" && done.progress.tensorsDone === 64);
  });

  it("survives the engine being killed: the run ends, the engine comes back, the rest is measured", async () => {
    const { app } = await activated();
    const document = await open(big());
    await document.loaded();
    const ended = document.analyse();
    await until("a first report", () => document.results.reports.size || undefined);
    const pid = app.engine.pid!;
    process.kill(pid, "SIGKILL");
    await ended;
    assert.equal(document.status.kind, "engine-restarted");
    const kept = document.results.reports.size;
    assert.ok(kept > 0 && kept < 64, `${kept} reports`);
    await vscode.commands.executeCommand("bitlens.analyze", document.uri);
    assert.equal(document.status.kind, "done");
    assert.equal(document.results.reports.size, 64);
    assert.notEqual(app.engine.pid, pid);
  });

  it("ends when the engine is restarted on purpose, with a new process ready", async () => {
    const { app } = await activated();
    const document = await open(big());
    await document.loaded();
    const ended = document.analyse();
    await until("a first report", () => document.results.reports.size || undefined);
    const pid = app.engine.pid;
    await vscode.commands.executeCommand("bitlens.restartEngine");
    await ended;
    assert.equal(document.status.kind, "engine-restarted");
    assert.ok(app.engine.pid !== undefined && app.engine.pid !== pid);
  });
});
