import type { PanelPlan } from "../../src/core/api/panel";
import type { SensitivityTable } from "../../src/core/sensitivity";
import { chosen, chosenBits, type BudgetRow } from "../budget";
import { bits, bytes, percent, significant } from "../format";
import { shortName } from "../names";
import type { Scale } from "../scales";
import type { Chart, Paint, Size } from "./chart";
import { cutApart, fontOf, line, text } from "./draw";
import { rowLabels } from "./rowLabels";
import { cell } from "./table";

export interface AssignmentData {
  readonly table: SensitivityTable;
  readonly plan: PanelPlan;
  readonly rows: readonly BudgetRow[];
  readonly label: (encoding: string) => string;
  /** Bits per weight to a place on the ramp. */
  readonly scale: Scale;
  /** The tensor whose lock is being edited. */
  readonly selected?: number;
  /** Of a tensor those that must have the same encoding. */
  readonly partners: ReadonlyMap<number, readonly number[]>;
}

export const assignmentRowHeight = 26;
export const assignmentHead = 22;

function columns(width: number, rows: readonly BudgetRow[]): { left: number; right: number; figures: number } {
  const longest = Math.max(5, ...rows.map((r) => r.label.length));
  const left = Math.min(longest * 8 + 18, Math.max(58, width * 0.25));
  const figures = width > 560 ? 3 : width > 420 ? 2 : 1;
  return { left, right: Math.max(left + 60, width - figures * 68 - 4), figures };
}

/** A tensor's part of its layer's bar, from 0 to 1, by number of weights; every part can be hit. */
function* parts(data: AssignmentData, row: BudgetRow): Generator<{ tensor: number; from: number; to: number }> {
  const least = 0.4 / row.tensors.length;
  const shares = row.tensors.map((t) => Math.max(least, data.table.tensors[t].elementCount / row.elements));
  const all = shares.reduce((a, b) => a + b, 0);
  let from = 0;
  for (let i = 0; i < shares.length; i++) {
    const to = from + shares[i] / all;
    yield { tensor: row.tensors[i], from, to };
    from = to;
  }
}

const rowOf = ({ rows }: AssignmentData, tensor: number) => rows.findIndex((r) => r.tensors.includes(tensor));
const totals = (data: AssignmentData, row: BudgetRow) =>
  row.tensors.reduce(
    (sum, t) => {
      const c = chosen(data.table, data.plan, t);
      return { bytes: sum.bytes + c.bytes, error: sum.error + c.squaredError };
    },
    { bytes: 0, error: 0 },
  );

