import type { PanelPlan } from "../src/core/api/panel";
import type { SensitivityTable } from "../src/core/sensitivity";
import { barsOf, rowsInOrder } from "./bitsPlan";
import type { Entry } from "./state";

/** A layer as one bar: positions of its tensors in the table, in the file's order. */
export interface BudgetRow {
  readonly label: string;
  readonly elements: number;
  readonly tensors: readonly number[];
}

/** The table's tensors by layer; those that the panel's model does not name stand under "other". */
export function budgetRows(table: SensitivityTable, byName: ReadonlyMap<string, Entry>): BudgetRow[] {
  const known: { entry: Entry; position: number }[] = [];
  const others: number[] = [];
  table.tensors.forEach(({ name }, position) => {
    const entry = byName.get(name);
    if (entry) known.push({ entry, position });
    else others.push(position);
  });
  const bars = barsOf(known.map(({ entry }, index) => ({ ...entry, index })));
  const rows = [...bars].map(([label, members]) => row(table, label, members.map((i) => known[i].position)));
  if (others.length > 0) rows.push(row(table, "other", others));
  return rowsInOrder(rows);
}

const row = ({ tensors }: SensitivityTable, label: string, members: readonly number[]): BudgetRow => ({
  label,
  elements: members.reduce((n, i) => n + tensors[i].elementCount, 0),
  tensors: members,
});

type Labelled = { readonly name: string; readonly label: string };

/**
 * An encoding as people read it; uniform exports name those of a family that are not listed one by one. The type of the scales is the
 * container's business: the card has the full name.
 */
export function labelsOf(encodings: readonly Labelled[], uniforms: readonly Labelled[]): (encoding: string) => string {
  const labels = new Map([...uniforms, ...encodings].map((e) => [e.name, e.label]));
  return (encoding) => (encoding === "keep" ? "kept" : (labels.get(encoding) ?? labels.get(encoding.replace(/-b?f(16|32)\b/, "")) ?? encoding));
}

/** The candidate that the plan chose for a tensor. */
export const chosen = (table: SensitivityTable, plan: PanelPlan, tensor: number) => table.tensors[tensor].candidates[plan.choices[tensor]];

export const chosenBits = (table: SensitivityTable, plan: PanelPlan, tensor: number): number =>
  (8 * chosen(table, plan, tensor).bytes) / table.tensors[tensor].elementCount;

/** Least and most bits per weight that any tensor can have: the ends of the colour scale, which must not move with the slider. */
export function bitsRange({ tensors }: Pick<SensitivityTable, "tensors">): readonly [number, number] {
  let low = Infinity;
  let high = 0;
  for (const { elementCount, candidates } of tensors) {
    for (const { bytes } of candidates) {
      low = Math.min(low, (8 * bytes) / elementCount);
      high = Math.max(high, (8 * bytes) / elementCount);
    }
  }
  return low < high ? [low, high] : [0, Math.max(1, high)];
}

/** Mean bits per weight of some tensors. */
export function bitsOfTensors(which: readonly number[], { tensors }: SensitivityTable, bitsOf: (tensor: number) => number): number {
  let [bits, elements] = [0, 0];
  for (const t of which) {
    bits += bitsOf(t) * tensors[t].elementCount;
    elements += tensors[t].elementCount;
  }
  return bits / elements;
}

/** Least and most bits per weight that some tensor among these can have. */
export const possibleBits = ({ tensors }: SensitivityTable, which: readonly number[]) => bitsRange({ tensors: which.map((t) => tensors[t]) });

/** What the size of all weight files can be said in. */
export const sizeUnits = ["bytes", "bits", "gb", "gib"] as const;
export type SizeUnit = (typeof sizeUnits)[number];

/** A unit's name, and its bytes. "bytes" takes the decimal unit that suits the size. */
export function sizeUnit(unit: SizeUnit, fileBytes: number, parameterCount: number): { readonly label: string; readonly bytes: number } {
  switch (unit) {
    case "bytes":
      return byteUnit(fileBytes);
    case "bits":
      return { label: "bpw", bytes: parameterCount / 8 };
    case "gb":
      return { label: "GB of memory", bytes: 1e9 };
    case "gib":
      return { label: "GiB of memory", bytes: 2 ** 30 };
  }
}

/** "2.1", "1,024.5"; a comma that does not set off thousands is a decimal one, "2,1". NaN when it is neither. */
const parseNumber = (text: string): number =>
  Number(/^\d{1,3}(,\d{3})+(\.\d*)?$/.test(text) ? text.replaceAll(",", "") : text.replace(/^(\d*),(\d+)$/, "$1.$2"));

/** Bytes in a typed text: "2.1 MB", "900k", "8 GiB", "4.25 bpw", or a bare number in the unit shown. Undefined when it is none of these. */
export function parseSize(text: string, unit: { readonly bytes: number }, parameterCount: number): number | undefined {
  const match = /^([\d.,]+)\s*(b|bytes?|[kmgt]i?b?|bpw|bits?)?$/i.exec(text.trim());
  if (!match) return undefined;
  const value = parseNumber(match[1]);
  if (!(value > 0 && value < Infinity)) return undefined;
  const suffix = match[2]?.toLowerCase();
  if (suffix === undefined) return value * unit.bytes;
  if (suffix === "bpw" || suffix.startsWith("bit")) return (value * parameterCount) / 8;
  return value * (suffix[1] === "i" ? 1024 : 1000) ** "bkmgt".indexOf(suffix[0]);
}

/** Bits per weight in a typed text: "4", "4.5 bpw". Undefined when it is none. */
export function parseBits(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?|\.\d+)\s*(?:bpw|bits?)?$/i.exec(text.trim());
  const value = Number(match?.[1]);
  return value > 0 && value <= 64 ? value : undefined;
}

/** The largest decimal unit in which a size has a digit before the point. */
export function byteUnit(bytes: number): { readonly label: string; readonly bytes: number } {
  if (bytes >= 1e9) return { label: "GB", bytes: 1e9 };
  return bytes >= 1e6 ? { label: "MB", bytes: 1e6 } : { label: "kB", bytes: 1e3 };
}

/** The plan's error beside what the nearest uniform encoding of at least the plan's size has. */
export function nearestUniform<T extends { readonly byteLength: number }>(uniforms: readonly T[], byteLength: number): T | undefined {
  const distance = (u: T) => Math.abs(Math.log(u.byteLength / byteLength));
  return uniforms.reduce<T | undefined>((best, u) => (best === undefined || distance(u) < distance(best) ? u : best), undefined);
}
