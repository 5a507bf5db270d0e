import { compareRemarks } from "../../src/core/compareRemarks";
import { charts } from "../charts";
import { ChartFrame } from "../charts/frame";
import { roleLabel } from "../charts/mapLayout";
import { overlayData, type OverlayData } from "../charts/overlay";
import { tableElement } from "../charts/tableElement";
import { fill, h, setText, toggle } from "../dom";
import { count, shape } from "../format";
import { dropdown, iconButton } from "../ui";
import type { ComparePanel } from "./comparePanel";
import type { CompareAspect, ComparePageState, PairEntry } from "./state";
import { pairStats, worstTables } from "./tables";
import { TotalsView } from "./totalsView";

/** Why there? Both distributions of one pair on one axis, its numbers, its worst channels; without a pair, the models as wholes. */
export class PairView {
  readonly element: HTMLElement;
  readonly #panel: ComparePanel;
  readonly #totals = new TotalsView();
  readonly #name = h("h2", { class: "layer-name", tabindex: 0 });
  readonly #facts = h("div", { class: "facts" });
  readonly #counterpart = h("div", { class: "counterpart" });
  readonly #message = h("p", { class: "message", hidden: true });
  readonly #overlay: ChartFrame<OverlayData, number>;
  readonly #unit: ReturnType<typeof dropdown>;
  readonly #worst = h("section", { class: "block" });
  readonly #stats = h("section", { class: "block" });
  readonly #sections: HTMLElement;
  readonly #pair: HTMLElement;
  #shown: readonly unknown[] = [];

  constructor(panel: ComparePanel, walk: (by: -1 | 1) => void) {
    this.#panel = panel;
    this.#unit = dropdown({
      label: "Unit of the value axis",
      showLabel: false,
      onChange: (unit) => panel.store.setView({ unit: unit === "value" ? "value" : "sigma" }),
    });
    this.#overlay = new ChartFrame(panel, charts.overlay, {
      class: "overlay",
      heading: "Distributions, log counts",
      tools: this.#unit.element,
    });
    this.#sections = h(
      "div",
      { class: "sections" },
      h("div", { class: "column" }, this.#overlay.element),
      h("div", { class: "column" }, this.#worst),
      h("div", { class: "column" }, this.#stats),
    );
    const step = (icon: "previous" | "next", label: string) => iconButton({ icon, label, onPress: () => walk(icon === "next" ? 1 : -1) });
    this.#pair = h(
      "div",
      { class: "layer" },
      h(
        "header",
        { class: "layer-head" },
        h("div", { class: "layer-title" }, this.#name, this.#counterpart, this.#facts),
        h(
          "div",
          { class: "tools" },
          step("previous", "Pair above"),
          step("next", "Pair below"),
          iconButton({ icon: "close", label: "Close this pair", onPress: () => panel.select(undefined) }),
        ),
      ),
      this.#message,
      this.#sections,
    );
    this.element = h("aside", { class: "pane", "aria-label": "Pair" }, this.#totals.element, this.#pair);
    document.addEventListener("keydown", (e) => {
      if (!e.altKey || (e.key !== "ArrowUp" && e.key !== "ArrowDown")) return;
      walk(e.key === "ArrowUp" ? -1 : 1);
      e.preventDefault();
    });
  }

  update(state: ComparePageState, changed: ReadonlySet<CompareAspect>): void {
    const entry = state.view.selected === undefined ? undefined : state.byKey.get(state.view.selected);
    toggle(this.#totals.element, !entry);
    toggle(this.#pair, entry !== undefined);
    if (!entry) {
      this.#shown = [];
      if (changed.size > 1 || !changed.has("histograms")) this.#totals.update(state);
      return;
    }
    const shown = [entry, state.histograms.get(entry.key), state.view.unit, this.#panel.theme, state.summary];
    if (shown.every((x, i) => x === this.#shown[i])) return;
    this.#shown = shown;
    this.#show(state, entry);
  }

  #show(state: ComparePageState, entry: PairEntry): void {
    const { a, b, key, pair, failure } = entry;
    setText(this.#name, a);
    setText(this.#counterpart, a === b ? "" : `↔ ${b}`);
    toggle(this.#counterpart, a !== b);
    toggle(this.#message, failure !== undefined);
    this.#message.classList.toggle("error", failure !== undefined);
    setText(this.#message, failure?.message ?? "");
    toggle(this.#sections, pair !== undefined);
    const dimensions = pair && (shape(pair.a.shape) === shape(pair.b.shape) ? shape(pair.a.shape) : `${shape(pair.a.shape)} and ${shape(pair.b.shape)}`);
    const facts = pair ? [
      dimensions!,
      `${pair.a.encodingLabel} → ${pair.b.encodingLabel}`,
      [pair.layer === undefined ? "" : `layer ${pair.layer}`, roleLabel(pair.role)].join(" ").trim(),
      `${count(pair.count)} weights`,
      ...compareRemarks(pair),
    ] : [];
    fill(this.#facts, facts.map((f) => h("span", {}, f)));
    if (!pair) return;
    fill(this.#stats, h("h3", {}, "Differences"), tableElement(pairStats(pair, state)));
    const worst = worstTables(pair);
    toggle(this.#worst, worst.length > 0);
    fill(this.#worst, worst);
    const hasUnit = pair.std > 0;
    const unit = hasUnit ? (state.view.unit ?? "sigma") : "value";
    this.#unit.set(
      [...(hasUnit ? [{ value: "sigma", label: "in σ of A" }] : []), { value: "value", label: "values" }],
      unit,
    );
    this.#overlay.element.dataset.subject = a;
    const histograms = state.histograms.get(key);
    this.#overlay.element.classList.toggle("waiting", histograms === undefined);
    if (histograms) this.#overlay.update(overlayData({ nameA: a, nameB: b, ...histograms, mean: pair.mean, std: pair.std }, unit), true);
  }
}
