import { EngineError } from "../core/errors";
import { type BudgetItem, select, type Selector } from "./items";

export interface Lock extends Selector {
  readonly encoding: string;
}

/** Bits per weight of the chosen encoding, scales included. */
export interface Limit extends Selector {
  readonly minBits?: number;
  readonly maxBits?: number;
}

/** What may change from one plan to the next. */
export interface Restrictions {
  /** The last lock that selects a tensor counts. A locked tensor is free of limits. */
  readonly locks?: readonly Lock[];
  /** All limits that select a tensor count. */
  readonly limits?: readonly Limit[];
}

export interface Constraints extends Restrictions {
  /** Names of tensors that must get the same encoding; groups that share a tensor are one. */
  readonly agree?: readonly (readonly string[])[];
}

/** What the restrictions say of each item, in the items' order. */
export interface Allowances {
  readonly locks: readonly (string | undefined)[];
  readonly minBits: Float64Array;
  readonly maxBits: Float64Array;
}

/** EngineError "bad-request" for a lock or limit that selects nothing. `positions`: items by name. */
export function allowances(items: readonly BudgetItem[], positions: ReadonlyMap<string, number>, restrictions: Restrictions): Allowances {
  const locks = new Array<string | undefined>(items.length).fill(undefined);
  const minBits = new Float64Array(items.length);
  const maxBits = new Float64Array(items.length).fill(Infinity);
  for (const lock of restrictions.locks ?? []) for (const i of selected(items, positions, lock, "lock")) locks[i] = lock.encoding;
  for (const limit of restrictions.limits ?? []) {
    for (const i of selected(items, positions, limit, "limit")) {
      minBits[i] = Math.max(minBits[i], limit.minBits ?? 0);
      maxBits[i] = Math.min(maxBits[i], limit.maxBits ?? Infinity);
    }
  }
  return { locks, minBits, maxBits };
}

/** Do both say the same of an item? Limits on a locked one say nothing. */
export function sameAllowance(a: Allowances, b: Allowances, item: number): boolean {
  if (a.locks[item] !== b.locks[item]) return false;
  return a.locks[item] !== undefined || (a.minBits[item] === b.minBits[item] && a.maxBits[item] === b.maxBits[item]);
}

function selected(items: readonly BudgetItem[], positions: ReadonlyMap<string, number>, selector: Selector, what: string): readonly number[] {
  const { match, role } = selector;
  // A whole name, which most locks are, needs no look at the others.
  const named = match === undefined || match === "*" || role !== undefined ? undefined : positions.get(match);
  const found = named === undefined ? select(selector, items) : [named];
  if (found.length === 0) {
    const words = [match && `"${match}"`, role && `role ${role}`].filter(Boolean).join(" with ");
    throw new EngineError("bad-request", `The ${what} on ${words || "nothing"} matches no tensor that can be quantized.`);
  }
  return found;
}
