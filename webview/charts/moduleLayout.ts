import { shortName } from "../names";
import type { PanelTensor } from "../state";
import type { Band, MapLayout } from "./cells";

type Named = Pick<PanelTensor, "group" | "name">;

const pathOf = (t: Named): string[] => (t.group || t.name).split(/[./]/);

/**
 * Tensor indices by module, in the file's order. Module paths are cut to a depth at which there are not too many groups; modules of
 * one tensor that follow each other share one.
 */
export function moduleGroups(tensors: readonly Named[]): Map<string, number[]> {
  const paths = tensors.map(pathOf);
  const limit = Math.max(16, Math.sqrt(tensors.length) * 2);
  const group = (depth: number) => {
    const groups = new Map<string, number[]>();
    paths.forEach((path, i) => {
      const key = path.slice(0, depth).join(".") || "(top)";
      const members = groups.get(key);
      if (members) members.push(i);
      else groups.set(key, [i]);
    });
    return groups;
  };
  let best = group(1);
  for (let depth = 2; depth <= 6; depth++) {
    const finer = group(depth);
    if (finer.size > limit) break;
    best = finer;
  }
  return joinSingles(best);
}

/** A column of rows with one cell each says no more than rows filled with them. */
function joinSingles(groups: ReadonlyMap<string, number[]>): Map<string, number[]> {
  const joined = new Map<string, number[]>();
  let run: [string, number][] = [];
  const close = () => {
    if (run.length > 2) joined.set(`${run[0][0]} … ${run[run.length - 1][0]}`, run.map(([, i]) => i));
    else for (const [label, i] of run) joined.set(label, [i]);
    run = [];
  };
  for (const [label, members] of groups) {
    if (members.length === 1) run.push([label, members[0]]);
    else {
      close();
      joined.set(label, members);
    }
  }
  close();
  return joined;
}

/** Each module's tensors in rows, as wide as the space allows. */
export function layoutModules(tensors: readonly PanelTensor[], space: { readonly width: number; readonly height: number }): MapLayout {
  const groups = moduleGroups(tensors);
  const lines = (perLine: number) => [...groups.values()].reduce((n, members) => n + Math.ceil(members.length / perLine), 0);
  // The widest cells with which everything fits, so that small networks fill the view and large ones stay whole.
  let cellWidth = 26;
  let cellHeight = 12;
  for (const [w, h] of [
    [112, 44],
    [96, 34],
    [72, 30],
    [56, 26],
    [44, 22],
    [36, 18],
    [30, 15],
  ] as const) {
    const perLine = Math.max(1, Math.floor(space.width / w));
    if (lines(perLine) * h <= space.height) {
      [cellWidth, cellHeight] = [w, h];
      break;
    }
  }
  const perLine = Math.max(1, Math.floor(space.width / cellWidth));
  const gap = cellHeight > 14 ? 2 : 1;
  const cells = new Float32Array(tensors.length * 4);
  const captions: string[] = [];
  const rows: Band[] = [];
  let y = 0;
  for (const [label, members] of groups) {
    const start = y;
    members.forEach((index, i) => {
      if (i > 0 && i % perLine === 0) y += cellHeight;
      cells.set([(i % perLine) * cellWidth, y, cellWidth - gap, cellHeight - gap], index * 4);
      captions[index] = caption(tensors[index], label);
    });
    y += cellHeight;
    rows.push({ label, start, extent: y - start - gap });
  }
  return {
    kind: "modules",
    width: Math.min(perLine, Math.max(...[...groups.values()].map((m) => m.length))) * cellWidth - gap,
    height: y - gap,
    cells,
    rows,
    columns: [],
    captions,
  };
}

/** The name without what the row's label says already. */
function caption({ name }: Pick<PanelTensor, "name">, label: string): string {
  const short = shortName(name).replaceAll("/", ".");
  if (short === label) return /[^.]*(\.\d+)*$/.exec(short)![0] || short;
  return short.startsWith(`${label}.`) && short.length > label.length + 1 ? short.slice(label.length + 1) : short;
}
