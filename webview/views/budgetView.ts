import type { BudgetAction, PanelBudget, PanelPlan } from "../../src/core/api/panel";
import { type FormatName, formatLabels } from "../../src/core/model";
import type { SensitivityTable } from "../../src/core/sensitivity";
import { bitsRange, budgetRows, chosen, labelsOf, nearestUniform, type BudgetRow } from "../budget";
import { assignment, assignmentHead, assignmentRowHeight, type AssignmentData } from "../charts/assignment";
import { ChartFrame } from "../charts/frame";
import { lessText, pareto, type ParetoData } from "../charts/pareto";
import { fill, h, setText, toggle } from "../dom";
import { bits, bytes, change, plural, significant } from "../format";
import type { Panel } from "../panel";
import { linearScale } from "../scales";
import type { Aspect, PanelState } from "../state";
import { button, dropdown } from "../ui";
import { BudgetEmpty } from "./budgetEmpty";
import { Legend } from "./legend";
import { LimitTable } from "./limitTable";
import { SizeControls } from "./sizeControls";
import { TensorEditor } from "./tensorEditor";

const bitsMeasure = { format: bits, harder: "neutral" } as const;

type Ready = Extract<PanelBudget["state"], { kind: "ready" }>;

/** What a person must know to trust the figures. */
function noteOf({ table, groups }: Ready, plan: PanelPlan, unit: PanelState["view"]["unit"]): string {
  const parts: string[] = [];
  if (unit === "gb" || unit === "gib") {
    parts.push("Counted are the weight files alone: the runtime, its KV cache and activations need memory beside them.");
  }
  if (table.target === "safetensors" && groups.length > 0) {
    const experts = table.tensors.some((t) => t.expert !== undefined) ? ", and all experts" : "";
    parts.push(`q, k and v of a layer share one encoding, and so do gate and up${experts}: vLLM runs them as one matrix.`);
  }
  const excess = significant((100 * (plan.squaredError - plan.lowerBound)) / plan.squaredError, 2);
  const within = plan.uniforms ? " that keeps the locks and limits" : "";
  parts.push(plan.exact ? `No assignment of this size${within} has less error.` : `At most ${excess} % above the least error possible.`);
  return parts.join(" ");
}

/** What to do, tensor by tensor: the least error at a size, what it costs, and what is settled by hand. */
export class BudgetView {
  readonly element: HTMLElement;
  readonly #panel: Panel;
  readonly #empty: BudgetEmpty;
  readonly #tensor: TensorEditor;
  readonly #limits: LimitTable;
  readonly #legend: Legend;
  readonly #size: SizeControls;
  readonly #target = dropdown({ label: "Export to", onChange: (t) => this.#act({ kind: "target", target: t as FormatName }) });
  readonly #totals = h("dl", { class: "totals" });
  readonly #refused = h("p", { class: "refused", role: "alert", hidden: true });
  readonly #note = h("p", { class: "dim note" });
  readonly #body: HTMLElement;
  readonly #pareto: ChartFrame<ParetoData, number>;
  readonly #assignment: ChartFrame<AssignmentData, number>;
  #paretoData: ParetoData | undefined;
  #rows: readonly BudgetRow[] = [];
  #rowsOf: SensitivityTable | undefined;
  #partners: ReadonlyMap<number, readonly number[]> = new Map();
  #scale = linearScale(0, 16);
  #asked: unknown;
  #selected: number | undefined;
  /** What was typed last and could not be read, until the next step. */
  #misread: string | undefined;

