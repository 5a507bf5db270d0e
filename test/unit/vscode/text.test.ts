import assert from "node:assert/strict";
import { bytesText, count, digits, shapeText } from "../../../src/vscode/text";
import { exportName } from "../../../src/vscode/exportName";

describe("numbers for people", () => {
  const bytes: [number, string][] = [
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1.00 kB"],
    [7_348_736, "7.35 MB"],
    [999_600, "1.00 MB"],
    [140e9, "140 GB"],
  ];
  for (const [n, text] of bytes) it(`${n} bytes are ${text}`, () => assert.equal(bytesText(n), text));
  const numbers: [number, string][] = [
    [11.94, "11.9"],
    [2, "2.00"],
    [1234, "1230"],
    [0.01234, "0.0123"],
    [Infinity, "Infinity"],
    [0, "0"],
  ];
  for (const [n, text] of numbers) it(`${n} is ${text}`, () => assert.equal(digits(n), text));
  it("counts and shapes", () => {
    assert.equal(count(1, "tensor"), "1 tensor");
    assert.equal(count(3200, "tensor"), "3,200 tensors");
    assert.equal(shapeText([256, 768]), "[256 × 768]");
    assert.equal(shapeText([]), "scalar");
  });
});

describe("proposed export names", () => {
  const rows: [source: string, format: "gguf" | "onnx" | "safetensors", encoding: string, expected: string][] = [
    ["/m/tale-F16.gguf", "gguf", "q4_0", "tale-q4_0.gguf"],
    ["/m/tale-Q4_K_M.gguf", "gguf", "q8_0", "tale-q8_0.gguf"],
    ["/m/net.onnx", "onnx", "int8-qdq", "net-int8-qdq.onnx"],
    ["/m/tale/model.safetensors", "safetensors", "int4-g128", "tale-int4-g128"],
    ["/m/tale/model-00001-of-00030.safetensors", "safetensors", "int4-g128", "tale-int4-g128"],
    ["/m/tale/model.safetensors.index.json", "safetensors", "int4-g128", "tale-int4-g128"],
    ["/m/tale/model.safetensors", "gguf", "q4_0", "tale-q4_0.gguf"],
    ["/m/tale/model.onnx", "onnx", "int8-qdq", "tale-int8-qdq.onnx"],
    ["/m/x/lora.safetensors", "safetensors", "int8-channel", "lora-int8-channel"],
  ];
  for (const [source, format, encoding, expected] of rows) {
    it(`${source} as ${encoding} is ${expected}`, () => assert.equal(exportName(source, format, encoding), expected));
  }
});
