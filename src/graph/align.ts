import type { ModelIndex, TensorInfo, TensorRole } from "../core/model";
import { conventionOf, ggufName } from "./conventions";
import { fusedParts } from "./fused";
import { placeInName } from "./names";
import { blockRole, outerRole } from "./roleNames";

/** Two tensors that hold the same weights, and how their stored forms differ. */
export interface AlignedPair {
  readonly a: TensorInfo;
  readonly b: TensorInfo;
  /** That side keeps its rows in RoPE order for so many heads (core/rope.ts), the other does not. */
  readonly rope?: { readonly side: "a" | "b"; readonly heads: number };
  /** To be added to b (Gemma's norms: w in one file, 1 + w in the other). */
  readonly offset?: number;
  /** One model keeps head and embedding as one tensor: this pair is one's head and the other's embedding. */
  readonly tied?: boolean;
  /** That side's tensor holds others as well; these rows of it (of a vector: elements) are the other side's tensor. */
  readonly part?: { readonly side: "a" | "b"; readonly first: number; readonly rows: number };
}

export interface LeftOver {
  readonly a?: TensorInfo;
  readonly b?: TensorInfo;
  readonly reason: "missing" | "shape" | "unreadable" | "order";
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
  const conventions = { a: conventionOf(a), b: conventionOf(b) };
  const judged = matches.map((match) => judge(match, conventions));
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
  readonly part?: AlignedPair["part"];
}

type Conventions = Record<"a" | "b", ReturnType<typeof conventionOf>>;

/** Can they be compared, and what has to be undone? */
function judge({ a, b, tied, part }: Match, conventions: Conventions): AlignedPair | LeftOver {
  if (!part && squeezed(a) !== squeezed(b)) return { a, b, reason: "shape" };
  if (!a.storage || !b.storage) return { a, b, reason: "unreadable" };
  const [inA, inB] = [conventions.a(a), conventions.b(b)];
  const heads = inA.ropeHeads ?? inB.ropeHeads;
  const isTurned = (inA.ropeHeads === undefined) !== (inB.ropeHeads === undefined);
  if (isTurned && !canSplit(part?.side === "a" ? b : a, heads!)) return { a, b, reason: "order" };
  const offset = inA.add - inB.add;
  return {
    a, b,
    ...(isTurned && { rope: { side: inA.ropeHeads === undefined ? "b" : "a", heads: heads! } as const }),
    ...(offset !== 0 && { offset }),
    ...(tied && { tied }),
    ...(part && { part }),
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
  return path.replace(/^((model|transformer|base_model|backbone|language_model|decoder|network)\.)+/, "");
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
    for (const { fused, single, first, rows } of fusedParts(side === "a" ? a : b, left[side], left[other])) {
      const part = { side, first, rows };
      matches.push(side === "a" ? { a: fused, b: single, part } : { a: single, b: fused, part });
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

function canSplit({ elementCount, shape }: TensorInfo, heads: number): boolean {
  const rows = shape.length < 2 ? elementCount : shape[0];
  return heads > 0 && rows % heads === 0 && (rows / heads) % 2 === 0;
}