  constructor(panel: Panel) {
    this.#panel = panel;
    this.#empty = new BudgetEmpty((action) => this.#act(action));
    const act = (action: BudgetAction) => this.#act(action);
    const complain = (text: string) => this.#complain(text);
    this.#size = new SizeControls(panel, act, complain);
    this.#tensor = new TensorEditor(act, complain);
    this.#limits = new LimitTable(act, complain);
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
      this.#size.element,
      this.#refused,
      this.#totals,
      this.#pareto.element,
      this.#tensor.element,
      this.#assignment.element,
      this.#limits.element,
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

  #show(state: PanelState, ready: Ready, plan: PanelPlan): void {
    const model = state.model!;
    const { table } = ready;
    const same = this.#rowsOf === table;
    if (!same) {
      this.#rowsOf = table;
      this.#scale = linearScale(...bitsRange(table));
      this.#rows = budgetRows(table, state.byName);
      this.#partners = new Map(ready.groups.flatMap((group) => group.map((t) => [t, group.filter((x) => x !== t)] as const)));
      this.#selected = this.#misread = undefined;
    }
    const label = labelsOf(state.encodings, ready.uniforms);
    this.#size.update(plan, model.parameterCount, state.view.unit ?? "bytes");
    const refused = this.#misread ?? plan.refused;
    toggle(this.#refused, refused !== undefined);
    setText(this.#refused, refused ?? "");
    const uniforms = plan.uniforms ?? ready.uniforms;
    this.#showTotals(state, table, uniforms, plan);
    this.#paretoData = {
      curve: plan.curve,
      points: [...uniforms]
        .sort((a, b) => a.byteLength - b.byteLength)
        .map((u) => ({ label: u.label, byteLength: u.byteLength, squaredError: u.squaredError, best: u.bestSquaredError })),
      current: { label: "this plan", byteLength: plan.byteLength, squaredError: plan.squaredError },
      parameterCount: model.parameterCount,
      restricted: plan.uniforms !== undefined,
    };
    this.#pareto.update(this.#paretoData, same);
    this.#assignment.canvas.parentElement!.style.height = `${assignmentHead + this.#rows.length * assignmentRowHeight + 4}px`;
    this.#legend.update(bitsMeasure, this.#scale);
    const [selected, partners] = [this.#selected, this.#partners];
    this.#assignment.update({ table, plan, rows: this.#rows, label, scale: this.#scale, selected, partners }, same);
    this.#assignment.refreshCard();
    this.#tensor.update(selected === undefined ? undefined : { table, plan, tensor: selected, partners: partners.get(selected) ?? [], label });
    this.#limits.update({ table, plan });
    setText(this.#note, noteOf(ready, plan, state.view.unit));
  }

  #showTotals({ model, view }: PanelState, table: SensitivityTable, uniforms: Ready["uniforms"], plan: PanelPlan): void {
    const today = model!.byteLength;
    const item = (name: string, value: string, detail: string, wide = false) =>
      h("div", { class: wide ? "wide" : undefined }, h("dt", {}, name), h("dd", {}, value), h("dd", { class: "dim" }, detail));
    const near = nearestUniform(uniforms, plan.byteLength);
    const under = plan.uniforms ? " under these locks and limits" : "";
    const size =
      plan.byteLength > plan.fileBytes ? `the smallest possible${under}`
      : plan.fileBytes > plan.maximum ? `more bytes save nothing${under}`
      : bits(plan.bitsPerWeight);
    const free = plan.fileBytes - plan.byteLength;
    fill(
      this.#totals,
      item("Size", bytes(plan.byteLength), size),
      ...(view.unit === "gb" || view.unit === "gib" ? [item("Memory", bytes(Math.abs(free)), free < 0 ? "too little: it does not fit" : "left beside the weights")] : []),
      item("Change", change(today, plan.byteLength), `from ${bytes(today)}`),
      item("Locked", plural(plan.locked.length, "tensor"), `of ${plural(table.tensors.length, "tensor")} that can change`),
      item(
        "Squared error",
        significant(plan.squaredError),
        near ? `${lessText(plan.squaredError, near.squaredError, near.label)}${under}, ${bytes(near.byteLength)}` : "over all tensors",
        true,
      ),
    );
  }

  /** About a text that could not be read: visible, as it stays in its field. */
  #complain(text: string): void {
    this.#misread = text;
    this.#panel.say(text);
    this.#panel.store.touch("budget");
  }

  #act(action: BudgetAction): void {
    this.#misread = undefined;
    this.#panel.post({ type: "budget", action });
  }

  /** The size of a uniform encoding, to see what a plan makes of it. */
  #choosePoint(mark: number): void {
    const point = mark === 0 ? undefined : this.#paretoData?.points[mark - 1];
    if (point) this.#size.ask(point.byteLength, true);
  }

  #toggleLock(tensor: number): void {
    const { plan, budget } = this.#panel.store.state;
    if (!plan || budget?.state.kind !== "ready") return;
    const { table } = budget.state;
    const { name } = table.tensors[tensor];
    const encoding = plan.locked.includes(tensor) ? undefined : chosen(table, plan, tensor).encoding;
    this.#selected = tensor;
    this.#act({ kind: "lock", tensor: name, encoding });
    const shared = this.#partners.get(tensor)?.map((t) => table.tensors[t].name) ?? [];
    this.#panel.say(`${[name, ...shared].join(", ")} ${encoding === undefined ? "unlocked" : `locked to ${encoding}`}`);
    this.#panel.select(name);
    this.#panel.store.touch("budget");
  }

  /** Ctrl+Z and its opposite, anywhere in the view but in a text being typed. */
  #key(event: KeyboardEvent): boolean {
    if (event.defaultPrevented || !(event.ctrlKey || event.metaKey) || event.altKey || isText(event.target)) return false;
    const key = event.key.toLowerCase();
    if (key === "z") this.#act({ kind: event.shiftKey ? "redo" : "undo" });
    else if (key === "y") this.#act({ kind: "redo" });
    else return false;
    return true;
  }
}

/** A field for text has its own undo. */
const isText = (target: EventTarget | null) => target instanceof HTMLElement && target.localName === "vscode-text-field";

const targetLabel = (budget: PanelBudget | undefined, own: FormatName) => formatLabels[budget?.target ?? own];
