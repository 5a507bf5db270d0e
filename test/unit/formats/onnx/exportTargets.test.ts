import assert from "node:assert/strict";
import { encodingFacts, encodings } from "../../../../src/encodings";
import { onnx } from "../../../../src/formats/onnx";
import type { OrtValue } from "../../../../src/node/ort/session";
import { floats, memoryFolder, model, type ModelSpec, type NodeSpec, T, tensor, value } from "../../../builders/onnx";
import { exportTo } from "./executor";
import { check, type Case, error, feed, io, matrixCase, product, run, transposed, weights } from "./exportCase";
import { bytesOf, valuesOf } from "./reference";

const [V, D] = [9, 64];
const table = weights(V * D, 21);
const indices: OrtValue = { type: "int64", dims: [2, 3], data: BigInt64Array.of(0n, 8n, 3n, 3n, -1n, 5n) };

/** A network that looks rows up in a [V, D] table. */
function tableCase(nodes: NodeSpec[], more: Partial<ModelSpec> = {}): Case {
  const spec = (values: Float32Array): ModelSpec => ({
    nodes,
    inputs: [value("i", T.INT64, [2, 3])],
    outputs: [value("y")],
    ...more,
    initializers: [floats("t", [V, D], values), ...(more.initializers ?? [])],
  });
  return { spec: spec(table), feeds: { i: indices }, changed: ["t"], withValues: (v) => spec(v.get("t")!), error };
}
const lookUp: NodeSpec = { op: "Gather", name: "l", in: ["t", "i"], out: ["y"] };

