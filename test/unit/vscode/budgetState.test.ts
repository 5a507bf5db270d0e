import assert from "node:assert/strict";
import type { PanelLimit } from "../../../src/core/api/panel";
import { parseLimit, parseStoredBudget, startHistory, stepHistory, type BudgetHistory, type BudgetStep } from "../../../src/vscode/budgetState";

const start = startHistory({ fileBytes: 100, locks: new Map(), limits: [] });
const run = (...steps: BudgetStep[]): BudgetHistory => steps.reduce(stepHistory, start);
const size = (fileBytes: number, final = true): BudgetStep => ({ kind: "size", fileBytes, final });
const lock = (tensors: string[], encoding?: string): BudgetStep => ({ kind: "lock", tensors, encoding });
const limit = (of: PanelLimit): BudgetStep => ({ kind: "limit", limit: of });
const undo: BudgetStep = { kind: "undo" };
const redo: BudgetStep = { kind: "redo" };

describe("decisions about a budget", () => {
  const rows: [string, BudgetStep[], number, [string, string][], number][] = [
    ["a drag is one step of undo", [size(110, false), size(120, false), size(130)], 130, [], 1],
    ["undo after a drag goes back to before it", [size(110, false), size(120), undo], 100, [], 0],
    ["two drags are two steps", [size(110, false), size(120), size(130, false), size(140), undo], 120, [], 1],
    ["undo in the middle of a drag ends it", [size(110, false), undo, size(120)], 120, [], 1],
    ["redo brings back what was undone", [size(110), lock(["a"], "q"), undo, undo, redo, redo], 110, [["a", "q"]], 2],
    ["a new step forgets what was undone", [size(110), undo, lock(["a"], "q"), redo], 100, [["a", "q"]], 1],
    ["locks add up, the later encoding counts", [lock(["a", "b"], "q"), lock(["b"], "r")], 100, [["a", "q"], ["b", "r"]], 2],
    ["unlocking what is not locked is no step", [lock(["a"])], 100, [], 0],
    ["the same size is no step", [size(100)], 100, [], 0],
    ["all locks go in one step", [lock(["a"], "q"), lock(["b"], "q"), { kind: "unlockAll" }], 100, [], 3],
    ["undo at the start does nothing", [undo, redo], 100, [], 0],
  ];
  for (const [danger, steps, bytes, locks, past] of rows) {
    it(danger, () => {
      const { present, past: before } = run(...steps);
      assert.equal(present.fileBytes, bytes);
      assert.deepEqual([...present.locks], locks);
      assert.equal(before.length, past);
    });
  }

  const limited: [string, BudgetStep[], readonly PanelLimit[], number][] = [
    ["a limit takes the place of the one before it", [limit({ role: "q", minBits: 4 }), limit({ role: "q", maxBits: 6 })], [{ role: "q", maxBits: 6 }], 2],
    ["role and tensor of one name are two", [limit({ role: "q", minBits: 4 }), limit({ tensor: "q", minBits: 3 })], [{ role: "q", minBits: 4 }, { tensor: "q", minBits: 3 }], 2],
    ["without bits it goes", [limit({ role: "q", minBits: 4 }), limit({ role: "q" })], [], 2],
    ["one that was not there is no step", [limit({ role: "q" })], [], 0],
    ["the same again is no step", [limit({ role: "q", minBits: 4 }), limit({ role: "q", minBits: 4 })], [{ role: "q", minBits: 4 }], 1],
    ["undo brings the old one back", [limit({ role: "q", minBits: 4 }), limit({ role: "q" }), undo], [{ role: "q", minBits: 4 }], 1],
    ["locks and limits go in one step", [limit({ role: "q", minBits: 4 }), lock(["a"], "q"), { kind: "unlockAll" }], [], 3],
  ];
  for (const [danger, steps, limits, past] of limited) {
    it(`limits: ${danger}`, () => {
      const { present, past: before } = run(...steps);
      assert.deepEqual(present.limits, limits);
      assert.equal(before.length, past);
    });
  }

  it("does not grow without end", () => {
    assert.ok(run(...Array.from({ length: 1000 }, (_, i) => size(i + 1))).past.length <= 200);
  });
});

describe("a stored budget", () => {
  const good = { target: "gguf", choices: [{ target: "gguf", fileBytes: 7, locks: [["a", "q"]], limits: [{ role: "q", minBits: 4 }] }] };
  const rows: [unknown, unknown][] = [
    [good, good],
    [{ choices: [] }, { choices: [] }],
    [{ ...good, target: "zip" }, { choices: good.choices }],
    [{ choices: [{ target: "gguf", fileBytes: -1, locks: [] }, null, 3] }, { choices: [] }],
    [{ choices: [{ ...good.choices[0], locks: [["a"], ["a", 1], 2, ["a", "q"]] }] }, { choices: good.choices }],
    [{ choices: [{ ...good.choices[0], limits: undefined }] }, { choices: [{ ...good.choices[0], limits: [] }] }],
    [{ choices: [{ ...good.choices[0], limits: [3, { role: "x" }, { minBits: 4 }, ...good.choices[0].limits] }] }, { choices: good.choices }],
    [undefined, undefined],
    ["x", undefined],
    [null, undefined],
    [{}, undefined],
  ];
  for (const [given, expected] of rows) {
    it(`${JSON.stringify(given)} is taken as far as it is one`, () => assert.deepEqual(parseStoredBudget(given), expected));
  }
});

describe("a limit from outside", () => {
  const rows: [unknown, unknown][] = [
    [{ role: "q", minBits: 4, maxBits: 6, more: 1 }, { role: "q", minBits: 4, maxBits: 6 }],
    [{ tensor: "a" }, { tensor: "a" }],
    [{ tensor: "a", role: "q", minBits: 4 }, undefined],
    [{ minBits: 4 }, undefined],
    [{ role: "nothing", minBits: 4 }, undefined],
    [{ tensor: 4, minBits: 4 }, undefined],
    [{ role: "q", minBits: -1 }, undefined],
    [{ role: "q", maxBits: "6" }, undefined],
    [{ role: "q", maxBits: NaN }, undefined],
    [null, undefined],
  ];
  for (const [given, expected] of rows) it(`${JSON.stringify(given)}`, () => assert.deepEqual(parseLimit(given), expected));
});
