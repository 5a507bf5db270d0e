import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import * as vscode from "vscode";
import { notALocalFile } from "../../src/vscode/errors";
import { writeSafetensors } from "./models";
import { activated, closeAll, open, sampleUri, status, temporaryFolder, until } from "./support";

describe("files that cannot be opened", () => {
  const folder = temporaryFolder();
  afterEach(closeAll);

  const rows: [name: string, bytes: Buffer | string][] = [
    ["empty.safetensors", ""],
    ["cut-in-the-header.safetensors", fs.readFileSync(sampleUri().fsPath).subarray(0, 1000)],
    ["garbage.gguf", Buffer.alloc(4096, 0xa5)],
    ["garbage.onnx", Buffer.alloc(4096, 0xff)],
    ["nowhere.safetensors.index.json", JSON.stringify({ weight_map: { w: "../../outside.safetensors" } })],
  ];
  for (const [name, bytes] of rows) {
    it(`${name}: the panel says what is wrong, nothing hangs`, async () => {
      const file = path.join(folder.path, name);
      fs.writeFileSync(file, bytes);
      const document = await open(file);
      await assert.rejects(document.loaded());
      const failed = await status(document, "failed");
      assert.ok(failed.kind === "failed" && failed.error.message.length > 10);
      assert.equal(document.index, undefined);
    });
  }

  it("a mended file opens after a reload", async () => {
    const file = path.join(folder.path, "mended.safetensors");
    fs.writeFileSync(file, "");
    const document = await open(file);
    await status(document, "failed");
    fs.copyFileSync(sampleUri().fsPath, file);
    await document.reload();
    assert.equal((await document.loaded()).tensors.length, 38);
    await status(document, "done");
  });

  it("a mended file opens by any command, and by itself when it changes", async () => {
    for (const mend of ["bitlens.analyze", undefined]) {
      const file = path.join(folder.path, `${mend ?? "watched"}.safetensors`);
      fs.writeFileSync(file, "");
      const document = await open(file);
      await status(document, "failed");
      fs.copyFileSync(sampleUri().fsPath, file);
      if (mend) await vscode.commands.executeCommand(mend, document.uri);
      await status(document, "done");
      assert.equal(document.index?.tensors.length, 38);
    }
  });

  it("a file that is gone when it is read again is no longer shown", async () => {
    const file = path.join(folder.path, "gone.safetensors");
    fs.copyFileSync(sampleUri().fsPath, file);
    const document = await open(file);
    await status(document, "done");
    fs.rmSync(file);
    await assert.rejects(document.reload());
    assert.ok(document.status.kind === "failed" && document.status.unopened);
    assert.equal(document.index, undefined);
  });

  it("a shard that changes is noticed, though the index was opened, and measured from its own header", async () => {
    const { told } = await activated();
    const [shard, index] = ["shard-1.safetensors", "shards.safetensors.index.json"].map((name) => path.join(folder.path, name));
    const write = (value: number) =>
      writeSafetensors(shard, [{ name: "w", shape: [8, 8] }], () => new Float32Array(64).fill(value));
    write(1);
    fs.writeFileSync(index, JSON.stringify({ weight_map: { w: path.basename(shard) } }));
    const document = await open(index);
    await status(document, "done");
    await vscode.commands.executeCommand("workbench.action.keepEditor");
    await open(sampleUri());
    const message = `${document.name} changed on disk; the panel shows what it was.`;
    let value = 2;
    // A window takes some time to begin watching, and does not say when it does: written again until it is noticed.
    const writing = setInterval(() => write(value++), 5000);
    const tellings = () => told().filter((one) => one.message === message);
    await until("the change to be told", () => tellings().length > 0 || undefined).finally(() => clearInterval(writing));
    assert.deepEqual(document.outdated, [{ name: path.basename(shard), gone: false }]);
    const mean = () => document.results.reports.get("w")?.stats.mean;
    assert.equal(mean(), 1, "what is shown stays until the person asks");

    const toldBefore = tellings().length;
    fs.rmSync(shard);
    await until("the shard to be missed", () => document.outdated[0].gone || undefined);
    writeSafetensors(shard, [{ name: "v", shape: [4, 4] }]);
    await until("the shard to be back", () => !document.outdated[0].gone || undefined);
    assert.equal(tellings().length, toldBefore, "told once for as long as the panel says it");
    fs.writeFileSync(index, JSON.stringify({ weight_map: { v: path.basename(shard) } }));
    await vscode.commands.executeCommand("bitlens.analyze", document.uri);
    assert.deepEqual(document.index?.tensors.map((t) => t.name), ["v"], "the old header does not lead to the new content");
    assert.deepEqual([...document.results.reports.keys()], ["v"]);
    assert.deepEqual(document.outdated, []);

    const again = setInterval(() => write(value++), 5000);
    await until("the next change to be noticed", () => document.outdated.length > 0 || undefined).finally(() => clearInterval(again));
    assert.equal(tellings().length, toldBefore, "a panel in sight says it itself");
  });

  it("a document that is not on disk is refused with a sentence", async () => {
    const { app } = await activated();
    const document = app.documents.create(vscode.Uri.parse("untitled:/model.gguf"));
    try {
      await assert.rejects(document.loaded(), (error: Error) => error.message === notALocalFile("untitled"));
    } finally {
      document.dispose();
    }
  });
});
