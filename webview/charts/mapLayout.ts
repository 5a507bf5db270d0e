import { type TensorRole, tensorRoles } from "../../src/core/model";
import type { PanelTensor } from "../state";
import type { Band, MapLayout } from "./cells";
import { layoutModules } from "./moduleLayout";

/** What stands outside the blocks comes last: it has rows of its own. */
const columnOrder: readonly TensorRole[] = [...tensorRoles.filter((r) => r !== "embedding" && r !== "head"), "embedding", "head"];
const columnLabels: Partial<Record<TensorRole, string>> = {
  attn_norm: "norm",
  ffn_norm: "norm",
  norm: "norm",
  gate_up: "gate·up",
  embedding: "embed",
};

/** What a tensor's column is called. */
export const roleLabel = (role: TensorRole): string => columnLabels[role] ?? role;

/**
 * The part of a name before its block number, and that number: tells an encoder's block 0 from a decoder's. The number in
 * the name may differ from `layer`, which counts on through all stacks.
 */
export function stackOf({ name, layer }: Pick<PanelTensor, "name" | "layer">): { readonly stack: string; readonly number: number } {
  if (layer === undefined) return { stack: "", number: 0 };
  const found = name.match(new RegExp(`(?:^|[./_])(${layer})(?=[./_]|$)`)) ?? name.match(/(?:^|[./_])(\d+)(?=[./_]|$)/);
  return found ? { stack: name.slice(0, found.index), number: Number(found[1]) } : { stack: "", number: layer };
}

/** Layers × roles where the network has such, else modules in the file's order. `space` is what the cells may take. */
export function layoutMap(
  tensors: readonly PanelTensor[],
  space: { readonly width: number; readonly height: number },
): MapLayout {
  const placed = tensors.filter(
    (t) => t.layer !== undefined && t.role !== "other" && t.role !== "conv" && t.role !== "bias",
  ).length;
  return placed >= tensors.length / 3 && placed > 1 ? layoutLayers(tensors, space) : layoutModules(tensors, space);
}

const clamp = (x: number, low: number, high: number) => Math.min(high, Math.max(low, x));

/** Cells of one position wrapped into as square pieces as fit. */
function wrap(cells: Float32Array, members: readonly number[], x: number, y: number, w: number, h: number): void {
  const n = members.length;
  const columns = n === 1 ? 1 : clamp(Math.ceil(Math.sqrt((n * w) / h)), 1, n);
  const rows = Math.ceil(n / columns);
  const gap = n === 1 ? 0 : Math.min(1, w / columns / 6);
  members.forEach((index, i) => {
    const r = Math.floor(i / columns);
    const inRow = r === rows - 1 ? n - r * columns : columns;
    const each = n <= columns ? w / inRow : w / columns;
    cells.set([x + (i % columns) * each, y + r * (h / rows), each - gap, h / rows - gap], index * 4);
  });
}

