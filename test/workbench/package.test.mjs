import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { packageFor } from "../harness/package.mjs";
import { temporaryFolder } from "../harness/paths.mjs";

/** Names in a zip file's central directory. */
function namesIn(file) {
  const bytes = readFileSync(file);
  const names = [];
  let at = bytes.readUInt32LE(bytes.lastIndexOf("PK\x05\x06", undefined, "latin1") + 16);
  while (bytes.readUInt32LE(at) === 0x02014b50) {
    const [name, extra, comment] = [28, 30, 32].map((offset) => bytes.readUInt16LE(at + offset));
    names.push(bytes.toString("utf8", at + 46, at + 46 + name));
    at += 46 + name + extra + comment;
  }
  return names;
}

const allowed = [
  /^(\[Content_Types\]\.xml|extension\.vsixmanifest)$/,
  /^extension\/(package\.json|readme\.md|changelog\.md|LICENSE(\.txt)?)$/i,
  /^extension\/(dist\/[\w.]+|media\/.+|node_modules\/onnxruntime-(node|common)\/.+)$/,
];

describe("packages", () => {
  for (const [target, binaries] of [
    ["linux-x64", /^linux\/x64\//],
    ["win32-arm64", /^win32\/arm64\//],
    ["darwin-arm64", /^darwin\/arm64\//],
    ["darwin-x64", undefined],
  ]) {
    it(`${target} carries its own ONNX Runtime only, and nothing of the sources`, async () => {
      const names = namesIn(await packageFor(target, { folder: temporaryFolder("package"), build: false }));
      const runtime = names.map((name) => name.split("/bin/napi-v6/")[1]).filter(Boolean);
      assert.deepEqual(
        runtime.filter((name) => !binaries?.test(name)),
        [],
      );
      assert.equal(
        runtime.some((name) => name.endsWith(".node")),
        binaries !== undefined,
      );
      assert.deepEqual(
        names.filter((name) => !allowed.some((pattern) => pattern.test(name))),
        [],
      );
      for (const file of ["extension.js", "engine.js", "worker.js", "webview.js", "kernels.wasm"])
        assert.ok(names.includes(`extension/dist/${file}`), file);
      assert.deepEqual(
        names.filter((name) => name.endsWith(".map")),
        [],
      );
    });
  }
});
