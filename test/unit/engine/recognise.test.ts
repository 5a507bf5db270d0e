import assert from "node:assert/strict";
import type { EngineError } from "../../../src/core/errors";
import { createNodeEngine } from "../../../src/node/createNodeEngine";
import { TemporaryFolder } from "../../builders/folder";
import { ggufFile } from "../../builders/gguf";
import { floats, model } from "../../builders/onnx";
import { safetensorsFile } from "../../builders/safetensors";

const engine = createNodeEngine({ threads: 1 });
after(() => engine.engine.dispose());

async function inFile<T>(name: string, content: Uint8Array | string, work: (path: string) => Promise<T>): Promise<T> {
  const folder = new TemporaryFolder();
  try {
    return await work(folder.put(name, typeof content === "string" ? new TextEncoder().encode(content) : content));
  } finally {
    folder.remove();
  }
}

describe("a file under a model's name that is none", () => {
  const lfs = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
  const rows: readonly [danger: string, name: string, content: string, code: string, says: RegExp][] = [
    ["an empty file", "m.safetensors", "", "truncated", /is empty; download it again/],
    ["an empty ONNX file", "m.onnx", "", "truncated", /is empty; download it again/],
    ["a pointer of Git LFS", "m.safetensors", lfs, "not-recognised", /git lfs pull/],
    ["a pointer of Git LFS as GGUF", "m.gguf", lfs, "not-recognised", /git lfs pull/],
    ["a sign-in page", "m.gguf", "<!DOCTYPE html><html>", "not-recognised", /web page.*sign in/],
    ["a store's refusal", "m.onnx", '<?xml version="1.0"?><Error>', "not-recognised", /web page.*sign in/],
    ["PyTorch's archive", "m.safetensors", "PK\x03\x04\x00\x00\x08\x08\x00\x00 archive/data.pkl", "not-recognised", /ZIP archive/],
    ["prose", "m.safetensors", "Hello, this is a file about llamas.", "too-large", /begins with "Hello, t"/],
    ["prose as GGUF", "m.gguf", "Hello, this is a file about llamas.", "malformed", /no GGUF file/],
    ["prose as ONNX", "m.onnx", "Hello, this is a file about llamas.", "malformed", /no valid ONNX file/],
  ];
  for (const [danger, name, content, code, says] of rows) {
    it(`${danger} is named, with what to do`, () =>
      inFile(name, content, (path) =>
        assert.rejects(engine.engine.open(path), (e: EngineError) => {
          assert.equal(e.code, code);
          assert.match(e.describe(), says);
          assert.ok(e.describe().includes(path));
          return true;
        }),
      ));
  }

  it("parts of a set that are pointers say so", async () => {
    const folder = new TemporaryFolder();
    try {
      folder.put("a.safetensors", new TextEncoder().encode(lfs));
      const index = JSON.stringify({ weight_map: { w: "a.safetensors" } });
      const path = folder.put("m.safetensors.index.json", new TextEncoder().encode(index));
      await assert.rejects(engine.engine.open(path), /git lfs pull/);
    } finally {
      folder.remove();
    }
  });
});

describe("a model under another format's name", () => {
  const contents = {
    safetensors: safetensorsFile({ a: { dtype: "F32", shape: [1] } }),
    gguf: ggufFile({}),
    onnx: model({ initializers: [floats("w", [2], Float32Array.of(1, 2))] }),
  };
  for (const [format, content] of Object.entries(contents)) {
    for (const ending of ["safetensors", "gguf", "onnx"]) {
      // Protobuf has no magic number; under the name of a format that has one, ONNX is known by its first field.
      it(`${format} called m.${ending} opens as ${format}`, () =>
        inFile(`m.${ending}`, content, async (path) => assert.equal((await engine.engine.open(path)).format, format)));
    }
  }
});
