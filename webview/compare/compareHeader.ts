import type { ComparedModel } from "../../src/core/api/compare";
import type { CompareCommand } from "../../src/core/api/comparePanel";
import { fill, h, setText } from "../dom";
import { bytes, plural, scaled } from "../format";
import { modelName } from "../names";
import { formatLabel } from "../views/header";
import { OutdatedNotice } from "../views/outdatedNotice";
import { StatusLine } from "../views/statusLine";
import type { ComparePanel } from "./comparePanel";
import type { CompareAspect, ComparePageState } from "./state";
import { compareStatusText } from "./statusText";

/** Which two models, and what is going on. */
export class CompareHeader {
  readonly element: HTMLElement;
  readonly #title = h("h1", {}, "Comparing…");
  readonly #a = h("div", { class: "facts" });
  readonly #b = h("div", { class: "facts" });
  readonly #outdated: OutdatedNotice;
  readonly #status: StatusLine<CompareCommand>;

  constructor(panel: ComparePanel) {
    this.#status = new StatusLine(panel, {
      label: "Pairs compared",
      onCommand: (command) => panel.post({ type: "command", command }),
    });
    this.#outdated = new OutdatedNotice(panel, {
      label: "Compare Again",
      onPress: () => panel.post({ type: "command", command: "compare" }),
    });
    const side = (letter: string, facts: HTMLElement) => h("div", { class: "side" }, h("span", { class: "letter" }, letter), facts);
    const sides = h("div", { class: "sides" }, side("A", this.#a), side("B", this.#b));
    this.element = h("header", { class: "head" }, this.#title, sides, this.#outdated.element, this.#status.element);
    this.update(panel.store.state, new Set(["models", "status"]));
  }

  update(state: ComparePageState, changed: ReadonlySet<CompareAspect>): void {
    if (changed.has("models") || changed.has("summary")) {
      if (state.pathA) setText(this.#title, titleOf(state));
      this.#title.title = `${state.pathA}\n${state.pathB}`;
      fill(this.#a, facts(state.pathA, state.summary?.a));
      fill(this.#b, facts(state.pathB, state.summary?.b));
    }
    if (changed.has("status") || changed.has("pairs")) {
      const text = compareStatusText(state);
      this.element.dataset.status = state.status.kind;
      this.element.dataset.tone = text.tone;
      this.#status.show(state.status.kind, text);
      this.#outdated.show(state.outdated);
    }
  }
}

function titleOf({ pathA, pathB }: ComparePageState): string {
  const [a, b] = [pathA, pathB].map(modelName);
  if (pathA === pathB) return `${a} against itself`;
  return a === b ? `${a}: two files` : `${a} ↔ ${b}`;
}

function facts(path: string, model: ComparedModel | undefined): HTMLElement[] {
  const known = model
    ? [
        formatLabel(model.format),
        ...(model.architecture === "unknown" ? [] : [model.architecture]),
        `${scaled(model.parameterCount)} parameters`,
        plural(model.tensorCount, "tensor"),
        bytes(model.byteLength),
      ]
    : [];
  const name = path.split(/[\\/]/).slice(-2).join("/");
  return [h("span", { title: path, class: "path" }, name), ...known.map((fact) => h("span", {}, fact))];
}
