import type { EncodingInfo, ExportChoice } from "../src/core/api/engine";
import type { TensorRole } from "../src/core/model";
import type { SensitivityTable, SensitivityTensor } from "../src/core/sensitivity";
import { moduleGroups } from "./charts/moduleLayout";
import type { Entry, PanelTensor } from "./state";

/** Kinds of tensors that a bar is stacked of. */
export const kinds = ["embedding and head", "attention", "feed-forward", "norms and biases", "other"] as const;
const kindOf: Readonly<Record<TensorRole, number>> = {
  embedding: 0,
  head: 0,
  q: 1,
  k: 1,
  v: 1,
  qkv: 1,
  o: 1,
  gate: 2,
  up: 2,
  gate_up: 2,
  down: 2,
  router: 2,
  attn_norm: 3,
  ffn_norm: 3,
  norm: 3,
  bias: 3,
  conv: 4,
  other: 4,
};

export interface TensorCost {
  readonly bytes: number;
  /** True bits from a measured error row, or the encoding's nominal ones; false when the tensor stays as it is. */
  readonly changed: boolean;
}

/**
 * What one tensor would take under an encoding: matrices whose rows fit its blocks change, everything else stays. `measured`:
 * the analysis tried this encoding, so that a matrix without an error row for it cannot take it.
 */
export function costUnder(entry: Entry, encoding: EncodingInfo | undefined, measured = true): TensorCost {
  const { tensor, report } = entry;
  const stays = { bytes: tensor.byteLength, changed: false };
  if (!encoding || tensor.shape.length < 2 || tensor.elementCount === 0) return stays;
  const row = report?.errors.find((e) => e.encoding === encoding.name);
  if (row) return { bytes: Math.ceil((tensor.elementCount * row.bitsPerWeight) / 8), changed: true };
  if (measured && report && report.errors.length > 0) return stays;
  const columns = tensor.elementCount / tensor.shape[0];
  if (!(encoding.blockElements > 0) || columns % encoding.blockElements !== 0) return stays;
  return { bytes: Math.ceil((tensor.elementCount * encoding.bitsPerWeight) / 8), changed: true };
}

/** A layer of the network, or its ends, as one bar. */
export interface BitsRow {
  readonly label: string;
  readonly elements: number;
  /** Bytes by kind. */
  readonly before: Float64Array;
  readonly after: Float64Array;
  /** Lowest SQNR in the layer and whose it is; NaN until it is known of every tensor that changes. */
  readonly worst: number;
  readonly worstTensor?: string;
  readonly members: readonly number[];
}

export interface BitsPlan {
  readonly rows: readonly BitsRow[];
  readonly elements: number;
  readonly before: number;
  readonly after: number;
  readonly changed: number;
  /** Tensors that were analysed and change into an encoding whose error nobody measured. */
  readonly unmeasured: number;
}

/** The label of the bar a tensor belongs to, in a network of layers. */
const barOf = ({ layer, role }: PanelTensor): string =>
  layer !== undefined ? `${layer}` : role === "embedding" ? "embed" : role === "head" ? "head" : "other";

/** Bars by label; a member is an entry's `index` (without layers: its position). */
export function barsOf(entries: readonly Entry[]): Map<string, number[]> {
  if (!entries.some((e) => e.tensor.layer !== undefined)) return moduleGroups(entries.map((e) => e.tensor));
  const groups = new Map<string, number[]>();
  for (const { tensor, index } of entries) {
    const members = groups.get(barOf(tensor));
    if (members) members.push(index);
    else groups.set(barOf(tensor), [index]);
  }
  return groups;
}

/** What becomes of each tensor: as the engine assigned it where it said so, else by the encoding's own rule. */
function costs(entries: readonly Entry[], plan: BitsTarget): (entry: Entry) => TensorCost & { readonly into?: string } {
  const { encoding, choice, encodings } = plan;
  if (choice) {
    const omitted = new Set(choice.omitted);
    const into = new Map(choice.assigned.flatMap(({ encoding: name, tensors }) => tensors.map((i) => [i, name] as const)));
    const bits = new Map(encodings.map((e) => [e.name, e.bitsPerWeight]));
    return ({ index, tensor, report }) => {
      const name = into.get(index);
      if (name === undefined) return { bytes: omitted.has(index) ? 0 : tensor.byteLength, changed: false };
      const stored = report?.errors.find((e) => (e.stored ?? e.encoding) === name)?.bitsPerWeight;
      const perWeight = stored ?? bits.get(name) ?? encoding?.bitsPerWeight ?? NaN;
      return { bytes: Math.ceil((tensor.elementCount * perWeight) / 8), changed: true, into: name };
    };
  }
  const measured = entries.some((e) => e.report?.errors.some((x) => x.encoding === encoding?.name));
  return (entry) => ({ ...costUnder(entry, encoding, measured), into: encoding?.name });
}

