import type { BudgetAction, PanelBudget } from "../../src/core/api/panel";
import { secondsLeft } from "../../src/core/pace";
import { fill, h, setText, toggle } from "../dom";
import { bytes, duration, plural } from "../format";
import { button } from "../ui";

/** Before there is a plan: what measuring is for, its progress, or why it failed. */
export class BudgetEmpty {
  readonly element = h("div", { class: "empty", hidden: true });
  readonly #act: (action: BudgetAction) => void;
  readonly #bar = h("div", { class: "bar" });
  readonly #track = h(
    "div",
    { class: "track", role: "progressbar", "aria-label": "Encodings measured", "aria-valuemin": 0, "aria-valuemax": 100 },
    this.#bar,
  );
  readonly #progress = h("p", { class: "dim number-text" });
  #shown = "";

  constructor(act: (action: BudgetAction) => void) {
    this.#act = act;
  }

  /** Hidden without a budget that lacks a plan. */
  update(budget: PanelBudget | undefined, target: string): void {
    toggle(this.element, budget !== undefined);
    if (!budget) return void (this.#shown = "");
    const { state } = budget;
    const key = `${state.kind}|${target}|${state.kind === "unmeasured" ? (state.error?.message ?? "") : ""}`;
    if (key !== this.#shown) {
      this.#shown = key;
      const focused = this.element.contains(document.activeElement);
      fill(this.element, this.#content(budget, target));
      if (focused) this.element.querySelector<HTMLElement>("vscode-button")?.focus();
    }
    if (state.kind === "measuring") this.#showProgress(state.progress);
  }

  #content({ state }: PanelBudget, target: string): Node[] {
    switch (state.kind) {
      case "unmeasured":
        return [
          h("h3", {}, "Spend the bits where they matter"),
          h(
            "p",
            {},
            `Bitlens measures the error of every tensor in every encoding of ${target}, in one pass over the weights. ` +
              "Then a slider finds the encodings of least error for any size, and you can settle single tensors by hand.",
          ),
          ...(state.error ? [h("p", { class: "error-text" }, state.error.message)] : []),
          button({ label: state.error ? "Measure Again" : "Measure", onPress: () => this.#act({ kind: "measure" }) }),
          h("p", { class: "dim" }, "The result is remembered: opening this model again costs nothing."),
        ];
      case "measuring":
        return [
          h("h3", {}, `Measuring every encoding of ${target}`),
          this.#track,
          this.#progress,
          button({ label: "Cancel", secondary: true, onPress: () => this.#act({ kind: "cancel" }) }),
        ];
      case "opening":
      case "ready":
        return [h("p", { class: "dim" }, "Looking for earlier measurements…")];
    }
  }

  #showProgress(p: Extract<PanelBudget["state"], { kind: "measuring" }>["progress"]): void {
    const share = p && p.bytesTotal > 0 ? p.bytesDone / p.bytesTotal : 0;
    this.#bar.style.transform = `scaleX(${share})`;
    this.#track.setAttribute("aria-valuenow", String(Math.round(100 * share)));
    const rest = p && share > 0.02 ? secondsLeft(p) : undefined;
    const left = rest === undefined ? "" : `, about ${duration(rest)} left`;
    setText(this.#progress, p ? `${p.tensorsDone} of ${plural(p.tensorsTotal, "tensor")}, ${bytes(p.bytesDone)}${left}` : "Starting…");
  }
}
