import type { UniformPoint } from "../core/api/engine";
import type { PanelBudget, PanelPlan } from "../core/api/panel";
import type { Recipe } from "../core/recipe";
import type { SensitivityTable } from "../core/sensitivity";
import { recipeFromPlan } from "../budget/compress";
import { fitToFile } from "../budget/fitToFile";
import { fusedGroups, type BudgetItem } from "../budget/items";
import { budgetItems } from "../budget/sensitivity";
import { prepareBudget, type PreparedBudget } from "../budget/solve";
import { panelPlan, refined, solverFor, type Solver } from "./budgetPlan";
import { startHistory, stepHistory, type BudgetChoice, type BudgetHistory, type BudgetStep, type StoredBudget } from "./budgetState";

/** Errors, solver and decisions for one target container. */
export interface Budget {
  readonly table: SensitivityTable;
  readonly uniforms: readonly UniformPoint[];
  readonly items: readonly BudgetItem[];
  /** Names of tensors that must share one encoding. */
  readonly groups: readonly (readonly string[])[];
  readonly parameterCount: number;
  history: BudgetHistory;
  solver: Solver;
  plan: PanelPlan;
}

/** Size to begin with: about four bits is what most people want. */
const firstBits = 4.5;

export interface BudgetStart {
  readonly table: SensitivityTable;
  readonly uniforms: readonly UniformPoint[];
  /** What was decided in an earlier window. */
  readonly stored: StoredBudget["choices"][number] | undefined;
  readonly parameterCount: number;
}

export function startBudget({ table, uniforms, stored, parameterCount }: BudgetStart): Budget {
  const items = budgetItems(table);
  const groups = table.target === "safetensors" ? fusedGroups(table.tensors) : [];
  const free = prepareBudget(items, { agree: groups });
  const present = stored ? known(stored, items) : firstChoice(table, free, parameterCount);
  const start = (choice: BudgetChoice): Budget => {
    const solver = solverFor(free, choice, { table, uniforms });
    const parts = { table, uniforms, items, groups, parameterCount, history: startHistory(choice), solver };
    return { ...parts, plan: panelPlan(parts, parameterCount) };
  };
  try {
    return start(present);
  } catch {
    // Decisions about an earlier file that contradict each other now.
    return start({ ...present, locks: new Map(), limits: [] });
  }
}

function firstChoice({ fixedBytes }: SensitivityTable, { minimum, maximum }: PreparedBudget, parameterCount: number): BudgetChoice {
  const wanted = (firstBits * parameterCount) / 8;
  return { fileBytes: Math.round(Math.min(Math.max(wanted, fixedBytes + minimum), fixedBytes + maximum)), locks: new Map(), limits: [] };
}

/** What was stored, as far as there still are such tensors, encodings and roles. */
function known(stored: StoredBudget["choices"][number], items: readonly BudgetItem[]): BudgetChoice {
  const byName = new Map(items.map((item) => [item.name, item]));
  return {
    fileBytes: stored.fileBytes,
    locks: new Map(stored.locks.filter(([name, encoding]) => byName.get(name)?.candidates.some((c) => c.encoding === encoding))),
    limits: stored.limits.filter(({ tensor, role }) => (tensor === undefined ? items.some((item) => item.role === role) : byName.has(tensor))),
  };
}

/** False where nothing changes. Throws EngineError "bad-request" for a lock or limit that leaves nothing; the budget stays as it was. */
export function takeStep(budget: Budget, step: BudgetStep): boolean {
  const history = stepHistory(budget.history, step);
  if (history === budget.history && budget.plan.refused === undefined) return false;
  const { present } = history;
  const { of } = budget.solver;
  const isSame = sameMap(present.locks, of.locks) && present.limits === of.limits;
  const solver = isSame ? budget.solver : solverFor(budget.solver.prepared, present, budget);
  const plan = panelPlan({ table: budget.table, history, solver }, budget.parameterCount);
  Object.assign(budget, { history, solver, plan });
  return true;
}

/** The tensors that a lock on one of them is about; a sentence where one of them cannot take the encoding. */
export function lockedWith(
  { groups, items }: Budget, tensor: string, encoding: string | undefined,
): { tensors: readonly string[]; refused?: string } {
  const tensors = groups.find((g) => g.includes(tensor)) ?? [tensor];
  if (encoding === undefined) return { tensors };
  const cannot = tensors.find((name) => !items.find((t) => t.name === name)?.candidates.some((c) => c.encoding === encoding));
  if (cannot === undefined) return { tensors };
  const shared = tensors.length > 1 ? `, and ${tensors.join(", ")} must share one encoding` : "";
  return { tensors, refused: `${cannot} cannot be stored as ${encoding}${shared}; choose another one.` };
}

/** The uniform encodings under locks and limits, with the least error at each one's size. False where there is nothing to do. */
export function refine(budget: Budget): boolean {
  if (!budget.solver.uniforms || budget.solver.isRefined) return false;
  budget.solver = refined(budget.solver, budget.table);
  budget.plan = { ...budget.plan, uniforms: budget.solver.uniforms };
  return true;
}

/**
 * The plan with its file laid out to the last byte, where the table's count knows the tensors alone: headers name what each
 * tensor became. A plan whose file comes out too large, or leaves room, is made again.
 */
export async function laidOut(budget: Budget, layOut: (recipe: Recipe) => Promise<number>): Promise<PanelPlan> {
  const { table, parameterCount } = budget;
  const { fileBytes: wanted, minimum } = budget.plan;
  const { plan, fileBytes } = await fitToFile({
    wanted,
    smallest: minimum,
    solve: (counted) => {
      const solved = panelPlan(budget, parameterCount, wanted - counted);
      const bytes = solved.choices.reduce((sum, choice, i) => sum + table.tensors[i].candidates[choice].bytes, table.fixedBytes);
      return { solved, counted: bytes, error: solved.squaredError };
    },
    layOut: ({ solved }) => layOut(recipeOf(table, solved)),
  });
  return { ...plan.solved, byteLength: fileBytes, bitsPerWeight: (8 * fileBytes) / parameterCount };
}

/** Exactly the plan's assignment. */
export function recipeOf({ target, model, tensors }: SensitivityTable, { choices }: PanelPlan): Recipe {
  const planned = tensors.map(({ name, candidates }, i) => ({ name, encoding: candidates[choices[i]].encoding }));
  return recipeFromPlan({ target, model }, planned);
}

/** What the panel needs of it beside the plan. */
export function shownBudget({ table, uniforms, groups }: Budget): PanelBudget["state"] {
  const place = new Map(table.tensors.map(({ name }, i) => [name, i]));
  return {
    kind: "ready",
    table,
    // Which tensor gets what is for the solver alone.
    uniforms: uniforms.map(({ choices: _choices, ...point }) => point),
    groups: groups.map((g) => g.map((name) => place.get(name)!)),
  };
}

const sameMap = (a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>) =>
  a === b || (a.size === b.size && [...a].every(([k, v]) => b.get(k) === v));
