/** Tensors that agree (or one alone), and the options that the constraints leave them. */
import { EngineError } from "../core/errors";
import type { Allowances } from "./constraints";
import { bitsOf, type BudgetItem, type Candidate } from "./items";

export interface ChoiceClass {
  /** Positions of the items, ascending. */
  readonly members: readonly number[];
  /** Of each option, all members together: ascending bytes, strictly falling error. */
  readonly bytes: Float64Array;
  readonly error: Float64Array;
  /** Position of each member's candidate, [option × member]. */
  readonly picks: Uint16Array;
  /** Options on the lower convex hull, from the smallest to the most exact. */
  readonly hull: readonly number[];
}

/** Members of each class in item order: singles and unions of the groups. */
export function classMembers(items: readonly BudgetItem[], groups: readonly (readonly string[])[]): number[][] {
  const index = new Map(items.map((item, i) => [item.name, i]));
  const parent = items.map((_, i) => i);
  const root = (i: number): number => (parent[i] === i ? i : (parent[i] = root(parent[i])));
  for (const group of groups) {
    const known = group.map((name) => index.get(name)).filter((i) => i !== undefined);
    for (const i of known) parent[Math.max(root(i), root(known[0]))] = Math.min(root(i), root(known[0]));
  }
  const classes = new Map<number, number[]>();
  items.forEach((_, i) => {
    const members = classes.get(root(i));
    if (members) members.push(i);
    else classes.set(root(i), [i]);
  });
  return [...classes.values()];
}

/** EngineError "bad-request" when the constraints leave nothing to one member, or nothing that all of them can take. */
export function choiceClass(items: readonly BudgetItem[], members: readonly number[], allowed: Allowances): ChoiceClass {
  const lists = members.map((m) => allowedCandidates(items[m], m, allowed));
  const useful = undominated(members.length === 1 ? alone(items[members[0]], lists[0]) : common(items, members, lists));
  const bytes = new Float64Array(useful.length);
  const error = new Float64Array(useful.length);
  const picks = new Uint16Array(useful.length * members.length);
  useful.forEach((option, o) => {
    bytes[o] = option.bytes;
    error[o] = option.error;
    for (let k = 0; k < members.length; k++) picks[o * members.length + k] = option.picks[k];
  });
  return { members, bytes, error, picks, hull: lowerHull(bytes, error) };
}

interface Option {
  readonly bytes: number;
  readonly error: number;
  /** By member, the position of its candidate. */
  readonly picks: readonly number[];
}

const alone = ({ candidates }: BudgetItem, picks: readonly number[]): Option[] =>
  picks.map((pick) => ({ bytes: candidates[pick].bytes, error: candidates[pick].error, picks: [pick] }));

/** Do the item's lock, or else its limits, let it have the candidate? */
export function isAllowed(item: BudgetItem, candidate: Candidate, position: number, { locks, minBits, maxBits }: Allowances): boolean {
  const lock = locks[position];
  if (lock !== undefined) return candidate.encoding === lock;
  const bits = bitsOf(item, candidate);
  return bits >= minBits[position] - 1e-9 && bits <= maxBits[position] + 1e-9;
}

/** Positions of the candidates that lock or limits leave. */
function allowedCandidates(item: BudgetItem, position: number, allowed: Allowances): number[] {
  const { locks, minBits, maxBits } = allowed;
  const lock = locks[position];
  if (lock !== undefined) {
    const found = item.candidates.findIndex((c) => c.encoding === lock);
    if (found >= 0) return [found];
    const names = item.candidates.map((c) => c.encoding).join(", ");
    throw new EngineError("bad-request", `${item.name} cannot be locked to ${lock}; it can be ${names}.`, { tensor: item.name });
  }
  const left: number[] = [];
  for (let i = 0; i < item.candidates.length; i++) if (isAllowed(item, item.candidates[i], position, allowed)) left.push(i);
  if (left.length === 0) throw nothingWithin(item, minBits[position], maxBits[position]);
  return left;
}

/** Says what is nearest to the limits, so that a person knows how far to widen them. */
function nothingWithin(item: BudgetItem, least: number, most: number): EngineError {
  const bits = item.candidates.map((c) => bitsOf(item, c)).sort((a, b) => a - b);
  const [low, high] = [bits[0], bits[bits.length - 1]];
  const wanted = least > 0 && most < Infinity ? `${least} to ${most}` : least > 0 ? `at least ${least}` : `at most ${most}`;
  const below = bits.filter((b) => b < least).at(-1);
  const above = bits.find((b) => b > most);
  const range =
    least > most ? "the least is above the most"
    : above === undefined ? `the largest possible is ${high.toFixed(2)}`
    : below === undefined ? `the smallest possible is ${low.toFixed(2)}`
    : `the nearest are ${below.toFixed(2)} and ${above.toFixed(2)}`;
  return new EngineError(
    "bad-request",
    `The limits leave nothing for ${item.name}: of ${wanted} bits per weight it has no encoding, ${range}; widen them.`,
    { tensor: item.name },
  );
}

function common(items: readonly BudgetItem[], members: readonly number[], lists: readonly (readonly number[])[]): Option[] {
  const out: Option[] = [];
  for (const first of lists[0]) {
    const { encoding } = items[members[0]].candidates[first];
    const picks = members.map((m, k) => lists[k].find((pick) => items[m].candidates[pick].encoding === encoding) ?? -1);
    if (picks.includes(-1)) continue;
    let [bytes, error] = [0, 0];
    members.forEach((m, k) => {
      bytes += items[m].candidates[picks[k]].bytes;
      error += items[m].candidates[picks[k]].error;
    });
    out.push({ bytes, error, picks });
  }
  if (out.length > 0) return out;
  const left = members.map((m, k) => `${items[m].name} (${lists[k].map((pick) => items[m].candidates[pick].encoding).join(", ")})`);
  throw new EngineError(
    "bad-request",
    `${left.join(", ")} must share one encoding, and none is left that all of them can take; loosen their locks or limits.`,
  );
}

/** Ascending bytes with strictly falling error. */
function undominated(options: readonly Option[]): Option[] {
  const sorted = [...options].sort((a, b) => a.bytes - b.bytes || a.error - b.error);
  const out: Option[] = [];
  for (const option of sorted) if (out.length === 0 || option.error < out[out.length - 1].error) out.push(option);
  return out;
}

/** The vertices of the lower convex hull; slopes fall strictly. */
function lowerHull(bytes: Float64Array, error: Float64Array): number[] {
  const hull: number[] = [];
  for (let c = 0; c < bytes.length; c++) {
    while (hull.length >= 2) {
      const a = hull[hull.length - 2];
      const b = hull[hull.length - 1];
      // b stays below the line from a to c.
      if ((error[a] - error[b]) * (bytes[c] - bytes[b]) > (error[b] - error[c]) * (bytes[b] - bytes[a])) break;
      hull.pop();
    }
    hull.push(c);
  }
  return hull;
}
