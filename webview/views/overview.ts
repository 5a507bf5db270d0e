import { keptStart } from "../../src/core/elide";
import { fill, h } from "../dom";
import { count, shape } from "../format";
import { measureAll, measureById } from "../measures";
import { shortName } from "../names";
import { hardest } from "../order";
import type { Panel } from "../panel";
import { domainOf, makeScale } from "../scales";
import type { PanelState } from "../state";

/** Of names that fit beside their shapes and values in a pane of usual width. */
const nameCharacters = 28;

/** "Outlier ratio" inside a sentence; abbreviations stay. */
const lowerFirst = (s: string) => (/^[A-Z][a-z]/.test(s) ? s[0].toLowerCase() + s.slice(1) : s);

/** Shown right while no layer is chosen: the tensors that resist most, by the measure the map is coloured by. */
export class Overview {
  readonly element = h("div", { class: "overview" });
  readonly #panel: Panel;
  #shown = "";
  #dirty = true;

  constructor(panel: Panel) {
    this.#panel = panel;
  }

  /** Results or the measure changed; the list is made anew when it is shown next. */
  invalidate(): void {
    this.#dirty = true;
  }

  update(state: PanelState): void {
    if (!this.#dirty) return;
    this.#dirty = false;
    const chosen = measureById(state.view.measure);
    const measure = chosen.harder === "neutral" ? measureById("outlier") : chosen;
    const values = measureAll(measure, state.entries, state.view.encoding);
    const top = hardest(values, measure.harder, 12);
    const key = `${measure.id}|${state.model?.path}|${state.reportCount}|${top.map((i) => `${i}:${values[i]}`).join()}`;
    if (key === this.#shown) return;
    this.#shown = key;
    if (top.length === 0) {
      fill(
        this.element,
        h("h2", {}, "Choose a layer"),
        h(
          "p",
          { class: "dim" },
          state.reportCount > 0
            ? `No tensor has a value for ${measure.name} yet.`
            : "Results appear here as they come, what resists most first. Click a cell of the map, or walk it by arrow keys.",
        ),
      );
      return;
    }
    const scale = makeScale(measure.scale, domainOf(values, measure.scale, measure.floor));
    const names = top.map((i) => shortName(state.entries[i].tensor.name));
    const start = keptStart(names, nameCharacters);
    const rows = top.map((i, place) => {
      const { tensor } = state.entries[i];
      const bar = h("span", { class: "rank-bar", "aria-hidden": "true" });
      const at = scale.at(values[i]);
      bar.style.transform = `scaleX(${Math.max(0.01, measure.harder === "low" ? 1 - at : at)})`;
      return h(
        "li",
        {},
        h(
          "button",
          { type: "button", class: "rank", onclick: () => this.#panel.select(tensor.name) },
          rankName(names[place], start, tensor.name),
          h("span", { class: "rank-shape dim" }, shape(tensor.shape)),
          h("span", { class: "number" }, measure.format(values[i])),
          bar,
        ),
      );
    });
    fill(
      this.element,
      h("h2", {}, "What resists most"),
      h("p", { class: "dim" }, `By ${lowerFirst(measure.name)}. ${measure.help}`),
      h("ol", { class: "ranks" }, rows),
      h("p", { class: "dim" }, `${count(state.reportCount)} of ${count(state.entries.length)} tensors computed.`),
    );
  }
}

/** Without room its beginning is cut, but for the first `start` characters. */
function rankName(name: string, start: number, title: string): HTMLElement {
  const first = start > 0 && name.length > nameCharacters ? name.slice(0, start) : "";
  const end = h("span", { class: "rank-end" }, h("bdi", {}, name.slice(first.length)));
  return h("span", { class: "rank-name", title }, first ? [h("span", {}, first), end] : end);
}
