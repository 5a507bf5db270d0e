import assert from "node:assert/strict";
import type { ToPanel } from "../../../src/core/api/panel";
import type { EncodingInfo } from "../../../src/core/api/engine";
import { encodingOptions, initialState, missingDetail, receive, Store } from "../../../webview/state";
import { revive } from "../../../webview/revive";
import { statusText } from "../../../webview/views/statusText";
import { blocks, panelModel } from "../../builders/panelModel";
import { report } from "../../builders/report";

const device = { name: "CPU", threads: 2, simd: true };
const encodings: EncodingInfo[] = [
  ["f16", 16],
  ["q8_0", 8.5],
  ["q4_0", 4.5],
].map(([name, bitsPerWeight]) => ({
  name: String(name),
  label: String(name).toUpperCase(),
  bitsPerWeight: Number(bitsPerWeight),
  blockElements: 32,
  targets: [],
  description: "",
}));
const tensors = blocks(2);
const values = Float32Array.from({ length: 64 * 64 }, (_, i) => Math.sin(i * 7.1));
const modelMessage = (extra: object = {}): ToPanel => ({
  type: "model",
  model: panelModel(tensors),
  device,
  encodings,
  ...extra,
});
const reports = (...names: string[]): ToPanel => ({
  type: "reports",
  reports: names.map((n) => report(n, values, 64)),
  failed: [],
});
const progress = { tensorsDone: 1, tensorsTotal: 4, bytesDone: 10, bytesTotal: 40, seconds: 2 };

describe("messages from the host", () => {
  it("replaying everything changes nothing", () => {
    const state = initialState();
    const replay = () => {
      for (const m of [
        modelMessage(),
        reports(tensors[1].name, tensors[2].name),
        { type: "status", status: { kind: "running", progress } } as ToPanel,
      ])
        receive(state, m, 5);
      return JSON.stringify({
        n: state.reportCount,
        view: state.view,
        arrived: state.entries.map((e) => e.arrived),
        has: state.entries.map((e) => e.report !== undefined),
      });
    };
    assert.equal(replay(), replay());
  });
  it("a report for a tensor that does not exist is dropped", () => {
    const state = initialState();
    receive(state, modelMessage());
    receive(state, reports("__proto__", "nowhere"));
    assert.equal(state.reportCount, 0);
  });
  it("results survive a restarted engine, not another file nor void ones", () => {
    for (const [extra, kept] of [
      [{}, 1],
      [{ measured: 1 }, 1],
      [{ measured: 0 }, 0],
      [{ model: panelModel(tensors, "/m/other.safetensors") }, 0],
    ] as const) {
      const state = initialState();
      receive(state, modelMessage());
      receive(state, reports(tensors[1].name));
      receive(state, modelMessage(extra));
      assert.equal(state.reportCount, kept, JSON.stringify(extra).slice(0, 40));
      assert.equal(state.entries.filter((e) => e.report).length, kept);
    }
  });
  it("a failure after a result does not take it away, a result after a failure does", () => {
    const state = initialState();
    receive(state, modelMessage());
    const failed: ToPanel = {
      type: "reports",
      reports: [],
      failed: [{ tensor: tensors[1].name, error: { code: "truncated", message: "short", place: {} } }],
    };
    receive(state, failed);
    assert.equal(state.entries[1].failure?.message, "short");
    receive(state, reports(tensors[1].name));
    assert.equal(state.entries[1].failure, undefined);
    receive(state, failed);
    assert.equal(state.entries[1].failure, undefined);
  });
  it("a file that can no longer be opened is not shown as it was", () => {
    const state = initialState();
    receive(state, modelMessage());
    const error = { code: "not-found" as const, message: "No such file.", place: {} };
    receive(state, { type: "status", status: { kind: "failed", error } });
    assert.ok(state.model, "a failed analysis keeps the model");
    receive(state, { type: "status", status: { kind: "failed", error, unopened: true } });
    assert.deepEqual([state.model, state.entries.length, state.byName.size], [undefined, 0, 0]);
    assert.equal(statusText(state).actions[0].command, "reload");
    receive(state, modelMessage());
    assert.ok(state.entries.length > 0);
  });
  it("a selection that the new file does not have is forgotten", () => {
    const state = initialState({ selected: "gone", pinned: tensors[1].name });
    receive(state, modelMessage());
    assert.equal(state.view.selected, undefined);
    assert.equal(state.view.pinned, tensors[1].name);
  });
  it("a message that this page does not know is passed over", () => {
    assert.deepEqual(receive(initialState(), { type: "tomorrow" } as unknown as ToPanel), []);
  });
  it("showing a tensor that does not exist changes nothing", () => {
    const state = initialState();
    receive(state, modelMessage());
    assert.deepEqual(receive(state, { type: "show", tensor: "constructor" }), []);
    assert.deepEqual(receive(state, { type: "show", tensor: tensors[3].name }), ["view"]);
    assert.equal(state.view.selected, tensors[3].name);
  });
  it("the host's view opens a new panel, and does not pull a later one back", () => {
    const view = { tab: "bits", measure: "kurtosis", encoding: "q8_0", sort: "file" } as const;
    const state = initialState({ tab: "spectrum" });
    receive(state, modelMessage({ view }));
    assert.equal(state.view.tab, "bits");
    state.view = { ...state.view, tab: "map" };
    receive(state, modelMessage({ view }));
    assert.equal(state.view.tab, "map");
  });
  it("an encoding that is gone falls back to about four bits", () => {
    const state = initialState({ encoding: "removed" });
    receive(state, modelMessage());
    assert.equal(state.view.encoding, "q4_0");
  });
});

