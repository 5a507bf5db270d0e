// Stands in for the extension host: the API a webview gets, and the host's side of the messages. Runs before the panel's script.
import "./rest";
import type { FromPanel, PanelStatus, PanelView, ToPanel } from "../../src/core/api/panel";
import type { Progress } from "../../src/core/api/engine";
import type { BudgetSession } from "../../src/vscode/budgetSession";
import { budgetHost } from "./budget";
import { compareHarness } from "./compare";
import { convolutional, empty, hostile, mixture, wide, type Made } from "./models";

/** As VS Code carries messages: JSON, with typed arrays beside it. NaN and Infinity become null on the way. */
function carry<T>(message: T): T {
  const arrays: ArrayBufferView[] = [];
  const text = JSON.stringify(message, (_key, value) => {
    if (!ArrayBuffer.isView(value)) return value as unknown;
    arrays.push(value);
    return { $array: arrays.length - 1 };
  });
  return JSON.parse(text, (_key, value: { $array?: number } | null) =>
    typeof value === "object" && value !== null && typeof value.$array === "number" ? arrays[value.$array] : value,
  ) as T;
}

const posted: FromPanel[] = [];
const models: Record<string, () => Made> = {
  llama: () => (window as unknown as { llama: Made }).llama,
  convolutional,
  wide,
  empty,
  hostile,
  "three-thousand": () => mixture(20, 47),
  mixture: () => mixture(4, 16),
  deep: () => mixture(80, 1),
};
let current: Made | undefined;
let status: PanelStatus = { kind: "opening" };
let sent = 0;
let lean = false;
let budget: BudgetSession | undefined;

const deliver = (message: ToPanel) => window.dispatchEvent(new MessageEvent("message", { data: carry(message) }));

function progress(done: number): Progress {
  const tensors = current?.model.tensors ?? [];
  const bytesTotal = tensors.reduce((n, t) => n + t.byteLength, 0);
  const bytesDone = tensors.slice(0, done).reduce((n, t) => n + t.byteLength, 0);
  return { tensorsDone: done, tensorsTotal: tensors.length, bytesDone, bytesTotal, seconds: bytesDone / 1.1e9 };
}

const light = (r: Made["reports"][number]) => ({ ...r, output: undefined, input: undefined, heat: undefined });

function replay(): void {
  if (!current) return;
  deliver({
    type: "model",
    model: current.model,
    device: { name: "CPU", threads: 2, simd: true },
    encodings: current.encodings,
    detailOnRequest: lean,
    measured: sent,
  });
  if (sent > 0)
    deliver({ type: "reports", reports: current.reports.slice(0, sent).map((r) => (lean ? light(r) : r)), failed: [] });
  if (current.choices.length > 0) deliver({ type: "choices", choices: current.choices });
  const { view, plan } = budget ?? {};
  if (view) deliver({ type: "budget", budget: view });
  if (plan) deliver({ type: "plan", plan });
  deliver({ type: "status", status });
}

const harness = {
  posted,
  models: () => Object.keys(models),
  /** Opens a model: its header only. `lean`: the host keeps channels to itself until asked. */
  open(name: string, options: { lean?: boolean; budget?: { remembered?: boolean; slow?: boolean; fails?: string } } = {}) {
    current = name === "recorded" ? (window as unknown as { recorded: Made }).recorded : models[name]();
    sent = 0;
    lean = options.lean === true;
    status = { kind: "idle" };
    budget?.cancel();
    budget = current && budgetHost(current, deliver, options.budget);
    replay();
  },
  /** Sends reports up to the `n`th. */
  feed(n = Infinity, kind: "running" | "done" | "cancelled" = n === Infinity ? "done" : "running") {
    if (!current) return;
    const to = Math.min(n, current.reports.length);
    deliver({ type: "reports", reports: current.reports.slice(sent, to).map((r) => (lean ? light(r) : r)), failed: [] });
    sent = to;
    harness.status({ kind, progress: progress(sent) });
  },
  fail(tensor: string, message: string) {
    deliver({ type: "reports", reports: [], failed: [{ tensor, error: { code: "truncated", message, place: { tensor } } }] });
  },
  outdated: (files: Extract<ToPanel, { type: "outdated" }>["files"]) => deliver({ type: "outdated", files }),
  status(next: PanelStatus) {
    status = next;
    deliver({ type: "status", status });
  },
  progress,
  show: (tensor: string) => deliver({ type: "show", tensor }),
  replay,
  showTab: (tab: PanelView["tab"]) => deliver({ type: "showTab", tab }),
  recipe: () => budget?.recipe(),
  tensors: () => current?.model.tensors.map((t) => t.name) ?? [],
};
Object.assign(window, { harness });

const key = "state";
if (document.getElementById("app")!.dataset.page === "compare") compareHarness(deliver as (message: unknown) => void, posted as unknown[]);
else Object.assign(window, {
  acquireVsCodeApi: () => ({
    postMessage(message: FromPanel) {
      posted.push(message);
      if (message.type === "ready") queueMicrotask(replay);
      if (message.type === "budget") void budget?.apply(message.action);
      if (message.type === "detail" && lean) {
        const report = current?.reports.find((r) => r.name === message.tensor);
        if (report) setTimeout(() => deliver({ type: "reports", reports: [report], failed: [] }), 10);
      }
    },
    getState: () => (JSON.parse(sessionStorage.getItem(key) ?? "null") as PanelView | null) ?? undefined,
    setState: (view: PanelView) => sessionStorage.setItem(key, JSON.stringify(view)),
  }),
});

/** How long the page's own animation-frame work takes, by frame. */
const frames: number[] = [];
const request = window.requestAnimationFrame.bind(window);
let frameStart = -1;
let frameTime = 0;
window.requestAnimationFrame = (callback) =>
  request((now) => {
    const begin = performance.now();
    callback(now);
    const took = performance.now() - begin;
    if (now !== frameStart) {
      frames.push(frameTime);
      frameStart = now;
      frameTime = 0;
    }
    frameTime += took;
  });
Object.assign(window, { frames: () => [...frames.splice(0), frameTime] });
export type Harness = typeof harness;
