import type { PlanRequest } from "../../core/api/engine";
import type { Recipe } from "../../core/recipe";
import type { SensitivityTable } from "../../core/sensitivity";
import { recipeFromPlan } from "../../budget/compress";
import type { Constraints } from "../../budget/constraints";
import { fusedGroups } from "../../budget/items";
import { budgetBytes, budgetItems } from "../../budget/sensitivity";
import { prepareBudget, type PreparedBudget, type SolvedPlan } from "../../budget/solve";

/** States that closing the gap may visit for a plan that is kept (a slider does with fewer). */
const effort = 10_000_000;

export function prepare(table: SensitivityTable, { locks, limits }: Pick<PlanRequest, "locks" | "limits"> = {}): PreparedBudget {
  return prepareBudget(budgetItems(table), { locks, limits, agree: agreeing(table) });
}

/** Tensors that a runtime of this container fuses and therefore wants in one encoding: vLLM's q, k, v and gate, up. */
export function agreeing({ target, tensors }: SensitivityTable): NonNullable<Constraints["agree"]> {
  return target === "safetensors" ? fusedGroups(tensors) : [];
}

/** The best assignment whose files take `fileBytes` by the table's count. */
export function solveFor(table: SensitivityTable, prepared: PreparedBudget, fileBytes: number): { solved: SolvedPlan; recipe: Recipe } {
  const solved = prepared.solve(Math.min(budgetBytes(table, { fileBytes }), prepared.maximum), { effort });
  const head = { target: table.target, model: { name: table.model.name, fingerprint: table.model.fingerprint } };
  return { solved, recipe: recipeFromPlan(head, solved.choices.map(({ name, encoding }) => ({ name, encoding }))) };
}