describe("ONNX export: embeddings", () => {
  for (const target of ["int4-g32", "int4-g32-asym", "int8-g32", "int8-g32-asym"]) {
    it(`${target}: look-ups become GatherBlockQuantized, negative indices too`, async () => {
      await check(target, tableCase([lookUp]));
    });
  }

  it("two look-ups in one table share its codes", () =>
    check("int4-g32", tableCase([lookUp, { op: "Gather", in: ["t", "i"], out: ["z"], attributes: { axis: 0 } }], { outputs: [value("y"), value("z")] })));

  it("a table behind Identity", () =>
    check("int8-g32", tableCase([{ op: "Identity", in: ["t"], out: ["u"] }, { ...lookUp, in: ["u", "i"] }])));

  const kept: [name: string, target: string, nodes: NodeSpec[], why: RegExp][] = [
    ["rows that are not whole blocks", "int4-g128", [lookUp], /rows are not whole blocks of 128/],
    ["columns looked up", "int4-g32", [{ ...lookUp, attributes: { axis: 1 } }], /looks up columns/],
    ["a table also added to something", "int4-g32", [lookUp, { op: "Add", in: ["t", "t"], out: ["a"] }], /Add uses it as well/],
    [
      "a table looked up transposed",
      "int4-g32",
      [{ op: "Transpose", in: ["t"], out: ["u"] }, { ...lookUp, in: ["u", "i"] }],
      /takes it transposed/,
    ],
  ];
  for (const [name, target, nodes, why] of kept) {
    it(`${name}: kept, and a note says why`, async () => {
      const source = model(tableCase(nodes).spec);
      const { files, notes } = await exportTo(memoryFolder({ "m.onnx": source }), "m.onnx", target);
      assert.match(notes.join(" "), why);
      assert.deepEqual(files.get("out.onnx"), source);
    });
  }

  it("two bits are not for tables unless a recipe says so", async () => {
    const source = memoryFolder({ "m.onnx": model(tableCase([lookUp]).spec) });
    assert.deepEqual((await exportTo(source, "m.onnx", "int2-g32")).notes, []);
    const { files } = await exportTo(source, "m.onnx", [{ tensor: "t", encoding: "int2-g32-asym" }]);
    await agrees(files, tableCase([lookUp]), ["t"]);
  });

  it("a recipe that cuts a table into blocks that do not fit is refused", async () => {
    const source = memoryFolder({ "m.onnx": model(tableCase([lookUp]).spec) });
    await assert.rejects(exportTo(source, "m.onnx", [{ tensor: "t", encoding: "int4-g128" }]), /multiple of 128 weights; this table's have 64/);
  });
});

/** The exported model gives what the source gives with the exported weights' values. */
async function agrees(files: ReadonlyMap<string, Uint8Array>, c: Case, names: readonly string[]): Promise<void> {
  const back = memoryFolder(Object.fromEntries(files));
  const index = await onnx.readIndex(back, "out.onnx");
  const values = new Map<string, Float32Array>();
  for (const tensor of index.tensors) {
    const name = names.find((n) => tensor.name.startsWith(`${n}_`) || tensor.name === n);
    if (name) values.set(name, await valuesOf(back, index, tensor));
  }
  const got = await run(Object.fromEntries(files), "out.onnx", c.feeds);
  const wanted = await run({ "m.onnx": model(c.withValues(values)) }, "m.onnx", c.feeds);
  const size = Math.sqrt(wanted.reduce((sum, v) => sum + v * v, 0));
  const distance = Math.sqrt(got.reduce((sum, v, i) => sum + (v - wanted[i]) ** 2, 0));
  assert.ok(distance < 1e-5 * size, `${distance / size} from the dequantized model`);
}

/** An initializer of an exported model. */
async function bytesBehind(files: ReadonlyMap<string, Uint8Array>, name: string): Promise<Buffer[]> {
  const back = memoryFolder(Object.fromEntries(files));
  const index = await onnx.readIndex(back, "out.onnx");
  const found = index.tensors.find((t) => t.name === name);
  assert.ok(found?.storage, name);
  return Promise.all(found.storage.planes.map(async (range) => Buffer.from(await bytesOf(back, index, range))));
}

describe("ONNX export: bytes", () => {
  const [matMul, gemm]: NodeSpec[] = [
    { op: "MatMul", in: ["x", "w"], out: ["y"] },
    { op: "Gemm", in: ["x", "w"], out: ["y"], attributes: { transB: 1 } },
  ];
  const rows: [encoding: string, outputs: [number[], number[]], codes: [inOut: string, outIn: string], others: string[]][] = [
    // Codes 7 −3 1 with scale 1, −1 2 7 with scale 2.
    ["int4-qdq-g32", [[7, -3, 1], [-2, 4, 14]], ["f72d71", "d7f172"], ["0000803f00000040"]],
    // 15 0 5 around 5 with scale 1, 0 15 5 around 4 with scale 2.
    ["int4-qdq-g32-asym", [[10, -5, 0], [-8, 22, 2]], ["0ff055", "0f055f"], ["0000803f00000040", "45"]],
    ["f16", [[1, 2, 3], [-1, -2, -3]], ["003c00bc004000c0004200c2", "003c0040004200bc00c000c2"], []],
  ];
  for (const [encoding, [first, second], codes, others] of rows) {
    [matMul, gemm].forEach((op, order) => {
      const [dims, values] = order ? [[2, 3], [...first, ...second]] : [[3, 2], first.flatMap((v, k) => [v, second[k]])];
      it(`${encoding} of a [${dims.join(", ")}] weight, in the file's own order`, async () => {
        const source = model({ nodes: [op], ...io([1, 3]), initializers: [floats("w", dims, values)] });
        const { files } = await exportTo(memoryFolder({ "m.onnx": source }), "m.onnx", [{ tensor: "w", encoding }]);
        const planes = await bytesBehind(files, encoding === "f16" ? "w_f16" : "w_quantized");
        assert.deepEqual(planes.map((p) => p.toString("hex")), [codes[order], ...others]);
      });
    });
  }

  it("int2-g32-asym: four codes and four zero points to a byte, the first in the lowest bits", async () => {
    const values = Float32Array.from({ length: 64 }, (_, k) => (k < 32 ? k % 4 : (k % 4) - 3));
    const source = model({ nodes: [product], ...io([1, 64]), initializers: [floats("w", [64, 1], values)] });
    const { files } = await exportTo(memoryFolder({ "m.onnx": source }), "m.onnx", "int2-g32-asym");
    const planes = (await bytesBehind(files, "w_Q2")).map((p) => p.toString("hex"));
    assert.deepEqual(planes, ["e4".repeat(16), "0000803f0000803f", "ac"]); // zero points 0 and 3, then two of 2
  });
});

describe("ONNX export: recipes", () => {
  const names = encodings.filter((e) => e.targets.includes("onnx") && e.encode && !["f32", "bf16"].includes(e.name)).map((e) => e.name);

  it("a model takes another encoding for every weight", async () => {
    const [K, N] = [72, 6];
    const spelledOut = ["int4-g32-extreme", "int8-g64-absmax", "int4-g16-asym", "int2-g32-asym-minmax", "int4-qdq-g64", "int8-qdq-g32-asym"];
    const list = [...names.filter((n) => !n.includes("channel")), ...spelledOut];
    const values = list.map((_, i) => weights(K * N, i + 40));
    const spec = (at: (i: number) => Float32Array): ModelSpec => ({
      opset: 13,
      nodes: [
        ...list.map((_, i): NodeSpec => ({ op: "MatMul", in: ["x", `w${i}x`], out: [`y${i}`] })),
        { op: "ReduceMean", in: ["y0"], out: ["mean"], attributes: { axes: [-1], keepdims: 0 } },
      ],
      inputs: [value("x", T.FLOAT, [2, K])],
      outputs: [...list.map((_, i) => value(`y${i}`)), value("mean")],
      initializers: list.map((_, i) => floats(`w${i}x`, [K, N], at(i))),
    });
    const c: Case = {
      spec: spec((i) => values[i]),
      feeds: { x: feed([2, K]) },
      changed: [],
      withValues: (v) => spec((i) => transposed(v.get(`w${i}x`)!, N, K)),
      error,
    };
    const assignments = list.map((encoding, i) => ({ tensor: `w${i}x`, encoding }));
    const { files, notes } = await exportTo(memoryFolder({ "m.onnx": model(c.spec) }), "m.onnx", assignments);
    assert.ok(list.length >= 12, list.join(", "));
    assert.match(notes.join(" "), /raised to 21/);
    await agrees(files, c, list.map((_, i) => `w${i}x`));
  });

  const refused: [encoding: string, why: RegExp][] = [
    ["q4_0", /ONNX model cannot hold q4_0/],
    ["int4-channel", /ONNX model cannot hold int4-channel/],
    ["bf16", /ONNX model cannot hold bf16/],
    ["int3-g32", /ONNX model cannot hold int3-g32/],
    ["int4-g32-f16", /compute in f32, which the scales must be/],
  ];
  for (const [encoding, why] of refused) {
    it(`${encoding} is refused`, async () => {
      const folder = memoryFolder({ "m.onnx": model(matrixCase([product]).spec) });
      await assert.rejects(exportTo(folder, "m.onnx", [{ tensor: "w", encoding }]), why);
    });
  }
});

describe("ONNX: what a recipe may name", () => {
  const half = tensor({ name: "h", type: T.FLOAT16, dims: [40, 5], raw: new Uint8Array(400) });
  const source = model({
    nodes: [product, { ...lookUp, out: ["e"] }, { op: "MatMul", in: ["g", "h"], out: ["z"] }, { op: "Neg", in: ["n"], out: ["o"] }],
    inputs: [value("x", T.FLOAT, [2, 40]), value("i", T.INT64, [2, 3]), value("g", T.FLOAT16, [2, 40])],
    outputs: [value("y"), value("e"), value("z", T.FLOAT16)],
    initializers: [floats("w", [40, 5], weights(200, 1)), floats("t", [V, D], table), half, floats("n", [3, 3], weights(9, 2))],
  });
  const rows: [tensor: string, asked: string, held: string | undefined][] = [
    ["w", "INT4-g16-asym", "int4-g16-asym"],
    ["w", "int4-g32-f16", undefined],
    ["w", "int4-g32-f32", "int4-g32-f32"],
    ["w", "int4-g8", undefined],
    ["w", "q4_0", undefined],
    ["w", "int4-qdq-g64-asym", "int4-qdq-g64-asym"],
    ["h", "int4-g32-extreme", "int4-g32-f16-extreme"],
    ["h", "int8-g64-asym", "int8-g64-asym-f16"],
    ["h", "int2-g32-asym-minmax", "int2-g32-asym-f16-minmax"],
    ["h", "int4-qdq-g32", "int4-qdq-g32"],
    ["h", "f16", undefined],
    ["t", "int8-g64", "int8-g64"],
    ["t", "int8-g128", undefined],
    ["t", "int8-qdq", undefined],
    ["t", "f16", "f16"],
    ["n", "int4-g32", undefined],
  ];
  for (const [name, asked, held] of rows) {
    it(`${asked} for ${name} is ${held ?? "refused"}`, async () => {
      const index = await onnx.readIndex(memoryFolder({ "m.onnx": source }), "m.onnx");
      const info = index.tensors.find((t) => t.name === name)!;
      assert.equal(onnx.recipeEncoding!(info, asked, encodingFacts), held);
    });
  }
});

describe("ONNX export: half precision", () => {
  it("kernels of Conv and tables of Gather are halved, vectors and integers stay", async () => {
    const kernel = weights(4 * 2 * 9, 3);
    const spec = (k: Float32Array, t: Float32Array): ModelSpec => ({
      nodes: [{ op: "Conv", in: ["x", "k", "b"], out: ["y"] }, { ...lookUp, out: ["z"] }],
      inputs: [value("x", T.FLOAT, [1, 2, 8, 8]), value("i", T.INT64, [2, 3])],
      outputs: [value("y"), value("z")],
      initializers: [floats("k", [4, 2, 3, 3], k), floats("b", [4], weights(4, 8)), floats("t", [V, D], t)],
    });
    await check("f16", {
      spec: spec(kernel, table),
      feeds: { x: feed([1, 2, 8, 8]), i: indices },
      changed: ["k", "t"],
      withValues: (v) => spec(v.get("k")!, v.get("t")!),
      error,
    });
  });

  it("a matrix that is an output too keeps its type and name", () =>
    check("f16", matrixCase([product], { outputs: [value("y"), value("w", T.FLOAT, [40, 5])] })));

  it("a matrix in half precision already is no business of it", async () => {
    const half = tensor({ name: "w", type: T.FLOAT16, dims: [2, 2], raw: new Uint8Array(8) });
    const source = model({ nodes: [product], ...io([1, 2]), initializers: [half] });
    assert.deepEqual((await exportTo(memoryFolder({ "m.onnx": source }), "m.onnx", "f16")).files.get("out.onnx"), source);
  });
});

describe("ONNX export: local functions", () => {
  const functions = [
    { name: "L", domain: "d", inputs: ["a", "b"], outputs: ["c"], nodes: [{ op: "MatMul", in: ["a", "b"], out: ["c"] }] },
  ];
  const call: NodeSpec = { op: "L", domain: "d", in: ["x", "w"], out: ["y"] };
  for (const target of ["int8-qdq", "int4-qdq-g32", "f16"]) {
    it(`${target}: a function is called with the value of the codes`, () =>
      check(target, matrixCase([call], { functions, domains: { d: 1 } })));
  }
});
