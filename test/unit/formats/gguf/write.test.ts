import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { EngineError } from "../../../../src/core/errors";
import { encoding, encodingFacts } from "../../../../src/encodings";
import type { Assignment } from "../../../../src/formats/format";
import { gguf } from "../../../../src/formats/gguf";
import { fallbacks, mixes } from "../../../../src/formats/gguf/mixes";
import { openFolder } from "../../../../src/node/files";
import { TemporaryFolder } from "../../../builders/folder";
import { ggufFile, type GgufSpec, type GgufTensor, llamaTensors, valueType as v } from "../../../builders/gguf";
import { exportPlainly, valuesOf } from "../../../builders/runPlan";

let folder: TemporaryFolder;
beforeEach(() => (folder = new TemporaryFolder()));
afterEach(() => folder.remove());

const out = () => path.join(folder.path, "out");
const run = (target: string, assignments?: readonly Assignment[], name = "m.gguf") =>
  exportPlainly({ format: gguf, folder: folder.path, name, target, output: out(), outputName: "o.gguf", assignments });

const wave = (tensor: GgufTensor): GgufTensor => ({
  ...tensor,
  type: 0,
  data: new Uint8Array(
    Float32Array.from({ length: tensor.ne.reduce<number>((a, b) => a * Number(b), 1) }, (_, i) => Math.sin(i * 0.37) + 0.01)
      .buffer,
  ),
});

const llamaEntries = (more: NonNullable<GgufSpec["entries"]> = []): NonNullable<GgufSpec["entries"]> => [
  ["general.architecture", [v.string, "llama"]],
  ["general.file_type", [v.u32, 0]],
  ["llama.block_count", [v.u32, 2]],
  ["llama.attention.head_count", [v.u32, 4]],
  ["llama.attention.head_count_kv", [v.u32, 2]],
  ["tokenizer.ggml.tokens", [9, v.string, ["a", "größe", ""]]],
  ...more,
];
const small = { layers: 2, hidden: 32, keyValue: 32, feedForward: 64, vocabulary: 9, type: 0 };
/** Rows long enough for every type, and few of them. */
const narrow: GgufTensor[] = ["token_embd", "blk.0.attn_v", "blk.0.ffn_down", "blk.0.ffn_up", "blk.0.attn_output"].map(
  (name) => ({
    name: `${name}.weight`,
    ne: [256, 3],
    type: 0,
  }),
);
narrow.push({ name: "blk.0.ffn_up_exps.weight", ne: [256, 2, 2], type: 0 }, { name: "output_norm.weight", ne: [256], type: 0 });

