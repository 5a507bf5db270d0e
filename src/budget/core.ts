/**
 * From the relaxation's vertex to the best whole assignment. With the multiplier λ (error per byte at the break edge) every
 * option has a reduced cost r = error + λ·bytes − (the least of its class) ≥ 0, and an assignment that uses Δ bytes more than
 * the vertex, Δ ≤ slack, lies Σr + λ(slack − Δ) above the relaxation's optimum. So options with r above the best gap known
 * cannot be part of a better assignment; the few classes that keep another option are the core (Pisinger 1995). They are
 * searched one after the other with states (Δ, r), keeping those that are not dominated and whose bound is below the gap.
 */
import type { ChoiceClass } from "./items";
import { type CoreClass, lowest, mergeCost, mergeOptions, type States } from "./states";

export interface GapProblem {
  readonly classes: readonly ChoiceClass[];
  /** Option of each class at the relaxation's last whole vertex within the budget. */
  readonly vertex: Int32Array;
  /** Bytes that it leaves unused. */
  readonly slack: number;
  /** λ, error per byte. */
  readonly slope: number;
  /** States to visit at most. */
  readonly effort: number;
}

export interface GapResult {
  readonly chosen: Int32Array;
  /** Least possible distance above the relaxation's optimum. */
  readonly lowerBound: number;
  readonly exact: boolean;
}

export function closeGap(problem: GapProblem): GapResult {
  const { classes, vertex, slack, slope, effort } = problem;
  const greedy = fillGreedily(classes, vertex, slack, slope);
  // A narrow search first: the better the assignment in hand, the fewer options the thorough one must look at.
  const quick = search(problem, greedy, effort / 10);
  return quick.exact ? quick : search(problem, { chosen: quick.chosen, gap: quick.gap }, effort);
}

interface Incumbent {
  readonly chosen: Int32Array;
  /** Its distance above the relaxation's optimum. */
  readonly gap: number;
}

function search({ classes, vertex, slack, slope }: GapProblem, incumbent: Incumbent, effort: number): GapResult & Incumbent {
  let { gap } = incumbent;
  // So many options that even the narrowest search would exceed the effort are cut to the cheapest; the rest bounds the answer.
  const most = costLimit(classes, vertex, slope, gap, Math.max(64, Math.floor(effort / 24)));
  const core = coreClasses(classes, vertex, slope, most);
  const suffix = suffixBounds(core, slope);

  // States of the current stage in ascending Δ; parents and options of all stages, to walk back.
  let states: States = { bytes: Float64Array.of(0), cost: Float64Array.of(0) };
  const parents: Int32Array[] = [];
  const picks: Uint16Array[] = [];
  let winner: { stage: number; state: number } | undefined;
  let dropped = most < gap ? most : Infinity;
  let visited = 0;

  for (let stage = 0; stage < core.length && states.bytes.length > 0; stage++) {
    const { options } = core[stage];
    let merged = mergeOptions(states, options, { slack, slope, gap, rest: suffix[stage + 1] });
    visited += states.bytes.length * mergeCost(options.length);
    for (let s = 0; s < merged.bytes.length; s++) {
      const left = slack - merged.bytes[s];
      const value = merged.cost[s] + slope * left;
      if (left >= 0 && value < gap) {
        gap = value;
        winner = { stage, state: s };
      }
    }
    // Beyond the effort only the most promising states go on; what the others could still reach bounds the answer.
    const share = (effort - visited) / Math.max(1, core.length - stage - 1);
    const room = Math.max(16, Math.floor(share / mergeCost(core[stage + 1]?.options.length ?? 1)));
    if (merged.bytes.length > room) {
      const kept = lowest(merged.bounds, room, winner?.stage === stage ? winner.state : -1);
      dropped = Math.min(dropped, kept.leastDropped);
      if (winner?.stage === stage) winner.state = kept.indices.indexOf(winner.state);
      const take = <A extends Float64Array | Int32Array | Uint16Array>(from: A, to: A): A => {
        kept.indices.forEach((index, i) => (to[i] = from[index]));
        return to;
      };
      merged = {
        bytes: take(merged.bytes, new Float64Array(room)),
        cost: take(merged.cost, new Float64Array(room)),
        bounds: merged.bounds,
        parent: take(merged.parent, new Int32Array(room)),
        pick: take(merged.pick, new Uint16Array(room)),
      };
    }
    parents.push(merged.parent);
    picks.push(merged.pick);
    states = merged;
  }

  let { chosen } = incumbent;
  if (winner) {
    chosen = vertex.slice();
    for (let { stage, state } = winner; stage >= 0; stage--) {
      chosen[core[stage].index] = core[stage].options[picks[stage][state]].option;
      state = parents[stage][state];
    }
  }
  return { chosen, gap, lowerBound: Math.min(gap, dropped), exact: dropped >= gap };
}

