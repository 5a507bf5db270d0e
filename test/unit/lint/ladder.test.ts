import assert from "node:assert/strict";
// @ts-expect-error plain JavaScript without types
import { violation } from "../../lint/ladder.mjs";

describe("the import ladder and fences", () => {
  const rows: [from: string, specifier: string, allowed: boolean][] = [
    ["src/engine/pass.ts", "../core/model", true],
    ["src/core/model.ts", "../engine/pass", false],
    ["src/formats/gguf/read.ts", "../../encodings", false],
    ["src/formats/gguf/read.ts", "./layout", true],
    ["src/methods/rtn.ts", "../encodings", true],
    ["src/graph/roles.ts", "../transforms/rotation", false],
    ["src/cli/main.ts", "../vscode/extension", false],
    ["src/cli/main.ts", "../node/createEngine", true],
    ["webview/main.ts", "../src/core/series", true],
    ["webview/main.ts", "../src/metrics", false],
    ["src/core/x.ts", "../../webview/state", false],
    ["src/engine/x.ts", "node:fs", false],
    ["src/node/files.ts", "node:fs", true],
    ["src/node/files.ts", "vscode", false],
    ["src/vscode/extension.ts", "vscode", true],
    ["src/node/pool.ts", "onnxruntime-node", false],
    ["src/node/ort/session.ts", "onnxruntime-node", true],
    ["webview/charts/map.ts", "@vscode/webview-ui-toolkit", false],
    ["webview/ui/toolkit.ts", "@vscode/webview-ui-toolkit", true],
    ["test/unit/x.test.ts", "../../src/engine/pass", true],
    ["src/engine/x.ts", "../../test/builders/gguf", false],
  ];
  for (const [from, specifier, allowed] of rows) {
    it(`${from} ${allowed ? "may" : "may not"} import ${specifier}`, () => {
      assert.equal(violation(from, specifier) === undefined, allowed);
    });
  }
});
