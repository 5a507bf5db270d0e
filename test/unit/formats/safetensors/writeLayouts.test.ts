import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { EngineError } from "../../../../src/core/errors";
import { gainLevels } from "../../../../src/core/math/pvq/gain";
import { encoding, encodingFacts } from "../../../../src/encodings";
import { safetensors } from "../../../../src/formats/safetensors";
import { planeShapes } from "../../../../src/formats/safetensors/quantized/planes";
import { schemeOf } from "../../../../src/formats/safetensors/schemes";
import { openFolder } from "../../../../src/node/files";
import { TemporaryFolder } from "../../../builders/folder";
import { exportPlainly, valuesOf } from "../../../builders/runPlan";
import { safetensorsFile, type TensorSpec } from "../../../builders/safetensors";

let folder: TemporaryFolder;
beforeEach(() => (folder = new TemporaryFolder()));
afterEach(() => folder.remove());

const out = () => path.join(folder.path, "out");
const f32 = (shape: number[], value: (i: number) => number): TensorSpec => {
  const values = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => value(i));
  return { dtype: "F32", shape, data: new Uint8Array(values.buffer) };
};
const wave = (shape: number[], shift = 0) => f32(shape, (i) => Math.sin(i * 0.7 + shift) * (1 + (i % 13)) + shift);

const up = "model.layers.0.mlp.up_proj";
const router = "model.layers.0.mlp.gate";
const [rows, columns] = [24, 256];
const block = (shift = 0): Record<string, TensorSpec> => ({
  "model.embed_tokens.weight": wave([9, columns]),
  [`${router}.weight`]: wave([4, columns]),
  [`${up}.bias`]: wave([rows]),
  [`${up}.weight`]: wave([rows, columns], shift),
});

interface Written {
  dtype: string;
  shape: number[];
  bytes: Buffer;
}

function written(name = "m.safetensors"): { tensors: Record<string, Written>; metadata: Record<string, string> } {
  const file = fs.readFileSync(path.join(out(), name));
  const length = Number(file.readBigUInt64LE());
  const { __metadata__, ...json } = JSON.parse(file.subarray(8, 8 + length).toString());
  const tensors: Record<string, Written> = {};
  const entries = Object.entries<{ dtype: string; shape: number[]; data_offsets: number[] }>(json);
  for (const [key, { dtype, shape, data_offsets }] of entries)
    tensors[key] = { dtype, shape, bytes: file.subarray(8 + length + data_offsets[0], 8 + length + data_offsets[1]) };
  return { tensors, metadata: __metadata__ };
}

const quantization = () => JSON.parse(fs.readFileSync(path.join(out(), "config.json"), "utf8")).quantization_config;
const exported = (target: string, tensors = block(), assignments?: { tensor: string; encoding: string }[]) => {
  folder.put("m.safetensors", safetensorsFile(tensors));
  folder.put("config.json", `{"architectures": ["X"]}`);
  return exportPlainly({
    format: safetensors,
    folder: folder.path,
    name: "m.safetensors",
    target,
    output: out(),
    outputName: "m.safetensors",
    assignments,
  });
};

const gptq = (bits: number, group: number, rest: object = {}) => ({
  bits,
  group_size: group,
  desc_act: false,
  sym: true,
  checkpoint_format: "gptq",
  damp_percent: 0.01,
  dynamic: { [String.raw`-:^model\.layers\.0\.mlp\.gate$`]: {} },
  lm_head: false,
  quant_method: "gptq",
  true_sequential: true,
  ...rest,
});
const eightBits = (rest: object) => ({
  actorder: null,
  block_structure: null,
  dynamic: false,
  group_size: null,
  num_bits: 8,
  symmetric: true,
  observer_kwargs: {},
  ...rest,
});
const compressed = (format: string, input: object | null, weights: object) => ({
  config_groups: {
    group_0: { input_activations: input, output_activations: null, targets: ["Linear"], weights },
  },
  format,
  global_compression_ratio: null,
  ignore: ["lm_head", "model.embed_tokens", router],
  kv_cache_scheme: null,
  quant_method: "compressed-tensors",
  quantization_status: "compressed",
});
const channel = { observer: "minmax", strategy: "channel" };

type Row = [
  encoding: string,
  label: string,
  tensors: Record<string, [dtype: string, ...shape: number[]]>,
  config: object,
];

