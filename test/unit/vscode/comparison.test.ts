import assert from "node:assert/strict";
import type { CompareEvent } from "../../../src/core/api/compare";
import type { Engine } from "../../../src/core/api/engine";
import { cancelled, EngineError } from "../../../src/core/errors";
import { Comparison } from "../../../src/vscode/comparison";
import { parseCompareState, parseFromComparePanel } from "../../../src/vscode/messages";
import { compareSummary, comparison } from "../../builders/comparisons";

const { progress } = compareSummary();
const pair = (name: string): CompareEvent => ({ kind: "pair", comparison: comparison(name, 20), progress });
const failed: CompareEvent = { kind: "failed", a: "broken", b: "broken", error: { code: "truncated", message: "The file ends early.", place: {} }, progress };

const changed = { changed: ["/m/b.gguf"], gone: [], back: [] };
const gone = { changed: [], gone: ["/m/b.gguf"], back: [] };

/** A comparison by an engine that calls `compare`, and what it said: kinds of events, states in parentheses. */
function make(compare: Engine["compare"]) {
  const told: string[] = [];
  const logged: string[] = [];
  const made: Comparison = new Comparison({ pathA: "/m/a.safetensors", pathB: "/m/b.gguf" }, {
    engine: async () => ({ compare }) as Engine,
    log: (line) => logged.push(line),
    changed: (event) => told.push(event.kind === "status" ? `(${made.status.kind})` : event.kind),
  });
  return { comparison: made, told, logged };
}

describe("a comparison in the window", () => {
  it("keeps what the engine finds, tells each piece once, and ends with the totals", async () => {
    const { comparison, told, logged } = make(async (request, onEvent) => {
      assert.deepEqual(request, { pathA: "/m/a.safetensors", pathB: "/m/b.gguf" });
      for (const event of [pair("x"), failed, pair("y")]) onEvent(event);
      return compareSummary({ failed: 1 });
    });
    assert.equal(comparison.report(), undefined);
    await comparison.run();
    assert.deepEqual(told, ["cleared", "(opening)", "pair", "(running)", "failed", "(running)", "pair", "(running)", "summary", "(done)"]);
    assert.deepEqual([...comparison.pairs.keys()], ["x\nx", "y\ny"]);
    assert.deepEqual(comparison.failed.map((f) => f.a), ["broken"]);
    assert.match(comparison.report()!, /2 pairs of tensors, 0 equal; SQNR over all 20\.0 dB\.\nFailed: broken: The file ends early\./);
    assert.deepEqual(logged, ["broken: The file ends early."]);
  });

  it("a second request joins the run under way; one after it begins anew, with nothing of the first left", async () => {
    let calls = 0;
    const { comparison } = make(async (_request, onEvent) => {
      onEvent(pair(`of run ${++calls}`));
      return compareSummary();
    });
    await Promise.all([comparison.run(), comparison.run()]);
    assert.equal(calls, 1);
    await comparison.run();
    assert.deepEqual([...comparison.pairs.values()].map((p) => p.a.name), ["of run 2"]);
  });

  it("cancelling keeps what came, and nothing that comes later is told", async () => {
    let say: (event: CompareEvent) => void = () => {};
    const { comparison, told } = make((_request, onEvent, token) => {
      onEvent(pair("x"));
      say = onEvent;
      return new Promise((_, reject) => token!.onCancellationRequested(() => reject(cancelled())));
    });
    const ended = comparison.run();
    await new Promise((resolve) => setImmediate(resolve));
    assert.ok(comparison.running);
    await comparison.cancel();
    await ended;
    say(pair("late"));
    assert.deepEqual([comparison.running, comparison.status.kind, comparison.pairs.size, comparison.report()], [false, "cancelled", 1, undefined]);
    assert.equal(told.at(-1), "(cancelled)");
  });

  for (const [what, error, kind] of [
    ["an engine that died offers to go on", new EngineError("engine-gone", "The engine stopped."), "engine-restarted"],
    ["two models with nothing in common are a failure with its sentence", new EngineError("bad-request", "Nothing to compare."), "failed"],
  ] as const) {
    it(what, async () => {
      const { comparison, logged } = make(async () => Promise.reject(error));
      await comparison.run();
      assert.equal(comparison.status.kind, kind);
      assert.equal(logged.length, 1);
    });
  }

  it("a file that changes during a run makes the next request begin anew, after the first has ended", async () => {
    const calls: string[] = [];
    const { comparison } = make((_request, onEvent, token) => {
      const name = `of run ${calls.push("began")}`;
      onEvent(pair(name));
      if (calls.length > 1) return Promise.resolve(compareSummary());
      return new Promise((_, reject) => token!.onCancellationRequested(() => {
        calls.push("ended");
        reject(cancelled());
      }));
    });
    const first = comparison.run();
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(comparison.filesChanged(changed), true, "there is something to tell");
    await Promise.all([first, comparison.run(), comparison.run()]);
    assert.deepEqual(calls, ["began", "ended", "began"]);
    assert.deepEqual([[...comparison.pairs.keys()], comparison.status.kind, comparison.running], [["of run 3\nof run 3"], "done", false]);
    assert.equal(comparison.filesChanged(changed), true);
  });

  it("closing ends a run that waits for an outdated one, too", async () => {
    const { comparison } = make((_request, _onEvent, token) => {
      return new Promise((_, reject) => {
        if (token!.isCancellationRequested) reject(cancelled());
        token!.onCancellationRequested(() => reject(cancelled()));
      });
    });
    void comparison.run();
    await new Promise((resolve) => setImmediate(resolve));
    comparison.filesChanged(changed);
    const again = comparison.run();
    await comparison.cancel();
    await again;
    assert.deepEqual([comparison.running, comparison.status.kind], [false, "cancelled"]);
  });

  it("a file that changes where nothing could be compared is compared by itself, and where nobody asked, never", async () => {
    let file = "broken";
    const { comparison } = make(async (_request, onEvent) => {
      if (file === "broken") throw new EngineError("truncated", "The file ends early.");
      onEvent(pair("x"));
      return compareSummary();
    });
    assert.deepEqual([comparison.filesChanged(changed), comparison.running], [false, false], "the window was restored, and runs wait to be asked for");
    await comparison.run();
    assert.deepEqual(comparison.status.kind, "failed");
    file = "whole";
    assert.equal(comparison.filesChanged(changed), false, "nothing to tell: it begins by itself");
    await comparison.run();
    assert.deepEqual([comparison.status.kind, comparison.pairs.size], ["done", 1]);
  });

  it("says which files are not what it shows until it is run anew, and asks for attention once", async () => {
    const { comparison, told } = make(async () => compareSummary());
    await comparison.run();
    assert.deepEqual(comparison.outdated, []);
    assert.deepEqual([comparison.filesChanged(changed), told.at(-1)], [true, "outdated"]);
    assert.equal(comparison.filesChanged(changed), false, "told before");
    assert.deepEqual(comparison.outdated, [{ name: "b.gguf", gone: false }]);
    assert.equal(comparison.filesChanged(gone), false, "who deletes a file knows it");
    assert.deepEqual(comparison.outdated, [{ name: "b.gguf", gone: true }]);
    comparison.filesChanged({ changed: [], gone: [], back: ["/m/b.gguf"] });
    assert.deepEqual(comparison.outdated, [{ name: "b.gguf", gone: false }], "as it was when it went, not as it was when it was compared");
    await comparison.run();
    assert.deepEqual(comparison.outdated, []);
    comparison.filesChanged(gone);
    comparison.filesChanged({ changed: [], gone: [], back: ["/m/b.gguf"] });
    assert.deepEqual(comparison.outdated, [], "it is what is shown");
  });

  it("a file that goes where nothing could be compared begins nothing; once it is back, it does", async () => {
    let calls = 0;
    const { comparison } = make(async () => {
      calls++;
      throw new EngineError("not-found", "No such file.");
    });
    await comparison.run();
    assert.equal(comparison.filesChanged(gone), false);
    assert.equal(calls, 1);
    comparison.filesChanged({ changed: [], gone: [], back: ["/m/b.gguf"] });
    await comparison.run();
    assert.equal(calls, 2);
  });

  it("an engine that does not start is a failure, not a rejection", async () => {
    const made = new Comparison({ pathA: "a", pathB: "b" }, {
      engine: () => Promise.reject(new EngineError("io", "No such file.")), log: () => {}, changed: () => {} });
    await made.run();
    assert.equal(made.status.kind, "failed");
  });
});

