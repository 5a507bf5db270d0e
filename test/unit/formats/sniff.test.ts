import assert from "node:assert/strict";
import { formats } from "../../../src/formats";
import { safetensorsFile } from "../../builders/safetensors";
import { ggufFile } from "../../builders/gguf";

const bytes = (text: string) => new TextEncoder().encode(text);
const one = { a: { dtype: "F32", shape: [1] } };

describe("recognising a file", () => {
  const rows: [name: string, head: Uint8Array, format: string | undefined][] = [
    ["model.safetensors", safetensorsFile(one), "safetensors"],
    ["MODEL.SAFETENSORS", safetensorsFile(one), "safetensors"],
    ["model.safetensors.index.json", bytes("{"), "safetensors"],
    ["blob-without-ending", safetensorsFile(one), "safetensors"],
    ["damaged.safetensors", bytes("<html>"), "safetensors"],
    ["model.gguf", ggufFile({}), "gguf"],
    ["blob-without-ending", ggufFile({}), "gguf"],
    ["damaged.gguf", bytes(""), "gguf"],
    ["readme.md", bytes("# A model"), undefined],
    ["config.json", bytes('{"architectures": ["LlamaForCausalLM"]}'), undefined],
    ["zeros", new Uint8Array(64), undefined],
    ["empty", new Uint8Array(0), undefined],
  ];
  for (const [name, content, expected] of rows) {
    it(`${name} with ${content.length} bytes is ${expected ?? "none of ours"}`, () => {
      assert.equal(formats.find((f) => f.sniff(name, content.subarray(0, 64)))?.name, expected);
    });
  }

  it("every export target has a name of its own", () => {
    for (const format of formats) {
      const names = format.exportTargets.map((t) => t.name);
      assert.deepEqual(names, [...new Set(names)]);
    }
  });
});