/** Uses up the slack with each class's most saving step per byte, best first: a whole assignment and its distance. */
function fillGreedily(classes: readonly ChoiceClass[], vertex: Int32Array, slack: number, slope: number): Incumbent {
  const chosen = vertex.slice();
  const step = new Int32Array(classes.length);
  const rate = new Float64Array(classes.length);
  for (let index = 0; index < classes.length; index++) {
    const { options } = classes[index];
    const from = options[vertex[index]];
    for (let option = vertex[index] + 1; option < options.length; option++) {
      const bytes = options[option].bytes - from.bytes;
      if (bytes > slack) break;
      const saved = (from.error - options[option].error) / bytes;
      if (saved > rate[index]) {
        rate[index] = saved;
        step[index] = option;
      }
    }
  }
  let left = slack;
  let gap = slope * slack;
  for (const index of Uint32Array.from(step, (_, i) => i)
    .filter((i) => step[i] > 0)
    .sort((a, b) => rate[b] - rate[a] || a - b)) {
    const { options } = classes[index];
    const bytes = options[step[index]].bytes - options[vertex[index]].bytes;
    if (bytes > left) continue;
    chosen[index] = step[index];
    left -= bytes;
    gap -= rate[index] * bytes;
  }
  return { chosen, gap: Math.max(0, gap) };
}

/** The gap, or where more options than `count` lie below it, the cost of the first one too many. */
function costLimit(classes: readonly ChoiceClass[], vertex: Int32Array, slope: number, gap: number, count: number): number {
  const costs: number[] = [];
  for (let index = 0; index < classes.length; index++) {
    const { options } = classes[index];
    const from = options[vertex[index]];
    for (let option = 0; option < options.length; option++) {
      const cost = options[option].error - from.error + slope * (options[option].bytes - from.bytes);
      if (option !== vertex[index] && cost < gap) costs.push(Math.max(0, cost));
    }
  }
  return costs.length > count ? Float64Array.from(costs).sort()[count] : gap;
}

/** Classes with another option worth a look: the cheapest changes first, by reduced cost per byte moved. */
function coreClasses(classes: readonly ChoiceClass[], vertex: Int32Array, slope: number, gap: number): CoreClass[] {
  const core: CoreClass[] = [];
  for (let index = 0; index < classes.length; index++) {
    const all = classes[index].options;
    const from = all[vertex[index]];
    let live = 0;
    for (let option = 0; option < all.length; option++) {
      if (all[option].error - from.error + slope * (all[option].bytes - from.bytes) < gap) live++;
    }
    if (live < 2) continue;
    const options: { option: number; bytes: number; cost: number }[] = [];
    let gradient = Infinity;
    for (let option = 0; option < all.length; option++) {
      const bytes = all[option].bytes - from.bytes;
      // Rounding must not make the vertex itself look improvable.
      const cost = Math.max(0, all[option].error - from.error + slope * bytes);
      if (option !== vertex[index] && cost >= gap) continue;
      options.push({ option, bytes, cost });
      if (bytes !== 0) gradient = Math.min(gradient, cost / Math.abs(bytes));
    }
    core.push({ index, options, gradient });
  }
  return core.sort((a, b) => a.gradient - b.gradient || a.index - b.index);
}

/** For the classes from each stage on: least cost per byte to use up slack (or leave it) and to give bytes back, and how many. */
function suffixBounds(core: readonly CoreClass[], slope: number): { fill: number; reduce: number; reducible: number }[] {
  const out = new Array<{ fill: number; reduce: number; reducible: number }>(core.length + 1);
  out[core.length] = { fill: slope, reduce: Infinity, reducible: 0 };
  for (let stage = core.length - 1; stage >= 0; stage--) {
    let { fill, reduce, reducible } = out[stage + 1];
    let most = 0;
    for (const { bytes, cost } of core[stage].options) {
      if (bytes > 0) fill = Math.min(fill, cost / bytes);
      if (bytes < 0) reduce = Math.min(reduce, cost / -bytes);
      most = Math.max(most, -bytes);
    }
    reducible += most;
    out[stage] = { fill, reduce, reducible };
  }
  return out;
}