/** A bar per layer, a part per tensor, coloured by the bits it gets. A mark is a tensor's position in the table. */
export const assignment: Chart<AssignmentData, number> = {
  name: "assignment",
  title: "Encoding per tensor",
  describe: ({ table, plan }) =>
    `The encoding of each of ${table.tensors.length} tensors, ${plan.locked.length} of them locked. Enter locks a tensor or unlocks it.`,

  draw(p, data, mark) {
    const { context: c, theme } = p;
    const { left, right, figures } = columns(p.width, data.rows);
    const locked = new Set(data.plan.locked);
    const together = new Set([mark, data.selected].flatMap((t) => (t === undefined ? [] : [t, ...(data.partners.get(t) ?? [])])));
    c.font = fontOf(p);
    ["bpw", "bytes", "error"].slice(0, figures).forEach((head, i) => text(p, head, right + (i + 1) * 68, 9, { align: "right", colour: theme.dim }));
    line(p, 0, assignmentHead - 3, p.width, assignmentHead - 3, theme.line);
    const labels = rowLabels(data.rows);
    data.rows.forEach((row, r) => {
      const y = assignmentHead + r * assignmentRowHeight;
      c.font = fontOf(p, { size: 12 });
      text(p, cutApart(p, labels, r, left - 14), left - 8, y + assignmentRowHeight / 2 - 1, { align: "right", size: 12 });
      for (const { tensor, from, to } of parts(data, row)) {
        const x = left + from * (right - left);
        const w = (to - from) * (right - left);
        const box = { x, y: y + 2, w: Math.max(1, w - (w > 4 ? 2 : 0)), h: assignmentRowHeight - 5 };
        part(p, data, tensor, box, locked.has(tensor), together.has(tensor));
      }
      const sum = totals(data, row);
      [bits((8 * sum.bytes) / row.elements).replace(" bpw", ""), bytes(sum.bytes), errorShare(data, sum.error)]
        .slice(0, figures)
        .forEach((v, i) =>
          text(p, v, right + (i + 1) * 68, y + assignmentRowHeight / 2 - 1, { align: "right", size: 12, colour: i ? theme.dim : theme.foreground }),
        );
    });
  },

  hit(data, size: Size, x, y) {
    const row = data.rows[Math.floor((y - assignmentHead) / assignmentRowHeight)];
    const { left, right } = columns(size.width, data.rows);
    const share = (x - left) / (right - left);
    if (!row || y < assignmentHead || share < 0 || share > 1) return undefined;
    for (const part of parts(data, row)) if (share < part.to) return part.tensor;
    return row.tensors.at(-1);
  },

  step(data, _size, mark, step) {
    const { rows } = data;
    if (rows.length === 0) return undefined;
    const r = mark === undefined ? -1 : rowOf(data, mark);
    if (mark === undefined || r < 0) return step === "end" ? rows.at(-1)!.tensors.at(-1) : rows[0].tensors[0];
    const place = rows[r].tensors.indexOf(mark);
    const along = (to: number) => rows[r].tensors[Math.min(rows[r].tensors.length - 1, Math.max(0, to))];
    const down = (by: number) => {
      const next = rows[Math.min(rows.length - 1, Math.max(0, r + by))];
      return next.tensors[Math.min(next.tensors.length - 1, place)];
    };
    switch (step) {
      case "left":
        return along(place - 1);
      case "right":
        return along(place + 1);
      case "home":
        return along(0);
      case "end":
        return along(Infinity);
      default:
        return down({ up: -1, down: 1, pageup: -10, pagedown: 10 }[step]);
    }
  },

  card(data, size, mark) {
    const tensor = data.table.tensors[mark];
    const c = chosen(data.table, data.plan, mark);
    const r = rowOf(data, mark);
    const { left, right } = columns(size.width, data.rows);
    const found = r < 0 ? undefined : [...parts(data, data.rows[r])].find((p) => p.tensor === mark);
    const locked = data.plan.locked.includes(mark);
    const partners = data.partners.get(mark) ?? [];
    return {
      title: tensor.name,
      lines: [
        ["encoding", `${named(data, c.encoding)}${locked ? ", locked" : ""}`],
        ["size", `${bytes(c.bytes)}, ${bits((8 * c.bytes) / tensor.elementCount)}`],
        ["of all error", errorShare(data, c.squaredError)],
        ...(locked ? [] : limitWords(data, mark)).map((words) => ["limit", words] as const),
        ...(partners.length ? [["", sharesWith(data.table, partners)] as const] : []),
        ["", locked ? "Click or Enter: unlock" : "Click or Enter: lock this encoding"],
      ],
      x: left + (((found?.from ?? 0) + (found?.to ?? 0)) / 2) * (right - left),
      y: assignmentHead + (Math.max(0, r) + 1) * assignmentRowHeight - 8,
    };
  },

  table: (data) => {
    const locked = new Set(data.plan.locked);
    return {
      caption: "Encoding, size and error of every tensor",
      columns: [
        { title: "tensor" },
        { title: "encoding" },
        { title: "bpw", numeric: true },
        { title: "bytes", numeric: true },
        { title: "squared error", numeric: true },
        { title: "locked" },
        { title: "limits" },
        { title: "one encoding with" },
      ],
      rows: data.rows.flatMap((row) =>
        row.tensors.map((t) => {
          const c = chosen(data.table, data.plan, t);
          return [
            data.table.tensors[t].name,
            named(data, c.encoding),
            cell(chosenBits(data.table, data.plan, t), (v) => significant(v)),
            cell(c.bytes, bytes),
            cell(c.squaredError, (v) => significant(v)),
            locked.has(t) ? "locked" : "",
            locked.has(t) ? "" : limitWords(data, t).join("; "),
            (data.partners.get(t) ?? []).map((p) => data.table.tensors[p].name).join(", "),
          ];
        }),
      ),
    };
  },
};

