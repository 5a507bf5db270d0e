/** Partial assignments of the core: extra bytes over the vertex and reduced cost, in ascending order of bytes. */

/** A class with more than one option worth a look. */
export interface CoreClass {
  readonly index: number;
  readonly options: readonly { readonly option: number; readonly bytes: number; readonly cost: number }[];
  readonly gradient: number;
}

/** Visits that a state costs in a merge of so many options: each is compared with the heads of the others. */
export function mergeCost(options: number): number {
  return options * Math.max(1, options / 4);
}

export interface States {
  readonly bytes: Float64Array;
  readonly cost: Float64Array;
}

export interface MergedStates extends States {
  /** What a completion of each state costs at least. */
  readonly bounds: Float64Array;
  readonly parent: Int32Array;
  readonly pick: Uint16Array;
}

/** Room for one merge, grown as needed: a search makes hundreds. */
let room = 0;
let bytesOut = new Float64Array(0);
let costOut = new Float64Array(0);
let boundsOut = new Float64Array(0);
let parentOut = new Int32Array(0);
let pickOut = new Uint16Array(0);

function reserve(count: number): void {
  if (count <= room) return;
  room = 2 * count;
  bytesOut = new Float64Array(room);
  costOut = new Float64Array(room);
  boundsOut = new Float64Array(room);
  parentOut = new Int32Array(room);
  pickOut = new Uint16Array(room);
}

/**
 * Every state with every option, in ascending Δ, without those that are dominated (no fewer bytes and no less error, where
 * error = r − λΔ) or cannot end below the gap.
 */
export function mergeOptions(
  { bytes, cost }: States,
  options: CoreClass["options"],
  {
    slack,
    slope,
    gap,
    rest,
  }: { slack: number; slope: number; gap: number; rest: { fill: number; reduce: number; reducible: number } },
): MergedStates {
  const n = bytes.length;
  const width = options.length;
  reserve(n * width);
  const heads = new Int32Array(width);
  const nextBytes = Float64Array.from(options, (o) => bytes[0] + o.bytes);
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
    nextBytes[from] = head + 1 < n ? bytes[head + 1] + options[from].bytes : Infinity;
    const c = cost[head] + options[from].cost;
    const error = c - slope * lowest;
    if (!(error < least)) continue;
    const left = slack - lowest;
    const bound = left >= 0 ? c + left * rest.fill : -left > rest.reducible ? Infinity : c - left * rest.reduce;
    if (!(bound < gap)) continue;
    least = error;
    // Of states with equal bytes the last one to come is the best so far.
    if (count > 0 && bytesOut[count - 1] === lowest) count--;
    bytesOut[count] = lowest;
    costOut[count] = c;
    boundsOut[count] = bound;
    parentOut[count] = head;
    pickOut[count] = from;
    count++;
  }
  return {
    bytes: bytesOut.slice(0, count),
    cost: costOut.slice(0, count),
    bounds: boundsOut.slice(0, count),
    parent: parentOut.slice(0, count),
    pick: pickOut.slice(0, count),
  };
}

/** Ascending indices of the `count` lowest bounds, the first of equal ones, `always` among them; and the lowest of the others. */
export function lowest(bounds: Float64Array, count: number, always: number): { indices: Uint32Array; leastDropped: number } {
  const sorted = bounds.slice().sort();
  const limit = sorted[count - 1];
  let equal = count; // how many equal to the limit may stay
  for (let i = 0; i < count && sorted[i] < limit; i++) equal--;
  const indices = new Uint32Array(count);
  let kept = 0;
  let seen = always < 0;
  for (let i = 0; i < bounds.length && kept < count; i++) {
    if (bounds[i] > limit || (bounds[i] === limit && equal-- <= 0)) continue;
    if (i === always) seen = true;
    indices[kept++] = i;
  }
  let leastDropped = sorted[count];
  if (!seen) {
    leastDropped = Math.min(leastDropped, bounds[indices[count - 1]]);
    indices[count - 1] = always;
    indices.sort();
  }
  return { indices, leastDropped };
}
