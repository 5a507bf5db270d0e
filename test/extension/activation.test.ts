import assert from "node:assert/strict";
import * as vscode from "vscode";
import { activated } from "./support";

describe("activation", () => {
  it("activates and registers every contributed command", async () => {
    await activated();
    const manifest = vscode.extensions.getExtension("bitlens.bitlens")!.packageJSON;
    const contributed: string[] = manifest.contributes.commands.map((c: { command: string }) => c.command);
    const registered = await vscode.commands.getCommands(true);
    assert.ok(contributed.length >= 8);
    assert.deepEqual(
      contributed.filter((c) => !registered.includes(c)),
      [],
    );
  });

  it("starts no engine before a model is opened", async () => {
    const { app } = await activated();
    assert.equal(app.documents.all.length, 0);
    assert.equal(app.engine.pid, undefined);
  });
});