const rowsOfLayouts: Row[] = [
  [
    "int8-qdq",
    "INT8 channel",
    { weight: ["I8", rows, columns], weight_scale: ["F32", rows, 1] },
    compressed(
      "int-quantized",
      eightBits({ dynamic: true, observer: null, strategy: "token", type: "int" }),
      eightBits({ ...channel, type: "int" }),
    ),
  ],
  [
    "f8-channel",
    "F8_E4M3 channel",
    { weight: ["F8_E4M3", rows, columns], weight_scale: ["F32", rows, 1] },
    compressed("float-quantized", null, eightBits({ ...channel, type: "float" })),
  ],
  [
    "gptq-4bit-g128",
    "INT4 g128",
    { g_idx: ["I32", columns], qweight: ["I32", 32, rows], qzeros: ["I32", 2, 3], scales: ["F16", 2, rows] },
    gptq(4, 128),
  ],
  [
    "gptq-4bit-g32",
    "INT4 g32",
    { g_idx: ["I32", columns], qweight: ["I32", 32, rows], qzeros: ["I32", 8, 3], scales: ["F16", 8, rows] },
    gptq(4, 32),
  ],
  [
    "gptq-8bit-g128",
    "INT8 g128",
    { g_idx: ["I32", columns], qweight: ["I32", 64, rows], qzeros: ["I32", 2, 6], scales: ["F16", 2, rows] },
    gptq(8, 128),
  ],
  [
    "gptq_v2-4bit-g128",
    "INT4 g128",
    { g_idx: ["I32", columns], qweight: ["I32", 32, rows], qzeros: ["I32", 2, 3], scales: ["F16", 2, rows] },
    gptq(4, 128, { checkpoint_format: "gptq_v2" }),
  ],
  [
    "gptq_v2-4bit-g128-asym",
    "INT4 g128",
    { g_idx: ["I32", columns], qweight: ["I32", 32, rows], qzeros: ["I32", 2, 3], scales: ["F16", 2, rows] },
    gptq(4, 128, { checkpoint_format: "gptq_v2", sym: false }),
  ],
  [
    "gptq_v2-8bit-channel-asym",
    "INT8 channel",
    { g_idx: ["I32", columns], qweight: ["I32", 64, rows], qzeros: ["I32", 1, 6], scales: ["F16", 1, rows] },
    gptq(8, -1, { checkpoint_format: "gptq_v2", sym: false }),
  ],
  [
    "awq-4bit-g128",
    "INT4 g128",
    { qweight: ["I32", columns, 3], qzeros: ["I32", 2, 3], scales: ["F16", 2, rows] },
    {
      bits: 4,
      group_size: 128,
      modules_to_not_convert: [router],
      quant_method: "awq",
      version: "gemm",
      zero_point: true,
    },
  ],
  [
    "lsbq2-g128",
    "LSBQ 2 bit g128",
    { "weight.bitlens_codes": ["U8", rows, 64], "weight.bitlens_scales": ["F16", rows, 2, 2] },
    { quant_method: "bitlens", version: 1 },
  ],
  [
    "ternary-g128",
    "Ternary g128",
    { "weight.bitlens_codes": ["U8", rows, 52], "weight.bitlens_scales": ["F16", rows, 2] },
    { quant_method: "bitlens", version: 1 },
  ],
  [
    "pvq-g16-k27-b4",
    "PVQ G16 K27 (reconstruction)",
    { "weight.bitlens_codes": ["U8", rows, 104], "weight.bitlens_scales": ["BF16", rows] },
    { quant_method: "bitlens", version: 1 },
  ],
  [
    "pvq-g8-k11-b3-r7",
    "PVQ G8 K11 (reconstruction)",
    { "weight.bitlens_codes": ["U8", rows, 96], "weight.bitlens_scales": ["BF16", rows] },
    { quant_method: "bitlens", version: 1 },
  ],
];

/** What the planes of the encoding decode to, without any file. */
function roundTrip(name: string, x: Float32Array): Float32Array {
  const e = encoding(name);
  const planes = e.planes.map((p) => new Uint8Array(rows * p.rowBytes(columns)));
  e.encode!(x, rows, columns, planes);
  const decoded = new Float32Array(x.length);
  e.decode(planes, rows, columns, decoded);
  return decoded;
}

