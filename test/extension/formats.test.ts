import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import * as vscode from "vscode";
import { weights, writeGguf, writeOnnx, writeSafetensors } from "./models";
import { closeAll, open, status, temporaryFolder, until } from "./support";

const matrix = { name: "model.layers.0.self_attn.q_proj.weight", shape: [64, 32] };
const writers: Record<string, (folder: string) => string> = {
  "small.safetensors": (folder) => {
    const file = path.join(folder, "small.safetensors");
    writeSafetensors(file, [matrix], () => weights(64, 32));
    return file;
  },
  "sharded.safetensors.index.json": (folder) => {
    writeSafetensors(path.join(folder, "sharded-00001-of-00001.safetensors"), [matrix], () => weights(64, 32));
    const file = path.join(folder, "sharded.safetensors.index.json");
    fs.writeFileSync(
      file,
      JSON.stringify({ metadata: { total_size: 8192 }, weight_map: { [matrix.name]: "sharded-00001-of-00001.safetensors" } }),
    );
    return file;
  },
  "small.gguf": (folder) => {
    const file = path.join(folder, "small.gguf");
    writeGguf(file);
    return file;
  },
  "small.onnx": (folder) => {
    const file = path.join(folder, "small.onnx");
    writeOnnx(file);
    return file;
  },
};
const expected: Record<string, { format: string; shape: number[] }> = {
  "small.safetensors": { format: "safetensors", shape: [64, 32] },
  "sharded.safetensors.index.json": { format: "safetensors", shape: [64, 32] },
  "small.gguf": { format: "gguf", shape: [64, 64] },
  "small.onnx": { format: "onnx", shape: [32, 64] },
};

describe("opening a file of each format", () => {
  const folder = temporaryFolder();
  afterEach(closeAll);

  for (const [name, write] of Object.entries(writers)) {
    it(`${name} opens in the panel by default and is measured`, async () => {
      const document = await open(write(folder.path));
      const editor = await until("a custom editor", () => {
        const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
        return input instanceof vscode.TabInputCustom ? input : undefined;
      });
      assert.equal(editor.viewType, "bitlens.model");
      const index = await document.loaded();
      assert.equal(index.format, expected[name].format);
      const shape = index.tensors.find((t) => t.shape.length === 2)?.shape;
      assert.deepEqual(shape && [...shape], expected[name].shape);
      await status(document, "done");
      assert.equal(document.results.reports.size, index.tensors.length);
    });
  }
});
