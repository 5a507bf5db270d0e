/**
 * From the relaxation's vertex to the best whole assignment. With the multiplier λ (error per byte at the break edge) every
 * option has a reduced cost r = error + λ·bytes − (the least of its class) ≥ 0, and an assignment that uses Δ bytes more than
 * the vertex, Δ ≤ slack, lies Σr + λ(slack − Δ) above the relaxation's optimum. So options with r above the best gap known
 * cannot be part of a better assignment; the few classes that keep another option are the core (Pisinger 1995). They are
 * searched one after the other with states (Δ, r), keeping those that are not dominated and whose bound is below the gap.
 */
import { emptyStates, keepLowest, mergeCost, mergeOptions, type Rest, type States, valueOfRank } from "./states";

/** All options of all classes; those of class i stand in [start[i], start[i + 1]), ascending bytes, strictly falling error. */
export interface FlatOptions {
  readonly start: Int32Array;
  readonly bytes: Float64Array;
  readonly error: Float64Array;
}

export interface GapProblem {
  readonly options: FlatOptions;
  /** By class, its option at the relaxation's last whole vertex within the budget. */
  readonly vertex: Int32Array;
  /** Bytes that it leaves unused. */
  readonly slack: number;
  /** λ, error per byte. */
  readonly slope: number;
  /** States to visit at most. */
  readonly effort: number;
}

export interface GapResult {
  /** By class, the option taken. */
  readonly chosen: Int32Array;
  /** Least possible distance above the relaxation's optimum. */
  readonly lowerBound: number;
  readonly exact: boolean;
}

export function closeGap(problem: GapProblem): GapResult {
  const costs = reducedCosts(problem);
  const greedy = fillGreedily(problem);
  // A narrow search first: the better the assignment in hand, the fewer options the thorough one must look at.
  const quick = search(problem, costs, greedy, problem.effort / 10);
  return quick.exact ? quick : search(problem, costs, { chosen: quick.chosen, gap: quick.gap }, problem.effort);
}

interface Incumbent {
  readonly chosen: Int32Array;
  /** Its distance above the relaxation's optimum. */
  readonly gap: number;
}

/** Where states came from, all stages one after the other, to walk back. Used by every search again. */
let parents = new Int32Array(0);
let picks = new Uint16Array(0);
let stageStart = new Int32Array(0);
let states = emptyStates();
let merged = emptyStates();

function search({ options, vertex, slack, slope }: GapProblem, costs: Float64Array, incumbent: Incumbent, effort: number): GapResult & Incumbent {
  let { gap } = incumbent;
  // So many options that even the narrowest search would exceed the effort are cut to the cheapest; the rest bounds the answer.
  const most = costLimit(costs, vertex, gap, Math.max(64, Math.floor(effort / 24)));
  const core = coreOf(options, costs, vertex, most);
  const suffix = suffixBounds(core, slope);
  if (stageStart.length <= core.classes.length) stageStart = new Int32Array(2 * core.classes.length + 1);

  states.count = 0;
  const first = core.classes.length > 0;
  if (first) startStates(states);
  let winner: { stage: number; state: number } | undefined;
  let dropped = most < gap ? most : Infinity;
  let visited = 0;
  let stage = 0;
  for (stageStart[0] = 0; stage < core.classes.length && states.count > 0; stage++) {
    const width = (s: number) => (s < core.classes.length ? core.start[s + 1] - core.start[s] : 1);
    const stageOptions = { bytes: core.bytes, cost: core.cost, from: core.start[stage], to: core.start[stage + 1] };
    mergeOptions(states, stageOptions, { slack, slope, gap, rest: suffix[stage + 1] }, merged);
    visited += states.count * mergeCost(width(stage));
    for (let s = 0; s < merged.count; s++) {
      const left = slack - merged.bytes[s];
      const value = merged.cost[s] + slope * left;
      if (left >= 0 && value < gap) {
        gap = value;
        winner = { stage, state: s };
      }
    }
    // Beyond the effort only the most promising states go on; what the others could still reach bounds the answer.
    const share = (effort - visited) / Math.max(1, core.classes.length - stage - 1);
    const room = Math.max(16, Math.floor(share / mergeCost(width(stage + 1))));
    if (merged.count > room) {
      const kept = keepLowest(merged, room, winner?.stage === stage ? winner.state : -1);
      dropped = Math.min(dropped, kept.leastDropped);
      if (winner?.stage === stage) winner.state = kept.always;
    }
    keepTrail(stage);
    [states, merged] = [merged, states];
  }

  let { chosen } = incumbent;
  if (winner) {
    chosen = vertex.slice();
    for (let { stage: at, state } = winner; at >= 0; at--) {
      const place = stageStart[at] + state;
      chosen[core.classes[at]] = core.option[core.start[at] + picks[place]];
      state = parents[place];
    }
  }
  return { chosen, gap, lowerBound: Math.min(gap, dropped), exact: dropped >= gap };
}

/** The vertex itself: no bytes more, no cost. */
function startStates(list: States): void {
  if (list.bytes.length === 0) {
    Object.assign(list, {
      bytes: new Float64Array(64), cost: new Float64Array(64), bound: new Float64Array(64), parent: new Int32Array(64), pick: new Uint16Array(64),
    });
  }
  list.count = 1;
  list.bytes[0] = 0;
  list.cost[0] = 0;
}

