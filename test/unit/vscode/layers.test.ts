import assert from "node:assert/strict";
import { groupLayers, headings, shortName } from "../../../src/vscode/layers";
import { tensor } from "./reports";

describe("the layers tree", () => {
  it("blocks that the file lists as 0, 1, 10, 2 stand in their own order between what comes before and after", () => {
    const tensors = [
      tensor("lm_head.weight", undefined, "lm_head"),
      tensor("model.embed_tokens.weight", undefined, "model.embed_tokens"),
      tensor("model.layers.0.q.weight", 0),
      tensor("model.layers.1.q.weight", 1),
      tensor("model.layers.10.q.weight", 10),
      tensor("model.layers.2.q.weight", 2),
      tensor("model.layers.0.k.weight", 0),
      tensor("model.norm.weight", undefined, "model.norm"),
    ];
    const groups = groupLayers(tensors);
    assert.deepEqual(
      groups.map((g) => g.label),
      ["lm_head", "model.embed_tokens", "Layer 0", "Layer 1", "Layer 2", "Layer 10", "model.norm"],
    );
    assert.deepEqual(
      groups[2].tensors.map((t) => t.name),
      ["model.layers.0.q.weight", "model.layers.0.k.weight"],
    );
  });

  it("a model without blocks keeps the file's order", () => {
    const groups = groupLayers([tensor("b.w", undefined, "b"), tensor("a.w", undefined, "a"), tensor("b.x", undefined, "b")]);
    assert.deepEqual(
      groups.map((g) => g.tensors.length),
      [2, 1],
    );
    assert.deepEqual(
      groups.map((g) => g.label),
      ["b", "a"],
    );
  });

  it("headings that begin and end alike can be told apart in a side bar; short ones and blocks are said whole", () => {
    const modules = ["else", "then"].flatMap((b) => [0, 1, 2].map((n) => `If_0.${b}_branch.If_0_${b}_branch__Inline_0__encoder.${n}.reparam_conv`));
    const found = headings(groupLayers([...modules.map((m) => tensor(`${m}.weight`, undefined, m)), tensor("model.layers.0.q.weight", 0)]));
    assert.equal(new Set(found).size, 7);
    assert.ok(found.every((heading) => heading.length <= 27), found.join());
    assert.equal(found[6], "Layer 0");
    const plain = groupLayers([tensor("lm_head.weight", undefined, "lm_head"), tensor("model.norm.weight", undefined, "model.norm")]);
    assert.deepEqual(headings(plain), ["lm_head", "model.norm"]);
  });

  it("tensors named like object members are ordinary", () => {
    assert.equal(
      groupLayers([tensor("__proto__", undefined, "__proto__"), tensor("constructor", undefined, "constructor")]).length,
      2,
    );
  });

  const names: [ReturnType<typeof tensor>, string][] = [
    [tensor("model.layers.2.mlp.down_proj.weight", 2), "mlp.down_proj.weight"],
    [tensor("blk.11.attn_q.weight", 11), "attn_q.weight"],
    [tensor("encoder.conv1.weight", undefined, "encoder.conv1"), "weight"],
    [tensor("lonely", undefined, "lonely"), "lonely"],
    [tensor("w7", 7), "w7"],
  ];
  for (const [t, expected] of names) it(`${t.name} is shown as ${expected}`, () => assert.equal(shortName(t), expected));
});
