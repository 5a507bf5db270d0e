import type { FormatName } from "../core/model";

/** What a person decides about one budget: a size, and tensors whose encoding is settled. */
export interface BudgetChoice {
  /** Bytes of all weight files. */
  readonly fileBytes: number;
  /** Encoding by tensor name. */
  readonly locks: ReadonlyMap<string, string>;
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
    case "unlockAll":
      return present.locks.size === 0 ? history : after(history, { ...present, locks: new Map() });
  }
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
    return [{ target: c.target, fileBytes: c.fileBytes, locks }];
  });
  return { ...(isFormat(stored.target) ? { target: stored.target } : {}), choices };
}
