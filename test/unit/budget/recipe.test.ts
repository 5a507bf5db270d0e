import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import Ajv from "ajv";
import { applyRecipe, encodingWithGroup, type RecipeTensor } from "../../../src/budget/apply";
import { recipeFromPlan } from "../../../src/budget/compress";
import { parseRecipe, type Recipe, type RecipeRule, serializeRecipe } from "../../../src/budget/recipe";
import { Random } from "../../../src/core/math/prng";

const schema = JSON.parse(readFileSync(path.join(__dirname, "../../../media/recipe.schema.json"), "utf8"));
const valid = new Ajv({ strict: true }).compile(schema);

const recipe = (...rules: RecipeRule[]): Recipe => ({ bitlens: 1, target: "gguf", transforms: [], rules });
const tensors = (...names: string[]): RecipeTensor[] => names.map((name) => ({ name }));
const outcome = (r: Recipe, list: readonly RecipeTensor[]) =>
  Object.fromEntries(applyRecipe(r, list).assignments.map((a) => [a.tensor, a.encoding]));
const complaints = (r: Recipe, list: readonly RecipeTensor[], fingerprint?: string) =>
  applyRecipe(r, list, { fingerprint }).diagnostics.map((d) => [d.severity, d.code, d.path.join("."), d.message]);

describe("recipes as files", () => {
  const full: Recipe = {
    $schema: "./recipe.schema.json",
    bitlens: 1,
    target: "safetensors",
    description: "for the phone",
    model: { name: "tale", fingerprint: "ab12" },
    transforms: [],
    rules: [
      { match: "*", encoding: "int4", group: 64, fallback: ["int8-channel", "keep"] },
      { match: "model.layers.{0,1}.*", role: "v", encoding: "lsbq2-g128", method: "lsbq", options: { fit: "greedy" } },
    ],
  };

  it("survive their own text, one rule per line", () => {
    const text = serializeRecipe(full);
    assert.deepEqual(parseRecipe(text), full);
    assert.equal(text.split("\n").filter((line) => line.includes('"match"')).length, 2);
    assert.deepEqual(parseRecipe(serializeRecipe(recipe())), recipe());
  });

  it("read as people write them: spaces between fields, the model's name first, nothing that says nothing", () => {
    const rules: RecipeRule[] = [
      { match: 'a","b":{c}', encoding: "int4", group: 64, fallback: ["q8_0", "keep"] },
      { match: "*", encoding: "lsbq2-g128", method: "lsbq", options: { fit: "greedy", none: {}, few: [] } },
    ];
    const text = serializeRecipe({ ...recipe(...rules), model: { fingerprint: "ab12", name: "tale" } });
    assert.equal(
      text,
      `{
  "bitlens": 1,
  "target": "gguf",
  "model": { "name": "tale", "fingerprint": "ab12" },
  "rules": [
    { "match": "a\\",\\"b\\":{c}", "encoding": "int4", "group": 64, "fallback": ["q8_0", "keep"] },
    { "match": "*", "encoding": "lsbq2-g128", "method": "lsbq", "options": { "fit": "greedy", "none": {}, "few": [] } }
  ]
}
`,
    );
    assert.deepEqual(parseRecipe(text).rules, rules);
  });

  it("the schema accepts what the reader accepts", () => {
    for (const r of [full, recipe(), recipe({ match: "*", encoding: "keep" })])
      assert.ok(valid(JSON.parse(serializeRecipe(r))), JSON.stringify(valid.errors));
    assert.ok(valid({ bitlens: 1, target: "onnx", rules: [] }));
    assert.deepEqual(parseRecipe('{"bitlens":1,"target":"onnx","rules":[]}').transforms, []);
  });

  // Both the reader and the schema refuse these.
  const rule = { match: "*", encoding: "q4_0" };
  const wrong: [string, unknown, RegExp][] = [
    ["no version", { target: "gguf", rules: [] }, /bitlens must be 1/],
    ["a later version", { bitlens: 2, target: "gguf", rules: [] }, /knows no other version/],
    ["no target", { bitlens: 1, rules: [] }, /target must be one of/],
    ["no rules", { bitlens: 1, target: "gguf" }, /rules must be a list/],
    ["a misspelt field", { bitlens: 1, target: "gguf", rules: [], rule: [] }, /rule is not known here; there are/],
    [
      "a misspelt field of a rule",
      { bitlens: 1, target: "gguf", rules: [rule, { ...rule, encodng: "q4_0" }] },
      /rules\[1\]\.encodng is not known/,
    ],
    [
      "a rule without an encoding",
      { bitlens: 1, target: "gguf", rules: [{ match: "*" }] },
      /rules\[0\]\.encoding must be a text/,
    ],
    [
      "an empty pattern",
      { bitlens: 1, target: "gguf", rules: [{ match: "", encoding: "q4_0" }] },
      /rules\[0\]\.match must be a text/,
    ],
    [
      "a group of zero",
      { bitlens: 1, target: "gguf", rules: [{ ...rule, group: 0 }] },
      /rules\[0\]\.group must be a whole number from 1/,
    ],
    [
      "a role that is not one",
      { bitlens: 1, target: "gguf", rules: [{ ...rule, role: "query" }] },
      /rules\[0\]\.role must be one of/,
    ],
    [
      "a fallback that is no list",
      { bitlens: 1, target: "gguf", rules: [{ ...rule, fallback: "f16" }] },
      /rules\[0\]\.fallback must be a list/,
    ],
    [
      "options that are no object",
      { bitlens: 1, target: "gguf", rules: [{ ...rule, options: [] }] },
      /rules\[0\]\.options must be an object/,
    ],
    [
      "an unknown field of the model",
      { bitlens: 1, target: "gguf", model: { hash: "x" }, rules: [] },
      /model\.hash is not known/,
    ],
    [
      "transforms, which are reserved",
      { bitlens: 1, target: "gguf", transforms: [{}], rules: [] },
      /transforms, which this version cannot do/,
    ],
    ["null", null, /the document must be an object/],
  ];
  for (const [name, value, message] of wrong) {
    it(`refused by reader and schema: ${name}`, () => {
      assert.throws(() => parseRecipe(JSON.stringify(value), "x.bitlens.json"), { message });
      assert.ok(!valid(value));
    });
  }

  it("refused by the reader alone: an open bracket, a pattern of a million characters, a file that is no JSON", () => {
    assert.throws(
      () => parseRecipe(JSON.stringify(recipe({ match: "a[0", encoding: "f16" }))),
      /rules\[0\]\.match must be a tensor name pattern/,
    );
    assert.throws(
      () => parseRecipe(JSON.stringify(recipe({ match: "a".repeat(1e6), encoding: "f16" }))),
      /rules\[0\]\.match must be a text of 1 to 1000/,
    );
    assert.throws(() => parseRecipe("bitlens: 1"), { code: "malformed", message: /not valid JSON/ });
    assert.throws(() => parseRecipe('{"bitlens": 1,\n "rules": [ {"match": "*" ]}'), { message: /not valid JSON: .*, at line 2, column 27\.$/ });
    assert.throws(() => parseRecipe('{"bitlens": 1,\r\n  "rules": [],\r\n}'), { message: /at line 3, column 1\.$/ });
    assert.throws(() => parseRecipe(" ".repeat(20_000_001)), { code: "too-large" });
  });
});

