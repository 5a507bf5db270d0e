import { EngineError } from "../core/errors";
import type { TensorRole } from "../core/model";
import { matcher } from "./patterns";

/** One way to store a tensor: its bytes, scales included, and the total (weighted) squared error Σ(w − ŵ)². */
export interface Candidate {
  readonly encoding: string;
  readonly bytes: number;
  readonly error: number;
}

/** A tensor whose encoding is to be chosen. */
export interface BudgetItem {
  readonly name: string;
  readonly elementCount: number;
  readonly role?: TensorRole;
  readonly layer?: number;
  readonly expert?: number;
  readonly candidates: readonly Candidate[];
}

/** Which tensors a rule is about: by name pattern, by role, or by both at once. */
export interface Selector {
  readonly match?: string;
  readonly role?: TensorRole;
}

export interface Lock extends Selector {
  readonly encoding: string;
}

/** Bits per weight of the chosen encoding, scales included. */
export interface Limit extends Selector {
  readonly minBits?: number;
  readonly maxBits?: number;
}

export interface Constraints {
  /** The last lock that selects a tensor counts. A locked tensor is free of limits. */
  readonly locks?: readonly Lock[];
  /** All limits that select a tensor count. */
  readonly limits?: readonly Limit[];
  /** Names of tensors that must get the same encoding; groups that share a tensor are one. */
  readonly agree?: readonly (readonly string[])[];
}

/** Tensors that agree (or one alone) and what they may take: ascending bytes, strictly falling error. */
export interface ChoiceClass {
  readonly members: readonly number[];
  readonly options: readonly Candidate[];
  /** Indices into `options` of the lower convex hull, from the smallest to the most exact. */
  readonly hull: readonly number[];
}

/** The choices that the constraints leave. EngineError "bad-request" when they contradict each other or match nothing. */
export function choiceClasses(items: readonly BudgetItem[], constraints: Constraints): ChoiceClass[] {
  checkItems(items);
  const allowed = items.map((item) => item.candidates);
  const locked = new Map<number, string>();
  for (const lock of constraints.locks ?? []) for (const i of selected(items, lock, "lock")) locked.set(i, lock.encoding);
  for (const limit of constraints.limits ?? []) {
    for (const i of selected(items, limit, "limit")) {
      const item = items[i];
      const bits = (c: Candidate) => (8 * c.bytes) / item.elementCount;
      const left = allowed[i].filter(
        (c) => bits(c) >= (limit.minBits ?? 0) - 1e-9 && bits(c) <= (limit.maxBits ?? Infinity) + 1e-9,
      );
      if (left.length === 0 && !locked.has(i)) {
        const range = allowed[i].map(bits);
        throw new EngineError(
          "bad-request",
          `The limits on bits per weight leave nothing for ${item.name}: its encodings take ` +
            `${Math.min(...range).toFixed(2)} to ${Math.max(...range).toFixed(2)}; widen them.`,
          { tensor: item.name },
        );
      }
      allowed[i] = left;
    }
  }
  for (const [i, encoding] of locked) {
    const found = items[i].candidates.find((c) => c.encoding === encoding);
    if (!found) {
      throw new EngineError(
        "bad-request",
        `${items[i].name} cannot be locked to ${encoding}; it can be ` +
          `${items[i].candidates.map((c) => c.encoding).join(", ")}.`,
        { tensor: items[i].name },
      );
    }
    allowed[i] = [found];
  }
  return agreeing(items, constraints.agree ?? []).map((members) => {
    const options = members.length === 1 ? allowed[members[0]] : common(items, members, allowed);
    const useful = undominated(options);
    return { members, options: useful, hull: lowerHull(useful) };
  });
}

function checkItems(items: readonly BudgetItem[]): void {
  const names = new Set<string>();
  for (const { name, elementCount, candidates } of items) {
    const bad = (what: string) => new EngineError("bad-request", `The sensitivity table is unusable: ${what}.`, { tensor: name });
    if (names.has(name)) throw bad(`${name} stands in it twice`);
    names.add(name);
    if (!(elementCount > 0)) throw bad(`${name} has no elements`);
    if (candidates.length === 0) throw bad(`${name} has no encodings to choose from`);
    for (const c of candidates) {
      if (!Number.isSafeInteger(c.bytes) || c.bytes < 0) throw bad(`${name} in ${c.encoding} takes ${c.bytes} bytes`);
      if (!(c.error >= 0 && c.error < Infinity)) throw bad(`${name} in ${c.encoding} has the error ${c.error}`);
    }
  }
}

