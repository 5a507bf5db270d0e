import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { encodingFacts } from "../../../src/encodings";
import type { Format } from "../../../src/formats/format";
import { gguf } from "../../../src/formats/gguf";
import { onnx } from "../../../src/formats/onnx";
import { safetensors } from "../../../src/formats/safetensors";
import { openFolder } from "../../../src/node/files";
import { ggufFile } from "../../builders/gguf";
import { floats, model, T, value } from "../../builders/onnx";
import { gaussians } from "../../builders/random";
import { exportPlainly } from "../../builders/runPlan";
import { safetensorsFile } from "../../builders/safetensors";
import { inFolder } from "../../builders/toyModel";

/** Rows and columns that fill neither bytes, words nor groups where the container lets them be. */
const rows = 10;
const wide = 416; // 13 groups of 32
const numbers = (count: number) => gaussians(count, count);
const bytesOf = (x: Float32Array) => new Uint8Array(x.buffer);

const files: { format: Format; name: string; file: () => Uint8Array }[] = [
  {
    format: safetensors,
    name: "model.safetensors",
    file: () => safetensorsFile({
      "model.layers.0.mlp.up_proj.weight": { dtype: "F32", shape: [rows, wide], data: bytesOf(numbers(rows * wide)) },
      "model.layers.0.mlp.down_proj.weight": { dtype: "F32", shape: [16, 256], data: bytesOf(numbers(16 * 256)) },
      "model.norm.weight": { dtype: "F32", shape: [rows], data: bytesOf(numbers(rows)) },
    }),
  },
  {
    format: gguf,
    name: "model.gguf",
    file: () => ggufFile({
      entries: [["general.architecture", [8, "llama"]]],
      tensors: [
        { name: "blk.0.ffn_up.weight", ne: [256, rows], type: 0, data: bytesOf(numbers(256 * rows)) },
        { name: "blk.0.ffn_down.weight", ne: [64, 3], type: 0, data: bytesOf(numbers(64 * 3)) },
      ],
    }),
  },
  {
    format: onnx,
    name: "model.onnx",
    file: () => model({
      inputs: [value("x", T.FLOAT, ["n", 70]), value("i", T.INT64, ["n"])],
      outputs: [value("y", T.FLOAT), value("e", T.FLOAT)],
      initializers: [floats("w", [70, rows], numbers(70 * rows)), floats("table", [7, 128], numbers(7 * 128))],
      nodes: [
        { op: "MatMul", in: ["x", "w"], out: ["y"] },
        { op: "Gather", in: ["table", "i"], out: ["e"] },
      ],
    }),
  },
];

describe("bytes of a matrix as its container stores it", () => {
  for (const { format, name, file } of files) {
    for (const target of format.exportTargets) {
      it(`${format.name} ${target.name}: foretold and found in the file`, async () => {
        await inFolder(async (folder) => {
          fs.writeFileSync(path.join(folder, name), file());
          const output = path.join(folder, "out");
          const { index, assignments } = await exportPlainly({ format, folder, name, target: target.name, output, outputName: name });
          const back = await format.readIndex(await openFolder(output), name);
          const assigned = new Map(assignments.map((a) => [a.tensor, a.encoding]));
          let foretold = 0;
          for (const t of index.tensors) {
            const encoding = assigned.get(t.name);
            const shape = { rows: t.shape[0], columns: t.elementCount / t.shape[0] };
            const ofPlanes = (name: string) => encodingFacts.planeBytes(name, shape.rows, shape.columns).reduce((a, b) => a + b, 0);
            foretold += encoding === undefined ? t.byteLength
              : (format.storedBytes?.(encoding, shape, encodingFacts) ?? ofPlanes(encoding));
          }
          assert.ok(assignments.length > 0 || target.name === "f32", "the source is F32");
          assert.equal(back.tensors.reduce((sum, t) => sum + t.byteLength, 0), foretold);
        });
      });
    }
  }
});
