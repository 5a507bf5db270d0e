import type { ChoiceClass } from "./classes";

/** Steps along the hulls of all classes, the one that saves most error per byte first. Arrays have one entry per step. */
export interface Edges {
  /** Position of the class. */
  readonly owner: Uint32Array;
  /** Error saved per byte; falls, and along each class. */
  readonly slope: Float64Array;
  readonly stepBytes: Float64Array;
  readonly stepSaved: Float64Array;
  /** Sums of bytes and of error saved up to and with the step. */
  readonly bytes: Float64Array;
  readonly saved: Float64Array;
}

export const noEdges: Edges = {
  owner: new Uint32Array(0),
  slope: new Float64Array(0),
  stepBytes: new Float64Array(0),
  stepSaved: new Float64Array(0),
  bytes: new Float64Array(0),
  saved: new Float64Array(0),
};

/** The edges after some classes have changed: theirs are sorted anew and merged with those of the others, which stay sorted. */
export function replaceEdges(before: Edges, classes: readonly ChoiceClass[], changed: readonly number[]): Edges {
  const isChanged = new Uint8Array(classes.length);
  for (const i of changed) isChanged[i] = 1;
  const fresh = sortedEdges(classes, changed);
  const count = before.owner.reduce((n, owner) => n + 1 - isChanged[owner], fresh.owner.length);
  const after = {
    owner: new Uint32Array(count),
    slope: new Float64Array(count),
    stepBytes: new Float64Array(count),
    stepSaved: new Float64Array(count),
    bytes: new Float64Array(count),
    saved: new Float64Array(count),
  };
  let [old, added] = [0, 0];
  let [bytes, saved] = [0, 0];
  for (let at = 0; at < count; at++) {
    while (old < before.owner.length && isChanged[before.owner[old]]) old++;
    const takeOld = old < before.owner.length && (added === fresh.owner.length || isFirst(before, old, fresh, added));
    const from = takeOld ? before : fresh;
    const i = takeOld ? old++ : added++;
    after.owner[at] = from.owner[i];
    after.slope[at] = from.slope[i];
    after.stepBytes[at] = from.stepBytes[i];
    after.stepSaved[at] = from.stepSaved[i];
    after.bytes[at] = bytes += from.stepBytes[i];
    after.saved[at] = saved += from.stepSaved[i];
  }
  return after;
}

type Steps = Pick<Edges, "owner" | "slope" | "stepBytes" | "stepSaved">;

const isFirst = (a: Steps, i: number, b: Steps, j: number) => a.slope[i] > b.slope[j] || (a.slope[i] === b.slope[j] && a.owner[i] < b.owner[j]);

function sortedEdges(classes: readonly ChoiceClass[], which: readonly number[]): Steps {
  const owner: number[] = [];
  const bytes: number[] = [];
  const saved: number[] = [];
  const slope: number[] = [];
  for (const i of which) {
    const { bytes: b, error: e, hull } = classes[i];
    let limit = Infinity;
    for (let j = 1; j < hull.length; j++) {
      const from = hull[j - 1];
      const to = hull[j];
      owner.push(i);
      bytes.push(b[to] - b[from]);
      saved.push(e[from] - e[to]);
      // Slopes of a hull fall; rounding must not turn two nearly equal ones around.
      slope.push((limit = Math.min(limit, (e[from] - e[to]) / (b[to] - b[from]))));
    }
  }
  // Equal slopes in the order of the classes, and of a class in the order of its hull.
  const order = Uint32Array.from(owner, (_, i) => i).sort((x, y) => slope[y] - slope[x] || owner[x] - owner[y] || x - y);
  return {
    owner: Uint32Array.from(order, (i) => owner[i]),
    slope: Float64Array.from(order, (i) => slope[i]),
    stepBytes: Float64Array.from(order, (i) => bytes[i]),
    stepSaved: Float64Array.from(order, (i) => saved[i]),
  };
}
