/**
 * The bit budget: one encoding per tensor, least total error at most B bytes, a multiple-choice knapsack. Its linear
 * relaxation is solved by taking the edges of all lower convex hulls in the order of their error saved per byte; the
 * relaxation's optimum is a lower bound. What is left between it and a whole solution is closed by `closeGap`.
 */
import { EngineError } from "../core/errors";
import { closeGap } from "./core";
import { type BudgetItem, type Candidate, type ChoiceClass, choiceClasses, type Constraints } from "./items";

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
   * States that closing the gap may visit; more effort, more often exact. The default, 150 000, suits a slider; 10 000 000 a
   * plan that is kept.
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
}

/** Sorts once; `solve` then costs milliseconds. EngineError "bad-request" for contradictory constraints. */
export function prepareBudget(items: readonly BudgetItem[], constraints: Constraints = {}): PreparedBudget {
  const classes = choiceClasses(items, constraints);
  const edges = sortedEdges(classes);
  const minimum = classes.reduce((sum, c) => sum + c.options[0].bytes, 0);
  const maximum = minimum + (edges.bytes.at(-1) ?? 0);
  const worst = classes.reduce((sum, c) => sum + c.options[0].error, 0);

  return {
    minimum,
    maximum,
    solve(budget, { effort = 150_000 } = {}) {
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
      const chosen = Int32Array.from(classes, (c, i) => c.hull[level[i]]);
      if (taken === edges.bytes.length) {
        const plan = planOf(items, classes, chosen);
        return { ...plan, budget, lowerBound: plan.error, exact: true };
      }
      const vertexBytes = minimum + (taken ? edges.bytes[taken - 1] : 0);
      const slope = edges.slope[taken];
      const found = closeGap({ classes, vertex: chosen, slack: budget - vertexBytes, slope, effort });
      const plan = planOf(items, classes, found.chosen);
      const vertexError = chosen.reduce((sum, o, i) => sum + classes[i].options[o].error, 0);
      const lowerBound = Math.min(plan.error, vertexError - slope * (budget - vertexBytes) + found.lowerBound);
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
  };
}

/** All hull edges, the steepest first: owner class, error saved per byte, and running sums of bytes and of error saved. */
function sortedEdges(classes: readonly ChoiceClass[]) {
  const owner: number[] = [];
  const bytes: number[] = [];
  const saved: number[] = [];
  classes.forEach(({ options, hull }, i) => {
    for (let j = 1; j < hull.length; j++) {
      owner.push(i);
      bytes.push(options[hull[j]].bytes - options[hull[j - 1]].bytes);
      saved.push(options[hull[j - 1]].error - options[hull[j]].error);
    }
  });
  const slope = Float64Array.from(saved, (s, i) => s / bytes[i]);
  // Within a class slopes fall, and equal ones (by rounding) keep the order of the class.
  const order = Uint32Array.from(owner, (_, i) => i).sort((a, b) => slope[b] - slope[a] || a - b);
  const out = {
    owner: Uint32Array.from(order, (i) => owner[i]),
    slope: Float64Array.from(order, (i) => slope[i]),
    bytes: Float64Array.from(order, (i) => bytes[i]),
    saved: Float64Array.from(order, (i) => saved[i]),
  };
  for (let i = 1; i < order.length; i++) {
    out.bytes[i] += out.bytes[i - 1];
    out.saved[i] += out.saved[i - 1];
  }
  return out;
}

function planOf(items: readonly BudgetItem[], classes: readonly ChoiceClass[], chosen: ArrayLike<number>): Plan {
  const encodings = new Array<string>(items.length);
  classes.forEach((c, i) => {
    for (const m of c.members) encodings[m] = c.options[chosen[i]].encoding;
  });
  return assignmentPlan(items, (_, i) => encodings[i]);
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
  const bits = (item: BudgetItem, c: Candidate) => (8 * c.bytes) / item.elementCount;
  let usual = Infinity;
  for (const item of items) {
    const found = item.candidates.find((c) => c.encoding === encoding);
    if (found) usual = Math.min(usual, bits(item, found));
  }
  if (usual === Infinity) throw new EngineError("bad-request", `No tensor can be stored as ${encoding}.`);
  const fallbacks: string[] = [];
  const plan = assignmentPlan(items, (item) => {
    if (item.candidates.some((c) => c.encoding === encoding)) return encoding;
    fallbacks.push(item.name);
    const ascending = [...item.candidates].sort((a, b) => a.bytes - b.bytes || a.error - b.error);
    return (ascending.find((c) => bits(item, c) >= usual) ?? ascending[ascending.length - 1]).encoding;
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
