import assert from "node:assert/strict";
import type { PanelPlan } from "../../../src/core/api/panel";
import { bitsOfTensors, bitsRange, budgetRows, byteUnit, chosenBits, labelsOf, nearestUniform, parseBits, parseSize, sizeUnit, type SizeUnit } from "../../../webview/budget";
import { assignment, type AssignmentData } from "../../../webview/charts/assignment";
import { lessText, pareto, type ParetoData } from "../../../webview/charts/pareto";
import { linearScale } from "../../../webview/scales";
import { initialState, receive } from "../../../webview/state";
import { sensitiveTensor, sensitivityTable } from "../../builders/sensitivity";
import { blocks, panelModel } from "../../builders/panelModel";

const tensors = [
  sensitiveTensor("model.layers.1.down.weight", { layer: 1 }),
  sensitiveTensor("lm_head.weight", { elements: 4000 }),
  sensitiveTensor("model.layers.0.q.weight", { layer: 0 }),
  sensitiveTensor("model.layers.0.down.weight", { layer: 0, elements: 3000 }),
  sensitiveTensor("elsewhere.weight"),
];
const table = sensitivityTable(tensors);
const state = initialState();
receive(state, { type: "model", model: panelModel(blocks(2)), device: { name: "CPU", threads: 1, simd: true }, encodings: [] });
const rows = budgetRows(table, state.byName);
const plan: PanelPlan = {
  target: "gguf",
  fileBytes: 5000,
  byteLength: 4900,
  bitsPerWeight: 4,
  squaredError: 10,
  lowerBound: 10,
  exact: true,
  minimum: 1000,
  maximum: 20_000,
  choices: [0, 1, 2, 3, 0],
  locked: [2],
  limits: [],
  canUndo: false,
  canRedo: false,
  curve: [
    [1000, 100],
    [20_000, 0],
  ],
};

describe("rows of the budget", () => {
  it("every tensor of the table stands in one row, layers in order", () => {
    assert.deepEqual(
      rows.map((r) => [r.label, r.tensors]),
      [
        ["0", [2, 3]],
        ["1", [0]],
        ["head", [1]],
        ["other", [4]],
      ],
    );
    assert.equal(rows[0].elements, 4000);
  });

  it("the mean of some tensors' bits counts weights, not tensors", () => {
    assert.equal(bitsOfTensors([2, 3], table, (t) => chosenBits(table, plan, t)), (8 * 1000 + 16 * 3000) / 4000);
  });

  it("the colour scale spans what any tensor can have", () => assert.deepEqual(bitsRange(table), [2, 16]));
});

it("encodings are called as they are listed, or as the uniform export of that name is", () => {
  const label = labelsOf([{ name: "int4-g128", label: "INT4 g128" }], [{ name: "int2-g128", label: "INT2 g128" }, { name: "int4-g128", label: "other" }]);
  assert.deepEqual(["int4-g128-bf16", "int2-g128", "keep", "unheard"].map(label), ["INT4 g128", "INT2 g128", "kept", "unheard"]);
});

describe("a typed size", () => {
  const parameters = 8000;
  const cases: [string, SizeUnit, number | undefined][] = [
    ["2.1", "bytes", 2.1e6],
    ["2.1 MB", "bits", 2.1e6],
    ["900k", "bytes", 9e5],
    ["1,234 kB", "gib", 1_234_000],
    ["3gb", "bytes", 3e9],
    ["512 bytes", "gb", 512],
    ["4.5", "bits", 4500],
    ["4.5 bpw", "bytes", 4500],
    ["8", "gb", 8e9],
    ["8", "gib", 8 * 2 ** 30],
    ["8 GiB", "gb", 8 * 2 ** 30],
    ["1.5 MiB", "bytes", 1.5 * 2 ** 20],
    ["", "bytes", undefined],
    ["-3", "bytes", undefined],
    ["0", "gb", undefined],
    ["1.2.3", "bytes", undefined],
    ["1,5 MB", "bytes", 1.5e6],
    ["1,024.5 kB", "bytes", 1_024_500],
    ["12,34,56", "bytes", undefined],
    ["3 furlongs", "bytes", undefined],
  ];
  for (const [text, unit, expected] of cases) {
    it(`"${text}" in ${unit} is ${expected}`, () => assert.equal(parseSize(text, sizeUnit(unit, 1e6, parameters), parameters), expected));
  }
  const bits: [string, number | undefined][] = [
    ["4", 4],
    [" 4.25 bpw", 4.25],
    [".5 bits", 0.5],
    ["0", undefined],
    ["-1", undefined],
    ["65", undefined],
    ["4 MB", undefined],
    ["", undefined],
  ];
  for (const [text, expected] of bits) it(`"${text}" as bits per weight is ${expected}`, () => assert.equal(parseBits(text), expected));
  it("units change where a digit comes before the point", () =>
    assert.deepEqual([999, 1e6, 2.5e9].map((n) => byteUnit(n).label), ["kB", "MB", "GB"]));
});

