import type { BudgetAction, PanelPlan } from "../../src/core/api/panel";
import { parseSize, sizeUnit, sizeUnits, type SizeUnit } from "../budget";
import { h, setText } from "../dom";
import { bits, bytes } from "../format";
import type { Panel } from "../panel";
import { dropdown, entry, iconButton, slider } from "../ui";

/** The size asked for, as a slider and as a figure in the unit of one's choice; undo and redo. */
export class SizeControls {
  readonly element: HTMLElement;
  readonly #panel: Panel;
  readonly #act: (action: BudgetAction) => void;
  readonly #complain: (text: string) => void;
  readonly #slider = slider({ label: "Size", onMove: (fileBytes, final) => this.ask(fileBytes, final) });
  readonly #fits = h("span", { class: "dim" });
  readonly #entry = entry({ label: "Size, as a number", onEnter: (text) => this.#typed(text) });
  readonly #unit = dropdown({ label: "Unit", showLabel: false, onChange: (unit) => this.#panel.store.setView({ unit: unit as SizeUnit }) });
  readonly #undo = iconButton({ icon: "undo", label: "Undo", onPress: () => this.#act({ kind: "undo" }) });
  readonly #redo = iconButton({ icon: "redo", label: "Redo", onPress: () => this.#act({ kind: "redo" }) });
  readonly #unlock = iconButton({ icon: "unlock", label: "Remove all locks and limits", onPress: () => this.#act({ kind: "unlockAll" }) });
  #lastSize: number | undefined;

  /** `complain`: about a text that is no size. */
  constructor(panel: Panel, act: (action: BudgetAction) => void, complain: (text: string) => void) {
    this.#panel = panel;
    this.#act = act;
    this.#complain = complain;
    this.element = h(
      "div",
      { class: "size" },
      this.#slider.element,
      h("span", { class: "figure" }, this.#fits, this.#entry.element, this.#unit.element),
      h("div", { class: "tools" }, this.#undo, this.#redo, this.#unlock),
    );
  }

  update(plan: PanelPlan, parameterCount: number, name: SizeUnit): void {
    const unit = sizeUnit(name, plan.fileBytes, parameterCount);
    const text = `${bytes(plan.byteLength)}, ${bits(plan.bitsPerWeight)}`;
    this.#slider.set({ low: plan.minimum, high: plan.maximum, value: plan.fileBytes, text });
    const figure = plan.fileBytes / unit.bytes;
    // Never an exponent: a small model in gigabytes.
    this.#entry.set(figure < 1e-4 ? figure.toFixed(9).replace(/0+$/, "") : String(Number(figure.toPrecision(4))));
    this.#unit.set(sizeUnits.map((value) => ({ value, label: sizeUnit(value, plan.fileBytes, parameterCount).label })), name);
    setText(this.#fits, name === "gb" || name === "gib" ? "fits in" : "");
    const free = plan.locked.length + plan.limits.length === 0;
    for (const [button, off] of [[this.#undo, !plan.canUndo], [this.#redo, !plan.canRedo], [this.#unlock, free]] as const) {
      button.toggleAttribute("disabled", off);
    }
  }

  /** Bytes of all weight files; what is below the smallest possible gets the smallest, and is said to. */
  ask(fileBytes: number, final: boolean): void {
    const rounded = Math.round(fileBytes);
    if (!final && rounded === this.#lastSize) return;
    this.#lastSize = rounded;
    this.#act({ kind: "size", fileBytes: rounded, final });
  }

  #typed(text: string): void {
    const { plan, model, view } = this.#panel.store.state;
    if (!plan || !model) return;
    const value = parseSize(text, sizeUnit(view.unit ?? "bytes", plan.fileBytes, model.parameterCount), model.parameterCount);
    if (value !== undefined) return this.ask(value, true);
    this.#complain(`“${text}” is not a size: write a number and a unit, such as 2.1 MB, 2 GiB or 4.25 bpw.`);
  }
}