describe("exporting GGUF", () => {
  const specs: [danger: string, spec: GgufSpec][] = [
    ["version 3", { entries: llamaEntries(), tensors: llamaTensors(small).map(wave) }],
    ["version 2", { version: 2, entries: llamaEntries(), tensors: llamaTensors(small).map(wave) }],
    [
      "an alignment of 256",
      { alignment: 256, entries: llamaEntries([["general.alignment", [v.u32, 256]]]), tensors: llamaTensors(small).map(wave) },
    ],
    ["no tensors", { entries: llamaEntries() }],
    ["no metadata", { tensors: [wave({ name: "größe.weight", ne: [3, 2], type: 0 })] }],
    [
      "a scalar and an empty tensor",
      {
        tensors: [
          wave({ name: "s", ne: [], type: 0 }),
          { name: "e", ne: [4, 0], type: 0 },
          wave({ name: "t", ne: [1], type: 0 }),
        ],
      },
    ],
    [
      "arrays of arrays and strings of zeros",
      {
        entries: [
          [
            "k",
            [
              9,
              9,
              [
                [9, v.u8, [1, 2]],
                [9, v.string, ["\0\0"]],
              ],
            ],
          ],
        ],
        tensors: [wave({ name: "t", ne: [5], type: 0 })],
      },
    ],
  ];
  for (const [danger, spec] of specs) {
    it(`an untouched model of ${danger} comes back byte for byte`, async () => {
      const bytes = ggufFile(spec);
      folder.put("m.gguf", bytes);
      await run("q8_0", []);
      assert.deepEqual(fs.readFileSync(path.join(out(), "o.gguf")), Buffer.from(bytes));
    });
  }

  for (const mix of mixes) {
    it(`as ${mix.name} keeps names, shapes and metadata, and says what it is`, async () => {
      folder.put("m.gguf", ggufFile({ entries: llamaEntries(), tensors: narrow.map(wave) }));
      const { index, assignments } = await run(mix.name);
      const written = await gguf.readIndex(await openFolder(out()), "o.gguf");
      assert.deepEqual(written.problems, []);
      assert.deepEqual(
        written.tensors.map((t) => [t.name, t.shape]),
        index.tensors.map((t) => [t.name, t.shape]),
      );
      const chosen = new Map(assignments.map((a) => [a.tensor, a.encoding]));
      for (const [i, tensor] of written.tensors.entries()) {
        assert.equal(tensor.storage!.encoding, chosen.get(tensor.name) ?? "f32");
        if (!chosen.has(tensor.name))
          assert.deepEqual(valuesOf(tensor, written, out()), valuesOf(index.tensors[i], index, folder.path));
      }
      if (!assignments.length) return;
      const expected = index.metadata.map(([key, value]) => [key, key === "general.file_type" ? String(mix.fileType) : value]);
      assert.deepEqual(written.metadata, [...expected, ["general.quantization_version", "2"]]);
    });
  }

  it("changes a file type of another width and an older quantization version in their places", async () => {
    const entries: GgufSpec["entries"] = [
      ["general.quantization_version", [v.u32, 1]],
      ["general.architecture", [v.string, "llama"]],
      ["general.file_type", [v.u64, 0]],
      ["z", [v.u8, 1]],
    ];
    folder.put("m.gguf", ggufFile({ entries, tensors: llamaTensors(small).map(wave) }));
    await run("q8_0");
    const written = await gguf.readIndex(await openFolder(out()), "o.gguf");
    assert.deepEqual(written.metadata, [
      ["general.quantization_version", "2"],
      ["general.architecture", "llama"],
      ["general.file_type", "7"],
      ["z", "1"],
    ]);
  });

  it("of encodings chosen one by one is named by what most weights are", async () => {
    folder.put("m.gguf", ggufFile({ entries: llamaEntries(), tensors: llamaTensors(small).map(wave) }));
    const matrices = llamaTensors(small).filter((t) => t.ne.length === 2);
    await run(
      "recipe",
      matrices.map((t, i) => ({ tensor: t.name, encoding: i === 1 ? "q8_0" : "q5_1" })),
    );
    const written = await gguf.readIndex(await openFolder(out()), "o.gguf");
    assert.equal(new Map(written.metadata).get("general.file_type"), "9");
  });

  it("makes one file of a split model", async () => {
    const tensors = llamaTensors(small).map(wave);
    const part = (i: number): GgufSpec["entries"] => [
      ...(i ? [] : llamaEntries()),
      ["split.no", [v.u16, i]],
      ["split.count", [v.u16, 2]],
      ["split.tensors.count", [v.i32, tensors.length]],
    ];
    folder.put("m-00001-of-00002.gguf", ggufFile({ entries: part(0), tensors: tensors.slice(0, 5) }));
    folder.put("m-00002-of-00002.gguf", ggufFile({ entries: part(1), tensors: tensors.slice(5) }));
    const { notes } = await run("q8_0", [], "m-00002-of-00002.gguf");
    assert.equal(notes.length, 1);
    assert.deepEqual(fs.readFileSync(path.join(out(), "o.gguf")), Buffer.from(ggufFile({ entries: llamaEntries(), tensors })));
  });

  const refused: [danger: string, name: string, bytes: () => Uint8Array, assignments: Assignment[] | undefined, code: string][] =
    [
      [
        "a big-endian file",
        "m.gguf",
        () => ggufFile({ little: false, tensors: [wave({ name: "x", ne: [32, 2], type: 0 })] }),
        [],
        "unsupported",
      ],
      [
        "a version 1 file",
        "m.gguf",
        () => ggufFile({ version: 1, tensors: [wave({ name: "x", ne: [32, 2], type: 0 })] }),
        [],
        "unsupported",
      ],
      [
        "a file that ends early",
        "m.gguf",
        () => ggufFile({ tensors: [wave({ name: "x", ne: [32, 2], type: 0 })] }).subarray(0, -8),
        [],
        "unsupported",
      ],
      ["a model with a part missing", "m-00001-of-00002.gguf", () => ggufFile({ tensors: [] }), [], "unsupported"],
      ["a tensor that is not there", "m.gguf", () => ggufFile({}), [{ tensor: "x", encoding: "q8_0" }], "bad-request"],
      [
        "an encoding that GGUF does not know",
        "m.gguf",
        () => ggufFile({ tensors: [wave({ name: "x", ne: [32, 2], type: 0 })] }),
        [{ tensor: "x", encoding: "int4-g32" }],
        "bad-request",
      ],
      [
        "rows that do not fill the blocks",
        "m.gguf",
        () => ggufFile({ tensors: [wave({ name: "x", ne: [40, 2], type: 0 })] }),
        [{ tensor: "x", encoding: "q8_0" }],
        "bad-request",
      ],
    ];
  for (const [danger, name, bytes, assignments, code] of refused) {
    it(`refuses ${danger}`, async () => {
      folder.put(name, bytes());
      await assert.rejects(
        () => run("q8_0", assignments, name),
        (e) => e instanceof EngineError && e.code === code,
      );
    });
  }

  it("offers only what can be encoded", () => {
    const used = new Set([
      ...mixes.flatMap((m) => [m.base, m.embedding, m.besideExperts, m.oOfEight]),
      ...fallbacks.values(),
      "q3_K",
      "q4_K",
      "q5_K",
      "q6_K",
      "q8_0",
      "f16",
    ]);
    for (const name of used) if (name) assert.ok(encoding(name).encode, `${name} can be encoded`);
  });
});

