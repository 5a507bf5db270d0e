import assert from "node:assert/strict";
import { encoding as encodingNamed } from "../../../src/encodings";
import { encodeTile } from "../../../src/engine/passEncodeTile";
import type { ChosenMethod } from "../../../src/engine/tasks";
import { method as methodNamed } from "../../../src/methods";
import { passHarness } from "../../builders/passHarness";
import { heavyTailed } from "../../builders/weights";

const rows = 5;
const columns = 768;
const x = heavyTailed(rows * columns);

/** Encoding, method, and the method that is expected to be at work. */
const cases: [encoding: string, chosen: ChosenMethod | undefined, expected: string][] = [
  ["q4_K", undefined, "rtn"],
  ["int4-g32", undefined, "rtn"],
  ["int4-qdq-g32", undefined, "rtn"],
  ["int8-qdq-g32", { name: "rtn" }, "rtn"],
  ["tq2_0", undefined, "rtn"],
  ["tq2_0", { name: "lsbq" }, "lsbq"],
  ["tq1_0", { name: "lsbq" }, "lsbq"],
  ["q2_0", { name: "lsbq" }, "lsbq"],
  ["q1_0", { name: "lsbq" }, "lsbq"],
  ["lsbq2-g128", undefined, "lsbq"],
  ["lsbq1-g128", { name: "rtn" }, "rtn"],
  ["lsbq4-row", { name: "lsbq" }, "lsbq"],
  ["ternary-g100", undefined, "lsbq"],
  ["lsbq3-g128", { options: { fit: "greedy" } }, "lsbq"],
  ["lsbq3-g128", { name: "lsbq", options: { fit: "exact" } }, "lsbq"],
  ["tq2_0", { name: "lsbq", options: { fit: "exact" } }, "lsbq"],
  ["pvq-g16-k27-b4", undefined, "pvq"],
  ["pvq-g32-k50-b4-r1", { name: "pvq" }, "pvq"],
  ["pvq-g6-k9-b2", undefined, "pvq"],
];

describe("a tile's bytes are those of its method, whatever computes them", () => {
  for (const simd of [true, false]) {
    const { context } = passHarness({ simd });
    for (const [name, chosen, expected] of cases) {
      it(`${name} by ${expected}${chosen?.options ? " with options" : ""}, ${simd ? "compiled" : "plain"} kernels`, () => {
        const encoding = encodingNamed(name);
        const wanted = encoding.planes.map((plane) => new Uint8Array(rows * plane.rowBytes(columns)));
        methodNamed(expected).encode({ encoding, x, rows, columns, planes: wanted, options: chosen?.options });
        context.f32.set(x, context.arena.tile / 4);
        const tile = { row: 0, column: 0, rows, columns, x: context.arena.tile };
        const planes = encodeTile(context, encoding, tile, { method: chosen });
        assert.deepEqual(planes.map((plane) => Buffer.from(plane).toString("hex")), wanted.map((plane) => Buffer.from(plane).toString("hex")));
      });
    }
  }

  for (const simd of [true, false]) {
    it(`a method is not mistaken for another with a kernel for this encoding, ${simd ? "compiled" : "plain"} kernels`, () => {
      const { context } = passHarness({ simd });
      const tile = { row: 0, column: 0, rows: 1, columns: 256, x: context.arena.tile };
      assert.throws(() => encodeTile(context, encodingNamed("q4_0"), tile, { method: { name: "lsbq" } }), /lsbq cannot produce Q4_0/);
    });

    it(`importance reaches the fit, ${simd ? "compiled" : "plain"} kernels`, () => {
      const { context } = passHarness({ simd });
      const importance = Float32Array.from({ length: columns }, (_, i) => 1 + (i % 7));
      const encoding = encodingNamed("lsbq2-g128");
      const wanted = encoding.planes.map((plane) => new Uint8Array(rows * plane.rowBytes(columns)));
      encoding.encode!(x, rows, columns, wanted, importance);
      context.f32.set(x, context.arena.tile / 4);
      context.f32.set(importance, context.arena.importance / 4);
      const tile = { row: 0, column: 0, rows, columns, x: context.arena.tile };
      const planes = encodeTile(context, encoding, tile, { importance });
      assert.deepEqual(planes.map((plane) => Buffer.from(plane)), wanted.map((plane) => Buffer.from(plane)));
    });
  }

  const chosen: [name: string, encoding: string, method: ChosenMethod, want: string | undefined][] = [
    ["no options", "lsbq2-g128", { name: "lsbq" }, "lsbq2-g128"],
    ["an empty set of options", "q4_K", { name: "rtn", options: {} }, "q4_K"],
    ["an option that spells out the default", "lsbq2-g128", { name: "lsbq", options: { fit: "exact" } }, "lsbq2-g128"],
    ["the same, of a method that is not the encoding's own", "tq2_0", { name: "lsbq", options: { fit: "exact" } }, "lsbq-tq2_0"],
    ["another option", "lsbq2-g128", { name: "lsbq", options: { fit: "greedy" } }, undefined],
  ];
  for (const [name, encoding, method, want] of chosen) {
    it(`the compiled kernel under ${name}: ${want ?? "none"}`, () => {
      const { context } = passHarness();
      const used: string[] = [];
      const kernels = Object.assign(Object.create(context.kernels) as typeof context.kernels, {
        encoder(named: string) {
          const kernel = context.kernels.encoder(named);
          return kernel && ((...given: Parameters<typeof kernel>) => (used.push(named), kernel(...given)));
        },
      });
      context.f32.set(x, context.arena.tile / 4);
      encodeTile({ ...context, kernels }, encodingNamed(encoding), { row: 0, column: 0, rows, columns, x: context.arena.tile }, { method });
      assert.deepEqual(used, want === undefined ? [] : [want]);
    });
  }

  it("a method's own words reach the caller: options that it does not know", () => {
    const { context } = passHarness();
    const tile = { row: 0, column: 0, rows: 1, columns: 256, x: context.arena.tile };
    assert.throws(() => encodeTile(context, encodingNamed("q4_K"), tile, { method: { options: { fit: "greedy" } } }), /no option "fit"/);
  });
});
