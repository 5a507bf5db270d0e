import assert from "node:assert/strict";
import type { ModelIndex, TensorInfo } from "../../../../src/core/model";
import { decodeWholeAffine } from "../../../../src/encodings";
import { safetensors } from "../../../../src/formats/safetensors";
import { openFolder } from "../../../../src/node/files";
import { TemporaryFolder } from "../../../builders/folder";
import { safetensorsFile, type TensorSpec } from "../../../builders/safetensors";

let folder: TemporaryFolder;
beforeEach(() => (folder = new TemporaryFolder()));
afterEach(() => folder.remove());

const i32 = (shape: number[], values: number[]): TensorSpec => ({
  dtype: "I32",
  shape,
  data: new Uint8Array(Int32Array.from(values).buffer),
});
const i64 = (values: number[]): TensorSpec => ({
  dtype: "I64",
  shape: [values.length],
  data: new Uint8Array(BigInt64Array.from(values.map(BigInt)).buffer),
});
const i8 = (shape: number[], values: number[]): TensorSpec => ({
  dtype: "I8",
  shape,
  data: Uint8Array.from(values, (v) => v & 0xff),
});
const f32 = (shape: number[], values: number[]): TensorSpec => ({
  dtype: "F32",
  shape,
  data: new Uint8Array(Float32Array.from(values).buffer),
});
/** Powers of two are exact in every type. */
const bf16 = (shape: number[], values: number[]): TensorSpec => {
  const bits = new Uint32Array(Float32Array.from(values).buffer);
  return { dtype: "BF16", shape, data: new Uint8Array(Uint16Array.from(bits, (b) => b >>> 16).buffer) };
};

async function read(tensors: Record<string, TensorSpec>, quantization?: object): Promise<ModelIndex> {
  folder.put("m.safetensors", safetensorsFile(tensors));
  if (quantization) folder.put("config.json", JSON.stringify({ quantization_config: quantization }));
  return safetensors.readIndex(await openFolder(folder.path), "m.safetensors");
}

async function decode({ shape, storage }: TensorInfo): Promise<number[]> {
  const [rows, columns] = shape;
  const source = await (await openFolder(folder.path)).open("m.safetensors");
  const planes = await Promise.all(storage!.planes.map((p) => ("inline" in p ? p.inline : source.read(p.offset, p.byteLength))));
  await source.close();
  const out = new Float32Array(rows * columns);
  decodeWholeAffine(storage!.affine!, planes, rows, columns, out);
  return [...out];
}

const sequence = <T>(count: number, value: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => value(i));
/** Codes packed from the lowest bits, `bits` each. */
function words(codes: readonly number[], bits: number): number[] {
  const out = new Array<bigint>(Math.ceil((codes.length * bits) / 32)).fill(0n);
  codes.forEach((code, i) => {
    const at = i * bits;
    const wide = BigInt(code) << BigInt(at % 32);
    out[Math.floor(at / 32)] |= wide & 0xffffffffn;
    if (wide >> 32n) out[Math.floor(at / 32) + 1] |= wide >> 32n;
  });
  return out.map((w) => Number(BigInt.asIntN(32, w)));
}

interface Case {
  readonly danger: string;
  readonly tensors: Record<string, TensorSpec>;
  readonly quantization?: object;
  readonly label: string;
  readonly shape: readonly [number, number];
  readonly value: (row: number, column: number) => number;
}

const group = (row: number, column: number, groups: number, size: number) => row * groups + Math.floor(column / size);

