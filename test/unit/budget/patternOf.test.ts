import assert from "node:assert/strict";
import { select } from "../../../src/budget/items";
import { patternFor } from "../../../src/budget/patternOf";

const layers = [0, 1, 2, 10];
const all = layers
  .flatMap((i) => ["q_proj", "k_proj", "v_proj"].map((m) => `model.layers.${i}.self_attn.${m}.weight`))
  .concat("lm_head.weight");
const some = (blocks: readonly number[], ...modules: string[]) =>
  blocks.flatMap((i) => modules.map((m) => `model.layers.${i}.self_attn.${m}.weight`));

describe("a pattern for just these tensors", () => {
  const rows: [string, string[], string | undefined][] = [
    ["one name is itself", ["lm_head.weight"], "lm_head.weight"],
    ["all blocks", some(layers, "q_proj"), "model.layers.*.self_attn.q_proj.weight"],
    ["two modules of all blocks", some(layers, "k_proj", "v_proj"), "model.layers.*.self_attn.{k_proj,v_proj}.weight"],
    [
      "everything in the blocks",
      some(layers, "q_proj", "k_proj", "v_proj"),
      "model.layers.*.self_attn.{q_proj,k_proj,v_proj}.weight",
    ],
    ["some blocks", some([1, 10], "q_proj"), "model.layers.{1,10}.self_attn.q_proj.weight"],
    [
      "no product of places",
      [...some([0], "q_proj"), ...some([1], "k_proj")],
      "{model.layers.0.self_attn.q_proj.weight,model.layers.1.self_attn.k_proj.weight}",
    ],
    [
      "names of different lengths",
      [...some([0], "q_proj"), "lm_head.weight"],
      "{model.layers.0.self_attn.q_proj.weight,lm_head.weight}",
    ],
    ["nothing", [], undefined],
    ["names that patterns understand otherwise", ["a[0]", "b*"], undefined],
    ["too many to write down", Array.from({ length: 200 }, (_, i) => `x${i}.${i % 3}.y`), undefined],
  ];
  for (const [name, wanted, pattern] of rows) {
    it(name, () => {
      const names = [...new Set([...all, ...wanted, "x7.2.y"])];
      assert.equal(patternFor(wanted, names), pattern);
      if (pattern === undefined) return;
      const hits = select(
        { match: pattern },
        names.map((n) => ({ name: n })),
      ).map((i) => names[i]);
      assert.deepEqual(hits.sort(), [...wanted].sort());
    });
  }
});
