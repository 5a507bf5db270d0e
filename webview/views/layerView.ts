import type { TensorReport } from "../../src/core/series";
import { charts } from "../charts";
import { ChartFrame } from "../charts/frame";
import type { ErrorsData } from "../charts/errors";
import { heat, type HeatData, type HeatMark } from "../charts/heat";
import { histogramData, type HistogramData } from "../charts/histogram";
import { tableElement } from "../charts/tableElement";
import { fill, h, setText, toggle } from "../dom";
import { bits, bytes, count, shape } from "../format";
import { walk } from "../order";
import type { Panel } from "../panel";
import type { Aspect, Entry, PanelState } from "../state";
import { iconButton } from "../ui";
import { roleLabel } from "../charts/mapLayout";
import { Overview } from "./overview";
import { ProfileSection } from "./profileSection";
import { outlierTables, statsTable } from "./layerTables";

/** Why there? Everything about one layer, and a second one pinned beside it. */
export class LayerView {
  readonly element: HTMLElement;
  readonly #panel: Panel;
  readonly #overview: Overview;
  readonly #name = h("h2", { tabindex: 0, class: "layer-name" });
  readonly #facts = h("div", { class: "facts" });
  readonly #pinned = h("div", { class: "pinned", hidden: true });
  readonly #pin: ReturnType<typeof iconButton>;
  readonly #message = h("p", { class: "message", hidden: true });
  readonly #layer: HTMLElement;
  readonly #sections: HTMLElement;
  readonly #histogram: ChartFrame<HistogramData, number>;
  readonly #axis: ReturnType<typeof iconButton>;
  readonly #profiles: readonly ProfileSection[];
  readonly #heat: ChartFrame<HeatData, HeatMark>;
  readonly #heatPinned: ChartFrame<HeatData, HeatMark>;
  readonly #errors: ChartFrame<ErrorsData, number>;
  readonly #errorTable = h("div", { class: "scroll-x", tabindex: 0, role: "region", "aria-label": "Error per encoding, table" });
  readonly #outliers = h("section", { class: "block outliers" });
  readonly #stats = h("section", { class: "block stats" });
  readonly #errorBlock: HTMLElement;
  #shown: readonly unknown[] = [];
  #ranking = "";

