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

  it("says once, before it begins, what a runtime will do with the result; an ordinary export says nothing", async () => {
    const { told } = await activated();
    const before = told().at(-1);
    assert.ok(await exportTo(sampleUri(), "int4-g32", path.join(folder.path, "silent")));
    assert.equal(told().at(-1), before);
    assert.ok(await exportTo(sampleUri(), "int8-qdq", path.join(folder.path, "warned")));
    const [{ severity, message, actions }, ...others] = told().slice(before ? told().indexOf(before) + 1 : 0);
    assert.deepEqual([severity, others, actions.map((a) => a.title)], ["warning", [], ["Show Log"]]);
    assert.match(message, /^model\.safetensors as .*: model\.layers\.0\..* and 25 more: vLLM rounds the inputs of these layers to 8 bits/);
  });

  it("a model that its runtime would refuse is not written, and the person is told what to choose", async () => {
    const file = path.join(folder.path, "uneven.safetensors");
    const module = (name: string) => `model.layers.0.mlp.${name}.weight`;
    writeSafetensors(file, [{ name: module("gate_proj"), shape: [64, 128] }, { name: module("up_proj"), shape: [64, 96] }]);
    const document = await open(file);
    await until("choices", () => document.choices);
    const output = path.join(folder.path, "refused");
    assert.equal(await exportTo(document.uri, "int4-g128", output), undefined);
    assert.ok(!fs.existsSync(output));
    const { told } = await activated();
    assert.match(told().at(-1)!.message, /uneven\.safetensors was not exported: vLLM fuses gate and up .* \(vLLM: .*\); choose int4-channel instead\./);
  });

  it("an encoding that the format does not hold is refused and nothing is written", async () => {
    const output = path.join(folder.path, "never");
    assert.equal(await exportTo(sampleUri(), "no-such-encoding", output), undefined);
    assert.ok(!fs.existsSync(output));
    const { told } = await activated();
    assert.match(told().at(-1)!.message, /cannot be exported as no-such-encoding; choose one of /);
  });

  it("a model with nothing to quantize is told so, and not that it could not be opened", async () => {
    const { told } = await activated();
    const rows: [name: string, tensors: { name: string; shape: number[] }[], command: string, message: RegExp][] = [
      ["empty", [], "bitlens.export", /^empty\.safetensors has no tensor that an export to safetensors could quantize\.$/],
      ["empty", [], "bitlens.planBudget", /^empty\.safetensors has no tensor that an export to safetensors could quantize\.$/],
      ["vector", [{ name: "norm.weight", shape: [8] }], "bitlens.export", /^The export failed: No tensor of this model would change under /],
    ];
    for (const [name, tensors, command, message] of rows) {
      const file = path.join(folder.path, `${name}.safetensors`);
      writeSafetensors(file, tensors);
      const before = told().length;
      await vscode.commands.executeCommand(command, vscode.Uri.file(file));
      assert.deepEqual(told().slice(before).map((one) => message.test(one.message) || one.message), [true]);
    }
  });
});