describe("the plan beside a uniform encoding", () => {
  it("the nearest by ratio of sizes", () => {
    const all = [{ byteLength: 100 }, { byteLength: 1000 }];
    assert.equal(nearestUniform(all, 400)?.byteLength, 1000);
    assert.equal(nearestUniform(all, 200)?.byteLength, 100);
    assert.equal(nearestUniform([], 200), undefined);
  });
  const cases: [number, number, string][] = [
    [5, 10, "50.0 % less error than X"],
    [10, 10, "the same error as X"],
    [15, 10, "50.0 % more error than X"],
    [200, 10, "20.0 times the error of X"],
    [0, 0, "no error"],
    [1, 0, "more error than X"],
  ];
  for (const [error, than, words] of cases) it(words, () => assert.equal(lessText(error, than, "X"), words));
});

describe("the chart of error against size", () => {
  const data: ParetoData = {
    curve: plan.curve,
    points: [{ label: "Q4", byteLength: 5000, squaredError: 12, best: 10 }],
    current: { label: "this plan", byteLength: 4900, squaredError: 10 },
    parameterCount: 8000,
    restricted: false,
  };
  const size = { width: 600, height: 300 };

  it("its twin has the plan, every encoding and the curve", () => {
    const lines = pareto.table(data).rows;
    assert.deepEqual(lines.map((r) => r[0]), ["this plan", "Q4", "best", "best"]);
    assert.equal((lines[1][2] as { value: number }).value, 5);
  });

  it("points under locks and limits say so, in the card and in words", () => {
    const restricted = { ...data, restricted: true };
    const words = /with the locks and limits applied/;
    assert.match(pareto.describe(restricted), words);
    assert.match(pareto.card(restricted, size, 1).lines.flat().join(), words);
    assert.doesNotMatch(pareto.card(restricted, size, 0).lines.flat().join() + pareto.describe(data), words);
  });

  it("each point is hit where its card points to, a lossless one too", () => {
    for (const current of [data.current, { label: "kept", byteLength: 20_000, squaredError: 0 }]) {
      const now = { ...data, current };
      for (const mark of [0, 1]) {
        const { x, y } = pareto.card(now, size, mark);
        assert.ok(x >= 0 && x <= 600 && y >= 0 && y <= 300);
        assert.equal(pareto.hit(now, size, x, y), mark);
      }
    }
    assert.equal(pareto.hit(data, size, 595, 5), undefined);
  });

  it("the cursor walks over all points and stops at the ends", () => {
    assert.equal(pareto.step(data, size, undefined, "right"), 0);
    assert.equal(pareto.step(data, size, 0, "right"), 1);
    assert.equal(pareto.step(data, size, 1, "right"), 1);
  });
});

