import { kinds, total, type BitsPlan } from "../bitsPlan";
import { bits, bytes, change, decibels } from "../format";
import { stepIndex, type Chart, type Paint, type Size } from "./chart";
import { cutApart, cutMiddle, fontOf, line, text } from "./draw";
import { rowLabels } from "./rowLabels";
import { cell } from "./table";

export interface BitsData {
  readonly plan: BitsPlan;
  readonly target: string;
}

export const bitsRowHeight = 34;
export const bitsHead = 22;

/** Where bars begin and end; figures stand at the right where there is room. */
function columns(width: number, plan: BitsPlan): { left: number; right: number; figures: number } {
  const longest = Math.max(5, ...plan.rows.map((r) => r.label.length));
  const left = Math.min(longest * 8 + 16, Math.max(58, width * 0.3));
  const figures = width > 620 ? 4 : width > 480 ? 3 : width > 400 ? 2 : 1;
  return { left, right: Math.max(left + 60, width - figures * 74 - 8), figures };
}

const bpw = (n: number, elements: number) => (elements > 0 ? (8 * n) / elements : NaN);

/** Colour of a kind of tensor: evenly spaced in lightness, so that stacks read in greyscale too. */
export const kindColour = (p: Pick<Paint, "theme">, kind: number) => p.theme.ramp[[210, 160, 110, 60, 20][kind]];

/** Bytes per layer, today above and under the chosen encoding below, stacked by kind of tensor. */
export const bitsChart: Chart<BitsData, number> = {
  name: "bits",
  title: "Bytes per layer",
  describe: ({ plan, target }) => `Bytes per layer today and under ${target}: ${bytes(plan.before)} become ${bytes(plan.after)}.`,

  draw(p, { plan }, mark) {
    const { context: c, theme } = p;
    const { left, right, figures } = columns(p.width, plan);
    const most = Math.max(1, ...plan.rows.map((r) => Math.max(total(r.before), total(r.after))));
    const scale = (right - left) / most;
    const heads = ["bpw today", "bpw then", "change", "worst SQNR"];
    heads.slice(0, figures).forEach((h, i) => {
      p.context.font = fontOf(p);
      text(p, cutMiddle(p, h, 72), right + (i + 1) * 74, 9, { align: "right", colour: theme.dim });
    });
    line(p, 0, bitsHead - 3, p.width, bitsHead - 3, theme.line);
    const labels = rowLabels(plan.rows);
    plan.rows.forEach((row, i) => {
      const y = bitsHead + i * bitsRowHeight;
      if (i === mark) {
        c.globalAlpha = 0.18;
        c.fillStyle = theme.dim;
        c.fillRect(0, y, p.width, bitsRowHeight - 2);
        c.globalAlpha = 1;
      }
      p.context.font = fontOf(p, { size: 12 });
      text(p, cutApart(p, labels, i, left - 14), left - 8, y + bitsRowHeight / 2 - 1, { align: "right", size: 12 });
      stack(p, row.before, left, y + 4, 7, scale, 0.45);
      stack(p, row.after, left, y + 13, 14, scale, 1);
      const before = total(row.before);
      const after = total(row.after);
      const values = [
        bits(bpw(before, row.elements)),
        bits(bpw(after, row.elements)),
        change(before, after),
        decibels(row.worst),
      ];
      values
        .slice(0, figures)
        .forEach((v, k) =>
          text(p, v.replace(" bpw", ""), right + (k + 1) * 74, y + bitsRowHeight / 2 - 1, {
            align: "right",
            size: 12,
            colour: k === 1 ? theme.foreground : theme.dim,
          }),
        );
    });
    if (mark !== undefined) {
      c.strokeStyle = theme.focus;
      c.lineWidth = 1;
      c.strokeRect(0.5, bitsHead + mark * bitsRowHeight + 0.5, p.width - 1, bitsRowHeight - 3);
    }
  },

  hit({ plan }, _size: Size, _x, y) {
    const i = Math.floor((y - bitsHead) / bitsRowHeight);
    return i >= 0 && i < plan.rows.length ? i : undefined;
  },

  step: ({ plan }, _size, mark, step) => stepIndex(plan.rows.length, mark, step),

  card({ plan, target }, size, mark) {
    const row = plan.rows[mark];
    const before = total(row.before);
    const after = total(row.after);
    const lines: (readonly [string, string])[] = [
      ["today", `${bytes(before)}, ${bits(bpw(before, row.elements))}`],
      [target, `${bytes(after)}, ${bits(bpw(after, row.elements))}`],
    ];
    kinds.forEach((kind, k) => {
      if (row.before[k] > 0) lines.push([kind, `${bytes(row.before[k])} → ${bytes(row.after[k])}`]);
    });
    if (row.worstTensor !== undefined)
      lines.push(["lowest SQNR", `${decibels(row.worst)}, ${row.worstTensor.split(/[./]/).slice(-3).join(".")}`]);
    return {
      title: /^\d+$/.test(row.label) ? `layer ${row.label}` : row.label,
      lines,
      x: columns(size.width, plan).left + 20,
      y: bitsHead + (mark + 1) * bitsRowHeight - 10,
    };
  },

  table: ({ plan, target }) => ({
    caption: `Bytes per layer today and under ${target}`,
    columns: [
      { title: "layer" },
      { title: "bytes today", numeric: true },
      { title: "bpw today", numeric: true },
      { title: `bytes under ${target}`, numeric: true },
      { title: `bpw under ${target}`, numeric: true },
      { title: "lowest SQNR", numeric: true },
      { title: "of" },
    ],
    rows: plan.rows.map((r) => {
      const [before, after] = [total(r.before), total(r.after)];
      return [
        r.label,
        cell(before, bytes),
        cell(bpw(before, r.elements), bits),
        cell(after, bytes),
        cell(bpw(after, r.elements), bits),
        cell(r.worst, decibels),
        r.worstTensor ?? "",
      ];
    }),
  }),
};

function stack(p: Paint, parts: Float64Array, x: number, y: number, h: number, scale: number, alpha: number): void {
  p.context.globalAlpha = alpha;
  let at = x;
  for (let k = 0; k < parts.length; k++) {
    if (!(parts[k] > 0)) continue;
    const w = parts[k] * scale;
    p.context.fillStyle = kindColour(p, k);
    p.context.fillRect(at, y, Math.max(0.75, w - (w > 3 ? 1 : 0)), h);
    at += w;
  }
  p.context.globalAlpha = 1;
}
