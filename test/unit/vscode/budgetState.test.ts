import assert from "node:assert/strict";
import { parseStoredBudget, startHistory, stepHistory, type BudgetHistory, type BudgetStep } from "../../../src/vscode/budgetState";

const start = startHistory({ fileBytes: 100, locks: new Map() });
const run = (...steps: BudgetStep[]): BudgetHistory => steps.reduce(stepHistory, start);
const size = (fileBytes: number, final = true): BudgetStep => ({ kind: "size", fileBytes, final });
const lock = (tensors: string[], encoding?: string): BudgetStep => ({ kind: "lock", tensors, encoding });
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

  it("does not grow without end", () => {
    assert.ok(run(...Array.from({ length: 1000 }, (_, i) => size(i + 1))).past.length <= 200);
  });
});

describe("a stored budget", () => {
  const good = { target: "gguf", choices: [{ target: "gguf", fileBytes: 7, locks: [["a", "q"]] }] };
  const rows: [unknown, unknown][] = [
    [good, good],
    [{ choices: [] }, { choices: [] }],
    [{ ...good, target: "zip" }, { choices: good.choices }],
    [{ choices: [{ target: "gguf", fileBytes: -1, locks: [] }, null, 3] }, { choices: [] }],
    [{ choices: [{ target: "gguf", fileBytes: 7, locks: [["a"], ["a", 1], 2, ["a", "q"]] }] }, { choices: good.choices }],
    [undefined, undefined],
    ["x", undefined],
    [null, undefined],
    [{}, undefined],
  ];
  for (const [given, expected] of rows) {
    it(`${JSON.stringify(given)} is taken as far as it is one`, () => assert.deepEqual(parseStoredBudget(given), expected));
  }
});
