import { commonParts, elide, headShare } from "../core/elide";
import type { TensorInfo, TensorRole } from "../core/model";

/** A heading of the layers tree with its tensors in the file's order. */
export interface LayerGroup {
  readonly id: string;
  readonly label: string;
  readonly layer?: number;
  readonly tensors: readonly TensorInfo[];
}

/**
 * Tensors under one heading per block; those outside the blocks under their module, in the order of first appearance, so
 * that embeddings stand above the blocks and the head below them as in the file.
 */
export function groupLayers(tensors: readonly TensorInfo[]): LayerGroup[] {
  const groups = new Map<string, { label: string; layer?: number; tensors: TensorInfo[] }>();
  for (const tensor of tensors) {
    const { layer } = tensor;
    const id = layer === undefined ? `group:${tensor.group}` : `layer:${layer}`;
    let group = groups.get(id);
    if (!group)
      groups.set(id, (group = { label: layer === undefined ? tensor.group || "model" : `Layer ${layer}`, layer, tensors: [] }));
    group.tensors.push(tensor);
  }
  const all = [...groups].map(([id, group]) => ({ id, ...group }));
  // Files list blocks alphabetically (0, 1, 10, 11, 2): put them in their own order where the first one stands.
  const blocks = all.filter((g) => g.layer !== undefined).sort((a, b) => a.layer! - b.layer!);
  const first = all.findIndex((g) => g.layer !== undefined);
  if (first < 0) return all;
  const before = all.slice(0, first);
  const after = all.slice(first).filter((g) => g.layer === undefined);
  return [...before, ...blocks, ...after];
}

/** Characters of a side bar of usual width. */
const treeCharacters = 27;

/** What headings say in the tree: without what all modules' names begin with, and cut where they can be told apart. */
export function headings(groups: readonly LayerGroup[]): string[] {
  const modules = groups.filter((g) => g.layer === undefined).map((g) => g.label.replaceAll("/", "."));
  const stem = commonParts(modules);
  const own = (label: string) => label.replaceAll("/", ".").slice(stem.length);
  const share = headShare(modules.map(own), treeCharacters);
  return groups.map(({ label, layer }) =>
    layer === undefined && label.length > treeCharacters ? elide(own(label), treeCharacters, share) : label);
}

/** The tensor's name without what its heading already says. */
export function shortName(tensor: TensorInfo): string {
  const { name, layer } = tensor;
  if (layer !== undefined) {
    const parts = name.split(/[./]/);
    const at = parts.indexOf(String(layer));
    const rest = at < 0 ? [] : parts.slice(at + 1);
    return rest.length ? rest.join(".") : name;
  }
  const prefix = tensor.group;
  return prefix && name.startsWith(prefix) && name.length > prefix.length + 1 ? name.slice(prefix.length + 1) : name;
}

const icons: Record<TensorRole, string> = {
  embedding: "symbol-array",
  head: "symbol-array",
  q: "search",
  k: "key",
  v: "database",
  qkv: "key",
  o: "sign-out",
  gate: "filter",
  up: "arrow-up",
  gate_up: "arrow-up",
  down: "arrow-down",
  attn_norm: "symbol-ruler",
  ffn_norm: "symbol-ruler",
  norm: "symbol-ruler",
  router: "git-branch",
  bias: "add",
  conv: "layers",
  other: "symbol-number",
};

/** Name of the product icon for a role. */
export const roleIcon = (role: TensorRole): string => icons[role];
