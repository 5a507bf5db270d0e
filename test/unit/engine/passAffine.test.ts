import assert from "node:assert/strict";
import type { AffineLayout } from "../../../src/core/model";
import { Random } from "../../../src/core/math/prng";
import { encoding as encodingNamed } from "../../../src/encodings";
import { decodeWholeAffine } from "../../../src/encodings/affine";
import { runPass } from "../../../src/engine/pass";
import { runTask } from "../../../src/engine/runTask";
import { analyseReference } from "../../../src/metrics";
import { assertReport } from "../../builders/compareReports";
import { passHarness, sourceOfBytes } from "../../builders/passHarness";

const random = new Random(21);
const anyBytes = (n: number) => Uint8Array.from({ length: n }, () => random.integer(256));
const scales = (n: number) => new Uint8Array(Float32Array.from({ length: n }, () => 0.001 + 0.01 * random.uniform()).buffer);

interface Case {
  readonly what: string;
  readonly rows: number;
  readonly columns: number;
  readonly layout: AffineLayout;
  readonly planes: readonly Uint8Array[];
  readonly rawBytes?: number;
}

const base = { signed: false, storedOffset: 0, packing: "lsb", scaleType: "f32", zeroPoint: 8 } as const;

const cases: Case[] = [
  {
    what: "4-bit codes row by row with zero points",
    rows: 70,
    columns: 96,
    planes: [anyBytes(70 * 48), scales(70 * 3), anyBytes(70 * 2)],
    layout: {
      ...base,
      bits: 4,
      codeOrder: "out-in",
      codeRowBytes: 48,
      rowsPerScale: 1,
      columnsPerScale: 32,
      scaleRowStride: 3,
      scaleColumnStride: 1,
      zeros: {
        bits: 4,
        signed: false,
        storedOffset: 0,
        packing: "lsb",
        rowStride: 4,
        columnStride: 1,
        packedRowElements: 4,
        packedRowBytes: 2,
      },
    },
  },
  {
    what: "8-bit codes in the order of the inputs, one scale per output, larger than the arena",
    rows: 600,
    columns: 500,
    rawBytes: 1 << 16,
    planes: [anyBytes(600 * 500), scales(600)],
    layout: {
      ...base,
      bits: 8,
      signed: true,
      zeroPoint: 0,
      codeOrder: "in-out",
      codeRowBytes: 600,
      rowsPerScale: 1,
      columnsPerScale: 0,
      scaleRowStride: 1,
      scaleColumnStride: 0,
    },
  },
  {
    what: "words of eight inputs with an order of activations",
    rows: 64,
    columns: 256,
    rawBytes: 1 << 14,
    planes: [
      anyBytes(32 * 64 * 4),
      scales(4 * 64),
      new Uint8Array(Int32Array.from({ length: 256 }, (_, i) => (i * 7) % 4).buffer),
    ],
    layout: {
      ...base,
      bits: 4,
      codeOrder: "in-packed-out",
      codeRowBytes: 64 * 4,
      rowsPerScale: 1,
      columnsPerScale: 64,
      scaleRowStride: 1,
      scaleColumnStride: 64,
    },
  },
];

describe("the pass over integer grids of other programs", () => {
  for (const { what, rows, columns, layout, planes, rawBytes } of cases) {
    it(what, async () => {
      const harness = passHarness({ rawBytes });
      const tensor = sourceOfBytes(harness.files, planes, { encoding: "affine", affine: layout }, { rows, columns });
      const x = new Float32Array(rows * columns);
      decodeWholeAffine(layout, planes, rows, columns, x);
      const expected = analyseReference(
        x,
        { rows, columns, columnsPerInput: 1, hasChannels: true },
        [encodingNamed("int4-g32")],
        tensor.name,
      );
      const report = await runTask({ kind: "analyse", tensor, encodings: ["int4-g32"] }, { threads: 1 }, async (job) =>
        runPass(harness.context, job),
      );
      assertReport(report as typeof expected, expected);
    });
  }

  it("an order of activations that is too short is an error naming the tensor", () => {
    const harness = passHarness();
    const { layout, planes, rows, columns } = cases[2];
    const short = [planes[0], planes[1], planes[2].subarray(0, 100)];
    const tensor = sourceOfBytes(harness.files, short, { encoding: "affine", affine: layout }, { rows, columns });
    const task = { kind: "analyse", tensor, encodings: [] } as const;
    assert.throws(() => runPass(harness.context, { kind: "analyse", task }), {
      code: "malformed",
      place: { tensor: tensor.name },
    });
  });
});
