import type { ModelIndex, TensorInfo, TensorRole } from "../core/model";
import { alternatingParts, type RowPart } from "../core/rowOrder";
import { placeInName } from "./names";
import { type QkvRows, qkvRowsOf } from "./qkvRows";
import { moduleRole } from "./roles";

/** A part of a tensor that holds several, and the tensor of the other model that is the same weights. */
export interface FusedPart {
  readonly fused: TensorInfo;
  readonly single: TensorInfo;
  /** Its rows (of a vector: elements); undefined where nothing tells which they are. */
  readonly part: RowPart | undefined;
}

/**
 * Tensors of `whole` that hold tensors which the other model keeps singly: q, k and v; gate and up; the experts of a layer. Only
 * where each part is found, alone in its role and layer, and their rows add up. `leftWhole` and `leftSplit`: tensors that have no
 * counterpart yet.
 */
export function fusedParts(
  whole: ModelIndex, leftWhole: ReadonlySet<TensorInfo>, leftSplit: ReadonlySet<TensorInfo>,
): FusedPart[] {
  const singles = new Map<string, TensorInfo[]>();
  for (const t of leftSplit) {
    const role = moduleRole(t);
    if (t.layer === undefined || role === undefined) continue;
    const key = placeKey(t, role, t.expert);
    const group = singles.get(key);
    if (group) group.push(t);
    else singles.set(key, [t]);
  }
  const qkv = qkvRowsOf(whole);
  const gated = new Set(whole.tensors.flatMap((t) => (moduleRole(t) === "gate" && t.expert === undefined ? [t.layer] : [])));
  return [...leftWhole].flatMap((fused) => {
    if (fused.layer === undefined) return [];
    const qkvRows = qkv(fused);
    const parts = partKeys(fused, whole, qkvRows, gated).map((key) => singles.get(key) ?? []);
    if (parts.length < 2 || parts.some((found) => found.length !== 1)) return [];
    return placed(fused, parts.map(([t]) => t), qkvRows) ?? [];
  });
}

/** A number in a hostile file must not become a list of that length. */
const mostExperts = 4096;

const placeKey = (t: TensorInfo, role: TensorRole, expert: number | undefined) =>
  [t.layer, role, t.role === "bias" ? "bias" : "", expert ?? ""].join("|");

/** Where the parts of a tensor would be found, in its order; none where it is not known to have parts. */
function partKeys(t: TensorInfo, { format }: ModelIndex, qkv: QkvRows | undefined, gated: ReadonlySet<number | undefined>): string[] {
  const role = moduleRole(t);
  const module = placeInName(t.group || t.name).module.split(".").pop()!.toLowerCase();
  if (format === "gguf" && t.shape.length === 3 && module.endsWith("_exps")) {
    if (t.shape[0] > mostExperts) return [];
    return Array.from({ length: t.shape[0] }, (_, expert) => placeKey(t, role!, expert));
  }
  const roles = (...all: TensorRole[]) => all.map((one) => placeKey(t, one, undefined));
  if (qkv) return roles("q", "k", "v");
  if (role === "gate_up" && module === "gate_up_proj") return roles("gate", "up");
  // Where llama.cpp has no gate of its own, ffn_up holds it as its upper half (LLM_FFN_SWIGLU).
  if (format === "gguf" && module === "ffn_up" && !gated.has(t.layer)) return roles("gate", "up");
  return [];
}

/** The parts with their rows, or undefined where they are not the whole. */
function placed(fused: TensorInfo, parts: readonly TensorInfo[], qkv: QkvRows | undefined): FusedPart[] | undefined {
  const dimensions = fused.shape.length;
  const inner = fused.shape.slice(dimensions === 3 ? 2 : 1).join();
  const isLike = ({ shape }: TensorInfo) => shape.length === Math.min(2, dimensions) && shape.slice(1).join() === inner;
  const isEven = dimensions < 3 || parts.every(({ shape }) => shape[0] === fused.shape[1]);
  const total = parts.reduce((sum, { shape }) => sum + shape[0], 0);
  const rows = dimensions === 3 ? fused.shape[0] * fused.shape[1] : fused.shape[0];
  if (!parts.every(isLike) || !isEven || total !== rows) return undefined;
  if (qkv && qkv.kind !== "stacked") {
    const alternating = qkv.counts && alternatingParts(rows, qkv.counts);
    const fit = !alternating || parts.every(({ shape }, i) => shape[0] === alternating[i].rows * (alternating[i].every?.times ?? 1));
    return fit ? parts.map((single, i) => ({ fused, single, part: alternating?.[i] })) : undefined;
  }
  let first = 0;
  return parts.map((single) => {
    const part = { first, rows: single.shape[0] };
    first += part.rows;
    return { fused, single, part };
  });
}