function keepTrail(stage: number): void {
  const from = stageStart[stage];
  const to = (stageStart[stage + 1] = from + merged.count);
  if (to > parents.length) {
    const [oldParents, oldPicks] = [parents, picks];
    parents = new Int32Array(2 * to);
    picks = new Uint16Array(2 * to);
    parents.set(oldParents.subarray(0, from));
    picks.set(oldPicks.subarray(0, from));
  }
  for (let s = 0; s < merged.count; s++) {
    parents[from + s] = merged.parent[s];
    picks[from + s] = merged.pick[s];
  }
}

let costRoom = new Float64Array(0);

/** Reduced cost of every option; valid until the next call. Rounding must not make the vertex itself look improvable. */
function reducedCosts({ options: { start, bytes, error }, vertex, slope }: GapProblem): Float64Array {
  if (costRoom.length < bytes.length) costRoom = new Float64Array(bytes.length);
  for (let i = 0; i < vertex.length; i++) {
    const from = vertex[i];
    for (let o = start[i]; o < start[i + 1]; o++) costRoom[o] = Math.max(0, error[o] - error[from] + slope * (bytes[o] - bytes[from]));
  }
  return costRoom.subarray(0, bytes.length);
}

/** Uses up the slack with each class's most saving step per byte, best first: a whole assignment and its distance. */
function fillGreedily({ options: { start, bytes, error }, vertex, slack, slope }: GapProblem): Incumbent {
  const step = new Int32Array(vertex.length);
  const rate = new Float64Array(vertex.length);
  const classes: number[] = [];
  for (let i = 0; i < vertex.length; i++) {
    const from = vertex[i];
    for (let o = from + 1; o < start[i + 1]; o++) {
      const more = bytes[o] - bytes[from];
      if (more > slack) break;
      const saved = (error[from] - error[o]) / more;
      if (saved > rate[i]) {
        rate[i] = saved;
        step[i] = o;
      }
    }
    if (rate[i] > 0) classes.push(i);
  }
  const chosen = vertex.slice();
  let left = slack;
  let gap = slope * slack;
  for (const i of classes.sort((a, b) => rate[b] - rate[a] || a - b)) {
    const more = bytes[step[i]] - bytes[vertex[i]];
    if (more > left) continue;
    chosen[i] = step[i];
    left -= more;
    gap -= rate[i] * more;
  }
  return { chosen, gap: Math.max(0, gap) };
}

let limitRoom = new Float64Array(0);

/** The gap, or where more options than `count` lie below it, the cost of the first one too many. */
function costLimit(costs: Float64Array, vertex: Int32Array, gap: number, count: number): number {
  if (limitRoom.length < costs.length) limitRoom = new Float64Array(costs.length);
  let below = 0;
  let next = 0; // the vertex of the class we are in or before
  for (let o = 0; o < costs.length; o++) {
    if (o === vertex[next]) next++;
    else if (costs[o] < gap) limitRoom[below++] = costs[o];
  }
  return below > count ? valueOfRank(limitRoom, below, count) : gap;
}

/** Classes with another option worth a look, the cheapest changes first; the options of stage s in [start[s], start[s + 1]). */
interface Core {
  readonly classes: readonly number[];
  readonly start: Int32Array;
  /** Position among all options, bytes over the vertex, and reduced cost. */
  readonly option: Int32Array;
  readonly bytes: Float64Array;
  readonly cost: Float64Array;
}

function coreOf({ start, bytes }: FlatOptions, costs: Float64Array, vertex: Int32Array, gap: number): Core {
  const isLive = (i: number, o: number) => o === vertex[i] || costs[o] < gap;
  const classes: number[] = [];
  /** Least reduced cost per byte moved. */
  const gradient = new Float64Array(vertex.length).fill(Infinity);
  let total = 0;
  for (let i = 0; i < vertex.length; i++) {
    let live = 0;
    for (let o = start[i]; o < start[i + 1]; o++) {
      if (!isLive(i, o)) continue;
      live++;
      if (o !== vertex[i]) gradient[i] = Math.min(gradient[i], costs[o] / Math.abs(bytes[o] - bytes[vertex[i]]));
    }
    if (live < 2) continue;
    classes.push(i);
    total += live;
  }
  classes.sort((a, b) => gradient[a] - gradient[b] || a - b);
  const core = {
    classes,
    start: new Int32Array(classes.length + 1),
    option: new Int32Array(total),
    bytes: new Float64Array(total),
    cost: new Float64Array(total),
  };
  let at = 0;
  classes.forEach((i, stage) => {
    core.start[stage] = at;
    for (let o = start[i]; o < start[i + 1]; o++) {
      if (!isLive(i, o)) continue;
      core.option[at] = o;
      core.bytes[at] = bytes[o] - bytes[vertex[i]];
      core.cost[at++] = o === vertex[i] ? 0 : costs[o];
    }
  });
  core.start[classes.length] = at;
  return core;
}

/** For the classes from each stage on. */
function suffixBounds({ classes, start, bytes, cost }: Core, slope: number): Rest[] {
  const out = new Array<Rest>(classes.length + 1);
  out[classes.length] = { fill: slope, reduce: Infinity, reducible: 0 };
  for (let stage = classes.length - 1; stage >= 0; stage--) {
    let { fill, reduce, reducible } = out[stage + 1];
    let most = 0;
    for (let o = start[stage]; o < start[stage + 1]; o++) {
      if (bytes[o] > 0) fill = Math.min(fill, cost[o] / bytes[o]);
      if (bytes[o] < 0) reduce = Math.min(reduce, cost[o] / -bytes[o]);
      most = Math.max(most, -bytes[o]);
    }
    reducible += most;
    out[stage] = { fill, reduce, reducible };
  }
  return out;
}
