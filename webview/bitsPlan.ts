import type { EncodingInfo, ExportChoice } from "../src/core/api/engine";
import type { TensorRole } from "../src/core/model";
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

/** What one tensor would take under an encoding: matrices whose rows fit its blocks change, everything else stays. */
export function costUnder(entry: Entry, encoding: EncodingInfo | undefined): TensorCost {
  const { tensor, report } = entry;
  const stays = { bytes: tensor.byteLength, changed: false };
  if (!encoding || tensor.shape.length < 2 || tensor.elementCount === 0) return stays;
  const measured = report?.errors.find((e) => e.encoding === encoding.name);
  if (measured) return { bytes: Math.ceil((tensor.elementCount * measured.bitsPerWeight) / 8), changed: true };
  if (report && report.errors.length > 0) return stays;
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
  /** Lowest SQNR in the layer under the encoding, and whose it is; NaN until computed. */
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
  /** The engine's own prediction for the written file, where it made one. */
  readonly choice?: ExportChoice;
}

/** The label of the bar a tensor belongs to. */
function barOf(tensor: PanelTensor, hasLayers: boolean): string {
  if (tensor.layer !== undefined && hasLayers) return `${tensor.layer}`;
  if (!hasLayers) return (tensor.group || tensor.name).split(/[./]/).slice(0, 2).join(".");
  return tensor.role === "embedding" ? "embed" : tensor.role === "head" ? "head" : "other";
}

/** Bytes per layer, today and under one encoding for every tensor that can take it. */
export function bitsPlan(entries: readonly Entry[], encoding: EncodingInfo | undefined, choice?: ExportChoice): BitsPlan {
  const hasLayers = entries.some((e) => e.tensor.layer !== undefined);
  const groups = new Map<string, Entry[]>();
  for (const e of entries) {
    const label = barOf(e.tensor, hasLayers);
    const members = groups.get(label);
    if (members) members.push(e);
    else groups.set(label, [e]);
  }
  let [before, after, elements, changed] = [0, 0, 0, 0];
  const rows = [...groups].map(([label, members]): BitsRow => {
    const row = { before: new Float64Array(kinds.length), after: new Float64Array(kinds.length) };
    let [n, worst] = [0, Infinity];
    let worstTensor: string | undefined;
    for (const e of members) {
      const cost = costUnder(e, encoding);
      const kind = kindOf[e.tensor.role];
      row.before[kind] += e.tensor.byteLength;
      row.after[kind] += cost.bytes;
      before += e.tensor.byteLength;
      after += cost.bytes;
      n += e.tensor.elementCount;
      if (cost.changed) changed++;
      const sqnr = e.report?.errors.find((x) => x.encoding === encoding?.name)?.sqnr ?? NaN;
      if (cost.changed && sqnr < worst) {
        worst = sqnr;
        worstTensor = e.tensor.name;
      }
    }
    elements += n;
    return {
      label,
      elements: n,
      ...row,
      worst: worst === Infinity ? NaN : worst,
      worstTensor,
      members: members.map((m) => m.index),
    };
  });
  return { rows: inOrder(rows), elements, before, after, changed, choice };
}

/** The embedding first, layers by number, then the rest. */
function inOrder(rows: readonly BitsRow[]): BitsRow[] {
  const rank = (r: BitsRow) => (r.label === "embed" ? -1 : /^\d+$/.test(r.label) ? Number(r.label) : Infinity);
  return rows
    .map((r, i) => [r, i] as const)
    .sort(([a, i], [b, j]) => (rank(a) === rank(b) ? i - j : rank(a) - rank(b)))
    .map(([r]) => r);
}

export const total = (bytes: Float64Array): number => bytes.reduce((a, b) => a + b, 0);
