import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import * as vscode from "vscode";
import type { ExportResult } from "../../src/core/api/engine";
import { weights, writeGguf, writeOnnx, writeSafetensors } from "./models";
import { activated, closeAll, open, sampleUri, temporaryFolder, until } from "./support";

const exportTo = (uri: vscode.Uri, encoding: string, output: string) =>
  vscode.commands.executeCommand<ExportResult | undefined>("bitlens.export", uri, { encoding, output });

/** Bytes of the weight files that an export wrote. */
function weightBytes(output: string): number {
  if (!fs.statSync(output).isDirectory()) return fs.statSync(output).size;
  return fs
    .readdirSync(output)
    .filter((f) => f.endsWith(".safetensors"))
    .reduce((sum, f) => sum + fs.statSync(path.join(output, f)).size, 0);
}

describe("export", () => {
  const folder = temporaryFolder();
  afterEach(closeAll);

  const sources: Record<string, (file: string) => vscode.Uri> = {
    safetensors: () => sampleUri(),
    gguf: (file) => (writeGguf(file), vscode.Uri.file(file)),
    onnx: (file) => (writeOnnx(file), vscode.Uri.file(file)),
  };
  for (const [format, source] of Object.entries(sources)) {
    it(`${format}: choices are written at their predicted size and open again`, async () => {
      const document = await open(source(path.join(folder.path, `source.${format}`)));
      const choices = await until("choices", () => document.choices);
      assert.ok(choices.length > 0);
      // The engine's own tests write them all; here a few from all over the list show that the host asks rightly.
      for (const choice of choices.filter((_, i) => i % Math.ceil(choices.length / 6) === 0)) {
        const output = path.join(
          folder.path,
          choice.format === "safetensors" ? `sample-${choice.encoding}` : `out-${choice.encoding}.${choice.format}`,
        );
        const result = await exportTo(document.uri, choice.encoding, output);
        const { told } = await activated();
        assert.ok(result, `${choice.encoding} was not exported: ${told().at(-1)?.message}`);
        assert.equal(weightBytes(output), choice.byteLength, `${choice.encoding}: predicted size`);
        const { app } = await activated();
        const again = await (await app.engine.start()).engine.open(output);
        assert.equal(again.format, choice.format);
      }
    });
  }

  it("leaves nothing under the final name when it is cancelled", async () => {
    const { app } = await activated();
    const file = path.join(folder.path, "big.safetensors");
    writeSafetensors(
      file,
      Array.from({ length: 32 }, (_, i) => ({ name: `model.layers.${i}.mlp.up_proj.weight`, shape: [2048, 2048] })),
    );
    await vscode.workspace.getConfiguration("bitlens").update("analyzeOnOpen", false, vscode.ConfigurationTarget.Global);
    const document = await open(file);
    const choices = await until("choices", () => document.choices);
    const output = path.join(folder.path, "cancelled");
    const began = new Promise<void>((resolve) => app.exports.onDidChange(() => resolve()));
    const ended = exportTo(document.uri, choices[0].encoding, output);
    await began;
    await vscode.commands.executeCommand("bitlens.cancel");
    assert.equal(await ended, undefined);
    await vscode.workspace.getConfiguration("bitlens").update("analyzeOnOpen", undefined, vscode.ConfigurationTarget.Global);
    assert.deepEqual(
      fs.readdirSync(folder.path).filter((f) => f.startsWith("cancelled") || f.includes("partial")),
      [],
    );
  });

  it("is offered to go on when its engine is killed, and then ends with the same bytes", async () => {
    const { app, told } = await activated();
    const file = path.join(folder.path, "dense.safetensors");
    const values = weights(512, 512);
    const names = Array.from({ length: 48 }, (_, i) => ({ name: `model.layers.${i}.mlp.up_proj.weight`, shape: [512, 512] }));
    writeSafetensors(file, names, () => values);
    const document = await open(file);
    await until("the analysis to end", () => (document.status.kind === "done" ? true : undefined));
    const output = path.join(folder.path, "resumed");
    const begun = new Promise<void>((resolve) => app.exports.onDidChange(() => resolve()));
    const ended = exportTo(document.uri, "int4-g32", output);
    await begun;
    process.kill(app.engine.pid!, "SIGKILL");
    assert.equal(await ended, undefined);
    const { message, actions } = told().findLast((t) => /interrupted/.test(t.message))!;
    assert.match(message, /^The export of dense\.safetensors to resumed was interrupted at \d+ of 48 tensors\.$/);
    assert.ok(!fs.existsSync(output));
    const { title, command, arguments: given } = actions[0];
    assert.equal(title, "Resume");
    const result = await vscode.commands.executeCommand<ExportResult | undefined>(command, ...given!);
    assert.ok(result, told().at(-1)?.message);
    const reference = path.join(folder.path, "reference");
    assert.ok(await exportTo(document.uri, "int4-g32", reference));
    for (const name of fs.readdirSync(reference))
      assert.ok(fs.readFileSync(path.join(output, name)).equals(fs.readFileSync(path.join(reference, name))), name);
    assert.deepEqual(fs.readdirSync(folder.path).filter((f) => f.includes("partial")), []);
  });

  it("an encoding that the format does not hold is refused and nothing is written", async () => {
    const output = path.join(folder.path, "never");
    assert.equal(await exportTo(sampleUri(), "no-such-encoding", output), undefined);
    assert.ok(!fs.existsSync(output));
    const { told } = await activated();
    assert.match(told().at(-1)!.message, /cannot be exported as no-such-encoding; choose one of /);
  });
});