/** An encoding's label, with its name where that says more: "INT4 g128 (int4-g128-bf16)". */
function named({ label }: AssignmentData, encoding: string): string {
  return /-b?f(16|32)\b/.test(encoding) && label(encoding) !== encoding ? `${label(encoding)} (${encoding})` : label(encoding);
}

/** The limits that a tensor must keep to unless it is locked: "at least 4 bpw (role q)". */
function limitWords({ table, plan }: AssignmentData, tensor: number): string[] {
  const { name, role } = table.tensors[tensor];
  return plan.limits
    .filter((l) => (l.tensor === undefined ? l.role === role : l.tensor === name))
    .map(({ minBits, maxBits, role: of }) => {
      const bounds = [minBits !== undefined && `at least ${minBits} bpw`, maxBits !== undefined && `at most ${maxBits} bpw`].filter(Boolean);
      return bounds.join(", ") + (of === undefined ? "" : ` (role ${of})`);
    });
}

/** "shares one encoding with k_proj, v_proj"; of many the first. */
export function sharesWith({ tensors }: SensitivityTable, partners: readonly number[]): string {
  const names = partners.slice(0, 3).map((t) => shortName(tensors[t].name));
  const more = partners.length - names.length;
  return `shares one encoding with ${[...names, ...(more > 0 ? [`${more} more`] : [])].join(", ")}`;
}

const errorShare = ({ plan }: AssignmentData, error: number): string => (plan.squaredError > 0 ? percent(error / plan.squaredError) : "0 %");

interface Place {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

/** A coloured part with its encoding's name; locked ones have a frame and a padlock, as colour alone tells nothing. */
function part(p: Paint, data: AssignmentData, tensor: number, { x, y, w, h }: Place, locked: boolean, marked: boolean): void {
  const { context: c, theme } = p;
  const { encoding } = chosen(data.table, data.plan, tensor);
  const step = Math.round(255 * data.scale.at(chosenBits(data.table, data.plan, tensor)));
  c.fillStyle = theme.ramp[step];
  c.fillRect(x, y, w, h);
  const ink = theme.inkOn[step];
  c.font = fontOf(p, { size: 11 });
  const lockWidth = locked && w > 9 ? 11 : 0;
  const fits = (words: string) => c.measureText(words).width + lockWidth < w - 6;
  const words = [data.label(encoding), significant(chosenBits(data.table, data.plan, tensor), 2)].find(fits);
  if (words !== undefined) {
    text(p, words, x + lockWidth + (w - lockWidth) / 2, y + h / 2 + 0.5, { align: "center", colour: ink, size: 11 });
  }
  if (locked) {
    c.strokeStyle = theme.foreground;
    c.lineWidth = 2;
    c.strokeRect(x + 1, y + 1, Math.max(0, w - 2), h - 2);
    if (lockWidth) padlock(p, x + 4, y + h / 2 - 4, ink);
  }
  if (!marked) return;
  c.strokeStyle = theme.focus;
  c.lineWidth = 2;
  c.strokeRect(x - 1, y - 1, w + 2, h + 2);
}

function padlock({ context: c }: Paint, x: number, y: number, colour: string): void {
  c.fillStyle = colour;
  c.fillRect(x, y + 4, 7, 5);
  c.strokeStyle = colour;
  c.lineWidth = 1.2;
  c.beginPath();
  c.arc(x + 3.5, y + 3.5, 2.2, Math.PI, 2 * Math.PI);
  c.stroke();
}

