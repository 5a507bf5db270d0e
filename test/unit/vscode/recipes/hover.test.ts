import assert from "node:assert/strict";
import { readDraft } from "../../../../src/vscode/recipes/draft";
import { type HoverContext, hoverAt } from "../../../../src/vscode/recipes/hover";
import { recipeKnowledge } from "../../../builders/recipeKnowledge";

const known = { knowledge: recipeKnowledge(), modelName: "tale.safetensors", measure: "[Measure](command:x)" };
const unmeasured = { ...known, knowledge: recipeKnowledge({ measured: false }) };

/** The hover at the mark ¦, which is taken out of the text first. */
function hover(marked: string, context: Omit<HoverContext, "draft">) {
  const offset = marked.indexOf("¦");
  const text = marked.replace("¦", "");
  const found = hoverAt({ draft: readDraft(text), ...context }, offset);
  return found && { on: text.slice(found.offset, found.offset + found.length), says: found.paragraphs.join("\n") };
}
const recipe = (...rules: string[]) => `{ "bitlens": 1, "target": "gguf", "rules": [${rules.join(", ")}] }`;

describe("recipe hovers", () => {
  const rows: [string, string, Omit<HoverContext, "draft">, string, RegExp[]][] = [
    [
      "a pattern says what it matches, its size now and after, and the measured error",
      recipe('{ "match": "*.q_¦proj.weight", "encoding": "q4_K" }'),
      known,
      '"*.q_proj.weight"',
      [
        /^\*\*2 tensors\*\* in blocks 0, 1: `model\.layers\.0\.self_attn\.q_proj\.weight`/,
        /65\.5 kB as `BF16`/,
        /65\.5 kB → 18\.4 kB, 4\.50 bpw as `q4_K`; relative squared error 0\.00391, 24\.1 dB SQNR\./,
      ],
    ],
    [
      "the field's name is as good as its value",
      recipe('{ "ma¦tch": "*", "encoding": "q8_0" }'),
      known,
      '"*"',
      [/\*\*9 tensors\*\* in blocks 0, 1: .* and 6 more/],
    ],
    [
      "what was not measured says so, with a way to measure it",
      recipe('{ "match": "¦*", "encoding": "q8_0" }'),
      unmeasured,
      '"*"',
      [/as `q8_0`; error not measured yet\. \[Measure\]\(command:x\)$/],
    ],
    [
      "an encoding that the table has no errors of is not measured either",
      recipe('{ "match": "*.q_proj.weight", "encoding": "int4-g32¦" }'),
      known,
      '"int4-g32"',
      [/as `int4-g32-bf16`; error not measured yet\. \[Measure\]/],
    ],
    [
      "later rules take their part",
      recipe('{ "match": "*¦", "encoding": "q8_0" }', '{ "match": "*.down_proj.weight", "encoding": "q4_0" }'),
      known,
      '"*"',
      [/Later rules decide about 2 of them; the other 7: 229 kB → 122 kB/],
    ],
    [
      "a rule that later ones cover",
      recipe('{ "match": "*.q_¦proj.weight", "encoding": "q8_0" }', '{ "match": "*", "encoding": "q4_0" }'),
      known,
      '"*.q_proj.weight"',
      [/Later rules decide about all of them/],
    ],
    [
      "a pattern that matches nothing",
      recipe('{ "match": "blk.¦*", "encoding": "q8_0" }'),
      known,
      '"blk.*"',
      [/^Matches no tensor of `tale\.safetensors`/],
    ],
    [
      "a pattern that is not understood",
      recipe('{ "match": "a[¦0", "encoding": "q8_0" }'),
      known,
      '"a[0"',
      [/^Matches no tensor/],
    ],
    [
      "tensors that cannot take it are named",
      recipe('{ "match": "*", "encoding": "q4_K¦" }'),
      known,
      '"q4_K"',
      [
        /^\*\*Q4_K\*\*: 4-bit codes/,
        /4\.50 bpw · one plane · rows in multiples of 256/,
        /2 tensors cannot take it: `model\.layers\.0\.mlp\.down_proj\.weight`/,
      ],
    ],
    [
      "a fallback is counted where it is taken",
      recipe('{ "match": "*¦", "encoding": "q4_K", "fallback": ["q8_0"] }'),
      known,
      '"*"',
      [/as `q4_K`, `q8_0`; relative squared error 0\.00304/],
    ],
    [
      "an encoding beside its neighbours, by size and error",
      recipe('{ "match": "*.q_proj.weight", "encoding": "q4_0¦" }'),
      known,
      '"q4_0"',
      [/\| \*\*`q4_0`\*\* \| \*\*18\.4 kB\*\* \| \*\*24\.1 dB\*\* \|/, /\| `q8_0` \| 34\.8 kB \| 48\.2 dB \|/],
    ],
    [
      "a fallback's own encoding",
      recipe('{ "match": "*", "encoding": "q4_K", "fallback": ["q¦8_0", "keep"] }'),
      known,
      '"q8_0"',
      [/^\*\*Q8_0\*\*/, /9 tensors, if it came to this: /],
    ],
    ["keep", recipe('{ "match": "*", "encoding": "k¦eep" }'), known, '"keep"', [/stays as it is/, /They stay as they are\./]],
    [
      "planes of a grid",
      recipe('{ "match": "*", "encoding": "int4-g128-as¦ym" }'),
      {},
      '"int4-g128-asym"',
      [/planes codes, scales, zeros/, /Open the model/],
    ],
    [
      "a group makes another encoding",
      recipe('{ "match": "*", "encoding": "int4", "group": 6¦4 }'),
      known,
      "64",
      [/64 weights share a scale: the encoding is `int4-g64`/],
    ],
    [
      "a group that makes none",
      recipe('{ "match": "*", "encoding": "q4_K", "group": 6¦4 }'),
      known,
      "64",
      [/there is no encoding called `q4_K-g64`/],
    ],
    [
      "a method",
      recipe('{ "match": "*", "encoding": "lsbq2-g128", "method": "ls¦bq" }'),
      known,
      '"lsbq"',
      [/\*\*Least-squares binary\*\*/, /the usual one for `lsbq2-g128`/, /`fit`: `exact` or `greedy`/],
    ],
    [
      "a method that does not go with the encoding",
      recipe('{ "match": "*", "encoding": "q8_0", "method": "p¦vq" }'),
      known,
      '"pvq"',
      [/cannot produce `q8_0`/],
    ],
    [
      "the target, after a check",
      '{ "bitlens": 1, "target": "g¦guf", "rules": [] }',
      { ...known, check: { findings: [], byteLength: 2.1e6, bitsPerWeight: 4.6, tensorCount: 9 } },
      '"gguf"',
      [/llama\.cpp/, /becomes 2\.10 MB, 4\.60 bpw; 9 tensors change/],
    ],
    [
      "the target, before one",
      '{ "bitlens": 1, "target": "g¦guf", "rules": [] }',
      known,
      '"gguf"',
      [/9 tensors of `tale\.safetensors` can be quantized/],
    ],
    [
      "a recipe for this model",
      '{ "target": "gguf", "model": { "fingerprint": "f0¦0d" }, "rules": [] }',
      known,
      '{ "fingerprint": "f00d" }',
      [/Made for the content of/],
    ],
    [
      "a recipe for another model",
      '{ "target": "gguf", "model": { "fingerprint": "b¦ad" }, "rules": [] }',
      known,
      '{ "fingerprint": "bad" }',
      [/Made for another model/],
    ],
    [
      "no model is open",
      recipe('{ "match": "¦*", "encoding": "q8_0" }'),
      {},
      '"*"',
      [/^Open the model that this recipe is for/],
    ],
    [
      "the rest of the recipe is broken",
      '{ "target": "gguf", "rules": [ { "match": "*.v_pr¦oj.weight", "encoding": "q8_0" }, { "match": ',
      known,
      '"*.v_proj.weight"',
      [/\*\*2 tensors\*\*/],
    ],
  ];
  for (const [name, text, context, on, says] of rows) {
    it(name, () => {
      const found = hover(text, context);
      assert.ok(found, "no hover");
      assert.equal(found.on, on);
      for (const part of says) assert.match(found.says, part);
    });
  }

  const silent: [string, string][] = [
    ["an unknown encoding, of which the check speaks", recipe('{ "match": "*", "encoding": "q9¦" }')],
    ["an unknown method", recipe('{ "match": "*", "encoding": "q8_0", "method": "mag¦ic" }')],
    ["the version", '{ "bitlens": ¦1, "target": "gguf", "rules": [] }'],
    ["the space between rules", recipe('{ "match": "*", "encoding": "q8_0" }', ' ¦ { "match": "*" }')],
    ["no recipe at all", "¦[1, 2]"],
    ["nothing", "¦"],
  ];
  for (const [name, text] of silent) it(`nothing on ${name}`, () => assert.equal(hover(text, known), undefined));

  it("names from hostile files are text, neither links nor markup", () => {
    const knowledge = recipeKnowledge();
    const name = "a`](command:evil)[x](command:evil)\n**b";
    const facts = { ...knowledge.facts, tensors: [{ ...knowledge.facts.tensors[0], name }] };
    const found = hover(recipe('{ "match": "*¦", "encoding": "q8_0" }'), { ...known, knowledge: { facts } });
    assert.match(found!.says, /: `a \]\(command:evil\)\[x\]\(command:evil\) \*\*b`, /);
  });
});