describe("which GGUF tensors take which type", () => {
  const matrix = (name: string, columns = 256): GgufTensor => ({ name, ne: [columns, 2], type: 1 });

  async function assigned(
    target: string,
    tensors: readonly GgufTensor[],
    numbers: Record<string, number> = {},
    architecture = "llama",
  ) {
    const entries = Object.entries(numbers).map(([key, n]) => [`${architecture}.${key}`, [v.u32, n]] as const);
    folder.put("m.gguf", ggufFile({ entries: [["general.architecture", [v.string, architecture]], ...entries], tensors }));
    const index = await gguf.readIndex(await openFolder(folder.path), "m.gguf");
    const { assignments, notes } = gguf.assign(index, target, encodingFacts);
    return { types: Object.fromEntries(assignments.map((a) => [a.tensor, a.encoding])), notes };
  }

  const kept = [
    "blk.0.attn_norm.weight",
    "blk.0.attn_q_norm.weight",
    "blk.0.ffn_gate_inp.weight",
    "position_embd.weight",
    "token_types.weight",
    "blk.0.ssm_conv1d.weight",
    "blk.0.attn_q.bias",
    "blk.0.attn_rel_b.weight",
    "blk.0.time_mix_w1.weight",
    "v.patch_embd.weight",
    "v.position_embd.weight",
    "blk.0.altup_proj.weight",
    "rope_freqs",
    "blk.0.shortconv.conv.weight",
    "blk.0.indexer.k_proj.weight",
  ];
  for (const name of kept)
    it(`${name} stays as it is`, async () => assert.deepEqual((await assigned("q4_0", [matrix(name)])).types, {}));

  it("vectors and stacks of one vector stay as they are", async () => {
    const vector = (ne: number[]): GgufTensor => ({ name: `x${ne.length}.weight`, ne, type: 1 });
    assert.deepEqual((await assigned("q8_0", [vector([256]), vector([256, 1]), vector([256, 1, 1])])).types, {});
    assert.deepEqual((await assigned("q8_0", [vector([256, 1, 2])])).types, { "x3.weight": "q8_0" });
  });

  it("integers and what has the type already stay as they are", async () => {
    const { types } = await assigned("q8_0", [
      { ...matrix("a.weight"), type: 26 },
      { ...matrix("b.weight"), type: 8 },
    ]);
    assert.deepEqual(types, {});
  });

  it("quantized sources are quantized again, with a warning", async () => {
    const { types, notes } = await assigned("q4_0", [{ ...matrix("a.weight"), type: 8 }]);
    assert.deepEqual(types, { "a.weight": "q4_0" });
    assert.match(notes[0], /quantized already/);
  });

  const heads: [target: string, tensors: GgufTensor[], expected: Record<string, string>][] = [
    ["q4_0", [matrix("token_embd.weight"), matrix("output.weight")], { "token_embd.weight": "q4_0", "output.weight": "q6_K" }],
    ["q4_0", [matrix("token_embd.weight")], { "token_embd.weight": "q6_K" }],
    ["q4_0", [matrix("token_embd.weight", 96)], { "token_embd.weight": "q8_0" }],
    ["q8_0", [matrix("token_embd.weight")], { "token_embd.weight": "q8_0" }],
    ["bf16", [matrix("token_embd.weight"), matrix("output.weight", 7)], { "token_embd.weight": "bf16", "output.weight": "bf16" }],
    ["q4_K_M", [matrix("output.weight", 96)], { "output.weight": "q8_0" }],
    ["tq2_0", [matrix("token_embd.weight"), matrix("output.weight")], { "token_embd.weight": "q4_K", "output.weight": "q6_K" }],
  ];
  for (const [target, tensors, expected] of heads) {
    it(`${target}: ${JSON.stringify(expected)}`, async () => assert.deepEqual((await assigned(target, tensors)).types, expected));
  }

  const odd: [target: string, columns: number, expected: string][] = [
    ["q4_K_S", 96, "q5_0"],
    ["q5_K_S", 96, "q5_1"],
    ["q6_K", 96, "q8_0"],
    ["q2_K", 96, "q4_0"],
    ["q3_K_S", 96, "q4_0"],
    ["iq4_xs", 96, "iq4_nl"],
    ["tq1_0", 96, "q4_0"],
    ["q2_0", 96, "q4_0"],
    ["q4_K_S", 40, "f16"],
    ["q4_0", 40, "f16"],
  ];
  for (const [target, columns, expected] of odd) {
    it(`${target} for rows of ${columns} falls back to ${expected}, and says so`, async () => {
      const { types, notes } = await assigned(target, [{ ...matrix("x.weight", columns), type: 0 }]);
      assert.deepEqual(types, { "x.weight": expected });
      assert.match(notes[0], /falls? back/);
    });
  }

  /** Rows of llama_model_quantize itself, run on models of this shape: which tensors do not take the base. */
  const blocks = (count: number, ...names: string[]) =>
    Array.from({ length: count }, (_, i) => names.map((n) => matrix(`blk.${i}.${n}.weight`))).flat();
  const letters: Record<string, string> = {
    q8_0: "8",
    q6_K: "6",
    q5_K: "5",
    q4_K: "4",
    q3_K: "3",
    q2_K: "2",
    iq4_nl: "n",
    iq4_xs: "x",
    q4_0: "0",
  };
  const dense = { block_count: 17, "attention.head_count": 4, "attention.head_count_kv": 2 };
  const grouped = { ...dense, "attention.head_count": 8 };
  const rules: [target: string, name: string, numbers: Record<string, number>, architecture: string, expected: string][] = [
    ["q4_K_M", "attn_v", dense, "llama", "66446446446446666"],
    ["q4_K_M", "ffn_down", dense, "llama", "66446446446446666"],
    ["q4_K_M", "attn_output", dense, "llama", "44444444444444444"],
    ["q4_K_S", "attn_v", dense, "llama", "55554444444444444"],
    ["q4_K_S", "ffn_down", dense, "llama", "55444444444444444"],
    ["q5_K_M", "ffn_down", dense, "llama", "66556556556556666"],
    ["q3_K_M", "attn_v", dense, "llama", "55444444444444444"],
    ["q3_K_M", "ffn_down", dense, "llama", "54444444444444444"],
    ["q3_K_L", "attn_output", dense, "llama", "55555555555555555"],
    ["q2_K", "attn_v", dense, "llama", "33333333333333333"],
    ["q2_K", "attn_v", grouped, "llama", "44444444444444444"],
    ["iq4_xs", "attn_v", grouped, "llama", "55555555555555555"],
    ["iq4_nl", "ffn_down", dense, "llama", "55nnnnnnnnnnnnnnn"],
    ["q4_0", "ffn_down", dense, "llama", "00000000000000000"],
    ["q4_K_M", "attn_qkv", dense, "falcon", "66446446446446666"],
    ["q4_K_M", "ffn_down", dense, "falcon", "65445445445445555"],
    ["q3_K_L", "ffn_down", dense, "falcon", "44444444444444444"],
    ["q4_0", "attn_k", { ...dense, expert_count: 8 }, "llama", "88888888888888888"],
    ["q4_K_M", "attn_output", { ...dense, expert_count: 8 }, "llama", "55555555555555555"],
    ["q4_K_M", "ffn_down_exps", { ...dense, expert_count: 8 }, "llama", "66446446446446666"],
  ];
  for (const [target, name, numbers, architecture, expected] of rules) {
    it(`${target}, ${architecture}${numbers.expert_count ? " of experts" : ""}: ${name} of 17 blocks`, async () => {
      const { types } = await assigned(target, blocks(17, name), numbers, architecture);
      const found = Array.from({ length: 17 }, (_, i) => letters[types[`blk.${i}.${name}.weight`]]).join("");
      assert.equal(found, expected);
    });
  }

  it("llama's 70B gives attn_v, which eight heads share, five bits", async () => {
    const numbers = { block_count: 80, "attention.head_count": 64, "attention.head_count_kv": 8 };
    const { types } = await assigned("q4_K_S", blocks(80, "attn_v"), numbers);
    assert.deepEqual(new Set(Object.values(types)), new Set(["q5_K"]));
  });
});
