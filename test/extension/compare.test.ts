import assert from "node:assert/strict";
import * as path from "node:path";
import * as vscode from "vscode";
import { writeGguf } from "./models";
import { activated, closeAll, sampleUri, temporaryFolder } from "./support";

describe("compare", () => {
  const folder = temporaryFolder();
  afterEach(closeAll);

  const compare = (a: vscode.Uri, b: vscode.Uri) => vscode.commands.executeCommand("bitlens.compare", a, [a, b]);

  it("shows a model against its export as a read-only document", async () => {
    const output = path.join(folder.path, "sample-q8_0.gguf");
    await vscode.commands.executeCommand("bitlens.export", sampleUri(), { encoding: "q8_0", output });
    await compare(sampleUri(), vscode.Uri.file(output));
    const { document } = vscode.window.activeTextEditor!;
    assert.equal(document.uri.scheme, "bitlens-compare");
    const text = document.getText();
    assert.match(text, /^A {2}.*model\.safetensors\n[^]*\nB {2}.*sample-q8_0\.gguf\n/);
    assert.match(text, /38 pairs of tensors, \d+ equal; SQNR over all \d+\.\d dB\./);
    assert.match(text, /\nmodel\.layers\.0\.self_attn\.q_proj\.weight +blk\.0\.attn_q\.weight .* RoPE order undone\n/);
    assert.doesNotMatch(text, /Failed|Not compared/);
  });

  it("says in a message when two models have nothing in common", async () => {
    const { told } = await activated();
    const other = path.join(folder.path, "other.gguf");
    writeGguf(other);
    await compare(sampleUri(), vscode.Uri.file(other));
    const error = told().at(-1)!;
    assert.match(error.message, /^model\.safetensors and other\.gguf were not compared: These models .* have nothing to compare: /);
  });
});
