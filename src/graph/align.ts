import type { Undone } from "../core/api/compare";
import type { ModelIndex, TensorInfo, TensorRole } from "../core/model";
import { partOrder, ropeOrder, type RowOrder, type RowPart } from "../core/rowOrder";
import { conventionOf, ggufName } from "./conventions";
import { fusedParts } from "./fused";
import { placeInName } from "./names";
import { qkvRowsOf, sorting } from "./qkvRows";
import { blockRole, outerRole } from "./roleNames";

/** Two tensors that hold the same weights, and how their stored forms differ. */
export interface AlignedPair {
  readonly a: TensorInfo;
  readonly b: TensorInfo;
  /** That side's rows (of a vector: elements) that are compared, in an order that both share; absent: as the file has them. */
  readonly rows?: { readonly a?: RowOrder; readonly b?: RowOrder };
  /** That side's tensor holds others as well; these rows of it are the other side's tensor. */
  readonly part?: RowPart & { readonly side: "a" | "b" };
  /** To be added to b (Gemma's norms: w in one file, 1 + w in the other). */
  readonly offset?: number;
  readonly undone: readonly Undone[];
}

export interface LeftOver {
  readonly a?: TensorInfo;
  readonly b?: TensorInfo;
  readonly reason: "missing" | "shape" | "unreadable" | "order";
  /** "order": the side whose model does not tell how heads share its rows. */
  readonly side?: "a" | "b";
}

export interface Alignment {
  /** In a's order. */
  readonly pairs: readonly AlignedPair[];
  /** Both given: counterparts that cannot be compared. */
  readonly unmatched: readonly LeftOver[];
}

/**
 * Finds each tensor's counterpart, surest evidence first: the same name; the same module path as exporters write it; the GGUF name
 * of a Hugging Face name; the same role, block and shape; rows of a tensor that holds several (graph/fused.ts). A key that two
 * tensors of a model share is no evidence.
 */
export function align(a: ModelIndex, b: ModelIndex): Alignment {
  const left = { a: new Set(a.tensors), b: new Set(b.tensors) };
  const matches: Match[] = [];
  /** Counterparts by name whose shapes differ: one of them may hold several tensors. */
  const odd: Match[] = [];
  const gguf = [a, b].find((index) => index.format === "gguf")?.architecture;
  const keys: readonly ((t: TensorInfo, index: ModelIndex) => string | undefined)[] = [
    (t) => t.name,
    (t) => modulePath(t),
    (t) => withoutWrappers(modulePath(t)),
    (t, index) => (gguf === undefined ? undefined : index.format === "gguf" ? t.name : ggufName(withoutWrappers(modulePath(t)), gguf)),
    roleKey,
  ];
  for (const key of keys) {
    const inB = unique(left.b, (t) => key(t, b));
    for (const [name, x] of unique(left.a, (t) => key(t, a))) {
      const y = inB.get(name);
      if (!y) continue;
      (squeezed(x) === squeezed(y) ? matches : odd).push({ a: x, b: y });
      left.a.delete(x);
      left.b.delete(y);
    }
  }
  for (const match of odd) {
    left.a.add(match.a);
    left.b.add(match.b);
  }
  matches.push(...fusedMatches(a, b, left));
  for (const match of odd) {
    if (!left.a.has(match.a) || !left.b.has(match.b)) continue;
    matches.push(match);
    left.a.delete(match.a);
    left.b.delete(match.b);
  }
  matches.push(...tiedMatches(a, b, left));

  const position = new Map(a.tensors.map((t, i) => [t, i]));
  matches.sort((x, y) => position.get(x.a)! - position.get(y.a)!);
  const knowledge = { a: knowledgeOf(a), b: knowledgeOf(b) };
  const judged = matches.map((match) => judge(match, knowledge));
  return {
    pairs: judged.flatMap((one) => ("reason" in one ? [] : [one])),
    unmatched: [
      ...judged.flatMap((one) => ("reason" in one ? [one] : [])),
      ...[...left.a].map((t): LeftOver => ({ a: t, reason: "missing" })),
      ...[...left.b].map((t): LeftOver => ({ b: t, reason: "missing" })),
    ],
  };
}

interface Match {
  readonly a: TensorInfo;
  readonly b: TensorInfo;
  readonly tied?: boolean;
  /** That side's tensor holds the other one; which of its rows that are may be unknown. */
  readonly within?: { readonly side: "a" | "b"; readonly part: RowPart | undefined };
}

const knowledgeOf = (index: ModelIndex) => ({ convention: conventionOf(index), qkv: qkvRowsOf(index) });
type Knowledge = Record<"a" | "b", ReturnType<typeof knowledgeOf>>;

/** Can they be compared, and what has to be undone? */
function judge({ a, b, tied, within }: Match, knowledge: Knowledge): AlignedPair | LeftOver {
  if (!within && squeezed(a) !== squeezed(b)) return { a, b, reason: "shape" };
  if (!a.storage || !b.storage) return { a, b, reason: "unreadable" };
  const unknown = (side: "a" | "b"): LeftOver => ({ a, b, reason: "order", side });
  const rows: { a?: RowOrder; b?: RowOrder } = {};
  if (within) {
    if (!within.part) return unknown(within.side);
    rows[within.side] = partOrder(within.part);
  }
  const sorted = within ? undefined : sorting(knowledge.a.qkv(a), knowledge.b.qkv(b), rowsOf(a));
  if (sorted) {
    if (!sorted.order) return unknown(sorted.side);
    rows[sorted.side] = sorted.order;
  }
  const [inA, inB] = [knowledge.a.convention(a), knowledge.b.convention(b)];
  const isTurned = (inA.ropeHeads === undefined) !== (inB.ropeHeads === undefined);
  if (isTurned) {
    const [side, tensor, heads] = inA.ropeHeads === undefined ? ["b" as const, b, inB.ropeHeads!] : ["a" as const, a, inA.ropeHeads];
    if (!canSplit(tensor, heads)) return unknown(side);
    rows[side] = ropeOrder(rowsOf(tensor), heads);
  }
  const offset = inA.add - inB.add;
  return {
    a, b,
    ...((rows.a ?? rows.b) && { rows }),
    ...(within?.part && { part: { side: within.side, ...within.part } }),
    ...(offset !== 0 && { offset }),
    undone: [
      ...(isTurned ? ["rope" as const] : []),
      ...(sorted ? ["alternating" as const] : []),
      ...(offset !== 0 ? ["norm-offset" as const] : []),
      ...(tied ? ["tied-head" as const] : []),
      ...(within ? ["fused" as const] : []),
    ],
  };
}

