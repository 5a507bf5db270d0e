import type { DeviceInfo, EncodingInfo, ExportChoice } from "../src/core/api/engine";
import type { OutdatedFile, PanelBudget, PanelModel, PanelPlan, PanelStatus, PanelView, ToPanel } from "../src/core/api/panel";
import type { PlainError } from "../src/core/errors";
import type { TensorReport } from "../src/core/series";
import { Changes } from "./changes";
import { revive } from "./revive";

export type PanelTensor = PanelModel["tensors"][number];

/** One tensor and what has come in about it. */
export interface Entry {
  readonly index: number;
  readonly tensor: PanelTensor;
  report?: TensorReport;
  failure?: PlainError;
  /** When the report came, for fading in; ms as `Clock` says. */
  arrived?: number;
}

/** What changed since listeners were last told. */
export type Aspect = "model" | "reports" | "status" | "choices" | "view" | "theme" | "budget";

export interface PanelState {
  model?: PanelModel;
  device?: DeviceInfo;
  encodings: readonly EncodingInfo[];
  choices: readonly ExportChoice[];
  entries: readonly Entry[];
  byName: ReadonlyMap<string, Entry>;
  status: PanelStatus;
  /** Files that are no longer what is shown. */
  outdated: readonly OutdatedFile[];
  view: PanelView;
  reportCount: number;
  /** Encodings whose error some report has, by name; the only ones worth choosing from. */
  measured: ReadonlyMap<string, number>;
  detailOnRequest: boolean;
  /** Absent until the tab was opened. */
  budget?: PanelBudget;
  /** Of the budget's target only. */
  plan?: PanelPlan;
}

export const defaultView: PanelView = { tab: "map", measure: "outlier", encoding: "", sort: "file" };

/** Bytes of channel and heat detail kept for tensors that were not looked at lately, where the host can send them again. */
const detailLimit = 48 * 2 ** 20;

export function initialState(view?: Partial<PanelView>): PanelState {
  return {
    encodings: [],
    choices: [],
    entries: [],
    byName: new Map(),
    status: { kind: "opening" },
    outdated: [],
    view: { ...defaultView, ...view },
    reportCount: 0,
    measured: new Map(),
    detailOnRequest: false,
  };
}

/** Applies one message from the host; replaying any message changes nothing. Returns the aspects that changed. */
export function receive(state: PanelState, message: ToPanel, now = 0): Aspect[] {
  switch (message.type) {
    case "model": {
      const first = state.model === undefined;
      const same = state.model !== undefined && message.measured !== 0 && sameTensors(state.model, message.model);
      const before = state.byName;
      // Sent to a newly made panel only; what the workbench kept of an earlier one may be a minute older.
      if (first && message.view) state.view = { ...defaultView, ...message.view };
      state.model = message.model;
      state.device = message.device;
      state.encodings = message.encodings;
      state.detailOnRequest = message.detailOnRequest === true;
      state.entries = message.model.tensors.map((tensor, index) => {
        const old = same ? before.get(tensor.name) : undefined;
        return { index, tensor, report: old?.report, failure: old?.failure, arrived: old?.arrived };
      });
      state.byName = new Map(state.entries.map((e) => [e.tensor.name, e]));
      if (!same) {
        state.reportCount = 0;
        state.measured = new Map();
        if (!first && message.measured !== 0) state.choices = [];
      }
      const { selected, pinned } = state.view;
      state.view = {
        ...state.view,
        encoding: pickEncoding(state.view.encoding, message.encodings),
        selected: selected !== undefined && state.byName.has(selected) ? selected : undefined,
        pinned: pinned !== undefined && state.byName.has(pinned) ? pinned : undefined,
        zoom: first || before.size === state.byName.size ? state.view.zoom : undefined,
      };
      return ["model", "reports", "view"];
    }
    case "reports": {
      for (const report of message.reports) {
        const entry = state.byName.get(report.name);
        if (!entry) continue;
        if (!entry.report) {
          state.reportCount++;
          entry.arrived = now;
        }
        entry.report = keepDetail(entry.report, revive(report));
        noteMeasured(state, entry.report);
        entry.failure = undefined;
      }
      for (const { tensor, error } of message.failed) {
        const entry = state.byName.get(tensor);
        if (entry && !entry.report) entry.failure = error;
      }
      if (state.detailOnRequest) forgetDetail(state);
      return chooseMeasured(state) ? ["reports", "view"] : ["reports"];
    }
    case "status":
      state.status = message.status;
      if (message.status.kind !== "failed" || !message.status.unopened || !state.model) return ["status"];
      forgetModel(state);
      return ["status", "model", "reports"];
    case "outdated":
      state.outdated = message.files;
      return ["status"];
    case "choices":
      state.choices = message.choices;
      return ["choices"];
    case "show":
      if (!state.byName.has(message.tensor)) return [];
      state.view = { ...state.view, selected: message.tensor };
      return ["view"];
    case "showTab":
      state.view = { ...state.view, tab: message.tab };
      return ["view"];
    case "budget":
      state.budget = message.budget;
      if (message.budget.state.kind !== "ready" || state.plan?.target !== message.budget.target) state.plan = undefined;
      return ["budget"];
    case "plan":
      state.plan = message.plan;
      return ["budget"];
    default:
      // A host that knows more than this page.
      return [];
  }
}

