/**
 * The bit budget: one encoding per tensor, least total error at most B bytes, a multiple-choice knapsack. Its linear
 * relaxation is solved by taking the edges of all lower convex hulls in the order of their error saved per byte; the
 * relaxation's optimum is a lower bound. What is left between it and a whole solution is closed by `closeGap`.
 */
import { EngineError } from "../core/errors";
import { type ChoiceClass, choiceClass, classMembers, isAllowed } from "./classes";
import { type Allowances, allowances, type Constraints, type Restrictions, sameAllowance } from "./constraints";
import { closeGap, type FlatOptions } from "./core";
import { type Edges, noEdges, replaceEdges } from "./edges";
import { bitsOf, type BudgetItem, type Candidate, checkItems } from "./items";

export interface PlanChoice extends Candidate {
  readonly name: string;
}

/** A whole assignment. */
export interface Plan {
  /** Bytes of the tensors in it, and their total error. */
  readonly bytes: number;
  readonly error: number;
  /** In the items' order. */
  readonly choices: readonly PlanChoice[];
}

export interface SolvedPlan extends Plan {
  readonly budget: number;
  /** Positions of the chosen candidates, in the items' order. */
  readonly picks: readonly number[];
  /** No assignment within the budget has less error than this. */
  readonly lowerBound: number;
  /** `error` is the least possible (up to the rounding of the sums). */
  readonly exact: boolean;
}

/** What everything in one encoding would take, constraints aside. */
export interface UniformPlan extends Plan {
  /** Tensors that cannot take the encoding and got the next larger one that they can. */
  readonly fallbacks: readonly string[];
}

export interface SolveOptions {
  /**
   * States that closing the gap may visit; more effort, more often exact, and beyond it the bound is stated. The default,
   * 100 000, takes milliseconds; 10 000 000 suits a plan that is kept.
   */
  readonly effort?: number;
}

/** `minimum` and `maximum`: bytes of the smallest and of the most exact assignment that the constraints allow. */
export interface PreparedBudget {
  readonly minimum: number;
  readonly maximum: number;
  /** Least error at most `budget` bytes; "bad-request" that says the smallest possible when there is no assignment. */
  solve(budget: number, options?: SolveOptions): SolvedPlan;
  /** Bytes and least error at every vertex of the relaxation, ascending; optimal assignments all of them. */
  paretoCurve(): { readonly bytes: Float64Array; readonly error: Float64Array };
  /**
   * The assignment nearest to one (positions of candidates, in the items' order) that keeps locks and limits: where they do not
   * allow it, the smallest option of at least as many bytes, else the largest.
   */
  nearest(picks: readonly number[]): Plan;
  /** The same tensors under other locks and limits: what they do not touch is not computed again. Throws as `prepareBudget`. */
  restricted(restrictions: Restrictions): PreparedBudget;
}

/** Sorts once; `solve` then costs milliseconds. EngineError "bad-request" for contradictory constraints. */
export function prepareBudget(items: readonly BudgetItem[], constraints: Constraints = {}): PreparedBudget {
  checkItems(items);
  const fixed: Fixed = {
    items,
    positions: new Map(items.map(({ name }, i) => [name, i])),
    members: classMembers(items, constraints.agree ?? []),
    choices: items.map(({ name, candidates }) => candidates.map((c) => ({ name, encoding: c.encoding, bytes: c.bytes, error: c.error }))),
  };
  const allowed = allowances(items, fixed.positions, constraints);
  const classes = fixed.members.map((members) => choiceClass(items, members, allowed));
  return prepared(fixed, { allowed, classes, edges: replaceEdges(noEdges, classes, classes.map((_, i) => i)) });
}

/** What no restriction changes. */
interface Fixed {
  readonly items: readonly BudgetItem[];
  readonly positions: ReadonlyMap<string, number>;
  readonly members: readonly (readonly number[])[];
  /** By item and candidate. */
  readonly choices: readonly (readonly PlanChoice[])[];
}

interface Restricted {
  readonly allowed: Allowances;
  readonly classes: readonly ChoiceClass[];
  readonly edges: Edges;
}

