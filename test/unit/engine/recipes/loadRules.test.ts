import assert from "node:assert/strict";
import type { ExportForms, FormatName, TensorInfo, TensorRole } from "../../../../src/core/model";
import { keep } from "../../../../src/core/recipe";
import { fileFindings, type LoadFinding, loadRules } from "../../../../src/engine/recipes/loadRules";
import type { PlannedExport } from "../../../../src/engine/exportChoices";

interface Row {
  readonly name: string;
  readonly encoding?: string;
  readonly role?: TensorRole;
  readonly layer?: number;
  readonly expert?: number;
  readonly shape?: readonly number[];
  readonly exportForms?: ExportForms;
  readonly consumers?: readonly string[];
  /** Of the whole model. */
  readonly opset?: string;
}

const tensor = ({ name, role = "other", layer, expert, shape = [128, 256], exportForms, consumers }: Row): TensorInfo => ({
  name,
  role,
  layer,
  expert,
  shape,
  exportForms,
  consumers,
  elementCount: shape.reduce((a, b) => a * b, 1),
  encodingLabel: "F32",
  byteLength: 4 * shape[0] * shape[1],
  bitsPerWeight: 32,
  group: "",
});

/** What the rule of this code says about the rows; `refused`: "tensor encoding" pairs that do not fit. */
function findings(format: FormatName, code: string, rows: readonly Row[], refused: readonly string[] = []): LoadFinding[] {
  const rule = loadRules.find((r) => r.code === code && r.format === format);
  assert.ok(rule, `no rule ${code} for ${format}`);
  return rule.check({
    tensors: rows.map(tensor),
    metadata: rows.flatMap((r) => (r.opset === undefined ? [] : [["opset ai.onnx", r.opset] as const])),
    encodingOf: (name) => rows.find((r) => r.name === name)?.encoding ?? keep,
    holds: (name, encoding) => !refused.includes(`${name} ${encoding}`),
  });
}

const attention = (q: string, k: string, v: string, layer = 0): Row[] =>
  [q, k, v].map((encoding, i) => ({ name: `${"qkv"[i]}${layer}`, role: (["q", "k", "v"] as const)[i], layer, encoding }));
const expert = (n: number, gate: string, up: string, down: string): Row[] =>
  [gate, up, down].map((encoding, i) => ({
    name: `${["gate", "up", "down"][i]}${n}`,
    role: (["gate", "up", "down"] as const)[i],
    layer: 3,
    expert: n,
    encoding,
  }));
const one = (encoding: string, more: Partial<Row> = {}): Row[] => [{ name: "w", encoding, ...more }];
const product = { consumers: ["MatMul"] };
const table = { GatherBlockQuantized: { scaleType: "f32" } } as const;

