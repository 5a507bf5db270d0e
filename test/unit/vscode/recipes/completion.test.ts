import assert from "node:assert/strict";
import { completionsAt } from "../../../../src/vscode/recipes/completion";
import { readDraft } from "../../../../src/vscode/recipes/draft";
import type { Knowledge } from "../../../../src/vscode/recipes/reach";
import { recipeKnowledge } from "../../../builders/recipeKnowledge";

/** The offers at the mark ¦, which is taken out of the text first. */
function offers(marked: string, knowledge?: Knowledge) {
  const offset = marked.indexOf("¦");
  const text = marked.replace("¦", "");
  const found = completionsAt(text, offset, { draft: readDraft(text), knowledge });
  return {
    replaces: found && text.slice(found.offset, found.offset + found.length),
    items: found?.items ?? [],
    labels: (found?.items ?? []).map((i) => i.label),
    of: (label: string) => found?.items.find((i) => i.label === label),
  };
}
const recipe = (rule: string, target = "gguf") => `{ "bitlens": 1, "target": "${target}", "rules": [{ ${rule} }] }`;
const known = recipeKnowledge();

describe("recipe completion", () => {
  it("patterns: everything, roles that go together, families, blocks, names; each with what it stands for", () => {
    const { labels, of, replaces } = offers(recipe('"match": "¦", "encoding": "q8_0"'), known);
    assert.equal(replaces, '""');
    assert.deepEqual(labels.slice(0, 9), [
      "*",
      "model.layers.*.self_attn.{q_proj,k_proj,v_proj}.weight",
      "model.layers.*.self_attn.q_proj.weight",
      "model.layers.*.self_attn.k_proj.weight",
      "model.layers.*.self_attn.v_proj.weight",
      "model.layers.*.mlp.down_proj.weight",
      "model.layers.0.*",
      "model.layers.1.*",
      "model.embed_tokens.weight",
    ]);
    assert.equal(labels.length, 8 + 9);
    assert.equal(of("*")!.detail, "every tensor · 9 tensors, 295 kB");
    assert.equal(labels[1] && of(labels[1])!.detail, "q, k and v · 6 tensors, 197 kB");
    assert.equal(of("model.layers.1.*")!.detail, "block 1 · 4 tensors, 131 kB");
    assert.equal(of("model.layers.1.mlp.down_proj.weight")!.detail, "down of block 1 · 32.8 kB");
  });

  it("patterns of a rule with a role are that role's", () => {
    const { labels } = offers(recipe('"match": "model¦", "role": "down", "encoding": "q8_0"'), known);
    assert.deepEqual(
      labels.filter((l) => l.includes("proj")).every((l) => l.includes("down_proj")),
      true,
    );
    assert.ok(labels.includes("model.layers.*.mlp.down_proj.weight"));
  });

  it("encodings: those that the tensors take, the smallest first, with bits, size and measured error", () => {
    const { items, labels, of } = offers(recipe('"match": "*.q_proj.weight", "encoding": ¦'), known);
    assert.deepEqual(labels, ["q4_0", "q4_K", "int4-g32", "q8_0", "keep"]);
    assert.equal(of("q4_K")!.detail, "4.50 bpw · 18.4 kB · 24.1 dB");
    assert.equal(of("int4-g32")!.detail, "5.00 bpw · 20.5 kB");
    assert.match(
      of("q4_K")!.documentation!,
      /\*\*Q4_K\*\*: .*\n\n2 tensors: 65\.5 kB → 18\.4 kB.*relative squared error 0\.00391, 24\.1 dB/,
    );
    assert.match(of("int4-g32")!.documentation!, /error not measured yet/);
    assert.deepEqual(
      [...items].sort((a, b) => (a.sort < b.sort ? -1 : 1)).map((i) => i.label),
      labels,
    );
    assert.equal(of("q4_K")!.insert, '"q4_K"');
  });

  it("encodings that some of the tensors cannot take come last and say so", () => {
    const { labels, of } = offers(recipe('"match": "*", "encoding": "¦"'), known);
    assert.deepEqual(labels, ["q4_0", "q8_0", "q4_K", "int4-g32", "keep"]);
    assert.equal(of("q4_K")!.detail, "4.50 bpw · not for 2 of 9");
  });

  it("fallbacks are not what the rule tries already", () => {
    assert.deepEqual(offers(recipe('"match": "*", "encoding": "q4_K", "fallback": [¦]'), known).labels, [
      "q4_0",
      "q8_0",
      "int4-g32",
      "keep",
    ]);
    assert.deepEqual(offers(recipe('"match": "*", "encoding": "q4_K", "fallback": ["q4_0", "¦"]'), known).labels, [
      "q8_0",
      "int4-g32",
      "keep",
    ]);
  });

  it("without a model: what the target holds", () => {
    const { labels, of } = offers(recipe('"match": "*", "encoding": "¦"', "onnx"));
    assert.ok(labels.includes("int4-g32") && labels.includes("int8-qdq") && labels.at(-1) === "keep");
    assert.ok(!labels.includes("q4_K") && !labels.includes("awq-4bit-g128"));
    assert.equal(of("int4-g32")!.detail, "5.00 bpw");
    assert.deepEqual(offers(recipe('"match": "¦", "encoding": "q4_0"')).labels, ["*"]);
  });

  it("methods are those that produce the encoding", () => {
    assert.deepEqual(offers(recipe('"match": "*", "encoding": "q4_K", "method": "¦"'), known).labels, ["rtn"]);
    assert.deepEqual(offers(recipe('"match": "*", "encoding": "tq2_0", "method": "¦"'), known).labels, ["rtn", "lsbq"]);
    assert.deepEqual(offers(recipe('"match": "*", "encoding": "q4", "method": "¦"'), known).labels, ["rtn", "lsbq", "pvq"]);
  });

  it("groups are those that make an encoding for the rule's tensors", () => {
    const { facts } = known;
    const kinds = facts.kinds.map((k) => [...k, { encoding: "int4-g64", as: "int4-g64-bf16", bytes: 1000 }]);
    const { items } = offers(recipe('"match": "*.q_proj.weight", "encoding": "int4", "group": ¦'), {
      facts: { ...facts, kinds },
    });
    assert.deepEqual(
      items.map((i) => [i.insert, i.detail]),
      [
        ["32", "int4-g32 · 5.00 bpw · 20.5 kB"],
        ["64", "int4-g64 · 4.50 bpw · 2.00 kB"],
      ],
    );
    assert.deepEqual(offers(recipe('"match": "*", "encoding": "q4_K", "group": ¦'), known).labels, []);
  });

  it("options of the method, and what they may be", () => {
    const rule = (options: string) => recipe(`"match": "*", "encoding": "lsbq2-g128", "method": "lsbq", "options": ${options}`);
    assert.deepEqual(
      offers(rule("{ ¦ }"), known).items.map((i) => i.insert),
      ['"fit": "exact"'],
    );
    assert.deepEqual(offers(rule('{ "fit": ¦ }'), known).labels, ["exact", "greedy"]);
  });

  it("a whole rule, also for the roles that the model has", () => {
    const { items } = offers('{ "bitlens": 1, "target": "safetensors", "rules": [¦] }', known);
    assert.deepEqual(
      items.map((i) => i.label),
      ["rule", "rule for embedding", "rule for v", "rule for down"],
    );
    assert.equal(items[0].insert, '{ "match": "${1:*}", "encoding": "${2:int4-g128}" }');
    assert.ok(items.every((i) => i.snippet));
  });

  const replaced: [string, string, string][] = [
    ["a whole string", recipe('"match": "model.la¦yers.0", "encoding": "q4_0"'), '"model.layers.0"'],
    ["a string's end", recipe('"match": "*", "encoding": "q4_0"¦'), '"q4_0"'],
    ["nothing, where nothing stands", recipe('"match": "*", "encoding": ¦'), ""],
    ["an open string, not what follows it", '{ "target": "gguf", "rules": [{ "match": "*", "encoding": "q¦\n}] }', '"q'],
  ];
  for (const [name, text, want] of replaced) it(`replaces ${name}`, () => assert.equal(offers(text, known).replaces, want));

  const none: [string, string][] = [
    ["field names, which the schema offers", recipe('"ma¦"')],
    ["the target, which the schema offers", '{ "target": "¦" }'],
    ["the role, which the schema offers", recipe('"match": "*", "role": "¦"')],
    ["the group of what has none", recipe('"match": "*", "encoding": "keep", "group": ¦')],
    ["a description", '{ "description": "¦" }'],
    ["no recipe", "¦"],
  ];
  for (const [name, text] of none) it(`nothing for ${name}`, () => assert.deepEqual(offers(text, known).labels, []));
});
