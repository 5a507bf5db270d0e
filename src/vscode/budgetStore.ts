import type * as vscode from "vscode";
import type { StoredBudget } from "./budgetState";
import { parseStoredBudget } from "./budgetState";

const key = "bitlens.budgets";
/** Budgets of files not looked at for long are worth less than a small state. */
const maximumBudgets = 32;

/** What was decided about the bit budget per file, kept across reloads of the window. */
export class BudgetStore {
  constructor(private readonly state: vscode.Memento) {}

  get(uri: vscode.Uri): StoredBudget | undefined {
    return parseStoredBudget(this.#all().find(([file]) => file === uri.toString())?.[1]);
  }

  set(uri: vscode.Uri, stored: StoredBudget): void {
    const others = this.#all().filter(([file]) => file !== uri.toString());
    void this.state.update(key, [[uri.toString(), stored], ...others].slice(0, maximumBudgets));
  }

  #all(): [string, unknown][] {
    const stored = this.state.get<unknown>(key);
    return Array.isArray(stored)
      ? stored.filter((row): row is [string, unknown] => Array.isArray(row) && typeof row[0] === "string")
      : [];
  }
}
