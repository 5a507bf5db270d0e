import assert from "node:assert/strict";
import { commonParts, elide, headShare, keptStart } from "../../../src/core/elide";

const silero = ["else", "then"].flatMap((branch) =>
  [0, 1, 2, 3].map((n) => `${branch}_branch.If_0_${branch}_branch__Inline_0__encoder.${n}.reparam_conv`));

describe("long names", () => {
  const rows: [label: string, characters: number, share: number | undefined, shown: string][] = [
    ["short", 5, undefined, "short"],
    ["abcdefghijkl", 7, undefined, "ab…ijkl"],
    ["abcdefghijkl", 7, 0, "…ghijkl"],
    ["abcdefghijkl", 7, 1, "abcdef…"],
    ["abcdefghijkl", 1, undefined, "…"],
    ["abcdefghijkl", 0, undefined, "…"],
  ];
  for (const [label, characters, share, shown] of rows)
    it(`${label} in ${characters} is ${shown}`, () => assert.equal(elide(label, characters, share), shown));

  it("rows that would look alike are cut elsewhere, so that they can be told apart", () => {
    const cut = (share?: number) => new Set(silero.map((name) => elide(name, 17, share))).size;
    assert.ok(cut() < silero.length, "the usual cut does not tell them apart");
    assert.equal(cut(headShare(silero, 17)), silero.length);
  });

  it("the usual cut stays where another tells no more apart", () => {
    const usual = headShare([], 10);
    assert.equal(headShare(["a".repeat(40), "b".repeat(40)], 10), usual);
    assert.equal(headShare(["a".repeat(40), "a".repeat(40)], 10), usual);
  });

  it("names of which only the beginnings differ keep them", () => {
    const names = ["x", "y"].map((c) => `the.same.beginning.${c}.and.a.very.long.ending.that.is.the.same`);
    assert.equal(new Set(names.map((n) => elide(n, 32, headShare(names, 32)))).size, 2);
  });

  it("a beginning stays only where the ends alone do not tell labels apart", () => {
    assert.equal(keptStart(["model.layers.0.q", "model.layers.1.q"], 8), 0);
    const kept = keptStart(silero, 30);
    assert.ok(kept > 0);
    assert.equal(new Set(silero.map((name) => name.slice(0, kept) + name.slice(kept - 29))).size, silero.length);
    assert.equal(keptStart([], 8), 0);
  });

  const stems: [string[], string][] = [
    [[], ""],
    [["a.b.c"], ""],
    [["a.b.c", "a.b.d"], "a.b."],
    [["a.b.c", "a.bc.d"], "a."],
    [["If_0/then/x", "If_0/else/x"], "If_0/"],
    [["abc", "abd"], ""],
    [["a.b", "a.b"], "a."],
  ];
  for (const [names, stem] of stems) it(`${names.join(", ")} begin with "${stem}"`, () => assert.equal(commonParts(names), stem));
});
