import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { EngineError } from "../../../../src/core/errors";
import type { ModelIndex } from "../../../../src/core/model";
import { safetensors } from "../../../../src/formats/safetensors";
import { openFolder } from "../../../../src/node/files";
import { TemporaryFolder } from "../../../builders/folder";
import { rawSafetensors, safetensorsFile, sizeOf, sparseLlama } from "../../../builders/safetensors";

let folder: TemporaryFolder;
beforeEach(() => (folder = new TemporaryFolder()));
afterEach(() => folder.remove());

const read = async (name = "m.safetensors"): Promise<ModelIndex> => safetensors.readIndex(await openFolder(folder.path), name);
const codes = (index: ModelIndex) => index.problems.map((p) => p.code);

/** "ok", the codes of the problems, or the error's code. */
async function outcome(bytes: Uint8Array): Promise<string> {
  folder.put("m.safetensors", bytes);
  try {
    const index = await read();
    return index.problems.length ? [...new Set(codes(index))].join(" ") : `ok ${index.tensors.length}`;
  } catch (error) {
    assert.ok(error instanceof EngineError, String(error));
    assert.match(error.describe(), /m\.safetensors/);
    return `error ${error.code}`;
  }
}

const entry = (fields: string) => `{"a":{${fields}}}`;
const f32 = `"dtype":"F32","shape":[1],"data_offsets":[0,4]`;

