import type { BudgetAction, PanelLimit, PanelPlan } from "../../src/core/api/panel";
import { type TensorRole, tensorRoles } from "../../src/core/model";
import type { SensitivityTable } from "../../src/core/sensitivity";
import { bitsOfTensors, chosenBits, parseBits, possibleBits } from "../budget";
import { fill, h, setText } from "../dom";
import { plural, significant } from "../format";
import { shortName } from "../names";
import { entry } from "../ui";

/** What a limit is set for. */
export type LimitScope = Pick<PanelLimit, "tensor" | "role">;

export interface LimitFields {
  readonly elements: readonly HTMLElement[];
  update(limit: PanelLimit | undefined): void;
}

/** Two short fields, at least and at most so many bits per weight. Empty: no bound. */
export function limitFields(
  what: string, scope: () => LimitScope | undefined, act: (action: BudgetAction) => void, complain: (text: string) => void,
): LimitFields {
  let limit: PanelLimit | undefined;
  const field = (bound: "minBits" | "maxBits", words: string) =>
    entry({
      label: `${words} bits per weight of ${what}`,
      placeholder: "any",
      onEnter: (text) => {
        const value = text.trim() === "" ? undefined : parseBits(text);
        const of = scope();
        if (!of) return;
        if (text.trim() !== "" && value === undefined) {
          complain(`“${text}” is not a number of bits per weight: write one such as 4.5, or nothing for no limit.`);
          return least.set(limit?.minBits?.toString() ?? ""), most.set(limit?.maxBits?.toString() ?? "");
        }
        const { minBits, maxBits }: PanelLimit = { ...limit, [bound]: value };
        act({ kind: "limit", ...of, ...(minBits === undefined ? {} : { minBits }), ...(maxBits === undefined ? {} : { maxBits }) });
      },
    });
  const least = field("minBits", "Least");
  const most = field("maxBits", "Most");
  return {
    elements: [least.element, most.element],
    update(now) {
      limit = now;
      least.set(now?.minBits?.toString() ?? "");
      most.set(now?.maxBits?.toString() ?? "");
    },
  };
}

export interface LimitTableData {
  readonly table: SensitivityTable;
  readonly plan: PanelPlan;
}

interface Row {
  readonly key: string;
  readonly scope: LimitScope;
  readonly tensors: readonly number[];
  readonly element: HTMLElement;
  readonly now: HTMLElement;
  readonly fields: LimitFields;
}

/** Least and most bits per weight of every role, and of single tensors that have bounds of their own. */
export class LimitTable {
  readonly element: HTMLDetailsElement;
  readonly #act: (action: BudgetAction) => void;
  readonly #complain: (text: string) => void;
  readonly #summary = h("summary", {});
  readonly #body = h("tbody", {});
  #rows: readonly Row[] = [];
  #data: LimitTableData | undefined;
  #roles: readonly Scoped[] = [];
  #rolesOf: SensitivityTable | undefined;

  constructor(act: (action: BudgetAction) => void, complain: (text: string) => void) {
    this.#act = act;
    this.#complain = complain;
    const head = (text: string, numeric = true) => h("th", { scope: "col", class: numeric ? "number" : undefined }, text);
    this.element = h(
      "details",
      { class: "limits" },
      this.#summary,
      h(
        "table",
        { "aria-label": "Limits on bits per weight" },
        h("thead", {}, h("tr", {}, head("role", false), head("tensors"), head("possible"), head("now"), head("at least", false), head("at most", false))),
        this.#body,
      ),
    );
    this.element.addEventListener("toggle", () => this.#data && this.#showRows(this.#data));
  }

  update(data: LimitTableData): void {
    this.#data = data;
    const { length } = data.plan.limits;
    setText(this.#summary, `Limits on bits per weight: ${length === 0 ? "none" : plural(length, "limit")}`);
    if (this.element.open) this.#showRows(data);
  }

  #showRows({ table, plan }: LimitTableData): void {
    if (this.#rolesOf !== table) {
      this.#roles = roles((this.#rolesOf = table));
      this.#rows = [];
      this.#body.replaceChildren();
    }
    const wanted = [...this.#roles, ...singles(table, plan)];
    if (wanted.map((w) => w.key).join("\n") !== this.#rows.map((r) => r.key).join("\n")) {
      const before = new Map(this.#rows.map((r) => [r.key, r]));
      this.#rows = wanted.map((w) => before.get(w.key) ?? this.#row(table, w));
      // Rows that stay are not moved: one of them may have the focus.
      for (const r of before.values()) if (!this.#rows.includes(r)) r.element.remove();
      this.#rows.forEach((r, i) => this.#body.children[i] === r.element || this.#body.insertBefore(r.element, this.#body.children[i] ?? null));
    }
    for (const row of this.#rows) {
      row.fields.update(plan.limits.find((l) => l.tensor === row.scope.tensor && l.role === row.scope.role));
      setText(row.now, significant(bitsOfTensors(row.tensors, table, (t) => chosenBits(table, plan, t))));
    }
  }

  #row(table: SensitivityTable, { key, scope, tensors }: Scoped): Row {
    const name = scope.role ?? shortName(scope.tensor!);
    const fields = limitFields(name, () => scope, this.#act, this.#complain);
    const now = h("td", { class: "number" });
    const [low, high] = possibleBits(table, tensors);
    const element = h("tr", {});
    fill(
      element,
      h("th", { scope: "row", title: scope.tensor }, name),
      h("td", { class: "number" }, String(tensors.length)),
      h("td", { class: "number" }, low === high ? significant(low) : `${significant(low)} to ${significant(high)}`),
      now,
      fields.elements.map((e) => h("td", {}, e)),
    );
    return { key, scope, tensors, element, now, fields };
  }
}

interface Scoped {
  readonly key: string;
  readonly scope: LimitScope;
  readonly tensors: readonly number[];
}

/** The roles that the table has, in their usual order. */
function roles({ tensors }: SensitivityTable): Scoped[] {
  const byRole = new Map<TensorRole, number[]>();
  tensors.forEach(({ role }, i) => {
    if (role === undefined) return;
    const members = byRole.get(role);
    if (members) members.push(i);
    else byRole.set(role, [i]);
  });
  return tensorRoles.flatMap((role): Scoped[] => (byRole.has(role) ? [{ key: `role ${role}`, scope: { role }, tensors: byRole.get(role)! }] : []));
}

/** Tensors with a limit of their own. */
function singles({ tensors }: SensitivityTable, { limits }: PanelPlan): Scoped[] {
  return limits.flatMap(({ tensor }): Scoped[] => {
    const at = tensor === undefined ? -1 : tensors.findIndex((t) => t.name === tensor);
    return at < 0 ? [] : [{ key: `tensor ${tensor}`, scope: { tensor }, tensors: [at] }];
  });
}
