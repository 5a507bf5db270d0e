import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { EngineError } from "../../../../src/core/errors";
import type { ModelIndex } from "../../../../src/core/model";
import { encodingFacts } from "../../../../src/encodings";
import { gguf } from "../../../../src/formats/gguf";
import { ggmlTypes } from "../../../../src/formats/gguf/types";
import { openFolder } from "../../../../src/node/files";
import { TemporaryFolder } from "../../../builders/folder";
import { Bytes, ggufFile, ggufHead, type GgufSpec, type GgufValue, llamaTensors, valueType as v } from "../../../builders/gguf";

let folder: TemporaryFolder;
beforeEach(() => (folder = new TemporaryFolder()));
afterEach(() => folder.remove());

const read = async (name = "m.gguf"): Promise<ModelIndex> => gguf.readIndex(await openFolder(folder.path), name);
const codes = (index: ModelIndex) => [...new Set(index.problems.map((p) => p.code))];

async function outcome(content: Parameters<TemporaryFolder["put"]>[1]): Promise<string> {
  folder.put("m.gguf", content);
  try {
    const index = await read();
    return index.problems.length ? codes(index).join(" ") : `ok ${index.tensors.length}`;
  } catch (error) {
    assert.ok(error instanceof EngineError, String(error));
    assert.match(error.describe(), /m\.gguf/);
    return `error ${error.code}`;
  }
}

const a = { name: "a", ne: [4], type: 0 };
const text = (s: string): GgufValue => [v.string, s];

