import type { RecipeFacts } from "../../core/api/engine";
import { keep } from "../../core/recipe";
import type { SensitivityTable, SensitivityTensor } from "../../core/sensitivity";
import { encodingWithGroup } from "../../budget/apply";
import { select } from "../../budget/items";
import type { Draft, DraftRule } from "./draft";

type Tensor = RecipeFacts["tensors"][number];

/** What is known of the model that a recipe is for. */
export interface Knowledge {
  readonly facts: RecipeFacts;
  /** Measured errors; undefined where nothing was measured yet. */
  readonly table?: SensitivityTable;
}

/** Tensors that a rule selects, and those of them that no later rule decides about. */
export interface Reach {
  readonly selected: readonly Tensor[];
  readonly decided: readonly Tensor[];
}

/** Patterns times tensors that are tried while a person waits; in larger recipes later rules are left out of account. */
const mostTried = 5_000_000;

/** Tensors that the rule's pattern and role select; none for a pattern that is not understood. */
export function selectedBy({ match, role }: DraftRule, { tensors }: RecipeFacts): readonly Tensor[] {
  if (match === undefined) return [];
  try {
    return select({ match, role }, tensors).map((i) => tensors[i]);
  } catch {
    return [];
  }
}

export function reachOf({ rules }: Draft, r: number, facts: RecipeFacts): Reach {
  const selected = selectedBy(rules[r] ?? { fallback: [] }, facts);
  const following = (rules.length - r) * facts.tensors.length > mostTried ? [] : rules.slice(r + 1);
  const later = new Set(following.flatMap((rule) => selectedBy(rule, facts)));
  return { selected, decided: selected.filter((t) => !later.has(t)) };
}

/** Encodings in the order in which a rule tries them, groups in their names. */
export const wantedBy = ({ encoding, fallback, group }: DraftRule): string[] =>
  [...(encoding === undefined ? [] : [encoding]), ...fallback].map((e) => (e === keep ? e : encodingWithGroup(e, group)));

/** What one encoding makes of some tensors. */
export interface Outcome {
  /** Names given, and full names: "int4-g32" and "int4-g32-bf16". */
  readonly encodings: readonly string[];
  /** Tensors that can take it, and those that cannot. */
  readonly taken: readonly Tensor[];
  readonly refused: readonly Tensor[];
  readonly elements: number;
  /** Of those that take it. */
  readonly bytesBefore: number;
  readonly bytes: number;
  readonly error: MeasuredError;
}

/** Σ(w − ŵ)² over Σw² of the tensors that were measured; `missing` counts the others. */
export interface MeasuredError {
  readonly relative?: number;
  readonly missing: number;
}

/** What becomes of the tensors when each takes the first of the encodings that it can. */
export function outcomeOf(tensors: readonly Tensor[], wanted: readonly string[], { facts, table }: Knowledge): Outcome {
  const measured = table && rowsOf(table);
  const byKind = new Map<number, Taken | undefined>();
  const encodings = new Set<string>();
  const taken: Tensor[] = [];
  const refused: Tensor[] = [];
  let [elements, bytesBefore, bytes, squaredError, squares, missing] = [0, 0, 0, 0, 0, 0];
  for (const tensor of tensors) {
    const { kind } = tensor;
    if (!byKind.has(kind)) byKind.set(kind, takenBy(facts.kinds[kind], wanted));
    const found = byKind.get(kind);
    if (!found) {
      refused.push(tensor);
      continue;
    }
    taken.push(tensor);
    encodings.add(found.as);
    elements += tensor.shape.reduce((a, b) => a * b, 1);
    bytesBefore += tensor.byteLength;
    bytes += found.bytes ?? tensor.keptBytes;
    const row = measured?.get(tensor.name);
    const error = found.as === keep ? 0 : row?.candidates.find((c) => c.encoding === found.as)?.squaredError;
    if (error === undefined || row?.sumOfSquares === undefined) missing++;
    else [squaredError, squares] = [squaredError + error, squares + row.sumOfSquares];
  }
  const known = taken.length > missing;
  return {
    encodings: [...encodings],
    taken,
    refused,
    elements,
    bytesBefore,
    bytes,
    error: { ...(known && { relative: squares > 0 ? squaredError / squares : 0 }), missing },
  };
}

interface Taken {
  readonly as: string;
  /** Absent for "keep": what the tensor has. */
  readonly bytes?: number;
}

/** The first of the encodings that tensors of this kind can take, by its full name there. */
function takenBy(kind: RecipeFacts["kinds"][number], wanted: readonly string[]): Taken | undefined {
  for (const name of wanted) {
    const key = name.toLowerCase();
    const found =
      name === keep ? { as: keep } : kind.find((k) => k.encoding.toLowerCase() === key || k.as.toLowerCase() === key);
    if (found) return found.as === keep ? { as: keep } : found;
  }
  return undefined;
}

const rows = new WeakMap<SensitivityTable, ReadonlyMap<string, SensitivityTensor>>();

/** The table's rows by name, found once. */
function rowsOf(table: SensitivityTable): ReadonlyMap<string, SensitivityTensor> {
  let found = rows.get(table);
  if (!found) rows.set(table, (found = new Map(table.tensors.map((t) => [t.name, t]))));
  return found;
}

/** Groups that people choose from. */
export const usualGroups = [16, 32, 64, 128, 256];

/** Every encoding that a recipe names, and with the usual groups: what the model's facts have to cover. */
export function namesToAsk({ rules }: Draft): readonly string[] {
  const names = rules.flatMap((rule) => {
    const { encoding } = rule;
    const grouped = encoding !== undefined && /^(int|lsbq|ternary)/.test(encoding);
    return [...wantedBy(rule), ...(grouped ? usualGroups.map((group) => encodingWithGroup(encoding, group)) : [])];
  });
  return [...new Set(names)].filter((name) => name !== keep && name !== "").sort();
}
