import assert from "node:assert/strict";
import type { ExportChoice } from "../../../src/core/api/engine";
import type { SensitivityTable } from "../../../src/core/sensitivity";
import type { TensorReport } from "../../../src/core/series";
import { bitsPlan, costUnder, total } from "../../../webview/bitsPlan";
import { toCsv, cell } from "../../../webview/charts/table";
import { measureAll, measures } from "../../../webview/measures";
import { hardest, sortEntries, walk } from "../../../webview/order";
import type { Entry } from "../../../webview/state";
import { blocks, tensor } from "../../builders/panelModel";
import { report } from "../../builders/report";
import { sensitivityTable } from "../../builders/sensitivity";

const entriesOf = (tensors: ReturnType<typeof blocks>): Entry[] => tensors.map((t, index) => ({ index, tensor: t }));
const q4 = { name: "q4_0", label: "Q4_0", bitsPerWeight: 4.5, blockElements: 32, targets: [], description: "" };

describe("measures", () => {
  it("know a name, a sentence, a format and a direction, under one id each", () => {
    assert.equal(new Set(measures.map((m) => m.id)).size, measures.length);
    for (const m of measures) {
      assert.ok(m.name && m.short && m.help.endsWith("."), m.id);
      assert.equal(m.format(NaN), "–", m.id);
    }
  });
  it("without a result only what the header tells has a value", () => {
    const entries = entriesOf(blocks(1));
    for (const m of measures) assert.equal(Number.isFinite(measureAll(m, entries, "q4_0")[0]), m.fromHeader === true, m.id);
  });
  it("the gap is the bound less the SQNR", () => {
    const r = {
      ...report("w", Float32Array.of(1, 2, 3, 4), 2),
      errors: [{ encoding: "q4_0", bitsPerWeight: 4.5, relativeSquaredError: 0.01, sqnr: 20 }],
    };
    const gap = measures.find((m) => m.id === "gap")!.of(tensor("w"), r, "q4_0");
    assert.ok(Math.abs(gap - (4.5 * 6.020599913279624 - 20)) < 1e-9);
  });
});

describe("order", () => {
  const entries = entriesOf(blocks(3));
  it("what is not known yet comes last in both directions", () => {
    const values = Float64Array.from(entries, (_, i) => (i % 2 ? NaN : i));
    for (const ascending of [true, false]) {
      const order = [...sortEntries(entries, values, { ascending, filter: "" })];
      const known = order.filter((i) => i % 2 === 0);
      assert.deepEqual(order.slice(0, known.length), known);
      assert.deepEqual(
        known,
        [...known].sort((a, b) => (ascending ? a - b : b - a)),
      );
    }
  });
  it("a lossless tensor is the easiest by SQNR, not the hardest", () => {
    assert.deepEqual(hardest(Float64Array.of(Infinity, 20, NaN, 5), "low", 3), [3, 1, 0]);
    assert.deepEqual(hardest(Float64Array.of(Infinity, 20, NaN, 5), "high", 2), [0, 1]);
  });
  it("the filter ignores case", () => {
    assert.equal(sortEntries(entries, undefined, { ascending: false, filter: "lm_HEAD".toLowerCase() }).length, 1);
  });
  it("walking down keeps the role and stops at the last layer", () => {
    const at = (name: string) => entries.findIndex((e) => e.tensor.name.includes(name));
    assert.equal(walk(entries, at("layers.0.k"), "below"), at("layers.1.k"));
    assert.equal(walk(entries, at("layers.2.k"), "below"), at("layers.2.k"));
    assert.equal(walk(entries, at("layers.1.norm"), "above"), at("layers.0.norm"));
    assert.equal(walk(entries, 0, "previous"), 0);
    assert.equal(walk(entries, 0, "below"), 1);
  });
});