function layoutLayers(tensors: readonly PanelTensor[], space: { readonly width: number; readonly height: number }): MapLayout {
  const stacks = new Map<string, Map<number, Map<TensorRole, number[]>>>();
  /** What a layer's number is in its names. */
  const numbers = new Map<number, number>();
  const before: number[] = [];
  const after: number[] = [];
  tensors.forEach((t, i) => {
    if (t.layer === undefined) {
      const late = t.role === "head" || t.role === "norm" || t.role === "ffn_norm" || (t.role !== "embedding" && stacks.size > 0);
      (late ? after : before).push(i);
      return;
    }
    const { stack, number } = stackOf(t);
    numbers.set(t.layer, number);
    const layers = stacks.get(stack) ?? stacks.set(stack, new Map()).get(stack)!;
    const row = layers.get(t.layer) ?? layers.set(t.layer, new Map()).get(t.layer)!;
    const at = row.get(t.role);
    if (at) at.push(i);
    else row.set(t.role, [i]);
  });
  const crowd = new Map<TensorRole, number>();
  for (const layers of stacks.values())
    for (const row of layers.values())
      for (const [role, members] of row) crowd.set(role, Math.max(crowd.get(role) ?? 0, members.length));
  const roles = columnOrder.filter((r) => crowd.has(r));
  // A column of experts is as wide as several ordinary ones.
  const weights = roles.map((r) => clamp(Math.sqrt(crowd.get(r)!) / 2, 1, 4) * (/norm/.test(r) ? 0.7 : 1));
  const total = weights.reduce((a, b) => a + b, 0);
  const rowCount =
    [...stacks.values()].reduce((n, layers) => n + layers.size, 0) + (before.length ? 1 : 0) + (after.length ? 1 : 0);
  const crowded = Math.max(...crowd.values()) > 8;
  const unit = clamp(space.width / total, 30, 120);
  const width = unit * total;
  const rowHeight = clamp(space.height / rowCount, crowded ? 26 : 7, 48);
  const gap = rowHeight > 14 ? 2 : 1;
  const columns: Band[] = [];
  let x = 0;
  roles.forEach((role, i) => {
    columns.push({ label: roleLabel(role), start: x, extent: unit * weights[i] - gap });
    x += unit * weights[i];
  });
  const cells = new Float32Array(tensors.length * 4);
  const rows: Band[] = [];
  let y = 0;
  const full = (members: readonly number[], label: string) => {
    if (members.length === 0) return;
    wrapWhole(cells, members, width - gap, y, rowHeight - gap);
    rows.push({ label, start: y, extent: rowHeight - gap });
    y += rowHeight;
  };
  full(before, before.some((i) => tensors[i].role === "embedding") ? "embed" : "start");
  for (const [stack, layers] of stacks) {
    const prefix =
      stacks.size > 1
        ? `${stack.split(/[./]/).find((s) => /enc|dec|vis|text|audio|blk/.test(s)) ?? stack.split(/[./]/)[0]} `
        : "";
    for (const [layer, row] of [...layers].sort((a, b) => a[0] - b[0])) {
      for (const [role, members] of row) {
        const column = columns[roles.indexOf(role)];
        wrap(cells, members, column.start, y, column.extent, rowHeight - gap);
      }
      rows.push({ label: `${prefix}${stacks.size > 1 ? numbers.get(layer) : layer}`, start: y, extent: rowHeight - gap });
      y += rowHeight;
    }
  }
  full(
    after,
    after.some((i) => tensors[i].role === "head") ? "head" : after.every((i) => tensors[i].role === "norm") ? "norm" : "end",
  );
  return { kind: "layers", width: width - gap, height: y - gap, cells, rows, columns };

  function wrapWhole(into: Float32Array, members: readonly number[], w: number, top: number, h: number): void {
    const each = w / members.length;
    const inner = Math.min(gap, each / 6);
    members.forEach((index, i) => into.set([i * each, top, each - (i < members.length - 1 ? inner : 0), h], index * 4));
  }
}

/** The cell at a point of the layout, or undefined. */
export function cellAt(layout: MapLayout, x: number, y: number): number | undefined {
  const c = layout.cells;
  for (let i = 0; i < c.length; i += 4) {
    if (x >= c[i] && x <= c[i] + c[i + 2] && y >= c[i + 1] && y <= c[i + 1] + c[i + 3]) return i / 4;
  }
  return undefined;
}

/** The nearest cell in a direction; those in the same row or column come first. The same cell when there is none. */
export function neighbour(layout: MapLayout, from: number, direction: "left" | "right" | "up" | "down"): number {
  const c = layout.cells;
  const mid = (i: number) => [c[i * 4] + c[i * 4 + 2] / 2, c[i * 4 + 1] + c[i * 4 + 3] / 2] as const;
  const [x, y] = mid(from);
  const horizontal = direction === "left" || direction === "right";
  const sign = direction === "left" || direction === "up" ? -1 : 1;
  let best = from;
  let least = Infinity;
  for (let i = 0; i < c.length / 4; i++) {
    const [a, b] = mid(i);
    const along = sign * (horizontal ? a - x : b - y);
    if (along <= 0.5) continue;
    const across = horizontal ? Math.abs(b - y) : Math.max(0, Math.abs(a - x) - (c[i * 4 + 2] + c[from * 4 + 2]) / 2);
    // Left and right stay in the row; up and down prefer the nearest row, then the nearest column.
    if (horizontal && across > Math.min(c[i * 4 + 3], c[from * 4 + 3]) / 2) continue;
    const cost = horizontal ? along : along * 8 + across + Math.abs(a - x) / 1e3;
    if (cost < least) {
      least = cost;
      best = i;
    }
  }
  return best;
}
