import { fill, h } from "../dom";
import { count, shape } from "../format";
import { measureAll, measureById } from "../measures";
import { shortName } from "../names";
import { hardest } from "../order";
import type { Panel } from "../panel";
import { domainOf, makeScale } from "../scales";
import type { PanelState } from "../state";

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
    const rows = top.map((i) => {
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
          h("span", { class: "rank-name", title: tensor.name }, h("bdi", {}, shortName(tensor.name))),
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
