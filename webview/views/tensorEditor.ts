import type { BudgetAction, PanelPlan } from "../../src/core/api/panel";
import type { SensitivityTable } from "../../src/core/sensitivity";
import { chosen } from "../budget";
import { sharesWith } from "../charts/assignment";
import { h, setText, toggle } from "../dom";
import { bits, bytes, significant } from "../format";
import { shortName } from "../names";
import { dropdown } from "../ui";
import { limitFields } from "./limitTable";

export interface TensorEditorData {
  readonly table: SensitivityTable;
  readonly plan: PanelPlan;
  readonly tensor: number;
  /** Others that must have the same encoding. */
  readonly partners: readonly number[];
  readonly label: (encoding: string) => string;
}

const free = "";

/** The tensor that was clicked last: any encoding to lock it to, or bounds on its bits. Its place is kept, so that the bars below stay. */
export class TensorEditor {
  readonly element: HTMLElement;
  readonly #name = h("span", { class: "lock-name" });
  readonly #partners = h("span", { class: "dim" });
  readonly #hint = h("span", { class: "dim" }, "Click a tensor below, or press Enter on it, to lock its encoding or set limits.");
  readonly #controls: HTMLElement;
  readonly #list: ReturnType<typeof dropdown>;
  readonly #limits: ReturnType<typeof limitFields>;
  #data: TensorEditorData | undefined;

  constructor(act: (action: BudgetAction) => void, complain: (text: string) => void) {
    const name = () => this.#data?.table.tensors[this.#data.tensor].name;
    this.#list = dropdown({
      label: "Encoding of the tensor",
      showLabel: false,
      onChange: (encoding) => {
        const tensor = name();
        if (tensor !== undefined) act({ kind: "lock", tensor, ...(encoding === free ? {} : { encoding }) });
      },
    });
    this.#limits = limitFields("the tensor", () => ({ tensor: name() }), act, complain);
    const [least, most] = this.#limits.elements;
    this.#controls = h(
      "div",
      { class: "lock-controls vacant" },
      this.#list.element,
      h("span", { class: "figure" }, h("span", { class: "dim" }, "at least"), least, h("span", { class: "dim" }, "at most"), most, h("span", { class: "dim" }, "bpw")),
    );
    this.element = h("div", { class: "lock" }, h("div", { class: "lock-names" }, this.#hint, this.#name, this.#partners), this.#controls);
  }

  update(data: TensorEditorData | undefined): void {
    this.#data = data;
    toggle(this.#hint, data === undefined);
    this.#controls.classList.toggle("vacant", data === undefined);
    if (!data) {
      for (const names of [this.#name, this.#partners]) setText(names, "");
      return;
    }
    const { table, plan, tensor, partners, label } = data;
    const { name, elementCount, candidates } = table.tensors[tensor];
    setText(this.#name, shortName(name));
    this.#name.title = name;
    setText(this.#partners, partners.length === 0 ? "" : sharesWith(table, partners));
    this.#partners.title = this.#partners.textContent ?? "";
    const now = chosen(table, plan, tensor);
    const locked = plan.locked.includes(tensor);
    this.#list.set(
      [
        { value: free, label: `by the budget${locked ? "" : `: ${label(now.encoding)}`}` },
        ...candidates.map((c) => ({
          value: c.encoding,
          label: `locked: ${label(c.encoding)} · ${bits((8 * c.bytes) / elementCount)} · ${bytes(c.bytes)} · error ${significant(c.squaredError)}`,
        })),
      ],
      locked ? now.encoding : free,
    );
    this.#limits.update(plan.limits.find((l) => l.tensor === name));
  }
}
