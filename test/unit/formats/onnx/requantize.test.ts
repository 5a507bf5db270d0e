import assert from "node:assert/strict";
import { onnx } from "../../../../src/formats/onnx";
import { floats, memoryFolder, model, type NodeSpec, T, tensor, value } from "../../../builders/onnx";
import { exportTo } from "./executor";
import { bias, check, error, feed, io, K, matrixCase, N, outIn, product, run, transposed, w } from "./exportCase";
import { valuesOf } from "./reference";

const network = (nodes: NodeSpec[] = [product], stored = floats("w", [K, N], w), more: Uint8Array[] = []) =>
  model({ nodes, ...io([2, K]), initializers: [stored, ...more] });
const gemm: NodeSpec = { op: "Gemm", name: "p", in: ["x", "w", "b"], out: ["y"], attributes: { transB: 1 } };

/** Exports a float model, and the result once more. */
async function twice(source: Uint8Array, first: string, second: string) {
  const once = await exportTo(memoryFolder({ "m.onnx": source }), "m.onnx", first);
  const again = await exportTo(memoryFolder(Object.fromEntries(once.files)), "out.onnx", second, "again.onnx");
  return { once: Object.fromEntries(once.files), again: Object.fromEntries(again.files), notes: again.notes };
}

const rootMeanSquare = (a: readonly number[], b: readonly number[]) =>
  Math.sqrt(a.reduce((sum, v, i) => sum + (v - b[i]) ** 2, 0) / b.reduce((sum, v) => sum + v * v, 0));

