import type { PanelLimit } from "../core/api/panel";
import { type FormatName, tensorRoles } from "../core/model";

/** What a person decides about one budget: a size, tensors whose encoding is settled, and bounds on the bits of others. */
export interface BudgetChoice {
  /** Bytes of all weight files. */
  readonly fileBytes: number;
  /** Encoding by tensor name. */
  readonly locks: ReadonlyMap<string, string>;
  /** At most one per tensor, and one per role. */
  readonly limits: readonly PanelLimit[];
}

/** The present choice with what came before it and what was undone. */
export interface BudgetHistory {
  readonly past: readonly BudgetChoice[];
  readonly present: BudgetChoice;
  readonly future: readonly BudgetChoice[];
  /** The present came from a slider that still moves: the next size takes its place. */
  readonly moving: boolean;
}

export type BudgetStep =
  | { readonly kind: "size"; readonly fileBytes: number; readonly final: boolean }
  | { readonly kind: "lock"; readonly tensors: readonly string[]; readonly encoding?: string }
  | { readonly kind: "limit"; readonly limit: PanelLimit }
  | { readonly kind: "unlockAll" }
  | { readonly kind: "undo" }
  | { readonly kind: "redo" };

const mostSteps = 200;

export const startHistory = (present: BudgetChoice): BudgetHistory => ({ past: [], present, future: [], moving: false });

/** The history after one step; the same object when nothing changes. */
export function stepHistory(history: BudgetHistory, step: BudgetStep): BudgetHistory {
  const { past, present, future } = history;
  switch (step.kind) {
    case "undo":
      if (past.length === 0) return history;
      return { past: past.slice(0, -1), present: past[past.length - 1], future: [present, ...future], moving: false };
    case "redo":
      if (future.length === 0) return history;
      return { past: [...past, present], present: future[0], future: future.slice(1), moving: false };
    case "size": {
      const moving = !step.final;
      if (history.moving) return { past, present: { ...present, fileBytes: step.fileBytes }, future: [], moving };
      if (step.fileBytes === present.fileBytes) return history;
      return after(history, { ...present, fileBytes: step.fileBytes }, moving);
    }
    case "lock": {
      const locks = new Map(present.locks);
      for (const name of step.tensors) {
        if (step.encoding === undefined) locks.delete(name);
        else locks.set(name, step.encoding);
      }
      return sameLocks(locks, present.locks) ? history : after(history, { ...present, locks });
    }
    case "limit": {
      const limits = withLimit(present.limits, step.limit);
      return limits === present.limits ? history : after(history, { ...present, limits });
    }
    case "unlockAll":
      return present.locks.size + present.limits.length === 0 ? history : after(history, { ...present, locks: new Map(), limits: [] });
  }
}

/** The limits with one set anew, in place of the one before it; the same object when nothing changes. */
function withLimit(limits: readonly PanelLimit[], next: PanelLimit): readonly PanelLimit[] {
  const place = limits.findIndex((l) => l.tensor === next.tensor && l.role === next.role);
  const before = place < 0 ? undefined : limits[place];
  if (before?.minBits === next.minBits && before?.maxBits === next.maxBits) return limits;
  const isOne = next.minBits !== undefined || next.maxBits !== undefined;
  if (place < 0) return [...limits, next];
  return isOne ? limits.with(place, next) : limits.toSpliced(place, 1);
}

function after({ past, present }: BudgetHistory, next: BudgetChoice, moving = false): BudgetHistory {
  return { past: [...past, present].slice(-mostSteps), present: next, future: [], moving };
}

function sameLocks(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([name, encoding]) => b.get(name) === encoding);
}

/** What is kept of a budget across reloads of the window. Plain data. */
export interface StoredBudget {
  readonly target?: FormatName;
  readonly choices: readonly {
    readonly target: FormatName;
    readonly fileBytes: number;
    readonly locks: readonly (readonly [tensor: string, encoding: string])[];
    readonly limits: readonly PanelLimit[];
  }[];
}

const formats: readonly FormatName[] = ["safetensors", "gguf", "onnx"];
const isFormat = (value: unknown): value is FormatName => formats.includes(value as FormatName);

/** Stored state as it should be, or undefined: a later version, or a damaged store, may hold anything. */
export function parseStoredBudget(value: unknown): StoredBudget | undefined {
  const stored = value as { target?: unknown; choices?: unknown } | null | undefined;
  if (typeof stored !== "object" || stored === null || !Array.isArray(stored.choices)) return undefined;
  const choices = (stored.choices as Record<string, unknown>[]).flatMap((c) => {
    if (typeof c !== "object" || c === null || !isFormat(c.target)) return [];
    if (typeof c.fileBytes !== "number" || !(c.fileBytes > 0 && c.fileBytes < Infinity) || !Array.isArray(c.locks)) return [];
    const locks = (c.locks as unknown[]).filter(
      (l): l is [string, string] => Array.isArray(l) && l.length === 2 && l.every((x) => typeof x === "string"),
    );
    // Earlier versions stored none.
    const limits = Array.isArray(c.limits) ? (c.limits as unknown[]).flatMap((l) => parseLimit(l) ?? []) : [];
    return [{ target: c.target, fileBytes: c.fileBytes, locks, limits }];
  });
  return { ...(isFormat(stored.target) ? { target: stored.target } : {}), choices };
}

/** A limit of one tensor or one role with at least one bound; undefined where it is none. */
export function parseLimit(value: unknown): PanelLimit | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { tensor, role, minBits, maxBits } = value as Record<string, unknown>;
  const isBits = (bits: unknown): bits is number | undefined => bits === undefined || (typeof bits === "number" && bits > 0 && bits < Infinity);
  const known = tensorRoles.find((r) => r === role);
  if (!isBits(minBits) || !isBits(maxBits) || (typeof tensor === "string") === (known !== undefined) || (role !== undefined && !known)) return undefined;
  return {
    ...(typeof tensor === "string" ? { tensor } : { role: known }),
    ...(minBits !== undefined && { minBits }),
    ...(maxBits !== undefined && { maxBits }),
  };
}