describe("a GGUF file", () => {
  it("is read to the byte as gguf-py wrote it", async () => {
    // gguf-py 0.19: general.architecture "llama", llama.block_count u32 1, a.weight F32 ne [3, 2] with values 1…6.
    folder.put(
      "m.gguf",
      Buffer.from(
        "474755460300000001000000000000000200000000000000140000000000000067656e6572616c2e617263686974656374757265080000000500000000000000" +
          "6c6c616d6111000000000000006c6c616d612e626c6f636b5f636f756e7404000000010000000800000000000000612e77656967687402000000030000000000" +
          "00000200000000000000000000000000000000000000000000000000000000000000803f0000004000004040000080400000a0400000c0400000000000000000",
        "hex",
      ),
    );
    const index = await read();
    assert.deepEqual(index.problems, []);
    assert.equal(index.architecture, "llama");
    assert.deepEqual(index.metadata, [
      ["general.architecture", "llama"],
      ["llama.block_count", "1"],
    ]);
    assert.deepEqual(index.tensors, [
      {
        name: "a.weight",
        shape: [2, 3],
        elementCount: 6,
        encodingLabel: "F32",
        byteLength: 24,
        bitsPerWeight: 32,
        storage: { encoding: "f32", planes: [{ file: 0, offset: 160, byteLength: 24 }] },
        role: "other",
        group: "",
      },
    ]);
  });

  const values: [name: string, value: GgufValue, shown: string][] = [
    ["u8", [v.u8, 255], "255"],
    ["i8", [v.i8, -128], "-128"],
    ["u16", [v.u16, 65535], "65535"],
    ["i16", [v.i16, -32768], "-32768"],
    ["u32", [v.u32, 4294967295], "4294967295"],
    ["i32", [v.i32, -2147483648], "-2147483648"],
    ["f32", [v.f32, 0.5], "0.5"],
    ["bool", [v.bool, 1], "true"],
    ["a bool that is neither 0 nor 1", [v.bool, 7], "true"],
    ["string", text("größe\u0000 模型"), "größe\u0000 模型"],
    ["u64", [v.u64, 18446744073709551615n], "18446744073709551615"],
    ["i64", [v.i64, -9223372036854775808n], "-9223372036854775808"],
    ["f64", [v.f64, 1e300], "1e+300"],
    ["NaN", [v.f64, NaN], "NaN"],
    ["an empty array", [9, v.string, []], "[]"],
    ["an array of numbers", [9, v.i32, [1, -2, 3]], "[1, -2, 3]"],
    ["an array of strings", [9, v.string, ["a", 'b"c', ""]], '["a", "b\\"c", ""]'],
    [
      "an array of arrays",
      [
        9,
        9,
        [
          [9, v.u8, [1, 2]],
          [9, v.string, ["x"]],
        ],
      ],
      '[[1, 2], ["x"]]',
    ],
    [
      "a long array",
      [9, v.u16, Array.from({ length: 1000 }, (_, i) => i)],
      `[${Array.from({ length: 32 }, (_, i) => i).join(", ")}, … 1000 in all]`,
    ],
  ];
  for (const version of [1, 2, 3]) {
    for (const little of version === 3 ? [true, false] : [true]) {
      for (const [name, value, shown] of values) {
        it(`version ${version}${little ? "" : " in the other byte order"} with metadata of type ${name}`, async () => {
          folder.put(
            "m.gguf",
            ggufFile({
              version,
              little,
              entries: [
                ["before", [v.u8, 1]],
                ["key", value],
                ["after", text("x")],
              ],
              tensors: [a],
            }),
          );
          const index = await read();
          assert.deepEqual(index.metadata, [
            ["before", "1"],
            ["key", shown],
            ["after", "x"],
          ]);
          assert.deepEqual(codes(index), little ? [] : ["big-endian"]);
          assert.deepEqual(
            index.tensors.map((t) => [t.name, t.shape, t.byteLength]),
            [["a", [4], 16]],
          );
          assert.equal(index.tensors[0].storage !== undefined, little);
        });
      }
    }
  }

  it("shows shapes as [out, in]", async () => {
    folder.put("m.gguf", ggufFile({ tensors: [{ name: "x", ne: [64, 3, 2], type: 8 }] }));
    const [tensor] = (await read()).tensors;
    assert.deepEqual([tensor.shape, tensor.byteLength, tensor.encodingLabel], [[2, 3, 64], 6 * 2 * 34, "Q8_0"]);
  });

  for (const type of ggmlTypes) {
    it(`stores ${type.encoding} in blocks as the encoding has them`, async () => {
      const rows = 3;
      const columns = 2 * type.block;
      const byteLength = rows * 2 * type.bytes;
      folder.put("m.gguf", ggufFile({ tensors: [{ name: "x", ne: [columns, rows], type: type.id, byteLength }] }));
      const [tensor] = (await read()).tensors;
      assert.equal(tensor.storage!.encoding, type.encoding);
      assert.equal(tensor.byteLength, byteLength);
      assert.deepEqual(encodingFacts.planeBytes(type.encoding, rows, columns), [byteLength]);
      assert.equal(encodingFacts.fits(type.encoding, columns), true);
    });
  }
});

