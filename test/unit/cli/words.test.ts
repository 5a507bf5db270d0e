import assert from "node:assert/strict";
import type { ModelIndex } from "../../../src/core/model";
import type { TensorReport } from "../../../src/core/series";
import { modelDocument, printDocument } from "../../../src/cli/document";
import { exportTarget } from "../../../src/cli/exportTarget";
import { bytes, count, digits, percent, seconds } from "../../../src/cli/numbers";
import { outcomeOf, UsageError } from "../../../src/cli/outcome";
import { table } from "../../../src/cli/table";
import { matchTensors } from "../../../src/cli/tensorGlobs";
import { cancelled, EngineError } from "../../../src/core/errors";

describe("cli: numbers", () => {
  const rows: readonly [string, string][] = [
    [digits(0), "0"], [digits(1), "1.00"], [digits(16), "16.0"], [digits(123.4), "123"], [digits(12345), "12300"], [digits(-0.0123456), "-0.0123"],
    [digits(0.00012), "1.20e-4"], [digits(2e8), "2.00e+8"], [digits(99.96), "100"], [digits(NaN), "NaN"], [digits(-Infinity), "-∞"],
    [bytes(0), "0 B"], [bytes(999), "999 B"], [bytes(1000), "1.00 kB"], [bytes(999_600), "1.00 MB"], [bytes(7_345_678), "7.35 MB"], [bytes(140e9), "140 GB"],
    [count(12), "12"], [count(3_672_320), "3.67 M"], [count(70.6e9), "70.6 B"], [percent(0.000123), "0.0123 %"], [seconds(1.234), "1.23 s"], [seconds(125), "2 min 5 s"],
  ];
  for (const [got, wanted] of rows) it(`prints ${wanted}`, () => assert.equal(got, wanted));
});

describe("cli: table", () => {
  it("aligns words left and numbers right, and keeps terminal codes of file contents out", () => {
    const columns = [{ title: "name", text: (r: [string, string]) => r[0] }, { title: "n", align: "right" as const, text: (r: [string, string]) => r[1] }];
    assert.equal(table(columns, [["a", "1"], ["long\x1b[2J", "22"]]), "name       n\na          1\nlong\ufffd[2J  22\n");
  });
});

describe("cli: export target", () => {
  const onnx = ["int4-g32", "int4-g32-asym", "int4-g128", "int8-g32", "int8-qdq"];
  const safetensors = ["int4-g128", "int4-g128-asym", "int4-channel", "int8-channel"];
  const gguf = ["q4_0", "q8_0", "f16"];
  const found: readonly [Parameters<typeof exportTarget>[0], readonly string[], string][] = [
    [{ encoding: "Q4_0", asymmetric: false }, gguf, "q4_0"],
    [{ encoding: "int4", asymmetric: false }, onnx, "int4-g32"],
    [{ encoding: "int4", asymmetric: false }, safetensors, "int4-g128"],
    [{ encoding: "int4", asymmetric: true }, safetensors, "int4-g128-asym"],
    [{ encoding: "int4", group: "128", asymmetric: false }, onnx, "int4-g128"],
    [{ encoding: "int8", group: "channel", asymmetric: false }, safetensors, "int8-channel"],
    [{ encoding: "int8", group: "channel", asymmetric: false }, onnx, "int8-qdq"],
    [{ encoding: "int4-g32", asymmetric: true }, onnx, "int4-g32-asym"],
    [{ encoding: "int8-qdq", asymmetric: false }, onnx, "int8-qdq"],
  ];
  for (const [options, targets, name] of found) it(`${JSON.stringify(options)} is ${name}`, () => assert.equal(exportTarget(options, targets, "X"), name));
  const refused: readonly [Parameters<typeof exportTarget>[0], readonly string[], RegExp][] = [
    [{ encoding: "q4_0", asymmetric: false }, onnx, /cannot be exported as q4_0; choose one of: int4-g32, /],
    [{ encoding: "int4", group: "64", asymmetric: false }, onnx, /int4 --group 64; did you mean int4-g32/],
    [{ encoding: "int8", group: "channel", asymmetric: true }, onnx, /int8 --group channel --asymmetric; (did you mean|choose one of)/],
    [{ encoding: "q4_0", group: "32", asymmetric: false }, gguf, /--group goes with int4 and int8; q4_0 has its own blocks/],
    [{ encoding: "f16", asymmetric: true }, gguf, /--asymmetric goes with/],
    [{ encoding: "int4-g32", group: "128", asymmetric: false }, onnx, /names its group already/],
    [{ encoding: "", asymmetric: false }, gguf, /choose one of: q4_0/],
  ];
  for (const [options, targets, pattern] of refused) {
    it(`${JSON.stringify(options)} is refused with what is possible`, () =>
      assert.throws(() => exportTarget(options, targets, "X"), (e) => e instanceof UsageError && pattern.test(e.message)));
  }
});

