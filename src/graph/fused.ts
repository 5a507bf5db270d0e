import type { ModelIndex, TensorInfo, TensorRole } from "../core/model";
import { keepsHeadsInPairs } from "./conventions";
import { placeInName } from "./names";
import { blockRole } from "./roleNames";

/** A part of a tensor that holds several, and the tensor of the other model that is the same weights. */
export interface FusedPart {
  readonly fused: TensorInfo;
  readonly single: TensorInfo;
  /** First row of the part (of a vector: element), and how many it has. */
  readonly first: number;
  readonly rows: number;
}

/**
 * Last parts of modules whose matrix is q above k above v. Not here, because they alternate by head or group: query_key_value
 * (GPT-NeoX, Falcon, BLOOM) and wqkv (InternLM2); llama.cpp's converter puts those in order, so attn_qkv always is.
 */
const queryKeyValue: ReadonlySet<string> = new Set(["qkv_proj", "qkv", "c_attn", "in_proj", "in_proj_weight", "in_proj_bias", "w_pack", "attn_qkv"]);

/**
 * Tensors of `whole` that hold, one below the other, tensors which `split` keeps singly: q, k and v; gate and up; the experts of a
 * layer. Only where each part is found, alone in its role and layer, and their rows add up. `leftWhole` and `leftSplit`: tensors
 * that have no counterpart yet.
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
  const gated = new Set(whole.tensors.flatMap((t) => (moduleRole(t) === "gate" && t.expert === undefined ? [t.layer] : [])));
  return [...leftWhole].flatMap((fused) => {
    if (fused.layer === undefined) return [];
    const parts = partKeys(fused, whole, gated).map((key) => singles.get(key) ?? []);
    if (parts.length < 2 || parts.some((found) => found.length !== 1)) return [];
    return stacked(fused, parts.map(([t]) => t)) ?? [];
  });
}

/** A number in a hostile file must not become a list of that length. */
const mostExperts = 4096;

/** The role of a tensor's module, of biases too. */
function moduleRole(t: TensorInfo): TensorRole | undefined {
  return t.role !== "bias" ? t.role : blockRole(placeInName(t.group || t.name).inBlock);
}

const placeKey = (t: TensorInfo, role: TensorRole, expert: number | undefined) =>
  [t.layer, role, t.role === "bias" ? "bias" : "", expert ?? ""].join("|");

/** Where the parts of a tensor would be found, in its order; none where it is not known to have parts. */
function partKeys(t: TensorInfo, { format, architecture }: ModelIndex, gated: ReadonlySet<number | undefined>): string[] {
  const role = moduleRole(t);
  const module = placeInName(t.group || t.name).module.split(".").pop()!.toLowerCase();
  if (format === "gguf" && t.shape.length === 3 && module.endsWith("_exps")) {
    if (t.shape[0] > mostExperts) return [];
    return Array.from({ length: t.shape[0] }, (_, expert) => placeKey(t, role!, expert));
  }
  const roles = (...all: TensorRole[]) => all.map((one) => placeKey(t, one, undefined));
  // Heads of a fused matrix may be in either order there, and nothing tells which.
  if (role === "qkv" && queryKeyValue.has(module) && !keepsHeadsInPairs(format, architecture) && !/bigcode/i.test(architecture)) return roles("q", "k", "v");
  if (role === "gate_up" && module === "gate_up_proj") return roles("gate", "up");
  // Where llama.cpp has no gate of its own, ffn_up holds it as its upper half (LLM_FFN_SWIGLU).
  if (format === "gguf" && module === "ffn_up" && !gated.has(t.layer)) return roles("gate", "up");
  return [];
}

/** The parts with their rows, or undefined where they are not the whole. */
function stacked(fused: TensorInfo, parts: readonly TensorInfo[]): FusedPart[] | undefined {
  const dimensions = fused.shape.length;
  const inner = fused.shape.slice(dimensions === 3 ? 2 : 1).join();
  const isLike = ({ shape }: TensorInfo) => shape.length === Math.min(2, dimensions) && shape.slice(1).join() === inner;
  if (!parts.every(isLike)) return undefined;
  let first = 0;
  const found = parts.map((single) => {
    const part = { fused, single, first, rows: single.shape[0] };
    first += part.rows;
    return part;
  });
  const isEven = dimensions < 3 || parts.every(({ shape }) => shape[0] === fused.shape[1]);
  return isEven && first === (dimensions === 3 ? fused.shape[0] * fused.shape[1] : fused.shape[0]) ? found : undefined;
}
