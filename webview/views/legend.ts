import { h } from "../dom";
import type { Measure } from "../measures";
import type { Panel } from "../panel";
import type { Scale } from "../scales";

/** The colour scale with its ends: which colour is how much, and which end resists. */
export class Legend {
  readonly element: HTMLElement;
  readonly #canvas = h("canvas", { class: "legend-bar", role: "img" });
  readonly #low = h("span", { class: "number" });
  readonly #high = h("span", { class: "number" });
  readonly #harder = h("span", { class: "dim" });

  constructor(readonly panel: Panel) {
    this.element = h("div", { class: "legend" }, this.#low, this.#canvas, this.#high, this.#harder);
  }

  #shown: readonly unknown[] = [];

  update(measure: Pick<Measure, "format" | "harder">, scale: Scale): void {
    const shown = [measure, scale, this.panel.theme];
    if (shown.every((x, i) => x === this.#shown[i])) return;
    this.#shown = shown;
    const { theme } = this.panel;
    const reversed = measure.harder === "low";
    this.#low.textContent = measure.format(reversed ? scale.high : scale.low);
    this.#high.textContent = measure.format(reversed ? scale.low : scale.high);
    this.#harder.textContent = measure.harder === "neutral" ? "" : "harder →";
    this.#canvas.setAttribute("aria-label", `Colours from ${this.#low.textContent} to ${this.#high.textContent}`);
    const n = 128;
    this.#canvas.width = n;
    this.#canvas.height = 1;
    const context = this.#canvas.getContext("2d");
    if (!context) return;
    for (let i = 0; i < n; i++) {
      context.fillStyle = theme.ramp[Math.round((i / (n - 1)) * 255)];
      context.fillRect(i, 0, 1, 1);
    }
  }
}