describe("a safetensors header", () => {
  // What the Rust library (0.8) accepts is "ok"; what it refuses is an error, or a problem where something can be shown.
  const rows: [danger: string, header: string | Uint8Array, dataBytes: number, expected: string][] = [
    ["one tensor", entry(f32), 4, "ok 1"],
    ["no tensors", "{}", 0, "ok 0"],
    ["white space around the object", ` \n${entry(f32)}\t\r\n`, 4, "ok 1"],
    ["a byte order mark", `\ufeff${entry(f32)}`, 4, "error malformed"],
    ["zero bytes after the object", `${entry(f32)}\0`, 4, "error malformed"],
    ["an array instead of an object", "[1]", 0, "error malformed"],
    ["an empty header", "", 0, "error malformed"],
    ["bytes that are no UTF-8 inside a name", Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d), 0, "error malformed"],
    ["half of a surrogate pair", `{"\\ud800":{${f32}}}`, 4, "error malformed"],
    ["a surrogate pair as escapes", `{"\\ud83d\\ude00":{${f32}}}`, 4, "ok 1"],
    ["a control character in a name", `{"a\n":{${f32}}}`, 4, "error malformed"],
    ["an unknown escape", `{"\\x":{${f32}}}`, 4, "error malformed"],
    ["NaN", entry(`"x":NaN,${f32}`), 4, "error malformed"],
    ["a number beyond any float", entry(`"x":1e999,${f32}`), 4, "error malformed"],
    ["a number of a megabyte", entry(`"x":${"1".repeat(1_000_000)},${f32}`), 4, "error malformed"],
    ["unknown fields are skipped", entry(`"x":{"y":[1,-2.5e3,true,null,"z"]},${f32}`), 4, "ok 1"],
    ["127 levels of nesting", entry(`"x":${"[".repeat(125)}${"]".repeat(125)},${f32}`), 4, "ok 1"],
    ["128 levels of nesting", entry(`"x":${"[".repeat(126)}${"]".repeat(126)},${f32}`), 4, "error malformed"],
    ["a million levels of nesting", entry(`"x":${"[".repeat(1_000_000)}`), 4, "error malformed"],
    ["names like __proto__", `{"__proto__":{${f32}}}`, 4, "ok 1"],
    ["a name like constructor among the fields", entry(`"constructor":{},"toString":1,${f32}`), 4, "ok 1"],
    ["the empty name", `{"":{${f32}}}`, 4, "ok 1"],
    ["escaped field names", entry(f32.replace("dtype", "dt\\u0079pe")), 4, "ok 1"],
    ["an entry as an array", `{"a":["F32",[1],[0,4]]}`, 4, "ok 1"],
    ["an entry as an array of four", `{"a":["F32",[1],[0,4],0]}`, 4, "bad-tensor"],
    ["a dtype as a variant object", entry(`"dtype":{"F32":null},"shape":[1],"data_offsets":[0,4]`), 4, "ok 1"],
    ["an entry that is null", `{"a":null}`, 0, "bad-tensor"],
    ["a missing dtype", entry(`"shape":[1],"data_offsets":[0,4]`), 4, "bad-tensor"],
    ["a field twice", entry(`"dtype":"F32",${f32}`), 4, "bad-tensor"],
    ["an unknown dtype", entry(f32.replace("F32", "F128")), 4, "unknown-dtype"],
    ["a dtype in lower case", entry(f32.replace("F32", "f32")), 4, "unknown-dtype"],
    ["a shape of floats", entry(f32.replace("[1]", "[1.0]")), 4, "bad-tensor"],
    ["a shape of -0", entry(`"dtype":"F32","shape":[-0],"data_offsets":[0,0]`), 0, "bad-tensor"],
    ["a negative shape", entry(f32.replace("[1]", "[-1]")), 4, "bad-tensor"],
    ["a shape of strings", entry(f32.replace("[1]", `["1"]`)), 4, "bad-tensor"],
    ["a shape beyond 64 bits", entry(`"dtype":"F32","shape":[18446744073709551616,0],"data_offsets":[0,0]`), 0, "bad-tensor"],
    [
      "a shape that overflows before its zero",
      entry(`"dtype":"F32","shape":[8589934592,8589934592,0],"data_offsets":[0,0]`),
      0,
      "size-overflow",
    ],
    [
      "a zero before what would overflow",
      entry(`"dtype":"F32","shape":[0,8589934592,8589934592],"data_offsets":[0,0]`),
      0,
      "ok 1",
    ],
    ["a shape of 2^61 elements", entry(`"dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,8]`), 8, "size-overflow"],
    ["a scalar", entry(f32.replace("[1]", "[]")), 4, "ok 1"],
    ["three offsets", entry(f32.replace("[0,4]", "[0,4,4]")), 4, "bad-tensor"],
    ["offsets in the wrong order", entry(f32.replace("[0,4]", "[4,0]")), 4, "bad-offsets"],
    ["a hole at the start", entry(f32.replace("[0,4]", "[4,8]")), 8, "unused-bytes"],
    ["bytes after the last tensor", entry(f32), 5, "unused-bytes"],
    ["a file that ends early", entry(f32), 3, "beyond-end"],
    [
      "an offset past 2^53",
      entry(`"dtype":"U8","shape":[0],"data_offsets":[9007199254740993,9007199254740993]`),
      0,
      "beyond-end",
    ],
    ["a size that does not fit the shape", entry(f32.replace("[1]", "[2]")), 4, "size-mismatch"],
    ["two tensors on the same bytes", `{"a":{${f32}},"b":{${f32}}}`, 4, "overlapping-tensors"],
    [
      "an empty tensor inside another",
      `{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[0],"data_offsets":[4,4]}}`,
      8,
      "overlapping-tensors",
    ],
    [
      "empty tensors at the borders",
      `{"a":{${f32}},"b":{"dtype":"F32","shape":[0],"data_offsets":[4,4]},"c":{"dtype":"I8","shape":[0],"data_offsets":[0,0]}}`,
      4,
      "ok 3",
    ],
    ["half a byte", entry(`"dtype":"F4","shape":[3],"data_offsets":[0,2]`), 2, "partial-byte"],
    ["six-bit floats that fill bytes", entry(`"dtype":"F6_E2M3","shape":[4],"data_offsets":[0,3]`), 3, "ok 1"],
    ["four-bit rows that begin within a byte", entry(`"dtype":"F4","shape":[2,3],"data_offsets":[0,3]`), 3, "partial-byte"],
    ["complex numbers", entry(`"dtype":"C64","shape":[1],"data_offsets":[0,8]`), 8, "unsupported-dtype"],
    ["metadata that is null", `{"__metadata__":null}`, 0, "ok 0"],
    ["metadata with a number", `{"__metadata__":{"a":1}}`, 0, "bad-metadata"],
    ["metadata twice", `{"__metadata__":{},"__metadata__":{}}`, 0, "error malformed"],
    ["a metadata key twice", `{"__metadata__":{"a":"b","a":"c"}}`, 0, "ok 0"],
    // The library keeps the last without a word; the problem is ours.
    ["a name twice", `{"a":{${f32}},"a":{${f32}}}`, 4, "duplicate-name"],
  ];
  for (const [danger, header, dataBytes, expected] of rows) {
    it(danger, async () => assert.equal(await outcome(rawSafetensors(header, dataBytes)), expected));
  }

  const lengths: [danger: string, bytes: Uint8Array, expected: string][] = [
    ["an empty file", new Uint8Array(0), "error truncated"],
    ["7 bytes", new Uint8Array(7), "error truncated"],
    ["a length beyond the file", rawSafetensors("{}", 0, 100n), "error truncated"],
    ["a length beyond the format's limit", rawSafetensors("{}", 0, 100_000_001n), "error too-large"],
    ["a length of 2^64 - 1", rawSafetensors("{}", 0, 2n ** 64n - 1n), "error too-large"],
  ];
  for (const [danger, bytes, expected] of lengths) it(danger, async () => assert.equal(await outcome(bytes), expected));

  it("one bad tensor does not hide the others", async () => {
    folder.put("m.safetensors", rawSafetensors(`{"good":{${f32}},"bad":{"dtype":"F32","shape":[9],"data_offsets":[4,8]}}`, 8));
    const { tensors } = await read();
    assert.deepEqual(
      tensors.map((t) => [t.name, t.storage !== undefined]),
      [
        ["bad", false],
        ["good", true],
      ],
    );
  });

  it("a hundred thousand bad tensors make a short list of problems", async () => {
    const many = Array.from({ length: 100_000 }, (_, i) => `"${i}":{"dtype":"X","shape":[],"data_offsets":[0,0]}`).join(",");
    folder.put("m.safetensors", rawSafetensors(`{${many}}`));
    const index = await read();
    assert.equal(index.tensors.length, 100_000);
    assert.equal(index.problems.length, 51);
    assert.match(index.problems[50].message, /99950 more/);
  });

  it("more tensors than memory should hold are refused", async () => {
    const many = Array.from({ length: 262_145 }, (_, i) => `"${i}":["I8",[0],[0,0]]`).join(",");
    assert.equal(await outcome(rawSafetensors(`{${many}}`)), "error too-large");
  });

  it("nothing reaches the prototypes", async () => {
    folder.put(
      "m.safetensors",
      rawSafetensors(
        `{"__proto__":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"polluted":1},"__metadata__":{"__proto__":"x"}}`,
        4,
      ),
    );
    folder.put("config.json", `{"__proto__":{"polluted":1,"architectures":["X"]},"constructor":{"prototype":{"polluted":1}}}`);
    const index = await read();
    assert.equal(({} as Record<string, unknown>).polluted, undefined);
    assert.equal(index.architecture, "unknown");
    assert.deepEqual(
      index.tensors.map((t) => t.name),
      ["__proto__"],
    );
    assert.deepEqual(index.metadata[0], ["__proto__", "x"]);
  });
});