describe("applying recipes", () => {
  it("the last rule that matches wins; what no rule matches is kept", () => {
    const r = recipe(
      { match: "blk.*", encoding: "q4_K" },
      { match: "*.attn_v.weight", encoding: "q6_K" },
      { match: "blk.1.*", encoding: "q8_0" },
    );
    assert.deepEqual(outcome(r, tensors("blk.0.attn_q.weight", "blk.0.attn_v.weight", "blk.1.attn_v.weight", "output.weight")), {
      "blk.0.attn_q.weight": "q4_K",
      "blk.0.attn_v.weight": "q6_K",
      "blk.1.attn_v.weight": "q8_0",
      "output.weight": "keep",
    });
  });

  it("a star matches dots and slashes, whole names are taken literally, roles narrow a pattern", () => {
    const list: RecipeTensor[] = [
      { name: "/model/layers.0/q/MatMul.weight", role: "q" },
      { name: "odd[1]", role: "other" },
      { name: "./x" },
    ];
    assert.deepEqual(outcome(recipe({ match: "*", encoding: "f16" }), list)["./x"], "f16");
    assert.deepEqual(outcome(recipe({ match: "odd[1]", encoding: "f16" }), list), {
      "/model/layers.0/q/MatMul.weight": "keep",
      "odd[1]": "f16",
      "./x": "keep",
    });
    assert.deepEqual(
      outcome(recipe({ match: "*layers*", role: "k", encoding: "f16" }), list)["/model/layers.0/q/MatMul.weight"],
      "keep",
    );
  });

  it("fallbacks are tried in order, spelling follows the target's own", () => {
    const list: RecipeTensor[] = [
      { name: "a", candidates: ["q4_K", "q5_0"] },
      { name: "b", candidates: ["q5_0", "q8_0"] },
      { name: "c", candidates: ["q8_0"] },
      { name: "d", candidates: ["bf16"] },
    ];
    const r = recipe({ match: "*", encoding: "Q4_K", fallback: ["q5_0", "Q8_0"] });
    assert.deepEqual(outcome(r, list), { a: "q4_K", b: "q5_0", c: "q8_0", d: "keep" });
    assert.deepEqual(
      complaints(r, list).map((c) => c.slice(0, 2)),
      [
        ["error", "cannot-hold"],
        ["warning", "fell-back"],
        ["warning", "fell-back"],
      ],
    );
    assert.deepEqual(
      complaints(recipe({ match: "*", encoding: "q4_K", fallback: ["keep"] }), list.slice(2)).map((c) => c[1]),
      ["fell-back"],
    );
  });

  it("what a container holds beyond the candidates is taken under its full name, without a warning", () => {
    const held = (encoding: string) => (encoding === "int4-g32" ? "int4-g32-bf16" : undefined);
    const list = [{ name: "a", candidates: ["int4-g128-bf16"], held }];
    const r = recipe({ match: "*", encoding: "int4", group: 32 });
    assert.deepEqual(outcome(r, list), { a: "int4-g32-bf16" });
    assert.deepEqual(complaints(r, list), []);
    assert.deepEqual(complaints(recipe({ match: "*", encoding: "q4_0" }), list).map((c) => c[1]), ["cannot-hold"]);
  });

  const groups = [
    ["int4", 64, "int4-g64"],
    ["int4-asym", 64, "int4-g64-asym"],
    ["int4-g128-asym", 32, "int4-g32-asym"],
    ["int8-channel", 128, "int8-g128"],
    ["lsbq2-row", 256, "lsbq2-g256"],
    ["q4_0", undefined, "q4_0"],
  ] as const;
  for (const [name, group, want] of groups)
    it(`${name} in groups of ${group} is ${want}`, () => assert.equal(encodingWithGroup(name, group), want));

  const list = tensors("blk.0.q", "blk.1.q");
  const rows: [string, Recipe, readonly string[][]][] = [
    [
      "a pattern that matches nothing",
      recipe({ match: "layers.*", encoding: "q4_0" }),
      [["error", "no-match", "rules.0.match", '"layers.*" matches no tensor that can be quantized; names look like blk.0.q.']],
    ],
    [
      "an unknown encoding",
      recipe({ match: "*", encoding: "q4_X" }),
      [
        [
          "error",
          "unknown-encoding",
          "rules.0.encoding",
          'There is no encoding called "q4_X"; did you mean q4_0, q4_1 or q4_K?',
        ],
      ],
    ],
    [
      "an unknown fallback",
      recipe({ match: "*", encoding: "q4_0", fallback: ["f16", "zzzzzzzz"] }),
      [["error", "unknown-encoding", "rules.0.fallback.1", 'There is no encoding called "zzzzzzzz".']],
    ],
    [
      "an unknown method",
      recipe({ match: "*", encoding: "q4_0", method: "magic" }),
      [["error", "unknown-method", "rules.0.method", 'There is no method called "magic"; there are rtn, lsbq, pvq.']],
    ],
    [
      "a rule that later ones cover",
      recipe({ match: "blk.0.*", encoding: "q4_0" }, { match: "*", encoding: "q8_0" }),
      [["warning", "shadowed", "rules.0", 'Later rules decide about every tensor that "blk.0.*" matches.']],
    ],
    [
      "a group that makes no encoding",
      recipe({ match: "*", encoding: "q4_K", group: 64 }),
      [["error", "unknown-encoding", "rules.0.encoding", 'There is no encoding called "q4_K-g64".']],
    ],
  ];
  for (const [name, r, want] of rows) {
    it(`diagnosed: ${name}`, () => {
      const got = complaints(r, list);
      assert.equal(got.length, want.length, JSON.stringify(got));
      got.forEach((c, i) => assert.deepEqual(c.slice(0, 3), want[i].slice(0, 3)));
      got.forEach((c, i) => assert.ok(c[3].startsWith(want[i][3].split(";")[0].replace(/\.$/, "")), c[3]));
    });
  }

  it("a recipe for another model warns, for this one or without a fingerprint it does not", () => {
    const r: Recipe = { ...recipe({ match: "*", encoding: "f16" }), model: { name: "tale", fingerprint: "aa" } };
    assert.deepEqual(
      complaints(r, list, "bb").map((c) => c[1]),
      ["other-model"],
    );
    assert.deepEqual(complaints(r, list, "aa"), []);
    assert.deepEqual(complaints(r, list), []);
  });

  it("method and options reach the assignment", () => {
    const { assignments } = applyRecipe(
      recipe({ match: "*", encoding: "lsbq2", group: 64, method: "lsbq", options: { fit: "greedy" } }),
      tensors("a"),
    );
    assert.deepEqual(assignments, [{ tensor: "a", encoding: "lsbq2-g64", rule: 0, method: "lsbq", options: { fit: "greedy" } }]);
  });

  it("names from hostile files are only names", () => {
    const names = tensors("__proto__", "constructor", "toString");
    assert.deepEqual(
      applyRecipe(recipe({ match: "__proto__", encoding: "f16" }), names).assignments.map((a) => a.encoding),
      ["f16", "keep", "keep"],
    );
  });
});