/** Each rule: what sets it off, with the tensors it names and its first remedy; and what looks alike and does not. */
const cases: readonly {
  readonly format: FormatName;
  readonly code: string;
  readonly fires: readonly (readonly [string, Row[], string[], (readonly [string, string[]])?])[];
  readonly silent: readonly (readonly [string, Row[]])[];
}[] = [
  {
    format: "gguf",
    code: "small-head",
    fires: [
      ["a head at four bits", one("q4_K", { role: "head" }), ["w"], ["q6_K", ["w"]]],
      ["an embedding that doubles as the head", one("iq4_xs", { role: "embedding" }), ["w"], ["q6_K", ["w"]]],
      ["a head of one bit", one("q1_0", { role: "head" }), ["w"], ["q6_K", ["w"]]],
    ],
    silent: [
      ["six bits", one("q6_K", { role: "head" })],
      ["eight bits", one("q8_0", { role: "head" })],
      ["kept", one(keep, { role: "head" })],
      ["an embedding beside a head", [...one("q4_K", { role: "embedding" }), { name: "h", role: "head", encoding: "q6_K" }]],
      ["another matrix", one("q4_K", { role: "down" })],
    ],
  },
  {
    format: "gguf",
    code: "cpu-only",
    fires: [["ternary blocks", [...one("tq1_0"), { name: "x", encoding: "tq2_0" }], ["w", "x"]]],
    silent: [
      ["two bits of another kind", one("q2_K")],
      ["kept", one(keep)],
    ],
  },
  {
    format: "gguf",
    code: "young-type",
    fires: [
      ["signs", one("q1_0"), ["w"]],
      ["two bits", one("q2_0"), ["w"]],
      ["NVIDIA's floats", one("nvfp4"), ["w"]],
    ],
    silent: [
      ["K-quants of like names", one("q2_K")],
      ["q4_0", one("q4_0")],
      ["mxfp4", one("mxfp4")],
    ],
  },
  {
    format: "onnx",
    code: "int8-activations",
    fires: [
      ["per channel", one("int8-qdq", product), ["w"]],
      ["per block", one("int4-qdq-g32-asym", { consumers: ["Transpose", "MatMul"] }), ["w"]],
    ],
    silent: [
      ["MatMulNBits, which says how it computes", one("int4-g32", product)],
      ["half precision", one("f16", product)],
      ["kept", one(keep, product)],
      ["a convolution, which computes with floats", one("int8-qdq", { shape: [16, 8, 3, 3], consumers: ["Conv"] })],
      ["Gemm, which does so too", one("int8-qdq", { consumers: ["Gemm"] })],
    ],
  },
  {
    format: "onnx",
    code: "operator-set-21",
    fires: [
      ["blocks", one("int8-qdq-g32"), ["w"]],
      ["blocks in a model of an older set", one("int4-qdq-g32", { opset: "20" }), ["w"]],
    ],
    silent: [
      ["a model that has it already", one("int8-qdq-g32", { opset: "21" })],
      ["per channel, known since 13", one("int8-qdq")],
      ["MatMulNBits", one("int8-g32")],
    ],
  },
  {
    format: "onnx",
    code: "two-bits",
    fires: [["two bits", one("int2-g32-asym"), ["w"], ["int4-g32-asym", ["w"]]]],
    silent: [
      ["four bits", one("int4-g32")],
      ["eight bits", one("int8-g32")],
    ],
  },
  {
    format: "onnx",
    code: "group-alignment",
    fires: [["blocks of 512", one("int4-g512"), ["w"], ["int4-g256", ["w"]]]],
    silent: [
      ["blocks of 256", one("int4-g256")],
      ["blocks of 16", one("int4-g16")],
      ["DequantizeLinear", one("int4-qdq-g512")],
      ["a table", one("int4-g512", { exportForms: table })],
    ],
  },
  {
    format: "onnx",
    code: "matrix-size",
    fires: [
      ["two bits, one row beyond 2^31 weights", one("int2-g32-asym", { shape: [2 ** 18 + 1, 8192] }), ["w"], ["int4-g32-asym", ["w"]]],
      ["eight bits", one("int8-g128", { shape: [256_000, 12_288] }), ["w"], ["int4-g128", ["w"]]],
      ["eight bits whose rows end with half a block", one("int8-g128", { shape: [2 ** 18 + 1, 8129] }), ["w"]],
    ],
    silent: [
      ["2^31 weights", one("int8-g128", { shape: [2 ** 18, 8192] })],
      ["two bits whose codes are fewer bytes", one("int2-g128", { shape: [2 ** 18 + 1, 8129] })],
      ["four bits, which are multiplied as they are", one("int4-g32", { shape: [2 ** 19, 8192] })],
      ["a table", one("int8-g128", { shape: [2 ** 19, 8192], exportForms: table })],
      ["kept", one(keep, { shape: [2 ** 19, 8192] })],
    ],
  },
  {
    format: "onnx",
    code: "matrix-size-qdq",
    fires: [
      ["per block", one("int4-qdq-g32", { shape: [2 ** 18, 8192], ...product }), ["w"]],
      ["per channel", one("int8-qdq", { shape: [2 ** 18, 8192], ...product }), ["w"]],
    ],
    silent: [
      ["a row less than 2^31 weights", one("int4-qdq-g32", { shape: [2 ** 18 - 1, 8192], ...product })],
      ["a convolution, which is not fused", one("int8-qdq", { shape: [2 ** 18, 2 ** 10, 3, 3], consumers: ["Conv"] })],
      ["Gemm", one("int4-qdq-g32", { shape: [2 ** 18, 8192], consumers: ["Gemm"] })],
      ["MatMulNBits", one("int4-g32", { shape: [2 ** 18, 8192], ...product })],
    ],
  },
  {
    format: "onnx",
    code: "quantized-embedding",
    fires: [["a table in blocks", one("int8-g32", { role: "embedding", exportForms: table }), ["w"]]],
    silent: [
      ["a table as halves", one("f16", { role: "embedding", exportForms: table })],
      ["a table that is one already", one("int8-g32", { exportForms: table, consumers: ["GatherBlockQuantized"] })],
      ["a product", one("int8-g32", { exportForms: { MatMulNBits: { scaleType: "f32" } } })],
    ],
  },
  {
    format: "safetensors",
    code: "fused-schemes",
    fires: [
      [
        "q apart from k and v",
        [...attention("int8-g128", "int4-g128", "int4-g128"), ...attention("int4-g32", "int4-g32", "int4-g32", 1)],
        ["q0", "k0", "v0"],
        ["int4-g128", ["q0"]],
      ],
      ["v kept", attention("int4-g128", "int4-g128", keep), ["q0", "k0", "v0"], ["int4-g128", ["v0"]]],
      [
        "gate and up of a block",
        [
          { name: "g", role: "gate", layer: 2, encoding: "int4-g32" },
          { name: "u", role: "up", layer: 2, encoding: "int4-g32-asym" },
        ],
        ["g", "u"],
      ],
    ],
    silent: [
      ["all alike", attention("int4-g128", "int4-g128", "int4-g128")],
      ["scales of different types", attention("int4-g128-bf16", "int4-g128-bf16", "int4-g128-f16")],
      ["all kept", attention(keep, keep, keep)],
      [
        "different blocks",
        [...attention("int4-g32", "int4-g32", "int4-g32", 0), ...attention("int8-g32", "int8-g32", "int8-g32", 1)],
      ],
      [
        "o and down, which nothing is fused with",
        [
          { name: "o", role: "o", layer: 0, encoding: "int8-g32" },
          { name: "d", role: "down", layer: 0, encoding: "int4-g32" },
        ],
      ],
      ["tensors outside the blocks", attention("int4-g32", "int8-g32", "int8-g32").map((r) => ({ ...r, layer: undefined }))],
      [
        "a shared expert beside the dense part",
        [
          { name: "mlp.shared_expert.gate", role: "gate", layer: 0, encoding: "int8-g32" },
          { name: "mlp.shared_expert.up", role: "up", layer: 0, encoding: "int8-g32" },
          { name: "mlp.gate", role: "gate", layer: 0, encoding: "int4-g32" },
          { name: "mlp.up", role: "up", layer: 0, encoding: "int4-g32" },
        ],
      ],
    ],
  },
  {
    format: "safetensors",
    code: "fused-experts",
    fires: [
      ["down apart", expert(0, "int4-g128", "int4-g128", "int8-g128"), ["gate0", "up0", "down0"], ["int4-g128", ["down0"]]],
      [
        "one expert apart",
        [...expert(0, "int4-g128", "int4-g128", "int4-g128"), ...expert(1, "int8-g128", "int8-g128", "int8-g128")],
        ["gate0", "up0", "down0", "gate1", "up1", "down1"],
      ],
    ],
    silent: [
      ["all alike", [...expert(0, "int4-g32", "int4-g32", "int4-g32"), ...expert(1, "int4-g32", "int4-g32", "int4-g32")]],
      ["a dense block", expert(0, "int4-g128", "int4-g128", "int8-g128").map((r) => ({ ...r, expert: undefined }))],
    ],
  },
  {
    format: "safetensors",
    code: "one-method",
    fires: [
      [
        "AWQ among compressed-tensors",
        [...one("int4-g128-bf16"), { name: "x", encoding: "int4-g128-bf16" }, { name: "y", encoding: "awq-4bit-g128" }],
        ["y"],
        ["int4-g128", ["y"]],
      ],
      ["both versions of GPTQ", [...one("gptq-4bit-g128"), { name: "x", encoding: "gptq_v2-4bit-g128" }], ["x"]],
      ["research beside the rest", [...one("f8-channel"), { name: "x", encoding: "lsbq2-g128" }], ["x"]],
    ],
    silent: [
      [
        "formats of compressed-tensors",
        [...one("int4-g128"), { name: "x", encoding: "int8-qdq" }, { name: "y", encoding: "f8-channel" }],
      ],
      ["GPTQ and kept weights", [...one("gptq-4bit-g128"), { name: "x", encoding: keep }]],
      ["two research layouts", [...one("lsbq2-g128"), { name: "x", encoding: "pvq-g16-k27-b4" }]],
    ],
  },
  {
    format: "safetensors",
    code: "awq-scheme",
    fires: [
      ["two groups", [...one("awq-4bit-g128"), { name: "x", encoding: "awq-4bit-g64" }], ["x"], ["awq-4bit-g128", ["x"]]],
    ],
    silent: [
      ["one group", [...one("awq-4bit-g128"), { name: "x", encoding: "awq-4bit-g128" }]],
      ["GPTQ, which names modules", [...one("gptq-4bit-g128"), { name: "x", encoding: "gptq-4bit-g32" }]],
    ],
  },
  {
    format: "safetensors",
    code: "group-size",
    fires: [
      ["groups of 16", one("int4-g16"), ["w"], ["int4-g32", ["w"]]],
      ["groups of 256 in GPTQ", one("gptq-4bit-g256"), ["w"], ["gptq-4bit-g128", ["w"]]],
    ],
    silent: [
      ...[32, 64, 128].map((g) => [`groups of ${g}`, one(`int4-g${g}-asym-bf16`)] as const),
      ["whole rows", one("int4-channel")],
      ["8-bit inputs, another kernel", one("int8-qdq")],
      ["research", one("lsbq2-g16")],
    ],
  },
  {
    format: "safetensors",
    code: "group-alignment",
    fires: [
      ["outputs no multiple of 64", one("int4-g32", { shape: [96, 256] }), ["w"]],
      ["inputs no multiple of 128", one("awq-4bit-g64", { shape: [64, 192] }), ["w"]],
    ],
    silent: [
      ["both are", one("int8-channel", { shape: [64, 128] })],
      ["FP8", one("f8-channel", { shape: [96, 96] })],
      ["kept", one(keep, { shape: [96, 96] })],
    ],
  },
  {
    format: "safetensors",
    code: "asymmetric-gptq",
    fires: [["zero points", one("gptq_v2-4bit-g128-asym"), ["w"], ["gptq_v2-4bit-g128", ["w"]]]],
    silent: [
      ["symmetric", one("gptq-4bit-g128")],
      ["AWQ", one("awq-4bit-g128")],
      ["packed", one("int4-g128-asym")],
    ],
  },
  {
    format: "safetensors",
    code: "int8-activations",
    fires: [["int-quantized", one("int8-qdq-bf16"), ["w"]]],
    silent: [
      ["packed eight bits", one("int8-channel")],
      ["FP8 weights", one("f8-channel")],
    ],
  },
  {
    format: "safetensors",
    code: "research-layout",
    fires: [
      ["binary", one("lsbq2-g128"), ["w"]],
      ["ternary", one("ternary-g128"), ["w"]],
      ["pyramid", one("pvq-g16-k27-b4"), ["w"]],
    ],
    silent: [
      ["packed", one("int4-g128")],
      ["kept", one(keep)],
    ],
  },
];