describe("a hostile GGUF file", () => {
  const whole = (spec: GgufSpec) => ggufFile(spec);
  const header = (fill: (b: Bytes) => void): Uint8Array => {
    const b = new Bytes().push(new TextEncoder().encode("GGUF")).u32(3);
    fill(b);
    return b.take();
  };
  const key = (b: Bytes, name: string) => b.u64(name.length).push(new TextEncoder().encode(name));

  // What gguf.cpp refuses is an error, or a problem where tensors can be shown.
  const rows: [danger: string, content: () => Parameters<TemporaryFolder["put"]>[1], expected: string][] = [
    ["an empty file", () => new Uint8Array(0), "error truncated"],
    ["five bytes", () => new TextEncoder().encode("GGUF\u0003"), "error truncated"],
    ["another magic", () => new TextEncoder().encode("GGML\u0003\0\0\0\0\0\0\0"), "error malformed"],
    ["version 0", () => whole({ version: 0 }), "error unsupported"],
    ["version 4", () => whole({ version: 4 }), "error unsupported"],
    ["no counts", () => header(() => {}), "error truncated"],
    ["nothing but counts", () => whole({}), "ok 0"],
    ["2^63 tensors", () => whole({ tensorCount: 2n ** 63n }), "error too-large"],
    ["2^64 - 1 metadata entries", () => whole({ entryCount: 2n ** 64n - 1n }), "error too-large"],
    [
      "a million tensors in a sparse file",
      () => ({ head: whole({ tensorCount: 1_000_000n }), size: 2 ** 32 }),
      "error too-large",
    ],
    ["a million entries in a sparse file", () => ({ head: whole({ entryCount: 1_000_000n }), size: 2 ** 32 }), "error too-large"],
    [
      "two hundred thousand tensors of zeros",
      () => ({ head: whole({ tensorCount: 200_000n }), size: 2 ** 25 }),
      "duplicate-name",
    ],
    ["an empty key", () => whole({ entries: [["", text("x")]] }), "error malformed"],
    [
      "a key of 2^40 bytes",
      () =>
        header((b) =>
          b
            .u64(0)
            .u64(1)
            .u64(2n ** 40n)
            .u64(0),
        ),
      "error truncated",
    ],
    ["a key of a megabyte", () => whole({ entries: [["k".repeat(1 << 20), text("x")]] }), "error too-large"],
    [
      "a key twice",
      () =>
        whole({
          entries: [
            ["k", text("x")],
            ["k", text("y")],
          ],
        }),
      "error malformed",
    ],
    ["an unknown value type", () => whole({ entries: [["k", [13, 0]]] }), "error malformed"],
    [
      "a string of 2^63 bytes",
      () =>
        header((b) =>
          key(b.u64(0).u64(1), "k")
            .u32(v.string)
            .u64(2n ** 63n),
        ),
      "error truncated",
    ],
    [
      "a string beyond ggml's limit in a sparse file",
      () => ({
        head: header((b) =>
          key(b.u64(0).u64(1), "k")
            .u32(v.string)
            .u64(2n ** 31n),
        ),
        size: 2 ** 33,
      }),
      "error too-large",
    ],
    [
      "an array of 2^61 doubles",
      () =>
        header((b) =>
          key(b.u64(0).u64(1), "k")
            .u32(9)
            .u32(v.f64)
            .u64(2n ** 61n),
        ),
      "error too-large",
    ],
    [
      "an array longer than the file",
      () => header((b) => key(b.u64(0).u64(1), "k").u32(9).u32(v.u8).u64(1000)),
      "error truncated",
    ],
    [
      "strings that would not fit with their lengths alone",
      () => header((b) => key(b.u64(0).u64(1), "k").u32(9).u32(v.string).u64(2).u64(0)),
      "error truncated",
    ],
    [
      "a string of an array that ends past the file",
      () => header((b) => key(b.u64(0).u64(1), "k").u32(9).u32(v.string).u64(1).u64(100)),
      "error truncated",
    ],
    ["an array of an unknown type", () => header((b) => key(b.u64(0).u64(1), "k").u32(9).u32(77).u64(0)), "error malformed"],
    [
      "arrays nested a hundred deep",
      () =>
        header((b) => {
          key(b.u64(0).u64(1), "k").u32(9);
          for (let i = 0; i < 100; i++) b.u32(9).u64(1);
        }),
      "error too-large",
    ],
    ["an alignment of 0", () => whole({ entries: [["general.alignment", [v.u32, 0]]], tensors: [a] }), "bad-alignment"],
    ["an alignment of 48", () => whole({ entries: [["general.alignment", [v.u32, 48]]], tensors: [a] }), "bad-alignment"],
    ["an alignment as u64", () => whole({ entries: [["general.alignment", [v.u64, 64]]], tensors: [a] }), "bad-alignment"],
    ["an alignment of 2^31", () => whole({ entries: [["general.alignment", [v.u32, 2 ** 31]]], tensors: [a] }), "beyond-end"],
    [
      "an alignment of 64",
      () => whole({ alignment: 64, entries: [["general.alignment", [v.u32, 64]]], tensors: [a, { ...a, name: "b" }] }),
      "ok 2",
    ],
    ["two tensors of one name", () => whole({ tensors: [a, a] }), "duplicate-name"],
    ["a name of 63 bytes", () => whole({ tensors: [{ ...a, name: "n".repeat(63) }] }), "ok 1"],
    ["a name of 64 bytes", () => whole({ tensors: [{ ...a, name: "n".repeat(64) }] }), "name-too-long"],
    ["a name of a megabyte", () => whole({ tensors: [{ ...a, name: "n".repeat(1 << 20) }] }), "error too-large"],
    [
      "a name like __proto__",
      () => whole({ tensors: [{ ...a, name: "__proto__" }], entries: [["__proto__", text("constructor")]] }),
      "ok 1",
    ],
    ["a scalar", () => whole({ tensors: [{ ...a, ne: [] }] }), "ok 1"],
    ["five dimensions", () => whole({ tensors: [{ ...a, ne: [4, 1, 1, 1, 1] }] }), "too-many-dimensions"],
    [
      "four billion dimensions",
      () =>
        header((b) =>
          key(b.u64(1).u64(0), "a")
            .u32(2 ** 32 - 1)
            .u64(0)
            .u64(0)
            .u64(0),
        ),
      "error malformed",
    ],
    ["a negative dimension", () => whole({ tensors: [{ ...a, ne: [-4n], byteLength: 16 }] }), "size-overflow"],
    [
      "dimensions whose product overflows",
      () => whole({ tensors: [{ ...a, ne: [2n ** 33n, 2n ** 33n], byteLength: 16 }] }),
      "size-overflow",
    ],
    ["a huge dimension beside a zero", () => whole({ tensors: [{ ...a, ne: [0n, 2n ** 62n], byteLength: 0 }] }), "size-overflow"],
    ["a zero dimension", () => whole({ tensors: [{ ...a, ne: [4, 0] }] }), "ok 1"],
    ["a removed type", () => whole({ tensors: [{ ...a, type: 4, byteLength: 16 }] }), "unknown-type"],
    ["a type of the future", () => whole({ tensors: [{ ...a, type: 43, byteLength: 16 }] }), "unknown-type"],
    ["a type of 2^32 - 1", () => whole({ tensors: [{ ...a, type: 2 ** 32 - 1, byteLength: 16 }] }), "unknown-type"],
    [
      "rows that do not fill a block",
      () => whole({ tensors: [{ ...a, ne: [33, 32], type: 8, byteLength: 1122 }] }),
      "bad-row-length",
    ],
    [
      "an offset that leaves a hole",
      () => whole({ tensors: [a, { ...a, name: "b", offset: 64, byteLength: 64 }] }),
      "unused-bytes",
    ],
    ["an offset that overlaps", () => whole({ tensors: [a, { ...a, name: "b", offset: 0 }] }), "overlapping-tensors"],
    ["an offset past the end", () => whole({ tensors: [a, { ...a, name: "b", offset: 2n ** 63n }] }), "unused-bytes beyond-end"],
    ["data that ends early", () => whole({ tensors: [a, { ...a, name: "b" }] }).subarray(0, -20), "beyond-end"],
    ["data of two tensors missing", () => whole({ tensors: [a, { ...a, name: "b" }] }).subarray(0, -52), "incomplete beyond-end"],
    ["only the last padding missing", () => whole({ tensors: [a, { ...a, name: "b" }] }).subarray(0, -16), "ok 2"],
  ];
  for (const [danger, content, expected] of rows) it(danger, async () => assert.equal(await outcome(content()), expected));

  it("cut at any byte of its header gives one error or what came before", async () => {
    const spec: GgufSpec = {
      entries: [
        ["k", text("value")],
        ["l", [9, v.string, ["a", "bc"]]],
        ["m", [9, 9, [[9, v.u16, [1]]]]],
      ],
      tensors: [a, { ...a, name: "b" }],
    };
    const { head } = ggufHead(spec);
    for (let length = 0; length < head.length; length++) {
      const result = await outcome(head.subarray(0, length));
      assert.match(result, /^error (truncated|too-large)|bad-header|beyond-end/, `at ${length}`);
    }
  });

  it("shows the tensors before a broken one", async () => {
    const bytes = ggufFile({ tensors: [a, { ...a, name: "b" }, { ...a, name: "c" }] });
    const second = Buffer.from(bytes).indexOf(Buffer.concat([Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]), Buffer.from("b")]));
    new DataView(bytes.buffer).setUint32(second + 9, 1000, true);
    folder.put("m.gguf", bytes);
    const index = await read();
    assert.deepEqual(codes(index), ["bad-header"]);
    assert.deepEqual(
      index.tensors.map((t) => [t.name, t.storage]),
      [["a", undefined]],
    );
  });
});