export interface BitsTarget {
  readonly encoding: EncodingInfo | undefined;
  /** The engine's own plan for the written file, where it made one. */
  readonly choice?: ExportChoice;
  readonly encodings: readonly EncodingInfo[];
  /** Errors that were measured for the bit budget of the same container. */
  readonly table?: SensitivityTable;
}

/** F32 holds whatever is read, so it is never the worst; its error is not measured. */
const holdsAll = "f32";

/** Of the very encoding: from the analysis, or else from the budget's measurement; undefined where neither measured it. */
function sqnrOf({ tensor, report }: Entry, encoding: string | undefined, table: SensitivityTable | undefined): number | undefined {
  if (encoding === holdsAll || tensor.elementCount === 0) return Infinity;
  const analysed = report?.errors.find((e) => (e.stored ?? e.encoding) === encoding);
  if (analysed) return analysed.sqnr;
  const measured = table && byName(table).get(tensor.name)?.candidates.find((c) => c.encoding === encoding);
  return measured && report ? 10 * Math.log10(report.stats.sumOfSquares / measured.squaredError) : undefined;
}

const tables = new WeakMap<SensitivityTable, ReadonlyMap<string, SensitivityTensor>>();

function byName(table: SensitivityTable): ReadonlyMap<string, SensitivityTensor> {
  const known = tables.get(table) ?? new Map(table.tensors.map((t) => [t.name, t]));
  tables.set(table, known);
  return known;
}

/** Bytes per layer, today and under one target for every tensor that can take it. */
export function bitsPlan(entries: readonly Entry[], target: BitsTarget): BitsPlan {
  const groups = barsOf(entries);
  const costOf = costs(entries, target);
  let [before, after, elements, changed, unmeasured] = [0, 0, 0, 0, 0];
  const rows = [...groups].map(([label, indices]): BitsRow => {
    const members = indices.map((i) => entries[i]);
    const row = { before: new Float64Array(kinds.length), after: new Float64Array(kinds.length) };
    let [n, worst, isKnown] = [0, Infinity, true];
    let worstTensor: string | undefined;
    for (const e of members) {
      const cost = costOf(e);
      const kind = kindOf[e.tensor.role];
      row.before[kind] += e.tensor.byteLength;
      row.after[kind] += cost.bytes;
      before += e.tensor.byteLength;
      after += cost.bytes;
      n += e.tensor.elementCount;
      if (!cost.changed) continue;
      changed++;
      const sqnr = sqnrOf(e, cost.into, target.table);
      if (sqnr === undefined) isKnown = false;
      if (sqnr === undefined && e.report) unmeasured++;
      if (sqnr !== undefined && sqnr < worst) {
        worst = sqnr;
        worstTensor = e.tensor.name;
      }
    }
    elements += n;
    return {
      label,
      elements: n,
      ...row,
      ...(isKnown && worst !== Infinity ? { worst, worstTensor } : { worst: NaN }),
      members: indices,
    };
  });
  return { rows: rowsInOrder(rows), elements, before, after, changed, unmeasured };
}

/** The embedding first, layers by number, then the rest. */
export function rowsInOrder<Row extends { readonly label: string }>(rows: readonly Row[]): Row[] {
  const rank = (r: Row) => (r.label === "embed" ? -1 : /^\d+$/.test(r.label) ? Number(r.label) : Infinity);
  return rows
    .map((r, i) => [r, i] as const)
    .sort(([a, i], [b, j]) => (rank(a) === rank(b) ? i - j : rank(a) - rank(b)))
    .map(([r]) => r);
}

export const total = (bytes: Float64Array): number => bytes.reduce((a, b) => a + b, 0);