/** Tensors by key, without those whose key is not theirs alone. */
function unique(tensors: Iterable<TensorInfo>, key: (t: TensorInfo) => string | undefined): Map<string, TensorInfo> {
  const byKey = new Map<string, TensorInfo | undefined>();
  for (const t of tensors) {
    const name = key(t);
    if (name !== undefined) byKey.set(name, byKey.has(name) ? undefined : t);
  }
  return new Map([...byKey].filter((entry): entry is [string, TensorInfo] => entry[1] !== undefined));
}

/** "model.layers.0.mlp.up_proj.weight" of ONNX's "/model/layers.0/mlp/up_proj/MatMul.weight_T" or of a made-up name. */
function modulePath(t: TensorInfo): string {
  const own = placeInName(t.name);
  const grouped = t.group ? placeInName(t.group) : own;
  const parameter = own.parameter || (t.role === "bias" ? "bias" : "weight");
  return `${grouped.module}.${parameter.toLowerCase()}`;
}

/** Classes wrap the network in a module of their own. */
function withoutWrappers(path: string): string {
  return path.replace(/^((model|transformer|gpt_neox|base_model|backbone|language_model|decoder|network)\.)+/, "");
}

/** What a tensor is to its network; the shape keeps other networks' like-named parts away. */
function roleKey(t: TensorInfo): string | undefined {
  const { inBlock, module } = placeInName(t.group || t.name);
  const path = inBlock || module;
  const role = t.role !== "bias" ? t.role : t.layer === undefined ? outerRole(path) : blockRole(path);
  if (!role || role === "other" || role === "conv" || role === "bias" || (role === "norm" && t.layer !== undefined)) return undefined;
  return [role, t.role === "bias" ? "bias" : "", t.layer ?? "", t.expert ?? "", squeezed(t)].join("|");
}

/** What is matched is taken out of `left`. */
function fusedMatches(a: ModelIndex, b: ModelIndex, left: { readonly a: Set<TensorInfo>; readonly b: Set<TensorInfo> }): Match[] {
  const matches: Match[] = [];
  for (const side of ["a", "b"] as const) {
    const other = side === "a" ? "b" : "a";
    for (const { fused, single, part } of fusedParts(side === "a" ? a : b, left[side], left[other])) {
      const within = { side, part };
      matches.push(side === "a" ? { a: fused, b: single, within } : { a: single, b: fused, within });
      left[side].delete(fused);
      left[other].delete(single);
    }
  }
  return matches;
}

/** The shape without dimensions of 1. */
function squeezed({ shape }: TensorInfo): string {
  return shape.filter((n) => n !== 1).join("×");
}

/**
 * A head (or embedding) whose model has both, while the other model has one tensor for both. What is matched here is taken out of
 * `left`; the one tensor may be matched already.
 */
function tiedMatches(a: ModelIndex, b: ModelIndex, left: { readonly a: Set<TensorInfo>; readonly b: Set<TensorInfo> }): Match[] {
  const matches: Match[] = [];
  const other = { head: "embedding", embedding: "head" } as const;
  const keyOf = (role: TensorRole, t: TensorInfo) => `${role}|${squeezed(t)}`;
  const grouped = (index: ModelIndex) => {
    const groups = new Map<string, TensorInfo[]>();
    for (const t of index.tensors) {
      if (t.role !== "head" && t.role !== "embedding") continue;
      const key = keyOf(t.role, t);
      const group = groups.get(key);
      if (group) group.push(t);
      else groups.set(key, [t]);
    }
    return groups;
  };
  const [inA, inB] = [grouped(a), grouped(b)];
  const find = (t: TensorInfo, groups: ReadonlyMap<string, readonly TensorInfo[]>): TensorInfo | undefined => {
    if (t.role !== "head" && t.role !== "embedding") return undefined;
    const candidates = groups.get(keyOf(other[t.role], t)) ?? [];
    return !groups.has(keyOf(t.role, t)) && candidates.length === 1 ? candidates[0] : undefined;
  };
  for (const x of [...left.a]) {
    const y = find(x, inB);
    if (!y) continue;
    matches.push({ a: x, b: y, tied: true });
    left.a.delete(x);
    left.b.delete(y);
  }
  for (const y of [...left.b]) {
    const x = find(y, inA);
    if (!x) continue;
    matches.push({ a: x, b: y, tied: true });
    left.b.delete(y);
    left.a.delete(x);
  }
  return matches;
}

/** Rows of a matrix, elements of a vector; nothing here has more than two dimensions. */
const rowsOf = ({ shape }: TensorInfo): number => shape[0];

function canSplit(tensor: TensorInfo, heads: number): boolean {
  return heads > 0 && rowsOf(tensor) % heads === 0 && (rowsOf(tensor) / heads) % 2 === 0;
}