describe("layouts of exported safetensors", () => {
  for (const [name, label, tensors, config] of rowsOfLayouts) {
    it(`${name} has the tensors and the configuration of its readers, and reads back as its planes decode`, async () => {
      // Shifted by two so that no group's zero point is the middle.
      const { index, plan } = await exported(name, block(2), [{ tensor: `${up}.weight`, encoding: name }]);
      const file = written();
      const own = Object.entries(file.tensors).filter(([key]) => key.startsWith(`${up}.`) && key !== `${up}.bias`);
      assert.deepEqual(
        Object.fromEntries(own.map(([key, { dtype, shape }]) => [key.slice(up.length + 1), [dtype, ...shape]])),
        tensors,
      );
      assert.deepEqual(quantization(), config);
      assert.deepEqual(plan.notes, []);
      const back = await safetensors.readIndex(await openFolder(out()), "m.safetensors");
      assert.deepEqual(back.problems, []);
      for (const tensor of back.tensors) {
        const before = index.tensors.find((t) => t.name === tensor.name)!;
        assert.deepEqual(tensor.shape, before.shape);
        const x = valuesOf(before, index, folder.path);
        const expected = tensor.name === `${up}.weight` ? roundTrip(name, x) : x;
        assert.deepEqual(valuesOf(tensor, back, out()), expected, tensor.name);
      }
      assert.equal(back.tensors.length, index.tensors.length);
      assert.equal(back.tensors.find((t) => t.name === `${up}.weight`)!.encodingLabel, label);
    });
  }

  for (const { name } of safetensors.exportTargets) {
    it(`the target ${name} gives every Linear weight an encoding that the file can hold`, async () => {
      const { assignments } = await exported(name);
      assert.deepEqual(assignments.map((a) => a.tensor), [`${up}.weight`]);
      assert.equal(encoding(assignments[0].encoding).targets.includes("safetensors"), true);
    });
  }

  const words = (target: string, tensors: Record<string, TensorSpec>, part: string) => async () => {
    await exported("x", tensors, [{ tensor: `${up}.weight`, encoding: target }]);
    const { bytes } = written().tensors[`${up}.${part}`];
    return [...new Uint32Array(new Uint8Array(bytes).buffer)];
  };
  // Every row is −8 … 7 twice: the scale is 1, and the codes are 0 … 15.
  const ramp = { [`${up}.weight`]: f32([8, 32], (i) => (i % 16) - 8) };
  // Even outputs lie below zero, odd ones above: their zero points are 15 and 0.
  const across = { [`${up}.weight`]: f32([8, 32], (i) => (i % 32 === 31 ? [-15, 15][Math.floor(i / 32) % 2] : 0)) };
  const eight = (word: number) => new Array<number>(8).fill(word);
  const wordRows: [danger: string, read: () => Promise<number[]>, expected: number[]][] = [
    [
      "compressed-tensors: q = −8 … −1 from the lowest bits along the inputs",
      words("int4-channel", ramp, "weight_packed"),
      [0x76543210, 0xfedcba98],
    ],
    [
      "GPTQ: codes 0 … 7 from the lowest bits down the inputs",
      words("gptq-4bit-channel", ramp, "qweight"),
      [...eight(0x76543210), ...eight(0xfedcba98)],
    ],
    ["GPTQ's first version: 8 stored as 7", words("gptq-4bit-g32", ramp, "qzeros"), [0x77777777]],
    ["GPTQ's second version: 8 stored as 8", words("gptq_v2-4bit-g32", ramp, "qzeros"), [0x88888888]],
    ["GPTQ of 8 bits, first version", words("gptq-8bit-g32", ramp, "qzeros"), [0x7f7f7f7f, 0x7f7f7f7f]],
    ["GPTQ's second version, measured zero points", words("gptq_v2-4bit-g32-asym", ramp, "qzeros"), [0x88888888]],
    [
      "GPTQ's group index, which counts groups",
      words("gptq-4bit-g32", { [`${up}.weight`]: wave([8, 64]) }, "g_idx"),
      [0, 1].flatMap((group) => [...eight(group), ...eight(group), ...eight(group), ...eight(group)]),
    ],
    ["AWQ's zero points, even outputs first", words("awq-4bit-g32", across, "qzeros"), [0x0000ffff]],
  ];
  for (const [danger, read, expected] of wordRows) {
    it(`packs ${danger}`, async () => {
      const found = await read();
      assert.deepEqual(found.slice(0, expected.length), expected);
    });
  }

  it("schemes stored in different formats name their own", async () => {
    await exported("x", { ...block(), "lm.proj.weight": wave([8, 128]) }, [
      { tensor: `${up}.weight`, encoding: "f8-channel" },
      { tensor: "lm.proj.weight", encoding: "int4-g32-asym" },
    ]);
    const { config_groups, format, ignore } = quantization();
    assert.equal(format, "mixed-precision");
    assert.deepEqual(
      Object.values<{ format: string; targets: string[] }>(config_groups).map((g) => [g.format, g.targets]),
      [["float-quantized", [up]], ["pack-quantized", ["lm.proj"]]],
    );
    assert.deepEqual(ignore, ["lm_head", "model.embed_tokens", router]);
  });

  it("GPTQ modules of another width are told by pattern", async () => {
    await exported("x", { ...block(), "a.proj.weight": wave([8, 128]), "b.proj.weight": wave([8, 128]) }, [
      { tensor: `${up}.weight`, encoding: "gptq-8bit-g128" },
      { tensor: "a.proj.weight", encoding: "gptq-4bit-g32" },
      { tensor: "b.proj.weight", encoding: "gptq-4bit-g32" },
    ]);
    const { bits, group_size, dynamic } = quantization();
    assert.deepEqual([bits, group_size], [4, 32]);
    assert.deepEqual(dynamic, {
      [String.raw`+:^model\.layers\.0\.mlp\.up_proj$`]: { bits: 8, group_size: 128, desc_act: false, sym: true },
      [String.raw`-:^model\.layers\.0\.mlp\.gate$`]: {},
    });
    const back = await safetensors.readIndex(await openFolder(out()), "m.safetensors");
    assert.deepEqual(back.problems, []);
    assert.deepEqual(
      back.tensors.filter((t) => t.encodingLabel.startsWith("INT")).map((t) => t.encodingLabel),
      ["INT4 g32", "INT4 g32", "INT8 g128"],
    );
  });

  for (const encoding of ["int8-channel-asym", "int8-channel", "int4-channel"]) {
    it(`${encoding} of a few columns, whose words any width would fill, reads back in its own`, async () => {
      await exported("x", { "a.weight": wave([32, 3]) }, [{ tensor: "a.weight", encoding }]);
      const back = await safetensors.readIndex(await openFolder(out()), "m.safetensors");
      assert.deepEqual(back.problems, []);
      assert.deepEqual(back.tensors.map((t) => t.encodingLabel), [encoding.replace("int", "INT").replaceAll("-", " ")]);
    });
  }

  const two = { "a.weight": wave([8, 128]), "b.weight": wave([8, 128]) };
  const refused: [danger: string, tensors: Record<string, TensorSpec>, encodings: string[], message: RegExp][] = [
    ["two methods, which one configuration cannot name", two, ["int4-g128", "awq-4bit-g128"], /cannot be in one model/],
    ["both versions of GPTQ", two, ["gptq-4bit-g128", "gptq_v2-4bit-g128"], /cannot be in one model/],
    ["two group sizes of AWQ", two, ["awq-4bit-g128", "awq-4bit-g32"], /one group size/],
    ["outputs that do not fill a word", { "a.weight": wave([6, 128]) }, ["gptq-4bit-g128"], /6 outputs/],
    ["outputs that do not fill AWQ's word", { "a.weight": wave([12, 128]) }, ["awq-4bit-g128"], /12 outputs/],
    ["rows that do not divide into groups", { "a.weight": wave([8, 96]) }, ["gptq-4bit-g128"], /rows of 96/],
    ["rows that do not divide into vectors", { "a.weight": wave([8, 72]) }, ["pvq-g16-k27-b4"], /rows of 72/],
  ];
  for (const [danger, tensors, encodings, message] of refused) {
    it(`refuses ${danger}`, async () => {
      const names = Object.keys(tensors);
      await assert.rejects(
        () => exported("x", tensors, encodings.map((e, i) => ({ tensor: names[i], encoding: e }))),
        (e) => e instanceof EngineError && e.code === "bad-request" && message.test(e.message) && e.place.tensor !== undefined,
      );
    });
  }

  it("leaves out outputs that do not fill words, and says so", async () => {
    folder.put("m.safetensors", safetensorsFile({ "a.weight": wave([6, 128]), "b.weight": wave([8, 128]) }));
    const index = await safetensors.readIndex(await openFolder(folder.path), "m.safetensors");
    const { assignments, notes } = safetensors.assign(index, "awq-4bit-g128", encodingFacts);
    assert.deepEqual(assignments, [{ tensor: "b.weight", encoding: "awq-4bit-g128" }]);
    assert.match(notes.join(), /a\.weight \(6 × 128\)/);
  });

  it("of a model in Bitlens' own layout keeps nothing of the old statement, and warns", async () => {
    await exported("pvq-g16-k27-b4");
    const { enumeration, gains } = JSON.parse(written().metadata.bitlens);
    assert.equal(enumeration, "bitlens-pyramid-1");
    assert.deepEqual(gains, { [`g16-d${columns}-b4`]: [...gainLevels(16, columns, 4)] });
    const again = path.join(folder.path, "again");
    const { notes } = await exportPlainly({
      format: safetensors,
      folder: out(),
      name: "m.safetensors",
      target: "gptq-4bit-g32",
      output: again,
      outputName: "m.safetensors",
    });
    assert.match(notes.join(" "), /1 matrix is quantized already and loses again/);
    fs.cpSync(again, out(), { recursive: true });
    assert.deepEqual(written().metadata, { format: "pt" });
    const back = await safetensors.readIndex(await openFolder(out()), "m.safetensors");
    assert.deepEqual(back.problems, []);
  });

  it("each shard says how its own weights are encoded", async () => {
    const [one, two] = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    folder.put(one, safetensorsFile({ "a.weight": wave([8, 128]) }));
    folder.put(two, safetensorsFile({ "b.weight": wave([8, 128]) }, { format: "pt" }));
    const map = { "a.weight": one, "b.weight": two };
    folder.put("model.safetensors.index.json", JSON.stringify({ metadata: {}, weight_map: map }));
    await exportPlainly({
      format: safetensors,
      folder: folder.path,
      name: "model.safetensors.index.json",
      target: "ternary-g128",
      output: out(),
      outputName: "model.safetensors",
    });
    for (const [file, weight] of [[one, "a.weight"], [two, "b.weight"]]) {
      const { format, bitlens } = written(file).metadata;
      assert.equal(format, "pt");
      assert.deepEqual(JSON.parse(bitlens), { version: 1, weights: { [weight]: { encoding: "ternary-g128", shape: [8, 128] } } });
    }
    const back = await safetensors.readIndex(await openFolder(out()), "model.safetensors.index.json");
    assert.deepEqual(back.problems, []);
    assert.deepEqual(back.tensors.map((t) => t.encodingLabel), ["Ternary g128", "Ternary g128"]);
  });
});