describe("a safetensors file", () => {
  const dtypes: [dtype: string, encoding: string][] = [
    ["F64", "f64"],
    ["F32", "f32"],
    ["F16", "f16"],
    ["BF16", "bf16"],
    ["F8_E4M3", "f8_e4m3"],
    ["F8_E5M2", "f8_e5m2"],
    ["F8_E8M0", "f8_e8m0"],
    ["F8_E4M3FNUZ", "f8_e4m3fnuz"],
    ["F8_E5M2FNUZ", "f8_e5m2fnuz"],
    ["F6_E2M3", "f6_e2m3"],
    ["F6_E3M2", "f6_e3m2"],
    ["F4", "f4"],
    ["I64", "i64"],
    ["I32", "i32"],
    ["I16", "i16"],
    ["I8", "i8"],
    ["U64", "u64"],
    ["U32", "u32"],
    ["U16", "u16"],
    ["U8", "u8"],
    ["BOOL", "bool"],
  ];
  for (const [dtype, encoding] of dtypes) {
    it(`stores ${dtype}`, async () => {
      const spec = { dtype, shape: [3, 8] };
      folder.put("m.safetensors", safetensorsFile({ "a.weight": spec }));
      const [tensor] = (await read()).tensors;
      const byteLength = sizeOf(spec);
      const offset = fs.statSync(path.join(folder.path, "m.safetensors")).size - byteLength;
      assert.deepEqual(tensor, {
        name: "a.weight",
        shape: [3, 8],
        elementCount: 24,
        encodingLabel: dtype,
        byteLength,
        bitsPerWeight: byteLength / 3,
        storage: { encoding, planes: [{ file: 0, offset, byteLength }] },
        role: "other",
        group: "",
      });
    });
  }

  it("orders layers by number, not by text", async () => {
    const names = ["h.10.w", "h.9.w", "h.1.w", "a"];
    folder.put("m.safetensors", safetensorsFile(Object.fromEntries(names.map((n) => [n, { dtype: "I8", shape: [1] }]))));
    assert.deepEqual(
      (await read()).tensors.map((t) => t.name),
      ["a", "h.1.w", "h.9.w", "h.10.w"],
    );
  });

  it("with a config.json has its architecture, by the newer and the older keys", async () => {
    folder.put("m.safetensors", safetensorsFile({}));
    for (const json of [
      { architectures: ["LlamaForCausalLM"], dtype: "bfloat16", rope_parameters: { rope_theta: 10000.5 } },
      { architectures: ["LlamaForCausalLM"], torch_dtype: "bfloat16", rope_theta: 10000.5 },
    ]) {
      folder.put("config.json", JSON.stringify(json));
      const index = await read();
      assert.equal(index.architecture, "LlamaForCausalLM");
      assert.ok(index.metadata.some(([key, value]) => /dtype$/.test(key) && value === "bfloat16"));
      assert.ok(index.metadata.some(([key, value]) => /rope_theta$/.test(key) && value === "10000.5"));
    }
  });

  const configs: [danger: string, text: string | Uint8Array][] = [
    ["no JSON", "{"],
    ["an array", "[]"],
    ["no UTF-8", Uint8Array.of(0x22, 0xff, 0x22)],
    ["deep nesting", `${`{"a":`.repeat(3000)}1${"}".repeat(3000)}`],
    ["17 MB", " ".repeat(17e6)],
    ["an architecture that is a number", `{"architectures":[5],"model_type":7,"quantization_config":[1]}`],
  ];
  for (const [danger, text] of configs) {
    it(`is shown beside a config.json of ${danger}`, async () => {
      folder.put("m.safetensors", safetensorsFile({ a: { dtype: "F32", shape: [1] } }));
      folder.put("config.json", text);
      const index = await read();
      assert.equal(index.tensors.length, 1);
      assert.equal(index.architecture, "unknown");
    });
  }

  it("of GPT-2 shows its Conv1D weights as [out, in]", async () => {
    folder.put(
      "m.safetensors",
      safetensorsFile({
        "h.0.attn.c_attn.weight": { dtype: "F32", shape: [4, 12] },
        "h.0.mlp.c_proj.weight": { dtype: "F32", shape: [16, 4] },
        "wte.weight": { dtype: "F32", shape: [9, 4] },
      }),
    );
    for (const config of [undefined, `{"model_type":"gpt2"}`]) {
      if (config) folder.put("config.json", config);
      const shown = (await read()).tensors.map((t) => [t.shape, t.storage!.transposed ?? false]);
      assert.deepEqual(shown, [
        [[12, 4], true],
        [[4, 16], true],
        [[9, 4], false],
      ]);
    }
    folder.put("config.json", `{"model_type":"llama"}`);
    assert.ok((await read()).tensors.every((t) => !t.storage!.transposed));
  });
});

describe("a safetensors file that was cut off", () => {
  it("says once how much is missing, before what each tensor misses", async () => {
    const tensor = { dtype: "F32", shape: [4] };
    const whole = safetensorsFile({ a: tensor, b: tensor, c: tensor });
    folder.put("m.safetensors", whole.subarray(0, whole.length - 20));
    const { problems } = await read();
    assert.deepEqual(problems.map((p) => p.code), ["incomplete", "beyond-end", "beyond-end"]);
    assert.match(problems[0].message, new RegExp(`${whole.length - 20} of ${whole.length} bytes.* 2 of its 3 tensors .*download`));
  });
});

describe("a sharded safetensors model", () => {
  const tensor = { dtype: "F32", shape: [2] };
  const shard = (...names: string[]) => safetensorsFile(Object.fromEntries(names.map((n) => [n, tensor])));
  const index = (map: Record<string, unknown>) => JSON.stringify({ metadata: {}, weight_map: map });
  const [one, two] = ["m-00001-of-00002.safetensors", "m-00002-of-00002.safetensors"];
  const indexName = "m.safetensors.index.json";

  beforeEach(() => {
    folder.put(one, shard("a", "b"));
    folder.put(two, shard("c"));
  });

  for (const name of [indexName, one, two]) {
    it(`is whole whether opened by ${name}`, async () => {
      folder.put(indexName, index({ a: one, b: one, c: two }));
      const model = await read(name);
      assert.deepEqual(model.problems, []);
      assert.deepEqual(model.files, [one, two]);
      assert.deepEqual(
        model.tensors.map((t) => t.name),
        ["a", "b", "c"],
      );
      assert.equal(
        model.tensors[2].storage!.planes[0] &&
          "file" in model.tensors[2].storage!.planes[0] &&
          model.tensors[2].storage!.planes[0].file,
        1,
      );
    });
  }

  it("without an index is found by its siblings", async () => assert.equal((await read(one)).tensors.length, 3));

  it("with a part missing says so and shows the rest", async () => {
    fs.rmSync(path.join(folder.path, two));
    assert.deepEqual(codes(await read(one)), ["shard-missing"]);
    folder.put(indexName, index({ a: one, b: one, c: two }));
    const model = await read(indexName);
    assert.deepEqual(codes(model), ["shard-missing"]);
    assert.match(model.problems[0].message, /m-00002-of-00002\.safetensors.*1 tensor is not shown/);
    assert.equal(model.tensors.length, 2);
  });

  const rows: [danger: string, index: string, expected: string][] = [
    ["a tensor that is not there", index({ a: one, b: one, c: two, d: two }), "tensor-missing"],
    ["a tensor it does not list", index({ a: one, c: two }), "not-in-index"],
    ["a tensor in the wrong file", index({ a: one, b: two, c: two }), "not-in-index"],
    ["a file outside the folder", index({ a: one, b: one, c: "../outside.safetensors" }), "bad-shard"],
    ["an absolute file", index({ a: one, b: one, c: "/etc/passwd" }), "bad-shard"],
    ["no JSON", "{", "error malformed"],
    ["no map", "{}", "error malformed"],
    ["an empty map", index({}), "error malformed"],
    ["a place that is no name", index({ a: 5 }), "error malformed"],
    ["only missing files", index({ a: "x", b: "y" }), "error not-found"],
    ["only files outside", index({ a: "../x" }), "error unsafe-path"],
    [
      "six thousand files",
      index(Object.fromEntries(Array.from({ length: 6000 }, (_, i) => [`t${i}`, `f${i}`]))),
      "error too-large",
    ],
    ["names like __proto__", `{"weight_map":{"__proto__":"${one}","a":"${one}","b":"${one}","c":"${two}"}}`, "tensor-missing"],
  ];
  for (const [danger, text, expected] of rows) {
    it(`whose index has ${danger}`, async () => {
      folder.put(indexName, text);
      const result = await read(indexName).then(
        (m) => [...new Set(codes(m))].join(" "),
        (e: EngineError) => `error ${e.code}`,
      );
      assert.equal(result, expected);
    });
  }

  it("with one name in two files shows the one the index means", async () => {
    folder.put(two, shard("a", "c"));
    folder.put(indexName, index({ a: two, b: one, c: two }));
    const model = await read(indexName);
    assert.ok(codes(model).includes("duplicate-name"));
    assert.deepEqual(
      model.tensors.map((t) => (t.storage!.planes[0] as { file: number }).file),
      [1, 0, 1],
    );
  });

  it("with links that lead out is refused there", async () => {
    const outside = new TemporaryFolder();
    outside.put("secret.safetensors", shard("c"));
    fs.rmSync(path.join(folder.path, two));
    fs.symlinkSync(path.join(outside.path, "secret.safetensors"), path.join(folder.path, two));
    folder.put(indexName, index({ a: one, b: one, c: two }));
    const model = await read(indexName);
    outside.remove();
    assert.deepEqual(codes(model), ["bad-shard"]);
    assert.match(model.problems[0].message, /leads out/);
  });

  it("of many gigabytes opens by its headers", async () => {
    const shape = { layers: 8, hidden: 4096, keyValue: 1024, feedForward: 14336, vocabulary: 32000, shards: 3 };
    for (const [name, content] of sparseLlama(shape)) folder.put(name, content);
    const model = await read("model.safetensors.index.json");
    assert.deepEqual(model.problems, []);
    assert.equal(model.tensors.length, 8 * 9 + 3);
    assert.equal(
      model.parameterCount,
      2 * 32000 * 4096 + 4096 + 8 * (2 * 4096 + 3 * 4096 * 14336 + 2 * 4096 * 4096 + 2 * 1024 * 4096),
    );
    assert.ok(model.byteLength > 4e9);
  });
});