const cases: Case[] = [
  {
    danger: "pack-quantized: codes −8…−1 are the word 0x76543210",
    tensors: {
      "x.weight_packed": i32([1, 1], [0x76543210]),
      "x.weight_scale": f32([1, 1], [0.5]),
      "x.weight_shape": i64([1, 8]),
    },
    label: "INT4 channel",
    shape: [1, 8],
    value: (_, c) => (c - 8) * 0.5,
  },
  {
    danger: "pack-quantized, 4 bits, groups of 8, asymmetric: zero points packed along the rows, 9 rows in two words",
    tensors: {
      "x.weight_packed": i32(
        [9, 2],
        sequence(9, (r) =>
          words(
            sequence(16, (c) => (r + c) % 16),
            4,
          ),
        ).flat(),
      ),
      "x.weight_scale": bf16(
        [9, 2],
        sequence(18, (i) => 2 ** -(i % 4)),
      ),
      "x.weight_shape": i64([9, 16]),
      "x.weight_zero_point": i32(
        [2, 2],
        [
          ...[0, 1].map(
            (g) =>
              words(
                sequence(8, (r) => (r + 3 * g) % 16),
                4,
              )[0],
          ),
          ...[0, 1].map((g) => words([(8 + 3 * g) % 16], 4)[0]),
        ],
      ),
    },
    label: "INT4 g8 asym",
    shape: [9, 16],
    value: (r, c) => (((r + c) % 16) - ((r + 3 * Math.floor(c / 8)) % 16)) * 2 ** -(group(r, c, 2, 8) % 4),
  },
  {
    danger: "pack-quantized, 8 bits per channel, a row that does not fill its last word",
    tensors: {
      "x.weight_packed": i32([2, 2], [...words([128, 129, 0, 255, 127], 8), ...words([1, 2, 3, 4, 5], 8)]),
      "x.weight_scale": f32([2, 1], [1, 0.25]),
      "x.weight_shape": i64([2, 5]),
    },
    label: "INT8 channel",
    shape: [2, 5],
    value: (r, c) => (r ? (c + 1 - 128) * 0.25 : [0, 1, -128, 127, -1][c]),
  },
  {
    danger: "pack-quantized with activation order: each column names its group",
    tensors: {
      "x.weight_packed": i32([1, 1], [0x76543210]),
      "x.weight_scale": f32([1, 2], [1, 10]),
      "x.weight_shape": i64([1, 8]),
      "x.weight_g_idx": i32([8], [1, 0, 1, 0, 1, 0, 1, 0]),
    },
    label: "INT4 g4",
    shape: [1, 8],
    value: (_, c) => (c - 8) * (c % 2 ? 1 : 10),
  },
  {
    danger: "pack-quantized without weight_shape: the configuration gives the bits",
    tensors: { "x.weight_packed": i32([1, 1], [0x76543210]), "x.weight_scale": f32([1, 1], [1]) },
    quantization: {
      quant_method: "compressed-tensors",
      config_groups: { group_0: { weights: { num_bits: 4, group_size: null } } },
    },
    label: "INT4 channel",
    shape: [1, 8],
    value: (_, c) => c - 8,
  },
  {
    danger: "int-quantized: bytes with a scale and a zero point per row",
    tensors: {
      "x.weight": i8([2, 3], [-128, 0, 127, 1, 2, 3]),
      "x.weight_scale": f32([2, 1], [0.5, 2]),
      "x.weight_zero_point": i8([2, 1], [-1, 4]),
    },
    label: "INT8 channel asym",
    shape: [2, 3],
    value: (r, c) => (r ? (c + 1 - 4) * 2 : ([-128, 0, 127][c] + 1) * 0.5),
  },
  {
    danger: "int-quantized: one scale for the tensor",
    tensors: { "x.weight": i8([2, 2], [1, 2, 3, -4]), "x.weight_scale": f32([], [0.5]) },
    label: "INT8 tensor",
    shape: [2, 2],
    value: (r, c) => [1, 2, 3, -4][2 * r + c] * 0.5,
  },
  {
    danger: "float-quantized: 8-bit floats with a scale per row",
    tensors: {
      "x.weight": { dtype: "F8_E4M3", shape: [2, 2], data: Uint8Array.of(0x38, 0xb8, 0x40, 0x7e) },
      "x.weight_scale": bf16([2, 1], [1, 0.5]),
    },
    label: "F8_E4M3 channel",
    shape: [2, 2],
    value: (r, c) => [1, -1, 1, 224][2 * r + c],
  },
  {
    danger: "DeepSeek's blocks: the last ones are not full, and the scale multiplies in spite of its name",
    tensors: {
      "x.weight": { dtype: "F8_E4M3", shape: [3, 5], data: new Uint8Array(15).fill(0x38) },
      "x.weight_scale_inv": f32([2, 3], [1, 2, 4, 8, 16, 32]),
    },
    quantization: { quant_method: "fp8", weight_block_size: [2, 2] },
    label: "F8_E4M3 2×2",
    shape: [3, 5],
    value: (r, c) => 2 ** (3 * Math.floor(r / 2) + Math.floor(c / 2)),
  },
  {
    danger: "GPTQ: codes 0…7 down the inputs are 0x76543210; the first version stores zero points less one",
    tensors: {
      "x.qweight": i32(
        [1, 8],
        sequence(8, () => 0x76543210),
      ),
      "x.qzeros": i32([1, 1], [0x77777777]),
      "x.scales": f32(
        [1, 8],
        sequence(8, (o) => 2 ** o),
      ),
      "x.g_idx": i32(
        [8],
        sequence(8, () => 0),
      ),
    },
    quantization: { quant_method: "gptq", bits: 4, group_size: -1, checkpoint_format: "gptq" },
    label: "INT4 channel",
    shape: [8, 8],
    value: (o, i) => (i - 8) * 2 ** o,
  },
  {
    danger: "GPTQ version 2: zero points as they are",
    tensors: {
      "x.qweight": i32(
        [1, 8],
        sequence(8, () => 0x76543210),
      ),
      "x.qzeros": i32([1, 1], [0x77777777]),
      "x.scales": f32(
        [1, 8],
        sequence(8, () => 1),
      ),
    },
    quantization: { quant_method: "gptq", bits: 4, group_size: -1, checkpoint_format: "gptq_v2" },
    label: "INT4 channel",
    shape: [8, 8],
    value: (_, i) => i - 7,
  },
  {
    danger: "GPTQ with activation order: groups by column",
    tensors: {
      "x.qweight": i32(
        [2, 8],
        sequence(16, () => 0x76543210),
      ),
      "x.qzeros": i32([2, 1], [0x77777777, 0]),
      "x.scales": f32(
        [2, 8],
        sequence(16, () => 1),
      ),
      "x.g_idx": i32(
        [16],
        sequence(16, (i) => i % 2),
      ),
    },
    quantization: { quant_method: "gptq", bits: 4, group_size: 8, desc_act: true },
    label: "INT4 g8",
    shape: [8, 16],
    value: (_, i) => (i % 8) - (i % 2 ? 1 : 8),
  },
  {
    danger: "GPTQ, 3 bits: 32 codes run across three words",
    tensors: {
      "x.qweight": i32(
        [3, 32],
        words(
          sequence(32, (i) => i % 8),
          3,
        ).flatMap((w) => sequence(32, () => w)),
      ),
      "x.qzeros": i32(
        [1, 3],
        words(
          sequence(32, () => 3),
          3,
        ),
      ),
      "x.scales": f32(
        [1, 32],
        sequence(32, () => 1),
      ),
    },
    quantization: { quant_method: "gptq", bits: 3, group_size: -1 },
    label: "INT3 channel",
    shape: [32, 32],
    value: (_, i) => (i % 8) - 4,
  },
  {
    danger: "AWQ: codes 0…7 of eight columns are 0x75316420",
    tensors: {
      "x.qweight": i32([2, 1], [0x75316420, 0]),
      "x.qzeros": i32([1, 1], [0x75316420]),
      "x.scales": f32(
        [1, 8],
        sequence(8, (o) => 2 ** o),
      ),
    },
    quantization: { quant_method: "awq", bits: 4, group_size: -1, zero_point: true },
    label: "INT4 channel",
    shape: [8, 2],
    value: (o, i) => ((i === 0 ? o : 0) - o) * 2 ** o,
  },
];