describe("what a recipe may ask for by name", () => {
  const asked: [type: string, shape: number[], name: string, held: string | undefined][] = [
    ["F32", [24, 256], "int4-g32", "int4-g32"],
    ["BF16", [24, 256], "int4-g32", "int4-g32-bf16"],
    ["BF16", [24, 256], "int4-g32-f32", "int4-g32-f32"],
    ["BF16", [24, 256], "int4-g32-asym-f16", "int4-g32-asym-f16"],
    ["F16", [24, 256], "INT4-g64-absmax", "int4-g64-f16-absmax"],
    ["F16", [24, 256], "int4-g64-asym-minmax", "int4-g64-asym-f16-minmax"],
    ["F16", [24, 256], "f8-channel", "f8-channel-f16"],
    ["BF16", [24, 256], "gptq-4bit-g64", "gptq-4bit-g64"],
    ["BF16", [24, 256], "pvq-g8-k5-b2-r3", "pvq-g8-k5-b2-r3"],
    ["BF16", [24, 256], "lsbq4-row", "lsbq4-row"],
    ["BF16", [24, 250], "int4-g32", undefined],
    ["BF16", [23, 256], "awq-4bit-g128", undefined],
    ["BF16", [24, 252], "pvq-g8-k5-b2", undefined],
    ["BF16", [24, 256], "q4_K", undefined],
    ["BF16", [24, 256], "int2-g32", undefined],
    ["BF16", [256], "int4-g32", undefined],
  ];
  for (const [dtype, shape, name, held] of asked) {
    it(`${name} for a weight of ${shape.join(" × ")} in ${dtype}: ${held ?? "nothing"}`, async () => {
      folder.put("m.safetensors", safetensorsFile({ "a.weight": { dtype, shape } }));
      const { tensors } = await safetensors.readIndex(await openFolder(folder.path), "m.safetensors");
      assert.equal(safetensors.recipeEncoding!(tensors[0], name, encodingFacts), held);
      if (held) assert.equal(schemeOf(held) !== undefined && encoding(held).targets.includes("safetensors"), true);
    });
  }
});

