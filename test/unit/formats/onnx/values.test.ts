import assert from "node:assert/strict";
import {
  bytes,
  f32,
  int,
  join,
  memoryFolder,
  model,
  packed,
  raw,
  T,
  tensor,
  type TensorSpec,
  text,
} from "../../../builders/onnx";
import { EngineError } from "../../../../src/core/errors";
import { onnx } from "../../../../src/formats/onnx";
import { read } from "./check";

/** The values of one initializer that MatMul takes as its first factor, so that they stay in the file's order. */
async function check(
  spec: TensorSpec,
  expected: readonly number[],
  beside: Readonly<Record<string, Uint8Array>> = {},
): Promise<void> {
  const dims = spec.dims ?? [1, expected.length];
  const got = await read(
    {
      initializers: [tensor({ ...spec, name: "w", dims })],
      nodes: [{ op: "MatMul", in: ["w", "x"], out: ["y"] }],
    },
    beside,
  );
  assert.deepEqual(got.index.problems, []);
  assert.deepEqual(await got.values("w"), expected);
}

const doubles = (values: number[]) => raw(Float64Array.from(values));
const two = [1.5, -2];

describe("ONNX tensors: every way to store values", () => {
  const rows: [name: string, spec: TensorSpec, expected: number[]][] = [
    ["FLOAT raw", { raw: raw(Float32Array.from(two)) }, two],
    ["FLOAT packed", { fields: [bytes(4, raw(Float32Array.from(two)))] }, two],
    ["FLOAT one by one", { fields: two.map((v) => f32(4, v)) }, two],
    ["FLOAT packed in two pieces", { fields: two.map((v) => bytes(4, raw(Float32Array.of(v)))) }, two],
    ["FLOAT mixed packed and not", { fields: [bytes(4, raw(Float32Array.of(1.5))), f32(4, -2)] }, two],
    ["DOUBLE raw", { type: T.DOUBLE, raw: doubles(two) }, two],
    ["DOUBLE packed", { type: T.DOUBLE, fields: [bytes(10, doubles(two))] }, two],
    ["FLOAT16 as numbers", { type: T.FLOAT16, fields: [packed(5, [0x3e00, 0xc000])] }, two],
    ["BFLOAT16 raw", { type: T.BFLOAT16, raw: raw(Uint16Array.of(0x3fc0, 0xc000)) }, two],
    ["BFLOAT16 as numbers", { type: T.BFLOAT16, fields: [packed(5, [0x3fc0, 0xc000])] }, two],
    ["INT8 raw", { type: T.INT8, raw: raw(Int8Array.of(-128, 127)) }, [-128, 127]],
    ["INT8 as ten-byte varints", { type: T.INT8, fields: [packed(5, [-128, 127])] }, [-128, 127]],
    ["UINT8 one by one", { type: T.UINT8, fields: [int(5, 255), int(5, 0)] }, [255, 0]],
    ["INT16 as numbers", { type: T.INT16, fields: [packed(5, [-32768, 5])] }, [-32768, 5]],
    ["UINT16 as numbers", { type: T.UINT16, fields: [packed(5, [65535, 5])] }, [65535, 5]],
    ["INT32 as numbers", { type: T.INT32, fields: [packed(5, [-7, 70000])] }, [-7, 70000]],
    ["INT64 as numbers", { type: T.INT64, fields: [packed(7, [-1n, 2n ** 40n])] }, [-1, 2 ** 40]],
    ["UINT32 as numbers", { type: T.UINT32, fields: [packed(11, [2 ** 31, 1])] }, [2 ** 31, 1]],
    ["UINT64 as numbers", { type: T.UINT64, fields: [packed(11, [2n ** 63n, 1])] }, [2 ** 63, 1]],
    ["BOOL as numbers", { type: T.BOOL, fields: [packed(5, [1, 0])] }, [1, 0]],
    ["INT4 raw, odd count", { type: T.INT4, raw: Uint8Array.of(0x8f, 0x07) }, [-1, -8, 7]],
    ["UINT4 two per number", { type: T.UINT4, fields: [packed(5, [0x8f, 0x07])] }, [15, 8, 7]],
    ["INT2 raw", { type: T.INT2, raw: Uint8Array.of(0b11_10_01_00, 0b01) }, [0, 1, -2, -1, 1]],
    ["UINT2 four per number", { type: T.UINT2, fields: [packed(5, [0b11_10_01_00, 0b01])] }, [0, 1, 2, 3, 1]],
    ["FLOAT8E4M3FN raw", { type: T.FLOAT8E4M3FN, raw: Uint8Array.of(0x38, 0xc4) }, [1, -3]],
    ["FLOAT8E5M2 as numbers", { type: T.FLOAT8E5M2, fields: [packed(5, [0x3c, 0xc2])] }, [1, -3]],
    ["FLOAT8E4M3FNUZ raw", { type: T.FLOAT8E4M3FNUZ, raw: Uint8Array.of(0x40, 0xcc) }, [1, -3]],
    ["FLOAT8E8M0 raw", { type: T.FLOAT8E8M0, raw: Uint8Array.of(127, 128) }, [1, 2]],
    ["FLOAT4E2M1 raw", { type: T.FLOAT4E2M1, raw: Uint8Array.of(0xf7, 0x01) }, [6, -6, 0.5]],
    [
      "FLOAT6E2M3 raw, four in three bytes",
      { type: T.FLOAT6E2M3, raw: Uint8Array.of(0x08, 0x83, 0xfe, 0x08) },
      [1, 1.5, -1, -7.5, 1],
    ],
    ["FLOAT6E2M3 one per number", { type: T.FLOAT6E2M3, fields: [packed(5, [8, 12, 40, 63, 8])] }, [1, 1.5, -1, -7.5, 1]],
    ["the last raw_data counts", { fields: [bytes(9, Uint8Array.of(1)), bytes(9, raw(Float32Array.from(two)))] }, two],
    ["raw_data goes before typed fields", { raw: raw(Float32Array.from(two)), fields: [f32(4, 9)] }, two],
  ];
  for (const [name, spec, expected] of rows) it(name, () => check(spec, expected));

  it("external data", () =>
    check({ external: { location: "d/w.bin", offset: "4", length: "8" } }, two, {
      "d/w.bin": raw(Float32Array.from([9, ...two, 9])),
    }));
  it("external data without a length", () =>
    check({ external: { location: "./w.bin" } }, two, { "w.bin": raw(Float32Array.from([...two, 9])) }));
});