describe("recipes from plans", () => {
  const head = { target: "gguf" } as const;
  const layers = Array.from({ length: 12 }, (_, i) => i);

  it("one encoding is one rule", () => {
    const planned = layers.map((i) => ({ name: `blk.${i}.ffn_up.weight`, encoding: "q4_K" }));
    assert.deepEqual(recipeFromPlan(head, planned).rules, [{ match: "*", encoding: "q4_K" }]);
  });

  it("families and their exceptions become patterns", () => {
    const planned = layers.flatMap((i) => [
      { name: `blk.${i}.attn_q.weight`, encoding: "q4_K" },
      { name: `blk.${i}.ffn_up.weight`, encoding: i === 3 ? "q5_K" : "q4_K" },
      { name: `blk.${i}.attn_v.weight`, encoding: [0, 1, 11].includes(i) ? "q8_0" : "q6_K" },
    ]);
    assert.deepEqual(recipeFromPlan(head, planned, [{ name: "output.weight" }]).rules, [
      { match: "*", encoding: "q4_K" },
      { match: "blk.*.attn_v.weight", encoding: "q6_K" },
      { match: "blk.3.ffn_up.weight", encoding: "q5_K" },
      { match: "blk.{0,1,11}.attn_v.weight", encoding: "q8_0" },
      { match: "output.weight", encoding: "keep" },
    ]);
  });

  const shapes: [string, (i: number, j: number) => string][] = [
    ["GGUF", (i, j) => `blk.${i}.${["attn_q", "attn_v", "ffn_up", "attn_v.1.lora"][j]}.weight`],
    ["safetensors with experts", (i, j) => `model.layers.${i}.mlp.experts.${j}.down_proj.weight`],
    ["ONNX", (i, j) => (j ? `onnx::MatMul_${10 * i + j}` : `/model/layers.${i}/attn/q_proj/MatMul.weight`)],
    [
      "names that look like patterns",
      (i, j) => ["*", "a[b]", "{x,y}", "a?*", "!(a)", "(a|b)", "./a", "a\\b"][(i + j) % 8] + (i + j < 8 ? "" : `.${i}.${j}`),
    ],
    ["numbers at both ends", (i, j) => `${i}.x.${j}`],
  ];
  for (const [name, nameOf] of shapes) {
    it(`gives back exactly the plan: ${name}`, () => {
      const random = new Random(name.length);
      const encodings = ["q4_K", "q5_K", "q6_K", "q8_0"];
      for (let t = 0; t < 30; t++) {
        const all = new Map<string, string>();
        for (let i = 0; i < 20; i++)
          for (let j = 0; j < 4; j++) all.set(nameOf(i, j), encodings[Math.min(random.integer(4), random.integer(4))]);
        const planned = [...all].map(([n, encoding], i) => ({ name: n, encoding, ...(i % 7 === 0 && { method: "rtn" }) }));
        const others = planned.splice(0, random.integer(10)).map(({ name: n }) => ({ name: n }));
        const r = parseRecipe(serializeRecipe(recipeFromPlan(head, planned, others)));
        const { assignments } = applyRecipe(
          r,
          [...planned, ...others].map(({ name: n }) => ({ name: n })),
        );
        for (const p of planned) {
          const got = assignments.find((a) => a.tensor === p.name)!;
          assert.deepEqual([got.encoding, got.method], [p.encoding, (p as { method?: string }).method], p.name);
        }
        for (const o of others) assert.equal(assignments.find((a) => a.tensor === o.name)!.encoding, "keep");
      }
    });
  }

  it("hundreds of exceptions stay within a pattern's length", () => {
    const planned = Array.from({ length: 1000 }, (_, i) => ({ name: `model.experts.${i}.w`, encoding: i % 2 ? "q4_K" : "q6_K" }));
    const r = parseRecipe(serializeRecipe(recipeFromPlan(head, planned)));
    assert.ok(r.rules.length <= 8, `${r.rules.length} rules`);
    assert.deepEqual(outcome(r, planned), Object.fromEntries(planned.map((p) => [p.name, p.encoding])));
  });

  it("an empty plan is an empty recipe", () => assert.deepEqual(recipeFromPlan(head, []).rules, []));
});