  constructor(panel: Panel) {
    this.#panel = panel;
    const { store } = panel;
    this.#overview = new Overview(panel);
    this.#axis = iconButton({
      icon: "chart",
      label: "Logarithmic value axis",
      pressed: false,
      onPress: () => store.setView({ axis: store.state.view.axis === "log" ? "linear" : "log" }),
    });
    this.#histogram = new ChartFrame(panel, charts.histogram, { class: "histogram", tools: this.#axis });
    this.#profiles = (["output", "input"] as const).map((direction) => new ProfileSection(panel, direction));
    this.#heat = new ChartFrame(panel, heat, { class: "heat" });
    this.#heatPinned = new ChartFrame(panel, heat, { class: "heat", heading: "Pinned: matrix" });
    this.#errors = new ChartFrame(panel, charts.errors, { class: "errors" });
    this.#errorBlock = h("section", { class: "block error-block" }, this.#errors.element, this.#errorTable);
    this.#pin = iconButton({
      icon: "pin",
      label: "Pin this layer to compare others with it",
      pressed: false,
      onPress: () => this.#togglePin(),
    });
    const step = (icon: "previous" | "next", label: string) => iconButton({ icon, label, onPress: () => this.#walk(icon) });
    this.#sections = h(
      "div",
      { class: "sections" },
      h(
        "div",
        { class: "column" },
        this.#histogram.element,
        this.#profiles.map((s) => s.element),
      ),
      h("div", { class: "column" }, this.#outliers, this.#heat.element, this.#heatPinned.element),
      h("div", { class: "column" }, this.#errorBlock, this.#stats),
    );
    this.#layer = h(
      "div",
      { class: "layer" },
      h(
        "header",
        { class: "layer-head" },
        h("div", { class: "layer-title" }, this.#name, this.#facts, this.#pinned),
        h(
          "div",
          { class: "tools" },
          step("previous", "Previous tensor"),
          step("next", "Next tensor"),
          this.#pin,
          iconButton({ icon: "close", label: "Close this layer", onPress: () => panel.select(undefined) }),
        ),
      ),
      this.#message,
      this.#sections,
    );
    this.element = h("aside", { class: "pane", "aria-label": "Layer" }, this.#overview.element, this.#layer);
    this.#name.addEventListener("keydown", (e) => this.#key(e));
    document.addEventListener("keydown", (e) => {
      if (e.altKey && (e.key === "ArrowUp" || e.key === "ArrowDown")) {
        this.#walk(e.key === "ArrowUp" ? "previous" : "next");
        e.preventDefault();
      }
    });
  }

  update(state: PanelState, changed: ReadonlySet<Aspect>): void {
    const { measure, encoding } = state.view;
    const ranking = `${measure}|${encoding}`;
    if (changed.has("model") || changed.has("reports") || ranking !== this.#ranking) this.#overview.invalidate();
    this.#ranking = ranking;
    const entry = state.view.selected === undefined ? undefined : state.byName.get(state.view.selected);
    const pinned = state.view.pinned === undefined ? undefined : state.byName.get(state.view.pinned);
    toggle(this.#overview.element, !entry);
    toggle(this.#layer, entry !== undefined);
    if (!entry) {
      this.#overview.update(state);
      this.#shown = [];
      return;
    }
    const { axis, order } = state.view;
    const shown = [entry, entry.report, entry.failure, pinned, pinned?.report, axis, order, state.encodings, this.#panel.theme];
    if (shown.every((x, i) => x === this.#shown[i]) && shown.length === this.#shown.length && !changed.has("status")) return;
    this.#shown = shown;
    this.#show(state, entry, pinned === entry ? undefined : pinned);
  }

  #show(state: PanelState, entry: Entry, pinned: Entry | undefined): void {
    const { tensor, report } = entry;
    setText(this.#name, tensor.name);
    this.#name.title = `${tensor.name}\nArrow keys walk: up and down to the same role, left and right in file order`;
    const where = [
      tensor.layer === undefined ? undefined : `layer ${tensor.layer}`,
      tensor.expert === undefined ? undefined : `expert ${tensor.expert}`,
    ].filter((x) => x !== undefined);
    fill(
      this.#facts,
      [
        shape(tensor.shape),
        tensor.encodingLabel,
        bits(tensor.bitsPerWeight),
        bytes(tensor.byteLength),
        `${count(tensor.elementCount)} weights`,
        [...where, roleLabel(tensor.role)].join(" "),
      ].map((f) => h("span", {}, f)),
    );
    this.#pin.setPressed(state.view.pinned === tensor.name);
    toggle(this.#pinned, pinned !== undefined);
    if (pinned) {
      const mark = h("span", { class: "pinned-mark", "aria-hidden": "true" });
      mark.style.color = this.#panel.theme.second;
      fill(
        this.#pinned,
        mark,
        "compared with ",
        h("button", { class: "link", type: "button", onclick: () => this.#panel.select(pinned.tensor.name) }, pinned.tensor.name),
        iconButton({ icon: "close", label: "Stop comparing", onPress: () => this.#panel.store.setView({ pinned: undefined }) }),
      );
    }
    this.#showMessage(state, entry);
    toggle(this.#sections, report !== undefined);
    if (report)
      this.#showReport(
        state,
        entry,
        report,
        pinned?.report && { name: pinned.tensor.name, report: pinned.report, entry: pinned },
      );
  }

  #showMessage(state: PanelState, { tensor, report, failure }: Entry): void {
    toggle(this.#message, report === undefined);
    this.#message.classList.toggle("error", failure !== undefined);
    if (failure) setText(this.#message, failure.message);
    else if (!report) {
      setText(
        this.#message,
        state.model?.problems.find((p) => p.tensor === tensor.name)?.message ??
          (state.status.kind === "running" ? "Waiting for its turn…" : "Not computed yet. Analyze the model to see it."),
      );
    }
  }

  #showReport(
    state: PanelState,
    entry: Entry,
    report: TensorReport,
    pinned: { name: string; report: TensorReport; entry: Entry } | undefined,
  ): void {
    const { view } = state;
    const name = entry.tensor.name;
    for (const frame of [this.#histogram, this.#heat, this.#errors]) frame.element.dataset.subject = name;
    this.#axis.setPressed(view.axis === "log");
    this.#histogram.setHeading(`Histogram, log counts, ${view.axis === "log" ? "log" : "linear"} values`);
    this.#histogram.update(histogramData(name, report, view.axis ?? "linear", pinned));
    for (const section of this.#profiles) section.show(name, report, pinned, view.order ?? "index");
    toggle(this.#outliers, report.outliers !== undefined);
    if (report.outliers) fill(this.#outliers, outlierTables(report.outliers));
    this.#showHeat(this.#heat, entry, report);
    if (pinned) this.#showHeat(this.#heatPinned, pinned.entry, pinned.report);
    else toggle(this.#heatPinned.element, false);
    this.#showErrors(state, name, report, pinned);
    fill(this.#stats, statsTable(report.stats, pinned?.report.stats));
  }

  #showHeat(frame: ChartFrame<HeatData, HeatMark>, { tensor }: Entry, report: TensorReport): void {
    toggle(frame.element, report.heat !== undefined);
    if (!report.heat) return;
    const rows = tensor.shape.length < 2 ? 1 : tensor.shape[0];
    frame.element.dataset.subject = tensor.name;
    frame.update({ name: tensor.name, strip: report.heat, rows, columns: tensor.elementCount / Math.max(1, rows) });
  }

  #showErrors(
    state: PanelState,
    name: string,
    report: TensorReport,
    pinned: { name: string; report: TensorReport } | undefined,
  ): void {
    toggle(this.#errorBlock, report.errors.length > 0);
    if (report.errors.length === 0) return;
    const labels = new Map(state.encodings.map((e) => [e.name, e.label]));
    const data: ErrorsData = {
      name,
      errors: [...report.errors].sort((a, b) => a.bitsPerWeight - b.bitsPerWeight || a.sqnr - b.sqnr),
      label: (encoding) => labels.get(encoding) ?? encoding,
      pinned: pinned && { name: pinned.name, errors: pinned.report.errors },
    };
    this.#errors.update(data);
    fill(this.#errorTable, tableElement(charts.errors.table(data)));
  }

  #togglePin(): void {
    const { store } = this.#panel;
    const { selected, pinned } = store.state.view;
    store.setView({ pinned: pinned === selected ? undefined : selected });
  }

  #walk(step: "next" | "previous" | "below" | "above"): void {
    const { state } = this.#panel.store;
    if (state.entries.length === 0) return;
    const at = state.view.selected === undefined ? undefined : state.byName.get(state.view.selected);
    this.#panel.select(state.entries[at ? walk(state.entries, at.index, step) : 0].tensor.name);
  }

  #key(e: KeyboardEvent): void {
    const step = ({ ArrowLeft: "previous", ArrowRight: "next", ArrowUp: "above", ArrowDown: "below" } as const)[e.key];
    if (e.key === "Escape") this.#panel.select(undefined);
    else if (step && !e.altKey) this.#walk(step);
    else return;
    this.#panel.say(this.#panel.store.state.view.selected ?? "");
    e.preventDefault();
  }
}