/**
 * Indices of the tensors that the selector (with neither field: everything) is about. A pattern that is the whole name of one
 * of them means that one alone, whatever brackets and stars the name has.
 */
export function select(selector: Selector, items: readonly { readonly name: string; readonly role?: TensorRole }[]): number[] {
  const { match, role } = selector;
  const literal = match !== undefined && match !== "*" && items.some((item) => item.name === match);
  const matches = match === undefined ? () => true : literal ? (name: string) => name === match : matcher(match);
  const found: number[] = [];
  items.forEach((item, i) => {
    if ((role === undefined || item.role === role) && matches(item.name)) found.push(i);
  });
  return found;
}

function selected(items: readonly BudgetItem[], selector: Selector, what: string): number[] {
  const found = select(selector, items);
  if (found.length === 0) {
    const named = [selector.match && `"${selector.match}"`, selector.role && `role ${selector.role}`]
      .filter(Boolean)
      .join(" with ");
    throw new EngineError("bad-request", `The ${what} on ${named || "nothing"} matches no tensor that can be quantized.`);
  }
  return found;
}

/** Members of each class in item order: singles and unions of the groups. */
function agreeing(items: readonly BudgetItem[], groups: readonly (readonly string[])[]): number[][] {
  const index = new Map(items.map((item, i) => [item.name, i]));
  const parent = items.map((_, i) => i);
  const root = (i: number): number => (parent[i] === i ? i : (parent[i] = root(parent[i])));
  for (const group of groups) {
    const known = group.map((name) => index.get(name)).filter((i) => i !== undefined);
    for (const i of known) parent[Math.max(root(i), root(known[0]))] = Math.min(root(i), root(known[0]));
  }
  const classes = new Map<number, number[]>();
  items.forEach((_, i) => classes.set(root(i), [...(classes.get(root(i)) ?? []), i]));
  return [...classes.values()];
}

function common(
  items: readonly BudgetItem[],
  members: readonly number[],
  allowed: readonly (readonly Candidate[])[],
): Candidate[] {
  const out: Candidate[] = [];
  for (const first of allowed[members[0]]) {
    const parts = members.map((m) => allowed[m].find((c) => c.encoding === first.encoding));
    if (parts.some((p) => p === undefined)) continue;
    out.push({
      encoding: first.encoding,
      bytes: parts.reduce((sum, p) => sum + p!.bytes, 0),
      error: parts.reduce((sum, p) => sum + p!.error, 0),
    });
  }
  if (out.length === 0) {
    throw new EngineError(
      "bad-request",
      `${members.map((m) => items[m].name).join(", ")} must share one encoding, and none is left that ` +
        "all of them can take; loosen their locks or limits.",
    );
  }
  return out;
}

/** Ascending bytes with strictly falling error. */
function undominated(options: readonly Candidate[]): Candidate[] {
  const sorted = [...options].sort((a, b) => a.bytes - b.bytes || a.error - b.error);
  const out: Candidate[] = [];
  for (const option of sorted) if (out.length === 0 || option.error < out[out.length - 1].error) out.push(option);
  return out;
}

/** Indices of the vertices of the lower convex hull; slopes fall strictly. */
function lowerHull(options: readonly Candidate[]): number[] {
  const hull: number[] = [];
  for (let i = 0; i < options.length; i++) {
    while (hull.length >= 2) {
      const a = options[hull[hull.length - 2]];
      const b = options[hull[hull.length - 1]];
      const c = options[i];
      // b stays below the line from a to c.
      if ((a.error - b.error) * (c.bytes - b.bytes) > (b.error - c.error) * (b.bytes - a.bytes)) break;
      hull.pop();
    }
    hull.push(i);
  }
  return hull;
}

/** Tensors of one layer that runtimes fuse into one matrix and that must then share a scheme. */
export function fusedGroups(
  tensors: readonly { readonly name: string; readonly role?: TensorRole; readonly layer?: number; readonly expert?: number }[],
): string[][] {
  const kinds: readonly (readonly TensorRole[])[] = [
    ["q", "k", "v"],
    ["gate", "up"],
  ];
  const groups = new Map<string, string[]>();
  for (const { name, role, layer, expert } of tensors) {
    const kind = kinds.findIndex((roles) => role !== undefined && roles.includes(role));
    if (kind < 0 || layer === undefined) continue;
    const key = `${kind}/${layer}/${expert ?? ""}`;
    groups.set(key, [...(groups.get(key) ?? []), name]);
  }
  return [...groups.values()].filter((group) => group.length > 1);
}