describe("bits", () => {
  it("vectors and rows that do not fit the blocks keep their bytes", () => {
    const cost = (shape: number[]) => costUnder({ index: 0, tensor: tensor("w", { shape }) }, q4);
    assert.deepEqual(cost([64]), { bytes: 128, changed: false });
    assert.deepEqual(cost([64, 33]), { bytes: 64 * 33 * 2, changed: false });
    assert.deepEqual(cost([64, 64]), { bytes: (64 * 64 * 4.5) / 8, changed: true });
    assert.equal(cost([64, 0]).bytes, 0);
  });
  it("measured bits count more than nominal ones, and an encoding that was not measured leaves the tensor", () => {
    const r = report("w", new Float32Array(64 * 64), 64);
    const t = tensor("w");
    const errors = [{ encoding: "q4_0", bitsPerWeight: 5, relativeSquaredError: 0, sqnr: Infinity }];
    assert.equal(costUnder({ index: 0, tensor: t, report: { ...r, errors } }, q4).bytes, (64 * 64 * 5) / 8);
    assert.equal(costUnder({ index: 0, tensor: t, report: { ...r, errors } }, { ...q4, name: "q8_0" }).changed, false);
  });
  it("the bars add up to the total, in the order of the network", () => {
    const plan = bitsPlan(entriesOf(blocks(11)), { encoding: q4, encodings: [q4] });
    assert.equal(
      plan.rows.reduce((n, r) => n + total(r.before), 0),
      plan.before,
    );
    assert.equal(
      plan.rows.reduce((n, r) => n + total(r.after), 0),
      plan.after,
    );
    assert.deepEqual(
      plan.rows.map((r) => r.label),
      ["embed", ..."0 1 2 3 4 5 6 7 8 9 10".split(" "), "other", "head"],
    );
    assert.equal(plan.changed, 35);
  });
  it("what the engine assigned counts more than the rule, mixes included", () => {
    const q8 = { ...q4, name: "q8_0", bitsPerWeight: 8.5 };
    const choice = { encoding: "q4_0", format: "gguf", label: "", description: "", byteLength: 1, bitsPerWeight: 1, tensorCount: 2,
      assigned: [{ encoding: "q4_0", tensors: [1] }, { encoding: "q8_0", tensors: [0] }, { encoding: "f32", tensors: [4] }], omitted: [2] } as const;
    const plan = bitsPlan(entriesOf(blocks(1)), { encoding: q4, choice, encodings: [q4, q8, { ...q4, name: "f32", bitsPerWeight: 32 }] });
    assert.equal(plan.changed, 3);
    assert.equal(total(plan.rows[0].after), (64 * 64 * 8.5) / 8);
    assert.equal(total(plan.rows[1].after), (64 * 64 * 4.5) / 8 + 64 * 64 * 2 + 64 * 4);
  });
  it("the lowest SQNR is of the very encoding that is stored: from the analysis, else from the budget, else unknown", () => {
    const entries = entriesOf(blocks(1));
    const stats = (name: string, errors: TensorReport["errors"]) => ({ ...report(name, new Float32Array(64 * 64).fill(1), 64), errors });
    const error = { encoding: "int4-g128", bitsPerWeight: 4.1, relativeSquaredError: 0.01, sqnr: 20 };
    for (const e of entries) e.report = stats(e.tensor.name, [e.index % 2 ? { ...error, stored: "int4-g128-bf16" } : { ...error, sqnr: 3 }]);
    const choiceOf = (...tensors: number[]): ExportChoice => ({ encoding: "int4-g128", format: "safetensors", label: "", description: "", byteLength: 1, bitsPerWeight: 1,
      tensorCount: 3, assigned: [{ encoding: "int4-g128-bf16", tensors }, { encoding: "f32", tensors: [4] }] });
    const plan = (choice: ExportChoice, table?: SensitivityTable) => bitsPlan(entries, { encoding: q4, choice, encodings: [q4], table });
    const worst = (table?: SensitivityTable) => plan(choiceOf(1, 2, 3), table).rows.map((r) => [r.worst, r.worstTensor]);
    assert.deepEqual([plan(choiceOf(1, 3)).rows[1].worst, plan(choiceOf(1, 3)).unmeasured], [20, 0], "F32 loses nothing and has no error");
    // The one that nobody measured may be the worst.
    assert.deepEqual([worst()[1], plan(choiceOf(1, 2, 3)).unmeasured], [[NaN, undefined], 1]);
    const sumOfSquares = entries[2].report!.stats.sumOfSquares;
    const candidates = [{ encoding: "int4-g128-bf16", bytes: 1, squaredError: sumOfSquares / 10 ** 1.5 }, { encoding: "int4-g128", bytes: 1, squaredError: sumOfSquares }];
    const [low, name] = worst(sensitivityTable([{ name: entries[2].tensor.name, elementCount: 4096, currentBytes: 8192, candidates }], "safetensors"))[1];
    assert.ok(Math.abs((low as number) - 15) < 1e-9);
    assert.equal(name, entries[2].tensor.name);
  });
  it("an encoding that the analysis did not try is predicted from its blocks", () => {
    const entries = entriesOf(blocks(1));
    entries[1].report = { ...report("w", new Float32Array(64 * 64), 64), errors: [{ encoding: "other", bitsPerWeight: 5, relativeSquaredError: 0, sqnr: 1 }] };
    assert.equal(bitsPlan(entries, { encoding: q4, encodings: [q4] }).changed, 5);
  });
  it("nothing at all has no bits", () => {
    assert.deepEqual(bitsPlan([], { encoding: q4, encodings: [] }).rows, []);
  });
});

describe("CSV", () => {
  it("keeps full precision, quotes what must be, and disarms formulas", () => {
    const csv = toCsv({
      caption: "",
      columns: [{ title: "name" }, { title: "x, y" }],
      rows: [
        ["=1+1", cell(0.1 + 0.2, String)],
        ['a"b', cell(NaN, String)],
        ["line\nbreak", cell(-1, String)],
      ],
    });
    assert.equal(csv, `name,"x, y"\r\n'=1+1,0.30000000000000004\r\n"a""b",NaN\r\n"line\nbreak",-1\r\n`);
  });
});
