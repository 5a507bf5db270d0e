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

/** Stored bits per weight, scales included. */
export const bitsOf = (item: { readonly elementCount: number }, { bytes }: { readonly bytes: number }): number => (8 * bytes) / item.elementCount;

/** EngineError "bad-request" for a table that no measurement gives. */
export function checkItems(items: readonly BudgetItem[]): void {
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

/**
 * Tensors of one layer that vLLM runs as one matrix and that must then share a scheme: q, k and v; gate and up; all matrices of
 * all experts (compressed_tensors_moe.py, get_moe_method: "All MoE projections need to have same quantization scheme").
 */
export function fusedGroups(
  tensors: readonly { readonly name: string; readonly role?: TensorRole; readonly layer?: number; readonly expert?: number }[],
): string[][] {
  const groups = new Map<string, string[]>();
  for (const { name, role, layer, expert } of tensors) {
    const kind = role === undefined ? undefined : expert !== undefined ? expertRoles.has(role) && "experts" : fusedRoles.get(role);
    if (!kind || layer === undefined) continue;
    const group = groups.get(`${kind}/${layer}`);
    if (group) group.push(name);
    else groups.set(`${kind}/${layer}`, [name]);
  }
  return [...groups.values()].filter((group) => group.length > 1);
}

const expertRoles: ReadonlySet<TensorRole> = new Set(["gate", "up", "gate_up", "down"]);
const fusedRoles: ReadonlyMap<TensorRole, string> = new Map([["q", "qkv"], ["k", "qkv"], ["v", "qkv"], ["gate", "gate_up"], ["up", "gate_up"]]);