describe("a split GGUF model", () => {
  const part = (i: number) => `m-0000${i}-of-00003.gguf`;
  const split = (no: number): GgufSpec["entries"] => [
    ["general.architecture", text("llama")],
    ["split.no", [v.u16, no]],
    ["split.count", [v.u16, 3]],
  ];
  beforeEach(() => {
    for (let i = 1; i <= 3; i++)
      folder.put(part(i), ggufFile({ entries: split(i - 1), tensors: [{ name: `t${i}`, ne: [4], type: 0 }] }));
  });

  for (const i of [1, 2, 3]) {
    it(`is whole when part ${i} is opened`, async () => {
      const index = await read(part(i));
      assert.deepEqual(index.problems, []);
      assert.deepEqual(index.files, [part(1), part(2), part(3)]);
      assert.deepEqual(
        index.tensors.map((t) => [t.name, (t.storage!.planes[0] as { file: number }).file]),
        [
          ["t1", 0],
          ["t2", 1],
          ["t3", 2],
        ],
      );
    });
  }

  it("with a part missing or damaged shows the others and says so", async () => {
    fs.rmSync(path.join(folder.path, part(2)));
    assert.deepEqual(codes(await read(part(1))), ["shard-missing"]);
    folder.put(part(2), "GG");
    const index = await read(part(1));
    assert.deepEqual(codes(index), ["bad-shard"]);
    assert.deepEqual(
      index.tensors.map((t) => t.name),
      ["t1", "t3"],
    );
    await assert.rejects(() => read(part(2)), EngineError);
  });

  it("with one name in two parts shows the first", async () => {
    folder.put(part(3), ggufFile({ entries: split(2), tensors: [{ name: "t1", ne: [8], type: 0 }] }));
    const index = await read(part(1));
    assert.deepEqual(codes(index), ["duplicate-name"]);
    assert.deepEqual(
      index.tensors.map((t) => t.shape),
      [[4], [4]],
    );
  });

  it("under another name is said to be a part", async () => {
    fs.renameSync(path.join(folder.path, part(1)), path.join(folder.path, "renamed.gguf"));
    const index = await read("renamed.gguf");
    assert.deepEqual(codes(index), ["shard-missing"]);
    assert.match(index.problems[0].message, /00003/);
  });
});

describe("a large GGUF model", () => {
  it("of gigabytes with a hundred thousand tokens opens by its header", async () => {
    const tokens = Array.from({ length: 100_000 }, (_, i) => `token${i}`);
    const shape = { layers: 8, hidden: 4096, keyValue: 1024, feedForward: 14336, vocabulary: 100_000, type: 8, head: true };
    folder.put(
      "m.gguf",
      ggufHead({
        entries: [
          ["general.architecture", text("llama")],
          ["tokenizer.ggml.tokens", [9, v.string, tokens]],
          ["tokenizer.ggml.scores", [9, v.f32, tokens.map((_, i) => -i)]],
          ["tokenizer.chat_template", text("x".repeat(300_000))],
          ["tokenizer.ggml.token_type", [9, v.i32, tokens.map(() => 1)]],
        ],
        tensors: llamaTensors(shape),
      }),
    );
    const index = await read();
    assert.deepEqual(index.problems, []);
    assert.equal(index.tensors.length, 8 * 9 + 3);
    assert.ok(index.byteLength > 2.5e9);
    assert.match(index.metadata[1][1], /^\["token0", "token1", .*100000 in all\]$/);
    assert.ok(index.metadata.every(([, value]) => value.length <= 1001));
  });
});
