import assert from "node:assert/strict";
import { groupProblems } from "../../../src/core/problems";

describe("problems that say the same", () => {
  it("are one, in the order of their first, with all their tensors", () => {
    const missing = { code: "external-data-missing", message: "The file is missing." };
    assert.deepEqual(
      groupProblems([{ ...missing, tensor: "a" }, { code: "odd", message: "Odd." }, { ...missing, tensor: "b" }]),
      [
        { message: "The file is missing.", tensors: ["a", "b"] },
        { message: "Odd.", tensors: [] },
      ],
    );
  });
});
