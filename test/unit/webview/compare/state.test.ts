import assert from "node:assert/strict";
import type { ComparedPair, ToComparePanel } from "../../../../src/core/api/comparePanel";
import type { PanelStatus } from "../../../../src/core/api/panel";
import { sortPairs } from "../../../../webview/compare/measures";
import { type ComparePageState, initialCompareState, receiveCompare } from "../../../../webview/compare/state";
import { compareStatusText } from "../../../../webview/compare/statusText";
import { groupTable } from "../../../../webview/compare/tables";
import { headline } from "../../../../webview/compare/totalsView";
import { rowName } from "../../../../webview/charts/pairs";
import { cellText } from "../../../../webview/charts/table";
import { compareSummary, comparison } from "../../../builders/comparisons";

/** As messages arrive: what is not finite is null. */
const carried = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;
const error = { code: "truncated", message: "The file ends early.", place: {} } as const;

const pairs = [
  comparison("layers.10.x", 30, { layer: 10 }),
  comparison("layers.2.x", 10, { layer: 2, role: "q", maxDifference: 3 }),
  comparison("layers.1.x", 10, { layer: 1, role: "q" }),
  comparison("same", Infinity),
  comparison("lost", -Infinity, { nonFinite: 4, b: { name: "other.name", shape: [], encodingLabel: "F16" } }),
];
const message: ToComparePanel = { type: "pairs", pairs, failed: [{ a: "cut", b: "cut", error }] };

function filled(...more: ToComparePanel[]): ComparePageState {
  const state = initialCompareState();
  for (const m of [{ type: "models", pathA: "/a", pathB: "/b", compared: 6 } as const, message, ...more]) receiveCompare(state, carried(m));
  return state;
}
const order = (state: ComparePageState, sort: string, reversed = false, filter = "") =>
  Array.from(sortPairs(state, { sort, reversed, filter }), (i) => state.entries[i].a);

describe("names in the list of pairs", () => {
  const of = (a: string, b: string, side?: "a" | "b") =>
    rowName({ a, b, pair: comparison(a, 20, side && { part: { side, first: 0, rows: 4 } }) }, "model.layers");
  it("lack what all begin with", () => assert.equal(of("model.layers.3.mlp.up_proj.weight", "blk.3.ffn_up.weight"), "3.mlp.up_proj"));
  it("of a tensor in several rows say which part it is", () => {
    assert.equal(of("model.layers.3.self_attn.qkv_proj.weight", "blk.3.attn_q.weight", "a"), "3.self_attn.qkv_proj ↔ attn_q");
    assert.equal(of("blk.3.ffn_up_exps.weight", "model.layers.3.mlp.experts.12.up_proj.weight", "a"), "blk.3.ffn_up_exps ↔ mlp.experts.12.up_proj");
  });
  it("of a tensor that is a part of another's are enough", () => assert.equal(of("model.layers.3.self_attn.q_proj.weight", "blk.3.attn_qkv.weight", "b"), "3.self_attn.q_proj"));
});

describe("the state of a comparison's page", () => {
  it("numbers that JSON cannot carry come back", () => {
    const state = filled();
    const of = (name: string) => state.byKey.get(`${name}\n${name}`)!.pair!;
    assert.deepEqual([of("same").sqnr, of("same").relativeSquaredError], [Infinity, 0]);
    const lost = state.byKey.get("lost\nother.name")!.pair!;
    assert.deepEqual([lost.sqnr, lost.relativeSquaredError], [-Infinity, Infinity]);
    receiveCompare(state, carried<ToComparePanel>({ type: "pairs", pairs: [comparison("none", -Infinity, { count: 0, mean: NaN, std: NaN, nonFinite: 3 })], failed: [] }));
    assert.deepEqual([of("none").mean, of("none").std], [NaN, NaN]);
    assert.ok(Number.isFinite(state.energy));
  });

  for (const [what, summary, expected] of [
    ["equal models", { relativeSquaredError: 0, sqnr: Infinity }, [0, Infinity]],
    ["models that lost everything", { relativeSquaredError: Infinity, sqnr: -Infinity }, [Infinity, -Infinity]],
    ["pairs that all failed", { relativeSquaredError: NaN, sqnr: NaN, failed: 2 }, [NaN, NaN]],
  ] as const) {
    it(`the totals of ${what}`, () => {
      const { summary: held } = filled({ type: "summary", summary: compareSummary(summary) });
      assert.deepEqual([held!.relativeSquaredError, held!.sqnr], expected);
    });
  }

  it("replaying adds nothing twice; comparing anew forgets what was found and keeps the view", () => {
    const state = filled(message);
    assert.deepEqual([state.entries.length, state.equal, state.failed], [6, 1, 1]);
    state.view = { ...state.view, sort: "name", selected: "same\nsame" };
    receiveCompare(state, { type: "models", pathA: "/a", pathB: "/b", compared: 0 });
    assert.deepEqual([state.entries.length, state.byKey.size, state.equal, state.failed, state.squaredError, state.view.sort], [0, 0, 0, 0, 0, "name"]);
  });

  it("holds the histograms of a few pairs", () => {
    const none = { bins: new Uint16Array(0), counts: new Float64Array(0) };
    const state = filled();
    for (let i = 0; i < 40; i++) receiveCompare(state, { type: "histograms", pair: `p${i}`, a: none, b: none });
    assert.deepEqual([state.histograms.size, state.histograms.has("p39"), state.histograms.has("p0")], [16, true, false]);
  });

  it("a message of a newer host changes nothing", () => {
    assert.deepEqual(receiveCompare(filled(), { type: "weather" } as unknown as ToComparePanel), []);
  });
});

