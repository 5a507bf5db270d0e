import assert from "node:assert/strict";
import { rankByOutliers } from "../../../src/vscode/ranking";
import { report, tensor } from "./reports";

describe("layers ranked by outliers", () => {
  const tensors = ["a", "b", "c", "d", "e", "unmeasured", "vector"].map((n) => tensor(n));
  const { outliers: _none, ...flat } = report("vector");
  const reports = new Map(
    [
      report("a", { inputRatio: 2 }),
      report("b", { inputRatio: 3, outputRatio: 9 }),
      report("c", { inputRatio: Infinity }),
      report("d", { inputRatio: NaN, outputRatio: NaN }),
      report("e", { inputRatio: 2 }),
      flat,
    ].map((r) => [r.name, r]),
  );
  const ranked = rankByOutliers(tensors, reports);

  it("the worse direction counts; infinite first, undefined last, ties by name; vectors and the unmeasured left out", () => {
    assert.deepEqual(
      ranked.map((r) => r.tensor.name),
      ["c", "b", "a", "e", "d"],
    );
    assert.equal(ranked[1].direction, "output");
    assert.equal(ranked[1].worst.ratio, 9);
  });
});