describe("a quantized weight in safetensors", () => {
  for (const { danger, tensors, quantization, label, shape, value } of cases) {
    it(danger, async () => {
      const index = await read({ ...tensors, "x.bias": f32([1], [0]) }, quantization);
      assert.deepEqual(index.problems, []);
      assert.deepEqual(
        index.tensors.map((t) => t.name),
        ["x.bias", "x.weight"],
      );
      const weight = index.tensors[1];
      assert.equal(weight.encodingLabel, label);
      assert.deepEqual(weight.shape, shape);
      assert.equal(
        weight.byteLength,
        Object.values(tensors).reduce((sum, t) => sum + t.data!.length, 0),
      );
      const expected = sequence(shape[0] * shape[1], (i) => value(Math.floor(i / shape[1]), i % shape[1]));
      assert.deepEqual(
        (await decode(weight)).map((v) => v + 0),
        expected.map((v) => v + 0),
      );
    });
  }

  const good = () => ({
    "x.weight_packed": i32([2, 2], [1, 2, 3, 4]),
    "x.weight_scale": f32([2, 2], [1, 2, 3, 4]),
    "x.weight_shape": i64([2, 16]),
  });
  const broken: [danger: string, change: Record<string, TensorSpec>][] = [
    ["a shape with other rows", { "x.weight_shape": i64([3, 16]) }],
    ["a negative shape", { "x.weight_shape": i64([2, -16]) }],
    ["a shape that the words do not hold", { "x.weight_shape": i64([2, 1000]) }],
    ["a shape beyond 2^53", { "x.weight_shape": i64([2, 2 ** 60]) }],
    ["groups that do not divide the row", { "x.weight_scale": f32([2, 3], [1, 2, 3, 4, 5, 6]) }],
    [
      "scales for other rows",
      {
        "x.weight_scale": f32(
          [5, 2],
          sequence(10, () => 1),
        ),
      },
    ],
    ["scales of a wrong type", { "x.weight_scale": i32([2, 2], [1, 2, 3, 4]) }],
    ["no scales at all", { "x.weight_scale": f32([0, 2], []) }],
    ["zero points for other rows", { "x.weight_zero_point": i32([2, 2], [1, 2, 3, 4]) }],
    ["an order for other columns", { "x.weight_g_idx": i32([3], [0, 0, 0]) }],
  ];
  for (const [danger, change] of broken) {
    it(`with ${danger} is shown as its parts`, async () => {
      const index = await read({ ...good(), ...change });
      assert.deepEqual(
        index.problems.map((p) => p.code),
        ["inconsistent-quantization"],
      );
      assert.deepEqual(index.tensors.map((t) => t.name).sort(), Object.keys({ ...good(), ...change }).sort());
      assert.ok(index.tensors.every((t) => t.storage && t.storage.encoding !== "affine"));
    });
  }

  it("in words of unknown meaning is shown as stored, with the method named", async () => {
    const index = await read({ "x.weight": i8([2, 2], [1, 2, 3, 4]) }, { quant_method: "bitsandbytes" });
    assert.deepEqual(
      index.problems.map((p) => p.code),
      ["unknown-quantization"],
    );
    assert.match(index.problems[0].message, /bitsandbytes/);
  });

  it("beside a plain one of the same name is a problem", async () => {
    const index = await read({ ...good(), "x.weight": f32([1], [1]) });
    assert.deepEqual(
      index.problems.map((p) => p.code),
      ["duplicate-name"],
    );
    assert.equal(index.tensors.filter((t) => t.name === "x.weight").length, 1);
  });
});