function prepared(fixed: Fixed, { allowed, classes, edges }: Restricted): PreparedBudget {
  const { items } = fixed;
  const options = flatten(classes);
  const minimum = classes.reduce((sum, c) => sum + c.bytes[0], 0);
  const maximum = minimum + (edges.bytes.at(-1) ?? 0);
  const worst = classes.reduce((sum, c) => sum + c.error[0], 0);

  const planOf = (optionOf: (c: ChoiceClass, index: number) => number | undefined, otherwise: readonly number[] = []): Plan & { picks: number[] } => {
    const picks = [...otherwise];
    classes.forEach((c, i) => {
      const option = optionOf(c, i);
      if (option !== undefined) c.members.forEach((m, k) => (picks[m] = c.picks[option * c.members.length + k]));
    });
    let [bytes, error] = [0, 0];
    const choices = fixed.choices.map((of, i) => {
      const choice = of[picks[i]];
      bytes += choice.bytes;
      error += choice.error;
      return choice;
    });
    return { bytes, error, choices, picks };
  };

  return {
    minimum,
    maximum,
    solve(budget, { effort = 100_000 } = {}) {
      if (!(budget >= minimum)) {
        throw new EngineError(
          "bad-request",
          `${formatBytes(budget)} cannot be reached: the smallest possible is ${formatBytes(minimum)}; ` +
            "raise the budget, or loosen locks and limits.",
        );
      }
      // The last vertex within the budget.
      let taken = 0;
      for (let high = edges.bytes.length; taken < high;) {
        const middle = (taken + high) >> 1;
        if (minimum + edges.bytes[middle] <= budget) taken = middle + 1;
        else high = middle;
      }
      const level = new Uint16Array(classes.length);
      for (let i = 0; i < taken; i++) level[edges.owner[i]]++;
      const vertex = Int32Array.from(classes, (c, i) => options.start[i] + c.hull[level[i]]);
      if (taken === edges.bytes.length) {
        const plan = planOf((_, i) => vertex[i] - options.start[i]);
        return { ...plan, budget, lowerBound: plan.error, exact: true };
      }
      const slack = budget - minimum - (taken ? edges.bytes[taken - 1] : 0);
      const slope = edges.slope[taken];
      const found = closeGap({ options, vertex, slack, slope, effort });
      const plan = planOf((_, i) => found.chosen[i] - options.start[i]);
      const vertexError = vertex.reduce((sum, option) => sum + options.error[option], 0);
      const lowerBound = Math.min(plan.error, vertexError - slope * slack + found.lowerBound);
      return { ...plan, budget, lowerBound: found.exact ? plan.error : Math.max(0, lowerBound), exact: found.exact };
    },
    paretoCurve() {
      const bytes = new Float64Array(edges.bytes.length + 1);
      const error = new Float64Array(edges.bytes.length + 1);
      bytes[0] = minimum;
      error[0] = worst;
      for (let i = 0; i < edges.bytes.length; i++) {
        bytes[i + 1] = minimum + edges.bytes[i];
        error[i + 1] = Math.max(0, worst - edges.saved[i]);
      }
      return { bytes, error };
    },
    nearest(wanted) {
      const { bytes, error, choices } = planOf((c) => {
        if (c.members.every((m) => isAllowed(items[m], items[m].candidates[wanted[m]], m, allowed))) return undefined;
        const least = c.members.reduce((sum, m) => sum + items[m].candidates[wanted[m]].bytes, 0);
        const option = c.bytes.findIndex((b) => b >= least);
        return option < 0 ? c.bytes.length - 1 : option;
      }, wanted);
      return { bytes, error, choices };
    },
    restricted(restrictions) {
      const next = allowances(items, fixed.positions, restrictions);
      const changed: number[] = [];
      const nextClasses = classes.map((c, i) => {
        if (c.members.every((m) => sameAllowance(allowed, next, m))) return c;
        changed.push(i);
        return choiceClass(items, c.members, next);
      });
      return prepared(fixed, { allowed: next, classes: nextClasses, edges: changed.length ? replaceEdges(edges, nextClasses, changed) : edges });
    },
  };
}

function flatten(classes: readonly ChoiceClass[]): FlatOptions {
  const start = new Int32Array(classes.length + 1);
  classes.forEach((c, i) => (start[i + 1] = start[i] + c.bytes.length));
  const bytes = new Float64Array(start[classes.length]);
  const error = new Float64Array(start[classes.length]);
  classes.forEach((c, i) => {
    bytes.set(c.bytes, start[i]);
    error.set(c.error, start[i]);
  });
  return { start, bytes, error };
}

/** Bytes and error of any assignment; "bad-request" for an encoding that a tensor cannot take. */
export function assignmentPlan(items: readonly BudgetItem[], encodingOf: (item: BudgetItem, index: number) => string): Plan {
  let bytes = 0;
  let error = 0;
  const choices = items.map((item, i) => {
    const encoding = encodingOf(item, i);
    const found = item.candidates.find((c) => c.encoding === encoding);
    if (!found) throw new EngineError("bad-request", `${item.name} cannot be stored as ${encoding}.`, { tensor: item.name });
    bytes += found.bytes;
    error += found.error;
    return { name: item.name, encoding, bytes: found.bytes, error: found.error };
  });
  return { bytes, error, choices };
}

/**
 * Everything in one encoding. A tensor without it gets its smallest candidate of at least as many bits per weight (as the
 * encoding has where it fits), else its largest. "bad-request" when no tensor can take the encoding.
 */
export function uniformPlan(items: readonly BudgetItem[], encoding: string): UniformPlan {
  let usual = Infinity;
  for (const item of items) {
    const found = item.candidates.find((c) => c.encoding === encoding);
    if (found) usual = Math.min(usual, bitsOf(item, found));
  }
  if (usual === Infinity) throw new EngineError("bad-request", `No tensor can be stored as ${encoding}.`);
  const fallbacks: string[] = [];
  const plan = assignmentPlan(items, (item) => {
    if (item.candidates.some((c) => c.encoding === encoding)) return encoding;
    fallbacks.push(item.name);
    const ascending = [...item.candidates].sort((a, b) => a.bytes - b.bytes || a.error - b.error);
    return (ascending.find((c) => bitsOf(item, c) >= usual) ?? ascending[ascending.length - 1]).encoding;
  });
  return { ...plan, fallbacks };
}

function formatBytes(bytes: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let unit = 0;
  let value = bytes;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  // Three digits for a person, all of them so that the number can be typed back.
  return unit === 0 ? `${bytes} bytes` : `${value.toPrecision(3)} ${units[unit]} (${bytes} bytes)`;
}