describe("the chart of encodings", () => {
  const data: AssignmentData = { table, plan, rows, label: (e) => e.toUpperCase(), scale: linearScale(2, 16), partners: new Map() };
  const size = { width: 600, height: 200 };

  it("its twin has every tensor with its encoding and lock, by layer", () => {
    assert.deepEqual(
      assignment.table(data).rows.map((r) => [r[0], r[1], r[5]]),
      [
        ["model.layers.0.q.weight", "B8", "locked"],
        ["model.layers.0.down.weight", "KEEP", ""],
        ["model.layers.1.down.weight", "B2", ""],
        ["lm_head.weight", "B4", ""],
        ["elsewhere.weight", "B2", ""],
      ],
    );
  });

  it("a label that leaves out the type of the scales has the full name beside it", () => {
    const full = sensitivityTable([{ ...tensors[0], candidates: [{ encoding: "int4-g128-bf16", bytes: 500, squaredError: 1 }] }]);
    const now = { ...data, table: full, rows: budgetRows(full, state.byName), plan: { ...plan, choices: [0], locked: [] }, label: () => "INT4 g128" };
    assert.equal(assignment.card(now, size, 0).lines[0][1], "INT4 g128 (int4-g128-bf16)");
    assert.equal(assignment.table(now).rows[0][1], "INT4 g128 (int4-g128-bf16)");
  });

  it("a card names who shares the encoding, and the limits that bind", () => {
    const limits = [{ role: "other" as const, minBits: 4 }, { tensor: "lm_head.weight", maxBits: 6 }, { tensor: "elsewhere.weight", minBits: 2 }];
    const now = { ...data, plan: { ...plan, limits }, partners: new Map([[1, [0, 3]]]) };
    const said = (mark: number) => assignment.card(now, size, mark).lines.map((l) => l.join(" "));
    assert.ok(said(1).includes("limit at least 4 bpw (role other)") && said(1).includes("limit at most 6 bpw"));
    assert.ok(said(1).includes(" shares one encoding with model.layers.1.down, model.layers.0.down"));
    assert.ok(!said(2).some((l) => l.startsWith("limit")), "a locked tensor is free of limits");
    const row = assignment.table(now).rows.find((r) => r[0] === "lm_head.weight")!;
    assert.deepEqual(row.slice(6), ["at least 4 bpw (role other); at most 6 bpw", "model.layers.1.down.weight, model.layers.0.down.weight"]);
  });

  it("every tensor is hit where its card points to", () => {
    for (const { tensors: members } of rows)
      for (const t of members) {
        const { x, y } = assignment.card(data, size, t);
        assert.equal(assignment.hit(data, size, x, y), t);
      }
  });

  it("the cursor reaches every tensor: along a layer, and down the layers", () => {
    const walk = (steps: readonly Parameters<typeof assignment.step>[3][], from?: number) =>
      steps.reduce<number | undefined>((mark, step) => assignment.step(data, size, mark, step), from);
    assert.equal(walk(["down"]), 2);
    assert.equal(walk(["down", "right"]), 3);
    assert.equal(walk(["down", "right", "right"]), 3);
    assert.equal(walk(["down", "right", "down"]), 0);
    assert.equal(walk(["down", "pagedown"]), 4);
    assert.equal(walk(["end"]), 4);
    assert.equal(walk(["up", "up"], 4), 0);
  });
});

describe("the panel's state of a budget", () => {
  it("a plan of another target, or of errors that became void, is dropped", () => {
    const s = initialState();
    const ready = { target: "gguf", targets: ["gguf"], state: { kind: "ready", table, uniforms: [], groups: [] } } as const;
    assert.deepEqual(receive(s, { type: "budget", budget: ready }), ["budget"]);
    receive(s, { type: "plan", plan });
    receive(s, { type: "budget", budget: ready });
    assert.equal(s.plan, plan);
    receive(s, { type: "budget", budget: { ...ready, target: "safetensors" } });
    assert.equal(s.plan, undefined);
    receive(s, { type: "plan", plan });
    receive(s, { type: "budget", budget: { ...ready, state: { kind: "unmeasured" } } });
    assert.equal(s.plan, undefined);
  });

  it("the host can open the tab", () => {
    const s = initialState();
    assert.deepEqual(receive(s, { type: "showTab", tab: "budget" }), ["view"]);
    assert.equal(s.view.tab, "budget");
  });
});
