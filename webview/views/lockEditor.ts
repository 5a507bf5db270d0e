import type { BudgetAction, PanelPlan } from "../../src/core/api/panel";
import type { SensitivityTable } from "../../src/core/sensitivity";
import { chosen } from "../budget";
import { h, setText, toggle } from "../dom";
import { bits, bytes, significant } from "../format";
import { shortName } from "../names";
import { dropdown } from "../ui";

export interface LockEditorData {
  readonly table: SensitivityTable;
  readonly plan: PanelPlan;
  readonly tensor: number;
  readonly label: (encoding: string) => string;
}

const free = "";

/** The tensor that was clicked last: any encoding to lock it to, or none. */
export class LockEditor {
  readonly element: HTMLElement;
  readonly #name = h("span", { class: "lock-name" });
  readonly #list: ReturnType<typeof dropdown>;
  #data: LockEditorData | undefined;

  constructor(act: (action: BudgetAction) => void) {
    this.#list = dropdown({
      label: "Encoding of the tensor",
      showLabel: false,
      onChange: (encoding) => {
        if (!this.#data) return;
        const { name } = this.#data.table.tensors[this.#data.tensor];
        act({ kind: "lock", tensor: name, ...(encoding === free ? {} : { encoding }) });
      },
    });
    this.element = h("div", { class: "lock", hidden: true }, this.#name, this.#list.element);
  }

  update(data: LockEditorData | undefined): void {
    this.#data = data;
    toggle(this.element, data !== undefined);
    if (!data) return;
    const { table, plan, tensor, label } = data;
    const { name, elementCount, candidates } = table.tensors[tensor];
    setText(this.#name, shortName(name));
    this.#name.title = name;
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
  }
}
