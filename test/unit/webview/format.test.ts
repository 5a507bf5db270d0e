import assert from "node:assert/strict";
import {
  bits,
  bytes,
  change,
  count,
  decibels,
  duration,
  percent,
  ratio,
  scaled,
  score,
  shape,
  significant,
  tick,
} from "../../../webview/format";
import { modelName } from "../../../webview/names";

const check = (title: string, rows: readonly (readonly [string, string])[]) =>
  it(title, () => {
    for (const [shown, wanted] of rows) assert.equal(shown, wanted);
  });

describe("format", () => {
  check("three significant digits, rounding up to the next magnitude included", [
    [significant(0), "0"],
    [significant(1), "1.00"],
    [significant(0.012345), "0.0123"],
    [significant(9.999), "10.0"],
    [significant(99.96), "100"],
    [significant(999.6), "1,000"],
    [significant(12345678), "12,345,678"],
    [significant(-0.5), "−0.500"],
    [significant(1.234e-5), "1.23×10⁻⁵"],
    [significant(-9.999e-7), "−1.00×10⁻⁶"],
  ]);
  check("what is not a number is never printed as one", [
    [significant(NaN), "–"],
    [significant(Infinity), "∞"],
    [significant(-Infinity), "−∞"],
    [ratio(NaN), "–"],
    [bits(NaN), "–"],
    [percent(NaN), "–"],
    [decibels(NaN), "–"],
    [decibels(Infinity), "lossless"],
    [change(0, 5), "–"],
  ]);
  check("bytes and counts step at a thousand, not at 999.5", [
    [bytes(0), "0 B"],
    [bytes(999), "999 B"],
    [bytes(1000), "1.00 kB"],
    [bytes(7_348_736), "7.35 MB"],
    [bytes(999_600), "1.00 MB"],
    [bytes(141e9), "141 GB"],
    [scaled(3_672_320), "3.67 M"],
    [scaled(70.56e9), "70.6 B"],
    [scaled(12), "12"],
    [count(128_256), "128,256"],
    [tick(1000), "1k"],
    [tick(2_500_000), "2.5M"],
    [tick(500), "500"],
  ]);
  check("units are written", [
    [ratio(11.94), "11.9×"],
    [bits(4.5), "4.50 bpw"],
    [percent(0.00325), "0.325 %"],
    [decibels(21.04), "21.0 dB"],
    [change(100, 28.1), "−71.9 %"],
    [change(100, 110), "+10.0 %"],
    [duration(0.042), "42 ms"],
    [duration(0), "1 ms"],
    [duration(125), "2 min 5 s"],
    [shape([256, 768]), "256 × 768"],
    [shape([]), "scalar"],
  ]);
  check("a kurtosis of nearly nothing has no exponent", [
    [score(-0.00084), "0.00"],
    [score(0.0985), "0.10"],
    [score(-0.514), "−0.514"],
    [score(418.2), "418"],
    [score(NaN), "–"],
  ]);
});

describe("model names", () => {
  for (const [path, name] of [
    ["/models/tale-llama-4m/model.safetensors", "tale-llama-4m"],
    ["/m/x/model.safetensors.index.json", "x"],
    ["C:\\m\\tale-Q4_0.gguf", "tale-Q4_0"],
    ["/m/whisper/model-00001-of-00030.safetensors", "whisper"],
    ["/m/net/model_quantized.onnx", "net"],
    ["model.onnx", "model"],
    ["/a/b/", "b"],
  ]) {
    it(`${path} is called ${name}`, () => assert.equal(modelName(path), name));
  }
});
