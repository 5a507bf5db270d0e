import assert from "node:assert/strict";
import {
  budgetBytes,
  budgetItems,
  isWeighted,
  parseSensitivity,
  type SensitivityTable,
  serializeSensitivity,
} from "../../../src/budget/sensitivity";

const table: SensitivityTable = {
  version: 1,
  model: { fingerprint: "abc", name: "tale" },
  target: "gguf",
  fixedBytes: 100,
  tensors: [
    {
      name: "blk.0.attn_q.weight",
      elementCount: 64,
      currentBytes: 256,
      role: "q",
      layer: 0,
      candidates: [
        { encoding: "q4_0", bytes: 36, squaredError: 0.5, weightedSquaredError: 5 },
        { encoding: "q8_0", bytes: 68, squaredError: 0.01, weightedSquaredError: 0 },
      ],
    },
    { name: "__proto__", elementCount: 8, currentBytes: 32, candidates: [{ encoding: "f16", bytes: 16, squaredError: 0 }] },
  ],
};

describe("sensitivity tables", () => {
  it("survive JSON", () => assert.deepEqual(parseSensitivity(serializeSensitivity(table)), table));

  it("weighted errors count when every candidate has one", () => {
    assert.equal(isWeighted(table), false);
    assert.deepEqual(
      budgetItems(table)[0].candidates.map((c) => c.error),
      [0.5, 0.01],
    );
    const all = { ...table, tensors: table.tensors.slice(0, 1) };
    assert.equal(isWeighted(all), true);
    assert.deepEqual(
      budgetItems(all)[0].candidates.map((c) => c.error),
      [5, 0],
    );
    assert.deepEqual(
      budgetItems(all, false)[0].candidates.map((c) => c.error),
      [0.5, 0.01],
    );
  });

  it("budgets as people state them", () => {
    assert.equal(budgetBytes(table, { fileBytes: 150.7 }), 50);
    assert.equal(budgetBytes(table, { bitsPerWeight: 4.25 }), Math.floor((72 * 4.25) / 8));
  });

  const edit = (change: (t: any) => void) => {
    const copy = JSON.parse(serializeSensitivity(table));
    change(copy);
    return JSON.stringify(copy);
  };
  const malformed: [string, string, RegExp][] = [
    ["not JSON", "{", /not valid JSON/],
    ["a list", "[]", /the document must be an object/],
    ["another version", edit((t) => (t.version = 2)), /version must be 1/],
    ["no fingerprint", edit((t) => delete t.model.fingerprint), /model\.fingerprint must be a text/],
    ["an unknown target", edit((t) => (t.target = "zip")), /target must be one of safetensors, gguf, onnx/],
    [
      "a fractional size",
      edit((t) => (t.tensors[0].candidates[1].bytes = 1.5)),
      /tensors\[0\]\.candidates\[1\]\.bytes must be a whole number/,
    ],
    [
      "an error below zero",
      edit((t) => (t.tensors[0].candidates[0].squaredError = -1)),
      /candidates\[0\]\.squaredError must be a number that is not negative/,
    ],
    ["an error that is null", edit((t) => (t.tensors[0].candidates[0].squaredError = null)), /squaredError must be a number/],
    ["no elements", edit((t) => (t.tensors[1].elementCount = 0)), /tensors\[1\]\.elementCount must be a whole number from 1/],
    ["a role that is not one", edit((t) => (t.tensors[0].role = "toString")), /tensors\[0\]\.role must be one of embedding/],
    ["candidates that are no list", edit((t) => (t.tensors[0].candidates = {})), /tensors\[0\]\.candidates must be a list/],
  ];
  for (const [name, text, message] of malformed) {
    it(`malformed: ${name}`, () => assert.throws(() => parseSensitivity(text, "cache.json"), { code: "malformed", message }));
  }
});