describe("ONNX export: weights that are quantized already", () => {
  const qdq = ["int8-qdq", "int8-qdq-g32", "int4-qdq-g32", "int4-qdq-g32-asym"];
  const blocks = ["int8-g32", "int4-g32-asym", "int4-g128", "int2-g32"];
  const fromQdq = qdq.flatMap((a) => [...qdq, ...blocks].map((b) => [a, b]));
  const pairs = [...fromQdq, ...blocks.flatMap((a) => blocks.map((b) => [a, b]))].filter(([a, b]) => a !== b);
  for (const [first, second] of pairs) {
    for (const [what, source] of [["MatMul", network()], ["Gemm", network([gemm], outIn(w), [bias])]] as const) {
      it(`${what}, ${first}, becomes ${second}: it runs as its own dequantized weights do, and nothing of the first is left`, async () => {
        const { once, again, notes } = await twice(source, first, second);
        assert.match(notes.join(" "), /1 tensor is quantized already and loses again/);
        const folder = memoryFolder(again);
        const index = await onnx.readIndex(folder, "again.onnx");
        assert.deepEqual(index.problems, []);
        const [weight] = index.tensors.filter((t) => t.shape.length === 2);
        assert.deepEqual([weight.shape, index.tensors.length], [[N, K], what === "Gemm" ? 2 : 1]);
        const values = await valuesOf(folder, index, weight);
        const plain = what === "Gemm" ? network([gemm], floats("w", [N, K], values), [bias]) : network([product], floats("w", [K, N], transposed(values, N, K)));
        const feeds = { x: feed([2, K]) };
        const got = await run(again, "again.onnx", feeds);
        assert.ok(rootMeanSquare(got, await run({ "m.onnx": plain }, "m.onnx", feeds)) < 1e-5);
        const bits = Number(/^int(\d)/.exec(second)![1]) as 2 | 4 | 8;
        assert.ok(rootMeanSquare(got, await run(once, "out.onnx", feeds)) < error[bits], "near what the first export gave");
        const text = Buffer.from(again["again.onnx"]).toString("latin1");
        assert.equal(text.match(/MatMulNBits/g)?.length ?? 0, second.includes("qdq") ? 0 : 1);
        assert.equal(text.match(/_scale/g)!.length, 2, "one initializer, and the operator that takes it");
      });
    }
  }

  it("a table in GatherBlockQuantized is looked up in its new codes", async () => {
    const table = floats("t", [9, 64], Float32Array.from({ length: 9 * 64 }, (_, i) => Math.sin(i)));
    const source = model({ nodes: [{ op: "Gather", in: ["t", "i"], out: ["y"] }], inputs: [value("i", T.INT64, [3])], outputs: [value("y")], initializers: [table] });
    const { once, again } = await twice(source, "int8-g32", "int4-g32-asym");
    const feeds = { i: { type: "int64" as const, dims: [3], data: BigInt64Array.of(0n, 8n, -2n) } };
    const distance = rootMeanSquare(await run(again, "again.onnx", feeds), await run(once, "out.onnx", feeds));
    assert.ok(distance > 0 && distance < error[4]);
  });

  it("MatMulNBits with an addend keeps it", async () => {
    const codes = tensor({ name: "c", type: T.UINT8, dims: [N, 2, 16], raw: Uint8Array.from({ length: N * 32 }, (_, i) => 73 * i) });
    const attributes = { K, N, bits: 4, block_size: 32 };
    const source = model({
      nodes: [{ op: "MatMulNBits", domain: "com.microsoft", in: ["x", "c", "s", "", "", "b"], out: ["y"], attributes }], domains: { "com.microsoft": 1 }, ...io([2, K]),
      initializers: [codes, floats("s", [N * 2], Float32Array.from({ length: N * 2 }, (_, i) => 0.1 + 0.01 * i)), bias],
    });
    const { files } = await exportTo(memoryFolder({ "m.onnx": source }), "m.onnx", "int8-g32");
    const feeds = { x: feed([2, K]) };
    const [got, before] = [await run(Object.fromEntries(files), "out.onnx", feeds), await run({ "m.onnx": source }, "m.onnx", feeds)];
    assert.ok(rootMeanSquare(got, before) < error[8]);
  });

  it("blocks that are as wanted stay byte for byte", async () => {
    const { once, again, notes } = await twice(network(), "int4-g32", "int4-g32");
    assert.match(notes.join(" "), /because it is stored so already/);
    assert.deepEqual(again["again.onnx"], once["out.onnx"]);
  });

  it("a zero point that other weights share stays for them", async () => {
    const codes = (name: string) => tensor({ name, type: T.INT8, dims: [K, N], raw: Uint8Array.from({ length: K * N }, (_, i) => 37 * i) });
    const deq = (name: string): NodeSpec => ({ op: "DequantizeLinear", in: [name, "s", "z"], out: [`${name}_d`] });
    const source = model({
      opset: 13,
      nodes: [deq("c"), deq("e"), { op: "MatMul", in: ["x", "c_d"], out: ["y"] }, { op: "Mul", in: ["e_d", "e_d"], out: ["z2"] }],
      inputs: [value("x", T.FLOAT, [2, K])], outputs: [value("y"), value("z2")],
      initializers: [codes("c"), codes("e"), floats("s", [], [0.01]), tensor({ name: "z", type: T.INT8, dims: [], raw: Uint8Array.of(3) })],
    });
    const { files } = await exportTo(memoryFolder({ "m.onnx": source }), "m.onnx", "int8-g32");
    const feeds = { x: feed([2, K]) };
    const [got, before] = [await run(Object.fromEntries(files), "out.onnx", feeds), await run({ "m.onnx": source }, "m.onnx", feeds)];
    assert.ok(rootMeanSquare(got, before) < error[8]);
  });

  const kept: [name: string, nodes: NodeSpec[], why: RegExp][] = [
    ["codes behind two DequantizeLinear", [
      { op: "DequantizeLinear", in: ["c", "s"], out: ["d"] }, { op: "DequantizeLinear", in: ["c", "s"], out: ["e"] },
      { op: "MatMul", in: ["x", "d"], out: ["t"] }, { op: "MatMul", in: ["t", "e"], out: ["y"] }], /quantized already, and its codes serve operators/],
    ["codes that integers multiply", [
      { op: "DynamicQuantizeLinear", in: ["x"], out: ["xq", "xs", "xz"] }, { op: "MatMulInteger", in: ["xq", "c", "xz"], out: ["p"] },
      { op: "Cast", in: ["p"], out: ["f"], attributes: { to: 1 } }, { op: "Mul", in: ["xs", "s"], out: ["m"] }, { op: "Mul", in: ["f", "m"], out: ["y"] }],
    /MatMulInteger computes with its codes/],
  ];
  for (const [name, nodes, why] of kept) {
    it(`${name}: kept, and a note says why`, async () => {
      const codes = tensor({ name: "c", type: T.INT8, dims: [32, 32], raw: new Uint8Array(1024).fill(3) });
      const source = model({ nodes, ...io([2, 32]), initializers: [codes, floats("s", [], [0.5])] });
      const { files, notes } = await exportTo(memoryFolder({ "m.onnx": source }), "m.onnx", "int4-g32");
      assert.match(notes.join(" "), why);
      assert.deepEqual(files.get("out.onnx"), source);
    });
  }

  it("a float beside it is quantized for the first time", async () => {
    const { notes } = await check("int8-g32", matrixCase([product]));
    assert.doesNotMatch(notes.join(" "), /quantized already/);
  });
});
