import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import type { EngineError } from "../../../src/core/errors";
import type { TensorReport } from "../../../src/core/series";
import type { Format } from "../../../src/formats/format";
import { gguf } from "../../../src/formats/gguf";
import { onnx } from "../../../src/formats/onnx";
import { safetensors } from "../../../src/formats/safetensors";
import { createNodeEngine } from "../../../src/node/createNodeEngine";
import { TemporaryFolder } from "../../builders/folder";
import { ggufFile, llamaTensors, valueType } from "../../builders/gguf";
import { floats, model, value } from "../../builders/onnx";
import { relativeError } from "../../builders/random";
import { exportPlainly, valuesOf } from "../../builders/runPlan";
import { safetensorsFile } from "../../builders/safetensors";
import { gaussian } from "../../builders/weights";

/** Rows of 256 hold whole blocks of every encoding. */
const hidden = 256;

/** A Llama of one layer in F32, values and all. */
function tinyGguf(): Uint8Array {
  const tensors = llamaTensors({ layers: 1, hidden, keyValue: 32, feedForward: 64, vocabulary: 40, type: 0 }).map((t, i) => {
    const values = gaussian(t.ne.reduce<number>((a, b) => a * Number(b), 1), { seed: i + 1 });
    return { ...t, data: new Uint8Array(values.buffer) };
  });
  return ggufFile({ entries: [["general.architecture", [valueType.string, "llama"]], ["llama.block_count", [valueType.u32, 1]]], tensors });
}

/** One matrix that is taken, one that stays, one vector. */
function tinySafetensors(): Uint8Array {
  const data = (count: number, seed: number) => new Uint8Array(gaussian(count, { seed }).buffer);
  return safetensorsFile({
    "model.embed_tokens.weight": { dtype: "F32", shape: [40, hidden], data: data(40 * hidden, 1) },
    "model.layers.0.mlp.up_proj.weight": { dtype: "F32", shape: [104, hidden], data: data(104 * hidden, 2) },
    "model.layers.0.input_layernorm.weight": { dtype: "F32", shape: [hidden], data: data(hidden, 3) },
  });
}

/** One weight stored [in][out] and one stored [out][in]: the first is turned on its way into blocks. */
function tinyOnnx(): Uint8Array {
  return model({
    nodes: [
      { op: "MatMul", in: ["x", "up"], out: ["h"] },
      { op: "Gemm", in: ["h", "down", "bias"], out: ["y"], attributes: { transB: 1 } },
    ],
    initializers: [floats("up", [64, 96], gaussian(64 * 96)), floats("down", [40, 96], gaussian(40 * 96, { seed: 2 })), floats("bias", [40], gaussian(40))],
    inputs: [value("x", 1, ["n", 64])],
    outputs: [value("y", 1, ["n", 40])],
  });
}

const engine = createNodeEngine({ threads: 2 });
after(() => engine.engine.dispose());

/** The engine's files are the plain reference's files, byte for byte, and the error that an analysis predicted is the error that came. */
async function check(format: Format, source: { folder: string; name: string }, target: string): Promise<void> {
  const scratch = new TemporaryFolder();
  try {
    const isFolder = format.name === "safetensors";
    const outputName = `model${format.extensions[0]}`;
    const output = path.join(scratch.path, "out", isFolder ? "" : outputName);
    if (!isFolder) fs.mkdirSync(path.join(scratch.path, "out"));
    const file = path.join(source.folder, source.name);
    const written = await engine.engine.export({ path: file, encoding: target, output }, () => {});
    const plain = await exportPlainly({ format, folder: source.folder, name: source.name, target, output: path.join(scratch.path, "plain"), outputName });
    const folder = path.join(scratch.path, "out");
    assert.deepEqual(fs.readdirSync(folder).sort(), plain.plan.files.map((f) => f.name).sort());
    for (const { name } of plain.plan.files) {
      const [a, b] = [fs.readFileSync(path.join(folder, name)), fs.readFileSync(path.join(scratch.path, "plain", name))];
      assert.equal(Buffer.compare(a, b), 0, `${name} differs from the reference`);
    }
    assert.equal(written.tensorCount, plain.assignments.length);

    const before = await engine.engine.open(file);
    const now = await engine.engine.open(path.join(folder, outputName));
    const encodings = [...new Set(plain.assignments.map((a) => a.encoding))];
    const reports = new Map<string, TensorReport>();
    await engine.engine.analyse({ path: file, encodings }, (e) => e.kind === "report" && reports.set(e.report.name, e.report));
    for (const { tensor, encoding } of plain.assignments) {
      // An ONNX graph holds the codes under a name of their own.
      const find = (index: typeof before) => index.tensors.find((t) => t.name === tensor || t.name.startsWith(`${tensor}_`))!;
      const came = relativeError(valuesOf(find(before), before, source.folder), valuesOf(find(now), now, folder));
      const predicted = reports.get(tensor)!.errors.find((e) => e.encoding === encoding)!.relativeSquaredError;
      assert.ok(Math.abs(came - predicted) <= 1e-4 * predicted, `${tensor}: predicted ${predicted}, came ${came}`);
    }
  } finally {
    scratch.remove();
  }
}

describe("engine: export in real formats equals the plain reference", () => {
  let folder: TemporaryFolder;
  before(() => {
    folder = new TemporaryFolder();
    folder.put("tiny.gguf", tinyGguf());
    folder.put("tiny.onnx", tinyOnnx());
    folder.put("hf/model.safetensors", tinySafetensors());
    folder.put("hf/config.json", "{}");
  });
  after(() => folder.remove());
  for (const { name } of safetensors.exportTargets) {
    it(`safetensors as ${name}`, () => check(safetensors, { folder: path.join(folder.path, "hf"), name: "model.safetensors" }, name));
  }
  for (const { name } of gguf.exportTargets.filter((t) => t.name !== "f32")) {
    it(`GGUF as ${name}`, () => check(gguf, { folder: folder.path, name: "tiny.gguf" }, name));
  }
  for (const { name } of onnx.exportTargets) {
    it(`ONNX as ${name}`, () => check(onnx, { folder: folder.path, name: "tiny.onnx" }, name));
  }

  it("a NaN is named with its place in the whole tensor, not in a worker's piece of it", async () => {
    const rows = 20_000;
    const values = new Float32Array(rows * hidden).fill(1);
    values[15_001 * hidden + 77] = NaN;
    const weight = { dtype: "F32", shape: [rows, hidden], data: new Uint8Array(values.buffer) };
    const file = folder.put("nan/model.safetensors", safetensorsFile({ "model.layers.0.mlp.up_proj.weight": weight }));
    const output = path.join(folder.path, "nan/out");
    await assert.rejects(engine.engine.export({ path: file, encoding: "int4-g32", output }, () => {}), (error: EngineError) => {
      assert.match(error.describe(), /cannot store NaN \(row 15001, column 77\).*tensor model\.layers\.0\.mlp\.up_proj\.weight/);
      return error.code === "bad-request";
    });
    assert.deepEqual(fs.readdirSync(path.dirname(file)), ["model.safetensors"]);
  });
});