describe("the order of pairs", () => {
  const byDamage = ["lost", "layers.2.x", "layers.1.x", "layers.10.x", "same", "cut"];
  it("by damage: what is lost first, of equals the larger difference, equal ones last, failures at the end", () => assert.deepEqual(order(filled(), "sqnr"), byDamage));
  it("reversed, failures stay at the end", () =>
    assert.deepEqual(order(filled(), "sqnr", true), ["same", "layers.10.x", "layers.2.x", "layers.1.x", "lost", "cut"]));
  it("by name as people count", () => assert.deepEqual(order(filled(), "name"), ["cut", "layers.1.x", "layers.2.x", "layers.10.x", "lost", "same"]));
  it("by the largest difference", () => assert.equal(order(filled(), "difference")[0], "layers.2.x"));
  it("an unknown measure is the name's order", () => assert.deepEqual(order(filled(), "beauty"), order(filled(), "name")));
  it("a filter finds names of either side", () => assert.deepEqual(order(filled(), "sqnr", false, "other"), ["lost"]));
});

describe("a comparison in words", () => {
  const done: PanelStatus = { kind: "done", progress: compareSummary().progress };
  const says = (found: readonly ComparedPair[], unmatched: number, status: PanelStatus = done) => {
    const state = initialCompareState();
    receiveCompare(state, { type: "pairs", pairs: found, failed: [] });
    const missing = Array.from({ length: unmatched }, () => ({ reason: "missing" as const, message: "gone" }));
    if (status.kind === "done") receiveCompare(state, { type: "summary", summary: compareSummary({ unmatched: missing }) });
    receiveCompare(state, { type: "status", status });
    return headline(state);
  };

  for (const [found, unmatched, expected] of [
    [[pairs[3]], 0, "The same weights: the one pair is equal"],
    [[pairs[3], comparison("y", Infinity)], 0, "The same weights: all 2 pairs are equal"],
    [[pairs[3], comparison("y", Infinity)], 1, "All 2 pairs are equal; 1 tensor could not be compared"],
    [pairs, 0, "What B lost"],
  ] as const) {
    it(expected, () => assert.equal(says(found, unmatched), expected));
  }
  it("nothing is claimed before all is compared", () => {
    assert.equal(says([pairs[3]], 0, { kind: "cancelled", progress: compareSummary().progress }), "So far");
    assert.equal(says([], 0, { kind: "opening" }), "Nothing is compared yet");
    assert.equal(says([], 0, { kind: "failed", error }), "Nothing was compared");
  });

  it("every state has its sentence and its first button", () => {
    const { progress } = compareSummary();
    const states: [PanelStatus, RegExp, string | undefined][] = [
      [{ kind: "opening" }, /headers/, "cancel"],
      [{ kind: "idle" }, /Compare to see/, "compare"],
      [{ kind: "running", progress }, /^2 of 2 pairs · 8\.00? B\/s|^2 of 2 pairs/, "cancel"],
      [{ kind: "done", progress }, /1 pair could not be compared/, "text"],
      [{ kind: "cancelled", progress }, /Stopped after 2 of 2/, "compare"],
      [{ kind: "failed", error }, /ends early/, "compare"],
      [{ kind: "failed", error: { ...error, code: "engine-gone" } }, /ends early/, "restartEngine"],
      [{ kind: "engine-restarted", message: "It stopped." }, /It stopped\. 6 pairs kept\./, "compare"],
    ];
    for (const [status, sentence, first] of states) {
      const shown = compareStatusText(filled({ type: "status", status }));
      assert.match(shown.sentence, sentence);
      assert.equal(shown.actions[0]?.command, first, status.kind);
    }
  });

  it("one button compares again: that of the notice, where files have changed", () => {
    const commands = (outdated: boolean) => {
      const state = filled({ type: "status", status: { kind: "done", progress: compareSummary().progress } });
      if (outdated) state.outdated = [{ name: "b.gguf", gone: false }];
      return compareStatusText(state).actions.map((a) => a.command);
    };
    assert.deepEqual(commands(false), ["text", "swap", "compare"]);
    assert.deepEqual(commands(true), ["text", "swap"]);
  });

  it("pairs put together by a trait: their errors add up, what is not finite loses everything", () => {
    const table = groupTable(filled(), "role", (p) => p.role);
    assert.deepEqual(table.rows.map((r) => r.map(cellText)), [["other", "3", "−∞ dB", "83.3 %"], ["q", "2", "10.0 dB", "16.7 %"]]);
  });
});
