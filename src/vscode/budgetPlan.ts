import type { UniformPoint } from "../core/api/engine";
import type { PanelPlan } from "../core/api/panel";
import type { SensitivityTable } from "../core/sensitivity";
import type { Restrictions } from "../budget/constraints";
import type { PreparedBudget } from "../budget/solve";
import type { BudgetChoice, BudgetHistory } from "./budgetState";

/** The solver under the decisions that it was made for, and what of the plan depends on these alone. */
export interface Solver {
  readonly of: Pick<BudgetChoice, "locks" | "limits">;
  readonly prepared: PreparedBudget;
  readonly curve: PanelPlan["curve"];
  readonly uniforms: PanelPlan["uniforms"];
  /** The uniforms' best errors are the least possible. */
  readonly isRefined?: boolean;
}

/** Points of the curve that a panel can tell apart. */
const curvePoints = 400;

/** States to visit while a slider moves: nearly always as good, and never a frame late. Let go, the usual effort is spent. */
const movingEffort = 30_000;

/** The one name that would mean all of them. */
const literal = (name: string) => (name === "*" ? "[*]" : name);

export function restrictions({ locks, limits }: Solver["of"]): Restrictions {
  return {
    locks: [...locks].map(([name, encoding]) => ({ match: literal(name), encoding })),
    limits: limits.map(({ tensor, ...limit }) => ({ ...limit, ...(tensor === undefined ? {} : { match: literal(tensor) }) })),
  };
}

/** Throws EngineError "bad-request" for locks and limits that contradict each other. `prepared`: under any others. */
export function solverFor(
  prepared: PreparedBudget,
  decided: Solver["of"],
  { table, uniforms }: { readonly table: SensitivityTable; readonly uniforms: readonly UniformPoint[] },
): Solver {
  const { locks, limits } = decided;
  const next = prepared.restricted(restrictions(decided));
  const isFree = locks.size + limits.length === 0;
  return {
    of: { locks, limits }, prepared: next, curve: curveOf(next, table), uniforms: isFree ? undefined : restricted(uniforms, next, table),
  };
}

/** The same with the least error at each uniform encoding's size, which takes some milliseconds for each. */
export function refined(solver: Solver, { fixedBytes }: SensitivityTable): Solver {
  const uniforms = solver.uniforms?.map((point) => {
    const best = solver.prepared.solve(point.byteLength - fixedBytes);
    return { ...point, bestSquaredError: Math.min(point.squaredError, best.error) };
  });
  return { ...solver, uniforms, isRefined: true };
}

function curveOf(prepared: PreparedBudget, { fixedBytes }: SensitivityTable): PanelPlan["curve"] {
  const { bytes, error } = prepared.paretoCurve();
  const points = Math.min(bytes.length, curvePoints);
  const at = (i: number) => (points === 1 ? 0 : Math.round((i * (bytes.length - 1)) / (points - 1)));
  return Array.from({ length: points }, (_, i) => [fixedBytes + bytes[at(i)], error[at(i)]] as const);
}

/** Each uniform encoding as near as the locks and limits let one come. */
function restricted(uniforms: readonly UniformPoint[], prepared: PreparedBudget, { fixedBytes }: SensitivityTable): UniformPoint[] {
  const curve = prepared.paretoCurve();
  return uniforms.map(({ name, label, choices, ...asItIs }) => {
    if (!choices) return { name, label, ...asItIs };
    const { bytes, error } = prepared.nearest(choices);
    // The best assignment on the curve that is not larger; `refined` looks for those between.
    let last = 0;
    for (let high = curve.bytes.length - 1; last < high;) {
      const middle = (last + high + 1) >> 1;
      if (curve.bytes[middle] <= bytes) last = middle;
      else high = middle - 1;
    }
    return { name, label, byteLength: fixedBytes + bytes, squaredError: error, bestSquaredError: Math.min(error, curve.error[last]) };
  });
}

/** `headers`: bytes by which files of such plans are larger than the table's count, where that is known. */
export function panelPlan(
  { table, history, solver }: { readonly table: SensitivityTable; readonly history: BudgetHistory; readonly solver: Solver },
  parameterCount: number,
  headers = 0,
): PanelPlan {
  const { fileBytes, locks, limits } = history.present;
  const { prepared, curve, uniforms } = solver;
  const { minimum, maximum } = prepared;
  const asked = Math.floor(fileBytes - table.fixedBytes - headers);
  const solved = prepared.solve(Math.min(maximum, Math.max(minimum, asked)), history.moving ? { effort: movingEffort } : {});
  const byteLength = table.fixedBytes + solved.bytes + headers;
  return {
    target: table.target,
    fileBytes,
    byteLength,
    bitsPerWeight: (8 * byteLength) / parameterCount,
    squaredError: solved.error,
    lowerBound: solved.lowerBound,
    exact: solved.exact,
    minimum: table.fixedBytes + minimum,
    maximum: table.fixedBytes + maximum,
    choices: solved.picks,
    locked: table.tensors.flatMap(({ name }, i) => (locks.has(name) ? [i] : [])),
    limits,
    ...(uniforms ? { uniforms } : {}),
    canUndo: history.past.length > 0,
    canRedo: history.future.length > 0,
    curve,
  };
}