describe("ONNX tensors: what does not fit", () => {
  const rows: [name: string, spec: TensorSpec, code: string][] = [
    ["raw_data too short", { dims: [1, 3], raw: raw(Float32Array.from(two)) }, "size-mismatch"],
    ["raw_data too long", { dims: [1, 1], raw: raw(Float32Array.from(two)) }, "size-mismatch"],
    ["no values at all", { dims: [2, 2] }, "size-mismatch"],
    [
      "a billion elements promised, four bytes there",
      { dims: [1e5, 1e5], fields: [packed(5, [1, 2, 3, 4])], type: T.INT8 },
      "size-mismatch",
    ],
    ["fewer packed numbers than elements", { dims: [1, 9], fields: [packed(5, [-1, 2, 3])], type: T.INT8 }, "size-mismatch"],
    ["more numbers than elements", { dims: [1, 2], fields: [packed(5, [1, 2, 3])], type: T.INT8 }, "size-mismatch"],
    ["a negative dimension", { dims: [-1n, 2], raw: new Uint8Array(8) }, "bad-shape"],
    ["dimensions that overflow", { dims: [2n ** 40n, 2n ** 40n], raw: new Uint8Array(8) }, "bad-shape"],
    ["a dimension beyond exact numbers", { dims: [2n ** 62n, 1], raw: new Uint8Array(8) }, "bad-shape"],
    ["an unknown type", { type: 99, dims: [1, 2], raw: new Uint8Array(8) }, "unknown-type"],
    ["a segment", { dims: [1, 2], raw: new Uint8Array(8), fields: [bytes(3, int(1, 0))] }, "unsupported"],
    ["external data without a place", { dims: [1, 2], external: {} }, "bad-external-data"],
    [
      "external data with a negative offset",
      { dims: [1, 2], external: { location: "w.bin", offset: "-8" } },
      "bad-external-data",
    ],
    [
      "external data with an offset beyond exact numbers",
      { dims: [1, 2], external: { location: "w.bin", offset: "9".repeat(17) } },
      "bad-external-data",
    ],
    [
      "external data past the end of its file",
      { dims: [1, 2], external: { location: "w.bin", offset: "4" } },
      "external-data-short",
    ],
    ["external data of another length", { dims: [1, 2], external: { location: "w.bin", length: "4" } }, "size-mismatch"],
    ["external data that is not there", { dims: [1, 2], external: { location: "other.bin" } }, "external-data-missing"],
    ["external data above the folder", { dims: [1, 2], external: { location: "../w.bin" } }, "unsafe-path"],
    ["external data above the folder by a detour", { dims: [1, 2], external: { location: "d/../../w.bin" } }, "unsafe-path"],
    ["external data at an absolute path", { dims: [1, 2], external: { location: "/etc/passwd" } }, "unsafe-path"],
    ["external data on a drive", { dims: [1, 2], external: { location: "C:\\w.bin" } }, "unsafe-path"],
    ["external data behind a backslash", { dims: [1, 2], external: { location: "..\\w.bin" } }, "unsafe-path"],
    ["external data with a zero byte in its name", { dims: [1, 2], external: { location: "w.bin\0" } }, "unsafe-path"],
  ];
  for (const [name, spec, code] of rows) {
    it(`${name}: ${code}, and the rest is shown`, async () => {
      const got = await read(
        {
          initializers: [tensor({ name: "w", ...spec }), tensor({ name: "good", dims: [2], raw: raw(Float32Array.from(two)) })],
          nodes: [{ op: "MatMul", in: ["w", "good"], out: ["y"] }],
        },
        { "w.bin": new Uint8Array(8) },
      );
      assert.deepEqual(
        got.index.problems.map((p) => [p.code, p.tensor]),
        [[code, "w"]],
      );
      assert.equal(got.tensor("w").storage, undefined);
      assert.deepEqual(await got.values("good"), two);
    });
  }

  it("an external path that leaves through the folder's own check becomes a problem", async () => {
    const inside = memoryFolder({
      "m.onnx": model({ initializers: [tensor({ name: "w", dims: [2], external: { location: "link" } })] }),
    });
    const folder = {
      ...inside,
      size: async () => {
        throw new EngineError("unsafe-path", "A link leads out.");
      },
    };
    const index = await onnx.readIndex(folder, "m.onnx");
    assert.deepEqual(
      index.problems.map((p) => p.code),
      ["unsafe-path"],
    );
  });

  it("strings and complex numbers are listed without values and without complaint", async () => {
    const strings = Array.from({ length: 300 }, () => text(6, "ab"));
    const { index, tensor: find } = await read({
      initializers: [
        tensor({ name: "words", type: T.STRING, dims: [300], fields: strings }),
        tensor({ name: "c", type: T.COMPLEX64, dims: [2], raw: new Uint8Array(16) }),
      ],
    });
    assert.deepEqual(index.problems, []);
    assert.deepEqual(
      ["words", "c"].map((n) => [find(n).storage, find(n).encodingLabel, find(n).byteLength]),
      [
        [undefined, "STRING", 600],
        [undefined, "COMPLEX64", 16],
      ],
    );
  });

  it("sparse tensors are listed with their bytes and said to be unsupported", async () => {
    const sparse = join(
      bytes(1, tensor({ name: "s", dims: [2], raw: raw(Float32Array.from(two)) })),
      bytes(2, tensor({ type: T.INT64, dims: [2], raw: new Uint8Array(16) })),
      int(3, 100),
      int(3, 200),
    );
    const { index, tensor: find } = await read({ fields: [bytes(15, sparse)] });
    assert.deepEqual(
      index.problems.map((p) => [p.code, p.tensor]),
      [["unsupported", "s"]],
    );
    assert.deepEqual([find("s").shape, find("s").byteLength, find("s").storage], [[100, 200], 24, undefined]);
  });

  it("two tensors may share external data, but not overlap", async () => {
    const at = (name: string, offset: string) => tensor({ name, dims: [2], external: { location: "w.bin", offset } });
    const shared = await read({ initializers: [at("a", "0"), at("b", "0")] }, { "w.bin": new Uint8Array(16) });
    assert.deepEqual(shared.index.problems, []);
    const overlapping = await read({ initializers: [at("a", "0"), at("b", "4")] }, { "w.bin": new Uint8Array(16) });
    assert.deepEqual(
      overlapping.index.problems.map((p) => [p.code, p.tensor]),
      [["overlapping-tensors", "b"]],
    );
  });
});
