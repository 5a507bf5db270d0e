import type { BudgetAction, PanelBudget, PanelPlan } from "../../src/core/api/panel";
import type { FormatName } from "../../src/core/model";
import type { SensitivityTable } from "../../src/core/sensitivity";
import { bitsRange, budgetRows, byteUnit, chosen, nearestUniform, parseSize, type BudgetRow } from "../budget";
import { assignment, assignmentHead, assignmentRowHeight, type AssignmentData } from "../charts/assignment";
import { ChartFrame } from "../charts/frame";
import { lessText, pareto, type ParetoData } from "../charts/pareto";
import { fill, h, setText, toggle } from "../dom";
import { bits, bytes, change, plural, significant } from "../format";
import type { Panel } from "../panel";
import { linearScale } from "../scales";
import type { Aspect, PanelState } from "../state";
import { button, dropdown, entry, iconButton, slider } from "../ui";
import { BudgetEmpty } from "./budgetEmpty";
import { Legend } from "./legend";
import { LockEditor } from "./lockEditor";

const bitsMeasure = { format: bits, harder: "neutral" } as const;
const formatLabels: Record<FormatName, string> = { safetensors: "safetensors", gguf: "GGUF", onnx: "ONNX" };

/** What to do, tensor by tensor: the least error at a size, what it costs, and what is settled by hand. */
export class BudgetView {
  readonly element: HTMLElement;
  readonly #panel: Panel;
  readonly #empty: BudgetEmpty;
  readonly #locks: LockEditor;
  readonly #legend: Legend;
  readonly #target = dropdown({ label: "Export to", onChange: (t) => this.#act({ kind: "target", target: t as FormatName }) });
  readonly #slider = slider({ label: "Size", onMove: (fileBytes, final) => this.#size(fileBytes, final) });
  readonly #entry = entry({ label: "Size, as a number", onEnter: (text) => this.#typed(text) });
  readonly #unit = dropdown({
    label: "Unit",
    showLabel: false,
    onChange: (unit) => this.#panel.store.setView({ unit: unit === "bits" ? "bits" : "bytes" }),
  });
  readonly #undo = iconButton({ icon: "undo", label: "Undo", onPress: () => this.#act({ kind: "undo" }) });
  readonly #redo = iconButton({ icon: "redo", label: "Redo", onPress: () => this.#act({ kind: "redo" }) });
  readonly #unlock = iconButton({ icon: "unlock", label: "Unlock all tensors", onPress: () => this.#act({ kind: "unlockAll" }) });
  readonly #totals = h("dl", { class: "totals" });
  readonly #note = h("p", { class: "dim note" });
  readonly #body: HTMLElement;
  readonly #pareto: ChartFrame<ParetoData, number>;
  readonly #assignment: ChartFrame<AssignmentData, number>;
  #paretoData: ParetoData | undefined;
  #rows: readonly BudgetRow[] = [];
  #rowsOf: SensitivityTable | undefined;
  #scale = linearScale(0, 16);
  #asked: unknown;
  #selected: number | undefined;
  #lastSize: number | undefined;

  constructor(panel: Panel) {
    this.#panel = panel;
    this.#empty = new BudgetEmpty((action) => this.#act(action));
    this.#locks = new LockEditor((action) => this.#act(action));
    this.#legend = new Legend(panel);
    this.#pareto = new ChartFrame(panel, pareto, { class: "pareto", onSelect: (mark) => this.#choosePoint(mark) });
    this.#assignment = new ChartFrame(panel, assignment, {
      class: "assignment",
      tools: this.#legend.element,
      onSelect: (tensor) => this.#toggleLock(tensor),
      onKey: (event) => this.#key(event),
    });
    this.#body = h(
      "div",
      { class: "budget" },
      h(
        "div",
        { class: "size" },
        this.#slider.element,
        this.#entry.element,
        this.#unit.element,
        h("div", { class: "tools" }, this.#undo, this.#redo, this.#unlock),
      ),
      this.#totals,
      this.#pareto.element,
      this.#locks.element,
      this.#assignment.element,
      this.#note,
    );
    this.element = h(
      "div",
      { class: "view scrolls" },
      h("h2", { class: "hidden-text" }, "Budget"),
      h(
        "div",
        { class: "controls" },
        this.#target.element,
        button({ label: "Save Recipe…", secondary: true, onPress: () => this.#act({ kind: "save" }) }),
        button({ label: "Export…", secondary: true, onPress: () => this.#act({ kind: "export" }) }),
      ),
      this.#empty.element,
      this.#body,
    );
    this.element.addEventListener("keydown", (event) => this.#key(event) && event.preventDefault());
  }

  update(state: PanelState, _changed: ReadonlySet<Aspect>): void {
    if (state.view.tab !== "budget" || !state.model) return;
    const { budget, plan, model } = state;
    if (budget === undefined && this.#asked !== model) {
      this.#asked = model;
      this.#act({ kind: "open" });
    }
    const targets = budget?.targets ?? [model.format];
    this.#target.set(
      targets.map((t) => ({ value: t, label: formatLabels[t] })),
      budget?.target ?? model.format,
    );
    const ready = budget?.state.kind === "ready" && plan !== undefined ? budget.state : undefined;
    for (const b of this.element.querySelectorAll<HTMLElement>(".controls > vscode-button")) toggle(b, ready !== undefined);
    toggle(this.#body, ready !== undefined);
    this.#empty.update(ready ? undefined : budget, targetLabel(budget, model.format));
    if (ready && plan) this.#show(state, ready, plan);
  }

  #show(state: PanelState, { table, uniforms }: Extract<PanelBudget["state"], { kind: "ready" }>, plan: PanelPlan): void {
    const model = state.model!;
    if (this.#rowsOf !== table) {
      this.#rowsOf = table;
      this.#scale = linearScale(...bitsRange(table));
      this.#rows = budgetRows(table, state.byName);
      this.#selected = undefined;
    }
    const labels = new Map(state.encodings.map((e) => [e.name, e.label]));
    const label = (encoding: string) => (encoding === "keep" ? "kept" : (labels.get(encoding) ?? encoding));
    const inBits = state.view.unit === "bits";
    const unit = byteUnit(plan.fileBytes);
    const shown = inBits ? (8 * plan.fileBytes) / model.parameterCount : plan.fileBytes / unit.bytes;
    this.#slider.set({ low: plan.minimum, high: plan.maximum, value: plan.fileBytes, text: `${bytes(plan.byteLength)}, ${bits(plan.bitsPerWeight)}` });
    this.#entry.set(String(Number(shown.toPrecision(4))));
    this.#unit.set([{ value: "bytes", label: unit.label }, { value: "bits", label: "bpw" }], inBits ? "bits" : "bytes");
    for (const [element, on] of [[this.#undo, plan.canUndo], [this.#redo, plan.canRedo], [this.#unlock, plan.locked.length > 0]] as const) {
      element.toggleAttribute("disabled", !on);
    }
    this.#showTotals(state, table, uniforms, plan);
    this.#paretoData = {
      curve: plan.curve,
      points: [...uniforms]
        .sort((a, b) => a.byteLength - b.byteLength)
        .map((u) => ({ label: u.label, byteLength: u.byteLength, squaredError: u.squaredError, best: u.bestSquaredError })),
      current: { label: "this plan", byteLength: plan.byteLength, squaredError: plan.squaredError },
      parameterCount: model.parameterCount,
    };
    this.#pareto.update(this.#paretoData, true);
    this.#assignment.canvas.parentElement!.style.height = `${assignmentHead + this.#rows.length * assignmentRowHeight + 4}px`;
    this.#legend.update(bitsMeasure, this.#scale);
    this.#assignment.update({ table, plan, rows: this.#rows, label, scale: this.#scale, selected: this.#selected }, true);
    this.#locks.update(this.#selected === undefined ? undefined : { table, plan, tensor: this.#selected, label });
    setText(
      this.#note,
      (table.target === "safetensors" ? "q, k and v of a layer share one encoding, and so do gate and up: vLLM runs them as one matrix. " : "") +
        (plan.exact
          ? "No assignment of this size has less error."
          : `At most ${significant((100 * (plan.squaredError - plan.lowerBound)) / plan.squaredError, 2)} % above the least error possible.`),
    );
  }

  #showTotals(state: PanelState, table: SensitivityTable, uniforms: Extract<PanelBudget["state"], { kind: "ready" }>["uniforms"], plan: PanelPlan): void {
    const today = state.model!.tensors.reduce((n, t) => n + t.byteLength, 0);
    const item = (name: string, value: string, detail: string) =>
      h("div", {}, h("dt", {}, name), h("dd", {}, value), h("dd", { class: "dim" }, detail));
    const near = nearestUniform(uniforms, plan.byteLength);
    const raised = plan.byteLength > plan.fileBytes;
    fill(
      this.#totals,
      item("Size", bytes(plan.byteLength), raised ? `the smallest${plan.locked.length ? " with these locks" : ""}` : bits(plan.bitsPerWeight)),
      item("Change", change(today, plan.byteLength), `from ${bytes(today)}`),
      item(
        "Squared error",
        significant(plan.squaredError),
        near ? `${lessText(plan.squaredError, near.squaredError, near.label)}, ${bytes(near.byteLength)}` : "over all tensors",
      ),
      item("Locked", plural(plan.locked.length, "tensor"), `of ${plural(table.tensors.length, "tensor")} that can change`),
    );
  }

  #act(action: BudgetAction): void {
    this.#panel.post({ type: "budget", action });
  }

  #size(fileBytes: number, final: boolean): void {
    const rounded = Math.round(fileBytes);
    if (!final && rounded === this.#lastSize) return;
    this.#lastSize = rounded;
    this.#act({ kind: "size", fileBytes: rounded, final });
  }

  #typed(text: string): void {
    const { plan, model, view } = this.#panel.store.state;
    if (!plan || !model) return;
    const value = parseSize(text, view.unit === "bits" ? { parameters: model.parameterCount } : { bytes: byteUnit(plan.fileBytes).bytes });
    if (value === undefined) {
      this.#panel.say(`${text} is not a size`);
      this.#panel.store.touch("budget");
      return;
    }
    this.#size(Math.min(plan.maximum, Math.max(plan.minimum, value)), true);
  }

  /** The size of a uniform encoding, to see what a plan makes of it. */
  #choosePoint(mark: number): void {
    const point = mark === 0 ? undefined : this.#paretoData?.points[mark - 1];
    const { plan } = this.#panel.store.state;
    if (point && plan) this.#size(Math.min(plan.maximum, Math.max(plan.minimum, point.byteLength)), true);
  }

  #toggleLock(tensor: number): void {
    const { plan, budget } = this.#panel.store.state;
    if (!plan || budget?.state.kind !== "ready") return;
    const { table } = budget.state;
    const { name } = table.tensors[tensor];
    const encoding = plan.locked.includes(tensor) ? undefined : chosen(table, plan, tensor).encoding;
    this.#selected = tensor;
    this.#act({ kind: "lock", tensor: name, encoding });
    this.#panel.say(`${name} ${encoding === undefined ? "unlocked" : `locked to ${encoding}`}`);
    this.#panel.select(name);
    this.#panel.store.touch("budget");
  }

  /** Ctrl+Z and its opposite, anywhere in the view but in a text being typed. */
  #key(event: KeyboardEvent): boolean {
    if (event.defaultPrevented || !(event.ctrlKey || event.metaKey) || event.altKey || event.target === this.#entry.element) return false;
    const key = event.key.toLowerCase();
    if (key === "z") this.#act({ kind: event.shiftKey ? "redo" : "undo" });
    else if (key === "y") this.#act({ kind: "redo" });
    else return false;
    return true;
  }
}

const targetLabel = (budget: PanelBudget | undefined, own: FormatName) => formatLabels[budget?.target ?? own];