/** The file can no longer be opened. The view stays for when it can. */
function forgetModel(state: PanelState): void {
  state.model = undefined;
  state.entries = [];
  state.byName = new Map();
  state.choices = [];
  state.reportCount = 0;
  state.measured = new Map();
  state.plan = undefined;
}

function sameTensors(a: PanelModel, b: PanelModel): boolean {
  return (
    a.path === b.path &&
    a.byteLength === b.byteLength &&
    a.tensors.length === b.tensors.length &&
    a.tensors.every((t, i) => t.name === b.tensors[i].name && t.byteLength === b.tensors[i].byteLength)
  );
}

/** The chosen encoding when it exists, else the first of about four bits, where the differences between layers show. */
function pickEncoding(chosen: string, encodings: readonly EncodingInfo[]): string {
  if (encodings.some((e) => e.name === chosen)) return chosen;
  const byDistance = [...encodings].sort((a, b) => Math.abs(a.bitsPerWeight - 4.5) - Math.abs(b.bitsPerWeight - 4.5));
  return byDistance[0]?.name ?? "";
}

function noteMeasured(state: PanelState, report: TensorReport): void {
  if (report.errors.every((e) => state.measured.has(e.encoding))) return;
  state.measured = new Map([...state.measured, ...report.errors.map((e) => [e.encoding, e.bitsPerWeight] as const)]);
}

/** An encoding that was not measured colours nothing: the nearest to four and a half bits that was takes its place. */
function chooseMeasured(state: PanelState): boolean {
  if (state.measured.size === 0 || state.measured.has(state.view.encoding)) return false;
  const [best] = [...state.measured].sort(([, a], [, b]) => Math.abs(a - 4.5) - Math.abs(b - 4.5));
  state.view = { ...state.view, encoding: best[0] };
  return true;
}

/** What can be chosen where errors are shown: measured encodings by falling bits; before there are any, those that can be written. */
export function encodingOptions(state: PanelState): readonly { readonly value: string; readonly label: string }[] {
  const label = new Map(state.encodings.map((e) => [e.name, e.label]));
  if (state.measured.size > 0) {
    return [...state.measured].sort(([, a], [, b]) => b - a).map(([value]) => ({ value, label: label.get(value) ?? value }));
  }
  return state.encodings.filter((e) => e.targets.length > 0).map((e) => ({ value: e.name, label: e.label }));
}

/** A report without channels does not take away those that came before. */
function keepDetail(before: TensorReport | undefined, now: TensorReport): TensorReport {
  return before === undefined
    ? now
    : { ...now, output: now.output ?? before.output, input: now.input ?? before.input, heat: now.heat ?? before.heat };
}

const detailBytes = (r: TensorReport) =>
  8 * ((r.output?.absMax.length ?? 0) + (r.input?.absMax.length ?? 0)) + 4 * (r.heat?.values.length ?? 0);

function forgetDetail(state: PanelState): void {
  let kept = 0;
  for (let i = state.entries.length - 1; i >= 0; i--) {
    const { report, tensor } = state.entries[i];
    if (!report || tensor.name === state.view.selected || tensor.name === state.view.pinned) continue;
    kept += detailBytes(report);
    if (kept > detailLimit) state.entries[i].report = { ...report, output: undefined, input: undefined, heat: undefined };
  }
}

/** Does the selected or pinned tensor lack channels that the host could send? */
export function missingDetail(state: PanelState, name: string | undefined): boolean {
  const report = name === undefined ? undefined : state.byName.get(name)?.report;
  return state.detailOnRequest && report?.outliers !== undefined && report.output === undefined;
}

/** The one place where state lives. */
export class Store extends Changes<PanelState, Aspect> {
  constructor(options: { view?: Partial<PanelView>; schedule: (run: () => void) => void }) {
    super(initialState(options.view), options.schedule);
  }

  receive(message: ToPanel, now: number): void {
    this.touch(...receive(this.state, message, now));
  }

  setView(patch: Partial<PanelView>): void {
    const keys = Object.keys(patch) as (keyof PanelView)[];
    if (keys.every((k) => this.state.view[k] === patch[k])) return;
    this.state.view = { ...this.state.view, ...patch };
    this.touch("view");
  }
}
