import assert from "node:assert/strict";
import { parse } from "jsonc-parser";
import type { RecipeEdit } from "../../../../src/core/api/engine";
import { serializeRecipe } from "../../../../src/budget/recipe";
import { edited, textEdits } from "../../../../src/vscode/recipes/edits";

const after = (text: string, ...edits: RecipeEdit[]): string => {
  const found = textEdits(text, edits);
  assert.ok(found, "no edits");
  const result = edited(text, found);
  const errors: unknown[] = [];
  parse(result, errors as never[], { allowTrailingComma: false });
  assert.deepEqual(errors, [], result);
  return result;
};

const lines = `{
  // for the phone
  "bitlens": 1,
  "target": "gguf",
  "model": { "name": "a" },
  "rules": [
    { "match": "*", "encoding": "q4_K" }, // most
    /* values */
    { "match": "*v*", "encoding": "q6_K", "group": 64 },
    { "match": "*o*", "encoding": "q5_K" }
  ]
}
`;

describe("edits of recipes", () => {
  const rows: [string, string, RecipeEdit[], string][] = [
    ["a value", lines, [{ path: ["rules", 0, "encoding"], value: "q5_0" }], lines.replace('"q4_K"', '"q5_0"')],
    [
      "a value and a field that goes",
      lines,
      [{ path: ["rules", 1, "encoding"], value: "q5_0" }, { path: ["rules", 1, "group"] }],
      lines.replace('"q6_K", "group": 64', '"q5_0"'),
    ],
    [
      "a new field, as the others are written",
      lines,
      [{ path: ["rules", 0, "fallback"], value: ["q5_0"] }],
      lines.replace('"q4_K" }', '"q4_K", "fallback": ["q5_0"] }'),
    ],
    [
      "a rule in the middle, comments stay",
      lines,
      [{ path: ["rules", 1] }],
      lines.replace('    { "match": "*v*", "encoding": "q6_K", "group": 64 },\n', ""),
    ],
    ["the last rule", lines, [{ path: ["rules", 2] }], lines.replace(',\n    { "match": "*o*", "encoding": "q5_K" }', "")],
    ["a field of the document", lines, [{ path: ["model"] }], lines.replace('  "model": { "name": "a" },\n', "")],
    [
      "a new last rule on a line of its own",
      lines,
      [{ path: ["rules", 3], value: { match: "lm_head.weight", encoding: "q6_K" }, insert: true }],
      lines.replace('"q5_K" }\n', '"q5_K" },\n    { "match": "lm_head.weight", "encoding": "q6_K" }\n'),
    ],
    [
      "a new first rule",
      '{"rules":[{"match":"*"}]}',
      [{ path: ["rules", 0], value: { match: "a" }, insert: true }],
      '{"rules":[{"match":"a"}, {"match":"*"}]}',
    ],
    [
      "the first rule of none",
      '{ "rules": [] }',
      [{ path: ["rules", 0], value: { match: "a" }, insert: true }],
      '{ "rules": [{ "match": "a" }] }',
    ],
    ["the only rule", '{ "rules": [ { "match": "*" } ] }', [{ path: ["rules", 0] }], '{ "rules": [  ] }'],
    ["the first of two in a line", '{"rules":[{"a":1},{"b":2}]}', [{ path: ["rules", 0] }], '{"rules":[{"b":2}]}'],
    [
      "a new field without spaces",
      '{"rules":[{"match":"*"}]}',
      [{ path: ["rules", 0, "method"], value: "rtn" }],
      '{"rules":[{"match":"*","method":"rtn"}]}',
    ],
    [
      "a new field of an object on lines",
      '{\n  "a": 1\n}',
      [{ path: ["target"], value: "gguf" }],
      '{\n  "a": 1,\n  "target": "gguf"\n}',
    ],
    [
      "an object in place of an object",
      lines,
      [{ path: ["model"], value: { name: "b", fingerprint: "c" } }],
      lines.replace('{ "name": "a" }', '{"name":"b","fingerprint":"c"}'),
    ],
  ];
  for (const [name, text, edits, want] of rows)
    it(`${name}: and nothing else`, () => assert.equal(after(text, ...edits), want));

  it("a recipe as plans are saved keeps one rule per line", () => {
    const text = serializeRecipe({
      bitlens: 1,
      target: "gguf",
      transforms: [],
      rules: [
        { match: "*", encoding: "q4_K" },
        { match: "a", encoding: "q5_K" },
      ],
    });
    const added = after(text, { path: ["rules", 2], value: { match: "b", encoding: "q6_K" }, insert: true });
    assert.deepEqual(
      added.split("\n").filter((l) => l.includes("match")),
      ['    { "match": "*", "encoding": "q4_K" },', '    { "match": "a", "encoding": "q5_K" },', '    { "match": "b", "encoding": "q6_K" }'],
    );
    assert.equal(
      after(text, { path: ["rules", 0, "fallback"], value: ["q8_0"] })
        .split("\n")
        .filter((l) => l.includes("match"))[0],
      '    { "match": "*", "encoding": "q4_K", "fallback": ["q8_0"] },',
    );
  });

  const none: [string, string, RecipeEdit[]][] = [
    ["an entry that is gone", lines, [{ path: ["rules", 7] }]],
    ["a place in an entry that is gone", lines, [{ path: ["rules", 7, "encoding"], value: "f16" }]],
    ["two changes of one place", lines, [{ path: ["rules", 0] }, { path: ["rules", 0, "encoding"], value: "f16" }]],
    ["an entry of what is no list", lines, [{ path: ["model", 0], value: 1, insert: true }]],
    ["an empty text", "", [{ path: ["rules", 0] }]],
  ];
  for (const [name, text, edits] of none) it(`none for ${name}`, () => assert.equal(textEdits(text, edits), undefined));
});
