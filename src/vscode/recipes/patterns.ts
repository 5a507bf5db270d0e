import type { RecipeFacts } from "../../core/api/engine";
import type { TensorRole } from "../../core/model";
import { familyOf } from "../../budget/compress";
import { select } from "../../budget/items";
import { patternFor } from "../../budget/patternOf";

type Tensor = RecipeFacts["tensors"][number];

export interface OfferedPattern {
  readonly pattern: string;
  /** What it stands for: "q, k and v". */
  readonly what: string;
  readonly tensors: readonly Tensor[];
}

/** Roles that people decide about together. */
const together: readonly (readonly [what: string, roles: readonly TensorRole[]])[] = [
  ["q, k and v", ["q", "k", "v"]],
  ["attention", ["q", "k", "v", "qkv", "o"]],
  ["gate and up", ["gate", "up"]],
  ["feed-forward", ["gate", "up", "gate_up", "down"]],
];

/** Lists of more would not be read; typing narrows them down. */
const mostNames = 2000;
const mostBlocks = 200;
/** Blocks times tensors: each pattern is tried on every name while a person waits. */
const mostTried = 1_000_000;

/** Everything, groups of roles, families of names, blocks, then the names themselves; what matches the same only once. */
export function patternsOf(tensors: readonly Tensor[]): readonly OfferedPattern[] {
  const found = new Map<string, OfferedPattern>();
  const names = tensors.map((t) => t.name);
  const add = (pattern: string | undefined, what: string, about: readonly Tensor[]): void => {
    if (pattern !== undefined && about.length > 0 && !found.has(pattern)) found.set(pattern, { pattern, what, tensors: about });
  };
  add("*", "every tensor", tensors);
  for (const [what, roles] of together) {
    const about = tensors.filter((t) => roles.includes(t.role));
    if (new Set(about.map((t) => t.role)).size > 1)
      add(
        patternFor(
          about.map((t) => t.name),
          names,
        ),
        what,
        about,
      );
  }
  for (const [family, about] of grouped(tensors, (t) => familyOf(t.name))) {
    if (about.length > 1 && reaches(family, tensors) === about.length) add(family, about[0].role, about);
  }
  for (const [prefix, about] of [...grouped(tensors, blockPrefix)].slice(0, Math.min(mostBlocks, mostTried / tensors.length))) {
    if (prefix !== "" && reaches(`${prefix}*`, tensors) === about.length) add(`${prefix}*`, `block ${about[0].layer}`, about);
  }
  for (const tensor of tensors.slice(0, mostNames)) {
    add(tensor.name, tensor.layer === undefined ? tensor.role : `${tensor.role} of block ${tensor.layer}`, [tensor]);
  }
  return [...found.values()];
}

/** "model.layers.3." of the names in block 3; nothing outside blocks, and where the number stands elsewhere. */
function blockPrefix({ name, layer }: Tensor): string {
  if (layer === undefined) return "";
  const at = new RegExp(`(^|[./])${layer}[./]`).exec(name);
  return at ? name.slice(0, at.index + at[0].length) : "";
}

function grouped(tensors: readonly Tensor[], key: (tensor: Tensor) => string): ReadonlyMap<string, readonly Tensor[]> {
  const groups = new Map<string, Tensor[]>();
  for (const tensor of tensors) {
    const group = groups.get(key(tensor));
    if (group) group.push(tensor);
    else groups.set(key(tensor), [tensor]);
  }
  return groups;
}

/** How many tensors a pattern matches; none where names hold what patterns understand otherwise. */
function reaches(pattern: string, tensors: readonly Tensor[]): number {
  try {
    return select({ match: pattern }, tensors).length;
  } catch {
    return 0;
  }
}