describe("engine: will it load?", () => {
  for (const { format, code, fires, silent } of cases) {
    for (const [name, rows, tensors, remedy] of fires) {
      it(`${format} ${code}: ${name}`, () => {
        const [found, ...others] = findings(format, code, rows);
        assert.deepEqual(others, []);
        assert.deepEqual(found.tensors, tensors);
        assert.match(found.message, /^.{20,}\.$/);
        if (remedy) assert.deepEqual([found.remedies![0].encoding, found.remedies![0].tensors], remedy);
      });
    }
    for (const [name, rows] of silent) {
      it(`${format} ${code} is silent: ${name}`, () => assert.deepEqual(findings(format, code, rows), []));
    }
  }

  it("every rule is tried above, and names a runtime and a source", () => {
    const tried = cases.map((c) => `${c.format} ${c.code}`);
    assert.deepEqual(loadRules.map((r) => `${r.format} ${r.code}`).sort(), [...tried].sort());
    for (const { runtime, source } of loadRules) assert.ok(runtime && source.length > 20);
  });

  it("a remedy that a tensor cannot take is not offered", () => {
    const head = findings("gguf", "small-head", one("q4_0", { role: "head" }), ["w q6_K"]);
    assert.deepEqual(
      head[0].remedies?.map((r) => r.encoding),
      ["q8_0"],
    );
    const fused = findings("safetensors", "fused-schemes", attention("int8-g128", "int4-g96", "int4-g96"), ["q0 int4-g96"]);
    assert.deepEqual(
      fused[0].remedies?.map((r) => r.encoding),
      ["int8-g128"],
    );
  });

  it("schemes that differ say where: in a block, in blocks", () => {
    const odd = (layer: number) => attention("int8-g128", "int4-g128", "int4-g128", layer);
    const says = (rows: Row[]) => findings("safetensors", "fused-schemes", rows)[0].message;
    assert.match(says(odd(3)), /in block 3 these differ/);
    assert.match(says([...odd(0), ...odd(1)]), /in blocks 0, 1 these differ/);
  });

  const planned = (format: FormatName, names: readonly string[]) =>
    ({
      format,
      plan: { files: names.map((name) => ({ name, byteLength: 1, segments: [] })), notes: [] },
    }) as unknown as PlannedExport;
  const files: [string, FormatName, string[], number, number][] = [
    ["an ONNX file that needs a second one", "onnx", ["m.onnx", "m.onnx.data"], 1, 1],
    ["one that had a second one before", "onnx", ["m.onnx", "m.onnx.data"], 2, 0],
    ["one file", "onnx", ["m.onnx"], 1, 0],
    ["a folder of shards", "safetensors", ["a.safetensors", "b.safetensors"], 1, 0],
  ];
  for (const [name, format, names, sources, want] of files) {
    it(`external data: ${name}`, () => {
      const found = fileFindings(planned(format, names), sources);
      assert.equal(found.length, want);
      if (want) assert.match(found[0].message, /m\.onnx\.data is written beside it/);
    });
  }
});
