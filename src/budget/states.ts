/**
 * Partial assignments of the core: extra bytes over the vertex and reduced cost, in ascending order of bytes. A search makes
 * hundreds of lists; they live in buffers that grow and are used again, because the garbage would cost more than the work.
 */

/** The first `count` entries count. */
export interface States {
  count: number;
  bytes: Float64Array;
  cost: Float64Array;
  /** What a completion of each state costs at least. */
  bound: Float64Array;
  /** The state of the list before that it came from, and the option of the stage that it took. */
  parent: Int32Array;
  pick: Uint16Array;
}

export const emptyStates = (): States => ({
  count: 0,
  bytes: new Float64Array(0),
  cost: new Float64Array(0),
  bound: new Float64Array(0),
  parent: new Int32Array(0),
  pick: new Uint16Array(0),
});

/** Visits that a state costs in a merge of so many options: each is compared with the heads of the others. */
export function mergeCost(options: number): number {
  return options * Math.max(1, options / 4);
}

/** What a merge may add: extra bytes and reduced cost of options [from, to). */
export interface StageOptions {
  readonly bytes: Float64Array;
  readonly cost: Float64Array;
  readonly from: number;
  readonly to: number;
}

/** What the later stages can do: least cost per byte to use up slack (or leave it) and to give bytes back, and how many. */
export interface Rest {
  readonly fill: number;
  readonly reduce: number;
  readonly reducible: number;
}

let heads = new Int32Array(0);
let nextBytes = new Float64Array(0);

/**
 * Every state with every option, in ascending Δ, without those that are dominated (no fewer bytes and no less error, where
 * error = r − λΔ) or cannot end below the gap. Into `out`, which is made large enough.
 */
export function mergeOptions(
  states: States,
  options: StageOptions,
  { slack, slope, gap, rest }: { slack: number; slope: number; gap: number; rest: Rest },
  out: States,
): void {
  const n = states.count;
  const width = options.to - options.from;
  reserve(out, n * width);
  if (heads.length < width) {
    heads = new Int32Array(2 * width);
    nextBytes = new Float64Array(2 * width);
  }
  const { bytes, cost } = states;
  for (let o = 0; o < width; o++) {
    heads[o] = 0;
    nextBytes[o] = bytes[0] + options.bytes[options.from + o];
  }
  let count = 0;
  let least = Infinity;
  for (;;) {
    let from = 0;
    let lowest = Infinity;
    for (let o = 0; o < width; o++) {
      if (nextBytes[o] < lowest) {
        lowest = nextBytes[o];
        from = o;
      }
    }
    if (lowest === Infinity) break;
    const head = heads[from]++;
    nextBytes[from] = head + 1 < n ? bytes[head + 1] + options.bytes[options.from + from] : Infinity;
    const c = cost[head] + options.cost[options.from + from];
    const error = c - slope * lowest;
    if (!(error < least)) continue;
    const left = slack - lowest;
    const bound = left >= 0 ? c + left * rest.fill : -left > rest.reducible ? Infinity : c - left * rest.reduce;
    if (!(bound < gap)) continue;
    least = error;
    // Of states with equal bytes the last one to come is the best so far.
    if (count > 0 && out.bytes[count - 1] === lowest) count--;
    out.bytes[count] = lowest;
    out.cost[count] = c;
    out.bound[count] = bound;
    out.parent[count] = head;
    out.pick[count] = from;
    count++;
  }
  out.count = count;
}

function reserve(states: States, count: number): void {
  if (count <= states.bytes.length) return;
  const room = 2 * count;
  states.bytes = new Float64Array(room);
  states.cost = new Float64Array(room);
  states.bound = new Float64Array(room);
  states.parent = new Int32Array(room);
  states.pick = new Uint16Array(room);
}

let ranked = new Float64Array(0);

/**
 * Keeps the `count` states with the lowest bounds, the first of equal ones, and `always` (−1: none) in any case. Returns the
 * lowest bound of those let go, and the new place of `always`.
 */
export function keepLowest(states: States, count: number, always: number): { leastDropped: number; always: number } {
  const { bound } = states;
  if (ranked.length < states.count) ranked = new Float64Array(2 * states.count);
  for (let i = 0; i < states.count; i++) ranked[i] = bound[i];
  const limit = valueOfRank(ranked, states.count, count - 1);
  let equal = count; // how many equal to the limit may stay
  for (let i = 0; i < states.count; i++) if (bound[i] < limit) equal--;
  let kept = 0;
  let leastDropped = Infinity;
  let place = -1;
  for (let i = 0; i < states.count; i++) {
    const stays = bound[i] < limit || (bound[i] === limit && equal-- > 0);
    if (!stays && i !== always) {
      leastDropped = Math.min(leastDropped, bound[i]);
      continue;
    }
    if (i === always) place = kept;
    states.bytes[kept] = states.bytes[i];
    states.cost[kept] = states.cost[i];
    bound[kept] = bound[i];
    states.parent[kept] = states.parent[i];
    states.pick[kept] = states.pick[i];
    kept++;
  }
  states.count = kept;
  return { leastDropped, always: place };
}

/** The value at position `rank` in ascending order of the first `count`; reorders them (Hoare's selection). */
export function valueOfRank(values: Float64Array, count: number, rank: number): number {
  let low = 0;
  let high = count - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    const [a, b, c] = [values[low], values[middle], values[high]];
    const pivot = a < b ? (b < c ? b : Math.max(a, c)) : a < c ? a : Math.max(b, c);
    let i = low;
    let j = high;
    while (i <= j) {
      while (values[i] < pivot) i++;
      while (values[j] > pivot) j--;
      if (i > j) break;
      const swapped = values[i];
      values[i++] = values[j];
      values[j--] = swapped;
    }
    if (rank <= j) high = j;
    else if (rank >= i) low = i;
    else return values[rank];
  }
  return values[rank];
}