describe("messages of a comparison's panel", () => {
  for (const [message, expected] of [
    [{ type: "ready", more: 1 }, { type: "ready" }],
    [{ type: "detail", pair: "a\nb" }, { type: "detail", pair: "a\nb" }],
    [{ type: "detail", pair: 7 }, undefined],
    [{ type: "detail", pair: "x".repeat(2 ** 17) }, undefined],
    [{ type: "command", command: "swap" }, { type: "command", command: "swap" }],
    [{ type: "command", command: "workbench.action.quit" }, undefined],
    [{ type: "save", name: "../../x/y.csv", bytes: Uint8Array.of(1) }, { type: "save", name: "y.csv", bytes: Uint8Array.of(1) }],
    [{ type: "copy", text: "a" }, { type: "copy", text: "a" }],
    [{ type: "view", view: {} }, undefined],
    [null, undefined],
  ] as const) {
    it(`${JSON.stringify(message)?.slice(0, 60)} is ${expected ? "understood" : "refused"}`, () => assert.deepEqual(parseFromComparePanel(message), expected));
  }

  it("a page that comes back names both models, or is nothing", () => {
    assert.deepEqual(parseCompareState({ pathA: "/a", pathB: "/b", view: { tab: "pairs" } }), { pathA: "/a", pathB: "/b" });
    for (const kept of [undefined, {}, { pathA: "/a" }, { pathA: "", pathB: "/b" }, { pathA: 1, pathB: "/b" }]) assert.equal(parseCompareState(kept), undefined);
  });
});