const names = ["model.layers.0.q_proj.weight", "model.layers.1.q_proj.weight", "/model/layers.0/MatMul(1)", "onnx::MatMul_12", "head[0]"];
const index = { path: "/m", format: "onnx", architecture: "x", parameterCount: 5, byteLength: 20, problems: [{ code: "odd", message: "Odd." }],
  tensors: names.map((name) => ({ name, shape: [1, 1], encodingLabel: "F32", byteLength: 4, elementCount: 1, bitsPerWeight: 32, role: "other", group: "" })) } as unknown as ModelIndex;

describe("cli: tensor patterns", () => {
  const rows: readonly [string[], number[]][] = [
    [["*"], [0, 1, 2, 3, 4]], [["*q_proj*"], [0, 1]], [["model.layers.1.*"], [1]], [["/model/*"], [2]], [["*MatMul*"], [2, 3]], [["onnx::*", "model.layers.0.*"], [0, 3]],
    [["head[0]"], [4]], [["/model/layers.0/MatMul(1)"], [2]], [["model.layers.{0,1}.*"], [0, 1]], [["model.layers.?.q_proj.weight"], [0, 1]],
  ];
  for (const [globs, wanted] of rows) {
    it(`${globs.join(" and ")} finds ${wanted.length}, in the file's order`, () => assert.deepEqual(matchTensors(index, globs).map((t) => t.name), wanted.map((i) => names[i])));
  }
  it("a pattern that matches nothing is an error with an example, though another matches", () => {
    assert.throws(() => matchTensors(index, ["*", "*k_proj*"]), (e: EngineError) => e.code === "bad-request" && /"\*k_proj\*".*model\.layers\.0/.test(e.message));
  });
});

describe("cli: document", () => {
  const report = {
    name: names[0],
    stats: {
      count: 1, min: -Infinity, max: Infinity, mean: NaN, std: 0, absMax: 1, kurtosis: NaN, zeroCount: 0, nanCount: 1, infCount: 2,
      sixSigmaShare: 0, incoherence: 1, sumOfSquares: 1,
    },
    histogram: { low: -1, high: 1, counts: Float64Array.of(1, 2) },
    errors: [{ encoding: "f16", bitsPerWeight: 16, relativeSquaredError: 0, sqnr: Infinity }],
    output: { absMax: new Float32Array(1), rms: new Float32Array(1) },
  } as unknown as TensorReport;
  const parse = (document: Parameters<typeof printDocument>[0]) => JSON.parse([...printDocument(document)].join(""));

  it("has exactly the promised fields, non-finite numbers as strings, failures among the problems", () => {
    const failed = new Map([[names[1], { code: "truncated" as const, message: "Ends.", place: {} }]]);
    const { model, tensors } = parse(modelDocument(index, index.tensors.slice(0, 2), { reports: new Map([[names[0], report]]), failed }));
    assert.deepEqual(model, { path: "/m", format: "onnx", architecture: "x", tensorCount: 5, parameterCount: 5, byteLength: 20,
      problems: [{ code: "odd", message: "Odd." }, { code: "truncated", message: "Ends.", tensor: names[1] }] });
    assert.deepEqual(tensors[0], { name: names[0], shape: [1, 1], encoding: "F32", byteLength: 4, elementCount: 1, bitsPerWeight: 32,
      stats: { min: "-Infinity", max: "Infinity", mean: "NaN", std: 0, absMax: 1, kurtosis: "NaN", zeroCount: 0, nanCount: 1, infCount: 2, sixSigmaShare: 0, incoherence: 1 },
      histogram: { low: -1, high: 1, counts: [1, 2] }, errors: [{ encoding: "f16", bitsPerWeight: 16, relativeSquaredError: 0, sqnr: "Infinity" }] });
    assert.deepEqual(Object.keys(tensors[1]), ["name", "shape", "encoding", "byteLength", "elementCount", "bitsPerWeight"]);
  });

  it("a model without tensors is still one document", () => assert.deepEqual(parse(modelDocument({ ...index, tensors: [] }, [])).tensors, []));
});

describe("cli: outcome", () => {
  const rows: readonly [unknown, number, string][] = [
    [new UsageError("No."), 2, "No."],
    [cancelled(), 130, "Interrupted."],
    [new EngineError("malformed", "Broken.", { file: "/m\n\x1b[31m" }), 1, "Broken. (/m [31m)"],
    [new TypeError("x is undefined"), 1, "x is undefined"],
  ];
  for (const [error, status, sentence] of rows) it(`${String(error)} ends with ${status}`, () => assert.deepEqual(outcomeOf(error), { status, sentence }));
});
