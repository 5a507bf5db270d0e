import assert from "node:assert/strict";
import { parseRecipe, parseSoundRules } from "../../../../src/budget/recipe";
import type { RecipeFinding } from "../../../../src/core/api/engine";
import { partialFindings } from "../../../../src/vscode/recipes/faults";

const recipe = (...rules: string[]) => `{ "bitlens": 1, "target": "gguf", "rules": [${rules.join(", ")}] }`;
const good = (match: string) => `{ "match": "${match}", "encoding": "q8_0" }`;
const misspelt = '{ "match": "*", "encodng": "q8_0" }';
const bracket = '{ "match": "a[0", "encoding": "q8_0" }';

const finding = (code: string, path: RecipeFinding["path"], more: Partial<RecipeFinding> = {}): RecipeFinding => ({
  severity: "error", code, message: code, path, ...more,
});

describe("a recipe of which some rules cannot be read", () => {
  const sound = parseSoundRules(recipe(good("a"), misspelt, good("b"), bracket, good("c")));
  const said = (...findings: RecipeFinding[]) => partialFindings(sound, { findings, byteLength: 9 });

  it("keeps the others, each with its place; a strict reader names the first fault", () => {
    assert.deepEqual(sound.recipe.rules.map((r) => r.match), ["a", "b", "c"]);
    assert.deepEqual(sound.places, [0, 2, 4]);
    assert.throws(() => parseRecipe(recipe(good("a"), bracket, misspelt)), /rules\[1\]\.match must be/);
    assert.throws(() => parseSoundRules(recipe(good("a")).replace('"gguf"', '"ggml"')), /target must be/);
  });

  it("findings and their fixes are moved to where the rules stand in the text", () => {
    const fixes = [
      { title: "Remove the rule", edits: [{ path: ["rules", 1] }] },
      { title: "Add a rule", edits: [{ path: ["rules", 3], value: {}, insert: true }] },
    ];
    const [, found, model] = said(finding("no-match", ["rules", 1, "match"], { fixes }), finding("other-model", ["model"]));
    assert.deepEqual(found.path, ["rules", 2, "match"]);
    assert.deepEqual(found.fixes!.flatMap((f) => f.edits.map((e) => e.path)), [["rules", 2], ["rules", 5]]);
    assert.deepEqual(model.path, ["model"]);
  });

  it("what depends on all rules waits until all can be read", () => {
    const all = said(
      finding("fused-schemes", ["rules", 1, "encoding"], { runtime: "vLLM" }),
      finding("nothing-changes", ["rules"]),
      finding("cannot-hold", ["rules", 2, "encoding"], { runtime: "llama.cpp" }),
    );
    assert.deepEqual(all.map((f) => f.code), ["bad-pattern", "cannot-hold"]);
  });

  it("every pattern that the schema does not understand is marked, with or without a model", () => {
    const { faults, ...rest } = parseSoundRules(recipe(bracket, misspelt, bracket));
    const found = partialFindings({ faults, ...rest }, undefined);
    assert.deepEqual(found.map((f) => f.path), [["rules", 0, "match"], ["rules", 2, "match"]]);
    assert.match(found[1].message, /rules\[2\]\.match must be a tensor name pattern with balanced brackets/);
  });
});