describe("Bitlens' own layout", () => {
  const names = [
    ...["lsbq1-row", "lsbq2-g128", "lsbq3-g24", "lsbq6-g7", "ternary-g128", "ternary-row"],
    ...["pvq-g2-k1-b0", "pvq-g16-k27-b4", "pvq-g8-k3-b2-r0", "pvq-g128-k187-b4", "pvq-g256-k1024-b8"],
  ];
  for (const name of names) {
    it(`${name}: the reader's shapes have as many bytes as the encoding's planes`, () => {
      for (const columns of [256, 512]) {
        const { rowBytes, scaleShape } = planeShapes(name, 6, columns);
        assert.deepEqual([6 * rowBytes, 2 * scaleShape.reduce((a, b) => a * b, 1)], encodingFacts.planeBytes(name, 6, columns));
      }
    });
  }

  const specs = (codes: number[], scales: number[], codeType = "U8"): Record<string, TensorSpec> => ({
    "a.weight.bitlens_codes": { dtype: codeType, shape: codes },
    "a.weight.bitlens_scales": { dtype: "F16", shape: scales },
  });
  const says = (encoding: string, shape: unknown, version = 1) =>
    JSON.stringify({ version, weights: { "a.weight": { encoding, shape } } });
  const damaged: [danger: string, tensors: Record<string, TensorSpec>, statement: string | undefined, message: RegExp][] = [
    ["no statement", specs([4, 64], [4, 2, 2]), undefined, /metadata does not say/],
    ["no JSON", specs([4, 64], [4, 2, 2]), "{", /metadata does not say/],
    ["a later version", specs([4, 64], [4, 2, 2]), says("lsbq2-g128", [4, 256], 2), /metadata does not say/],
    [
      "another order of codewords",
      specs([4, 104], [4]),
      says("pvq-g16-k27-b4", [4, 256]).replace("{", `{"enumeration":"x",`),
      /metadata does not say/,
    ],
    ["an encoding from elsewhere", specs([4, 64], [4, 2, 2]), says("q4_0", [4, 256]), /"q4_0" is not known/],
    ["a shape of something else", specs([4, 64], [4, 2, 2]), says("lsbq2-g128", { 0: 4 }), /metadata does not say/],
    ["a shape larger than its codes", specs([4, 64], [4, 2, 2]), says("lsbq2-g128", [4, 2560]), /bitlens_codes has shape/],
    ["a shape past all numbers", specs([4, 64], [4, 2, 2]), says("lsbq2-g128", [2 ** 52, 2 ** 52]), /too large/],
    ["codes of another type", specs([4, 64], [4, 2, 2], "I8"), says("lsbq2-g128", [4, 256]), /is I8/],
    ["scales of another type", specs([4, 104], [4]), says("pvq-g16-k27-b4", [4, 256]), /is F16 instead of BF16/],
    ["too few scales", specs([4, 64], [4, 1, 2]), says("lsbq2-g128", [4, 256]), /bitlens_scales has shape/],
    [
      "no scales",
      { "a.weight.bitlens_codes": { dtype: "U8", shape: [4, 64] } },
      says("lsbq2-g128", [4, 256]),
      /bitlens_scales is missing/,
    ],
  ];
  for (const [danger, tensors, statement, message] of damaged) {
    it(`shows the parts of a weight with ${danger}`, async () => {
      folder.put("m.safetensors", safetensorsFile(tensors, statement === undefined ? undefined : { bitlens: statement }));
      const { tensors: shown, problems } = await safetensors.readIndex(await openFolder(folder.path), "m.safetensors");
      assert.match(problems.map((p) => p.message).join(), message);
      assert.deepEqual(shown.map((t) => t.name).sort(), Object.keys(tensors).sort());
    });
  }

  it("no name of an encoding is stored that the writer does not know", () => {
    for (const name of ["lsbq7-g128", "ternary-g0", "pvq-g1-k3-b2", "pvq-g300-k3-b2", "pvq-g16-k2000-b2", "gptq-4bit", "int2-g32"])
      assert.equal(schemeOf(name), undefined, name);
  });
});
