import assert from "node:assert/strict";
import { encodingFacts } from "../../../../src/encodings/index";
import { onnx } from "../../../../src/formats/onnx";
import { openFolder } from "../../../../src/node/files";
import { createSession, type OrtValue } from "../../../../src/node/ort/session";
import { TemporaryFolder } from "../../../builders/folder";
import {
  bytes,
  floats,
  graph,
  int,
  join,
  memoryFolder,
  model,
  type ModelSpec,
  node,
  type NodeSpec,
  raw,
  T,
  tag,
  tensor,
  text,
  value,
  varint,
} from "../../../builders/onnx";
import { exportTo } from "./executor";

import {
  bias,
  allTargets,
  type Case,
  check,
  error,
  feed,
  io,
  K,
  matrixCase,
  N,
  outIn,
  product,
  transposed,
  w,
  weights,
} from "./exportCase";

describe("ONNX export", () => {
  for (const target of allTargets) {
    it(`${target}: MatMul, the last block not full`, () => check(target, matrixCase([product])));
  }

  const cases: [name: string, make: () => Case][] = [
    ["Gemm without an addend", () => matrixCase([{ op: "Gemm", in: ["x", "w"], out: ["y"] }])],
    [
      "Gemm with transB and a bias",
      () =>
        matrixCase([{ op: "Gemm", in: ["x", "w", "b"], out: ["y"], attributes: { transB: 1 } }], {
          stored: outIn,
          initializers: [bias],
        }),
    ],
    [
      "Gemm with an addend for the whole result",
      () => matrixCase([{ op: "Gemm", in: ["x", "w", "c"], out: ["y"] }], { initializers: [floats("c", [2, 1], [0.5, -0.5])] }),
    ],
    [
      "a matrix transposed before the product",
      () =>
        matrixCase(
          [
            { op: "Transpose", in: ["w"], out: ["t"], attributes: { perm: [1, 0] } },
            { op: "MatMul", in: ["x", "t"], out: ["y"] },
          ],
          { stored: outIn },
        ),
    ],
    [
      "a matrix behind Identity",
      () =>
        matrixCase([
          { op: "Identity", in: ["w"], out: ["v"] },
          { op: "MatMul", in: ["x", "v"], out: ["y"] },
        ]),
    ],
    [
      "a matrix in a Constant node",
      () => {
        const spec = (kn: Float32Array): ModelSpec => ({
          ...io([2, K]),
          nodes: [{ op: "Constant", in: [], out: ["w"], attributes: { value: { tensor: floats("", [K, N], kn) } } }, product],
        });
        return { ...matrixCase([]), spec: spec(w), withValues: (v) => spec(transposed(v.get("w")!, N, K)) };
      },
    ],
    [
      "one matrix in two products",
      () =>
        matrixCase([product, { op: "MatMul", in: ["x2", "w"], out: ["y2"] }], {
          inputs: [value("x", T.FLOAT, [2, K]), value("x2", T.FLOAT, ["n", K])],
          outputs: [value("y"), value("y2")],
        }),
    ],
    [
      "a matrix of the outer graph used in both bodies of If",
      () =>
        matrixCase(
          [
            {
              op: "If",
              in: ["c"],
              out: ["y"],
              attributes: {
                then_branch: { graph: graph({ nodes: [{ op: "MatMul", in: ["x", "w"], out: ["z"] }], outputs: [value("z")] }) },
                else_branch: {
                  graph: graph({
                    nodes: [
                      { op: "MatMul", in: ["x", "w"], out: ["m"] },
                      { op: "Neg", in: ["m"], out: ["z"] },
                    ],
                    outputs: [value("z")],
                  }),
                },
              },
            },
          ],
          { inputs: [value("x", T.FLOAT, [2, K]), value("c", T.BOOL, [])] },
        ),
    ],
    [
      "initializers that are inputs as well, IR version 3",
      () =>
        matrixCase([{ op: "Gemm", in: ["x", "w", "b"], out: ["y"] }], {
          ir: 3,
          opset: 9,
          initializers: [bias],
          inputs: [value("x", T.FLOAT, [2, K]), value("w", T.FLOAT, [K, N]), value("b", T.FLOAT, [N])],
        }),
    ],
    [
      "an initializer that is an input, IR version 10",
      () => matrixCase([product], { inputs: [value("x", T.FLOAT, [2, K]), value("w", T.FLOAT, [K, N])] }),
    ],
  ];
  for (const [name, make] of cases) {
    for (const target of ["int4-g32-asym", "int8-qdq", "int4-qdq-g32-asym", "f16"]) {
      it(`${target}: ${name}`, async () => {
        const c = make();
        const feeds = { ...c.feeds };
        if (name.includes("two products")) feeds.x2 = feed([3, K], 7);
        if (name.includes("If")) feeds.c = { type: "bool", dims: [], data: Uint8Array.of(0) };
        await check(target, { ...c, feeds });
      });
    }
  }

  it("a matrix inside a body of If is replaced there", async () => {
    const body = (kn: Float32Array) =>
      graph({
        nodes: [{ op: "MatMul", in: ["x", "w"], out: ["z"] }],
        initializers: [floats("w", [K, N], kn)],
        outputs: [value("z")],
      });
    const spec = (kn: Float32Array): ModelSpec => ({
      inputs: [value("x", T.FLOAT, [2, K]), value("c", T.BOOL, [])],
      outputs: [value("y")],
      nodes: [
        {
          op: "If",
          name: "i",
          in: ["c"],
          out: ["y"],
          attributes: { then_branch: { graph: body(kn) }, else_branch: { graph: body(kn) } },
        },
      ],
    });
    const feeds = { x: feed([2, K]), c: { type: "bool", dims: [], data: Uint8Array.of(1) } as OrtValue };
    for (const target of ["int8-g32", "int8-qdq", "int8-qdq-g32", "f16"]) {
      const withValues = (v: ReadonlyMap<string, Float32Array>) => spec(transposed(v.get("i/then_branch/w")!, N, K));
      await check(target, { spec: spec(w), feeds, changed: ["i/then_branch/w", "i/else_branch/w"], withValues, error });
    }
  });

  it("16-bit weights whose products are computed in 32 bits take 32-bit scales; the Cast goes", async () => {
    const half = (kn: Float32Array) =>
      tensor({ name: "w", type: T.BFLOAT16, dims: [K, N], raw: raw(Uint16Array.from(kn, bf16)) });
    const nodes: NodeSpec[] = [
      { op: "Cast", in: ["w"], out: ["f"], attributes: { to: 1 } },
      { op: "MatMul", in: ["x", "f"], out: ["y"] },
    ];
    const c = matrixCase(nodes, { stored: half });
    const plain = matrixCase([product]);
    const { files } = await check("int8-g32", { ...c, withValues: plain.withValues });
    assert.ok(!Buffer.from(files.get("out.onnx")!).includes("Cast"));
  });

  it("16-bit weights in 16-bit products take 16-bit scales", async () => {
    const folder = memoryFolder({
      "m.onnx": model({
        nodes: [product],
        inputs: [value("x", T.FLOAT16, [1, K])],
        outputs: [value("y", T.FLOAT16)],
        initializers: [
          tensor({
            name: "w",
            type: T.FLOAT16,
            dims: [K, N],
            raw: raw(Uint16Array.from({ length: K * N }, (_, i) => 0x3800 + 7 * i)),
          }),
        ],
      }),
    });
    const { files } = await exportTo(folder, "m.onnx", "int8-g32-asym");
    const index = await onnx.readIndex(memoryFolder(Object.fromEntries(files)), "out.onnx");
    assert.equal(index.tensors[0].storage?.affine?.scaleType, "f16");
    const session = await createSession(files.get("out.onnx")!);
    const result = await session.run({ x: { type: "float16", dims: [1, K], data: new Uint16Array(K).fill(0x3c00) } });
    await session.dispose();
    const sums = Array.from({ length: N }, (_, n) =>
      Array.from({ length: K }, (_, k) => f16(0x3800 + 7 * (k * N + n))).reduce((a, b) => a + b, 0),
    );
    Array.from(result.y.data as Uint16Array, f16).forEach((v, i) =>
      assert.ok(Math.abs(v - sums[i]) < 0.005 * sums[i], `${v} for ${sums[i]}`),
    );
  });

  const kernel = weights(6 * 2 * 9, 3);
  const convolution = (kernelValues: Float32Array, opset: number, last: NodeSpec): ModelSpec => ({
    opset,
    ir: 6,
    inputs: [value("x", T.FLOAT, [1, 2, 8, 8])],
    outputs: [value("y")],
    initializers: [floats("k", [6, 2, 3, 3], kernelValues), floats("b", [6], weights(6, 8))],
    nodes: [{ op: "Conv", in: ["x", "k", "b"], out: ["c"] }, last],
  });
  const opsets: [name: string, opset: number, last: NodeSpec, note: RegExp | undefined, version: string][] = [
    ["is used as it is from 13 on", 13, { op: "Softmax", in: ["c"], out: ["y"] }, undefined, "13"],
    ["is raised where every operator keeps its meaning", 9, { op: "Relu", in: ["c"], out: ["y"] }, /raised to 13/, "13"],
    ["stays where Softmax would change its meaning", 11, { op: "Softmax", in: ["c"], out: ["y"] }, /because Softmax/, "11"],
  ];
  for (const [name, opset, last, note, version] of opsets) {
    it(`int8-qdq: Conv; the operator set ${name}`, async () => {
      const { notes, files } = await check("int8-qdq", {
        spec: convolution(kernel, opset, last),
        feeds: { x: feed([1, 2, 8, 8]) },
        changed: ["k"],
        withValues: (v) => convolution(v.get("k")!, opset, last),
        error,
      });
      if (note) assert.match(notes.join(" "), note);
      else assert.deepEqual(notes, []);
      const index = await onnx.readIndex(memoryFolder(Object.fromEntries(files)), "out.onnx");
      assert.equal(new Map(index.metadata).get("opset ai.onnx"), version);
    });
  }

  it("external data: kept tensors and codes move to one new companion file, ranges used twice are copied once", async () => {
    const table = weights(300, 4);
    const data = new Uint8Array(4000);
    data.set(raw(w), 100);
    data.set(raw(table), 1000);
    const at = (name: string, dims: number[], offset: number) =>
      tensor({ name, dims, external: { location: "w.bin", offset: String(offset) } });
    const nodes: NodeSpec[] = [
      product,
      { op: "ReduceSum", in: ["t"], out: ["y2"], attributes: { keepdims: 0 } },
      { op: "ReduceSum", in: ["u"], out: ["y3"], attributes: { keepdims: 0 } },
    ];
    const spec: ModelSpec = {
      nodes,
      inputs: [value("x", T.FLOAT, [2, K])],
      outputs: [value("y"), value("y2"), value("y3")],
      initializers: [at("w", [K, N], 100), at("t", [300], 1000), at("u", [300], 1000)],
    };
    const withValues = (v: ReadonlyMap<string, Float32Array>): ModelSpec => ({
      ...spec,
      initializers: [floats("w", [K, N], transposed(v.get("w")!, N, K)), ...spec.initializers!.slice(1)],
    });
    const c: Case = { spec, beside: { "w.bin": data }, feeds: { x: feed([2, K]) }, changed: ["w"], withValues, error };
    for (const target of ["int8-g32", "int8-qdq", "int8-qdq-g32", "f16"]) {
      const { files, notes } = await check(target, c);
      assert.deepEqual([...files.keys()], ["out.onnx", "out.onnx.data"]);
      assert.ok(files.get("out.onnx.data")!.length < 1200 + 64 + 1500);
      assert.match(notes.join(" "), /out\.onnx\.data/);
    }
  });

  it("external data that is missing stops the export", async () => {
    const spec: ModelSpec = {
      nodes: [product],
      ...io([2, K]),
      initializers: [floats("w", [K, N], w), tensor({ name: "t", dims: [9], external: { location: "gone" } })],
    };
    await assert.rejects(exportTo(memoryFolder({ "m.onnx": model(spec) }), "m.onnx", "int4-g32"), { code: "not-found" });
  });

  it("a model of 3 GB: the codes go to a companion file, page aligned, and nothing is read", async () => {
    const side = 27_000;
    const length = side * side * 4;
    const tensorHead = join(int(1, side), int(1, side), int(2, 1), text(8, "w"), tag(9, 2), varint(length));
    const graphHead = join(bytes(1, node(product)), tag(5, 2), varint(tensorHead.length + length), tensorHead);
    const head = join(int(1, 8), tag(7, 2), varint(graphHead.length + length), graphHead);
    const temporary = new TemporaryFolder();
    try {
      temporary.put("big.onnx", { head, size: head.length + length });
      const folder = await openFolder(temporary.path);
      const index = await onnx.readIndex(folder, "big.onnx");
      const { assignments } = onnx.assign(index, "int4-g32-asym", encodingFacts);
      const plan = await onnx.planWrite({
        folder,
        index,
        assignments,
        target: "int4-g32-asym",
        outputName: "o.onnx",
        facts: encodingFacts,
      });
      const [main, data] = plan.files;
      assert.deepEqual([main.name, data.name], ["o.onnx", "o.onnx.data"]);
      assert.ok(main.byteLength < 2000 && main.segments.every((s) => s.kind === "bytes"));
      const planes = data.segments.filter((s) => s.kind === "plane");
      assert.deepEqual(
        planes.map((s) => [s.plane, s.offset % 4096, s.arrangement]),
        [
          [0, 0, "rows"],
          [1, 0, "rows"],
          [2, 0, "pack-4-bit-zeros-in-rows"],
        ],
      );
    } finally {
      temporary.remove();
    }
  });
});

const wide = new Float32Array(1);
const word = new Uint32Array(wide.buffer);
/** Truncation is exact enough here: the exported codes are compared with themselves. */
function bf16(v: number): number {
  wide[0] = v;
  return word[0] >>> 16;
}
/** A normal half-precision number. */
const f16 = (bits: number) => (1 + (bits & 1023) / 1024) * 2 ** (((bits >> 10) & 31) - 15);