describe("encodings to choose from", () => {
  const measured = (name: string, errors: [string, number][]): ToPanel => ({
    type: "reports",
    failed: [],
    reports: [
      {
        ...report(name, values, 64),
        errors: errors.map(([encoding, bitsPerWeight]) => ({ encoding, bitsPerWeight, relativeSquaredError: 0.1, sqnr: 10 })),
      },
    ],
  });
  it("are those that were measured; a choice among them stays, another gives way", () => {
    const state = initialState({ encoding: "q8_0" });
    receive(state, modelMessage());
    assert.deepEqual(receive(state, measured(tensors[1].name, [["int4-g128", 4.125], ["f16", 16]])), ["reports", "view"]);
    assert.equal(state.view.encoding, "int4-g128");
    assert.deepEqual(encodingOptions(state).map((o) => [o.value, o.label]), [["f16", "F16"], ["int4-g128", "int4-g128"]]);
    state.view = { ...state.view, encoding: "f16" };
    assert.deepEqual(receive(state, measured(tensors[2].name, [["q4_0", 4.5]])), ["reports"]);
    assert.equal(state.view.encoding, "f16");
  });
});

describe("channel detail", () => {
  const light = (name: string): ToPanel => {
    const { output: _o, input: _i, heat: _h, ...rest } = report(name, values, 64);
    return { type: "reports", reports: [rest], failed: [] };
  };
  it("is asked for where the host keeps it, and kept when a lean report follows", () => {
    const state = initialState();
    receive(state, modelMessage({ detailOnRequest: true }));
    receive(state, light(tensors[1].name));
    assert.equal(missingDetail(state, tensors[1].name), true);
    receive(state, reports(tensors[1].name));
    assert.equal(missingDetail(state, tensors[1].name), false);
    receive(state, light(tensors[1].name));
    assert.equal(missingDetail(state, tensors[1].name), false);
  });
  it("is never asked of a host that does not answer", () => {
    const state = initialState();
    receive(state, modelMessage());
    receive(state, light(tensors[1].name));
    assert.equal(missingDetail(state, tensors[1].name), false);
  });
});

describe("numbers that JSON loses", () => {
  it("come back as what they were", () => {
    const r = report("w", new Float32Array(64), 8);
    const sent = {
      ...r,
      errors: [
        { encoding: "f16", bitsPerWeight: 16, relativeSquaredError: 0, sqnr: Infinity },
        { encoding: "x", bitsPerWeight: 1, relativeSquaredError: NaN, sqnr: NaN },
      ],
      outliers: {
        output: { median: 0, over1_5: 1, over2: 1, over4: 1, channels: [{ index: 0, absMax: 1, ratio: Infinity }] },
        input: r.outliers!.input,
      },
    };
    const back = revive(JSON.parse(JSON.stringify(sent)) as typeof r);
    assert.ok(Number.isNaN(back.stats.kurtosis));
    assert.equal(back.errors[0].sqnr, Infinity);
    assert.ok(Number.isNaN(back.errors[1].sqnr) && Number.isNaN(back.errors[1].relativeSquaredError));
    assert.equal(back.outliers!.output.channels[0].ratio, Infinity);
  });
});

describe("store", () => {
  it("tells listeners once per frame, with everything that changed", () => {
    const frames: (() => void)[] = [];
    const store = new Store({ schedule: (run) => frames.push(run) });
    const told: string[][] = [];
    store.subscribe((_state, changed) => told.push([...changed].sort()));
    store.receive(modelMessage(), 0);
    store.setView({ tab: "bits" });
    store.setView({ tab: "bits" });
    assert.equal(frames.length, 1);
    frames[0]();
    assert.deepEqual(told, [["model", "reports", "view"]]);
    store.setView({ tab: "bits" });
    assert.equal(frames.length, 1, "an unchanged view tells nobody");
  });
});

describe("every status has a sentence, and a button where there is something to do", () => {
  const error = { code: "truncated", message: "The file ends early.", place: { file: "/m/a.gguf", offset: 4096 } } as const;
  const rows = [
    [{ kind: "opening" }, /header/i, []],
    [{ kind: "idle" }, /analyze/i, ["analyse", "export"]],
    [{ kind: "running", progress }, /1 of 4 tensors/, ["cancel", "export"]],
    [{ kind: "done", progress }, / · 5 B\/s$/, ["export", "analyse"]],
    [{ kind: "cancelled", progress }, /1 of 4/, ["analyse", "export"]],
    [{ kind: "failed", error }, /ends early \(\/m\/a\.gguf, byte 4,096\)\./, ["analyse", "showLog"]],
    [{ kind: "failed", error: { ...error, code: "engine-gone" } }, /early/, ["restartEngine", "showLog"]],
    [{ kind: "engine-restarted", message: "The engine stopped." }, /The engine stopped\./, ["analyse", "showLog"]],
  ] as const;
  for (const [status, sentence, commands] of rows) {
    it(status.kind, () => {
      const state = initialState();
      receive(state, modelMessage());
      receive(state, { type: "status", status });
      const shown = statusText(state);
      assert.match(shown.sentence, sentence);
      assert.deepEqual(
        shown.actions.map((a) => a.command),
        commands,
      );
    });
  }
  it("a file that never opened is opened again, not analysed", () => {
    const state = initialState();
    receive(state, { type: "status", status: { kind: "failed", error } });
    assert.equal(statusText(state).actions[0].command, "reload");
  });
  it("a file without tensors says so", () => {
    const state = initialState();
    receive(state, { type: "model", model: panelModel([]), device, encodings });
    receive(state, { type: "status", status: { kind: "idle" } });
    assert.match(statusText(state).sentence, /no tensors/);
  });
});
