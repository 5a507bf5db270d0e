import type { LogHistogram } from "../../src/core/series";
import { count, percent, significant, tick } from "../format";
import { logScale, logTicks, symlogScale, type Scale } from "../scales";
import { axisCells } from "./axisCells";
import type { Chart, Paint, Size } from "./chart";
import { bottomAxis, leftAxis, line, text, type Box } from "./draw";
import { logBinRange, pourLog } from "./strip";
import { cell } from "./table";

/** What the value axis counts in: standard deviations of the first from its mean, or the values themselves. */
export type OverlayUnit = "sigma" | "value";

export interface OverlayData {
  readonly nameA: string;
  readonly nameB: string;
  readonly unit: OverlayUnit;
  /** Of values in the unit. */
  readonly scale: Scale;
  readonly mean: number;
  readonly std: number;
  /** Elements by cell of the axis. */
  readonly a: Float64Array;
  readonly b: Float64Array;
  readonly totalA: number;
  readonly totalB: number;
}

export const overlayCells = 192;

export interface Overlaid {
  readonly nameA: string;
  readonly nameB: string;
  readonly a: LogHistogram;
  readonly b: LogHistogram;
  /** Of the first. */
  readonly mean: number;
  readonly std: number;
}

/** Both histograms on one axis: linear within a standard deviation of the first, logarithmic beyond. */
export function overlayData({ nameA, nameB, a, b, mean, std }: Overlaid, wanted: OverlayUnit): OverlayData {
  // A constant has no deviation to count in.
  const unit = std > 0 ? wanted : "value";
  const [low, high] = ends(a, b);
  const spread = std > 0 ? std : Math.max(Math.abs(low), Math.abs(high)) / 64 || 1;
  const [origin, factor] = unit === "sigma" ? [mean, std] : [0, 1];
  const limit = Math.max(Math.abs(low - origin), Math.abs(high - origin), 4 * spread) / factor;
  const scale = symlogScale(-limit, limit, spread / factor);
  const inValues: Scale = { ...scale, at: (v) => scale.at((v - origin) / factor), value: (p) => origin + factor * scale.value(p) };
  const pour = (h: LogHistogram) => pourLog(h, inValues, overlayCells);
  const total = (h: LogHistogram) => h.counts.reduce((sum, n) => sum + n, 0);
  return { nameA, nameB, unit, scale, mean, std, a: pour(a), b: pour(b), totalA: total(a), totalB: total(b) };
}

/** Smallest and largest value that the bins can hold; ±1 where there is none but zeros. */
function ends(...histograms: LogHistogram[]): readonly [number, number] {
  let [low, high] = [0, 0];
  for (const { bins } of histograms) {
    for (const bin of bins) {
      const range = (bin & 2047) === 0 ? undefined : logBinRange(bin);
      if (!range) continue;
      low = Math.min(low, range[0]);
      high = Math.max(high, range[1]);
    }
  }
  return low < high ? [low, high] : [-1, 1];
}

const boxOf = (size: Size): Box => ({ x: 44, y: 20, width: size.width - 52, height: size.height - 40 });
const cells = axisCells(overlayCells, boxOf);
const inUnit = ({ unit }: OverlayData, x: number) => (unit === "sigma" ? `${significant(x)} σ` : significant(x));

/** How two tensors' values are distributed: the first as an area, the second as a dashed line with dots, counts logarithmic. */
export const overlay: Chart<OverlayData, number> = {
  name: "overlay",
  title: "Distributions",
  describe: ({ nameA, nameB, scale, unit }) =>
    `Distributions of ${nameA}, an area, and ${nameB}, a dashed line: logarithmic counts over ` +
    `${unit === "sigma" ? "standard deviations from the mean" : "values"} up to ±${significant(scale.high)}.`,

  draw(p, data, mark) {
    const { context: c, theme } = p;
    const box = boxOf(p);
    const peak = Math.max(10, ...data.a, ...data.b);
    const y = logScale(0.6, peak * 1.3);
    const topOf = (n: number) => box.y + (1 - Math.max(0.02, y.at(n))) * box.height;
    const xOf = (i: number) => box.x + (i / overlayCells) * box.width;
    leftAxis(p, box, y, logTicks(1, peak, Math.max(2, box.height / 26)), tick);
    drawAxis(p, data, box);
    const ground = box.y + box.height;
    /** The outline of every run of cells that hold something. */
    const trace = (counts: Float64Array) => {
      c.beginPath();
      for (let i = 0; i < counts.length; i++) {
        if (!(counts[i] > 0)) continue;
        if (!(counts[i - 1] > 0)) c.moveTo(xOf(i), ground);
        c.lineTo(xOf(i), topOf(counts[i]));
        c.lineTo(xOf(i + 1), topOf(counts[i]));
        if (!(counts[i + 1] > 0)) c.lineTo(xOf(i + 1), ground);
      }
    };
    trace(data.a);
    c.fillStyle = theme.data;
    c.globalAlpha = 0.75;
    c.fill();
    c.globalAlpha = 1;
    // A rim in the surface's colour keeps the line apart from the area wherever they cross.
    trace(data.b);
    c.lineJoin = "round";
    c.strokeStyle = theme.background;
    c.lineWidth = 4;
    c.stroke();
    c.strokeStyle = theme.second;
    c.lineWidth = 2;
    c.setLineDash([6, 3]);
    c.stroke();
    c.setLineDash([]);
    drawKey(p, box);
    cells.highlight(p, mark);
  },

  hit: cells.hit,
  step: cells.step,

  card(data, size, mark) {
    const [low, high] = cells.range(data.scale, mark);
    const share = (n: number, total: number) => `${count(Math.round(n))} (${percent(total > 0 ? n / total : NaN)})`;
    return {
      title: `${inUnit(data, low)} … ${inUnit(data, high)}`,
      lines: [
        ["A", share(data.a[mark], data.totalA)],
        ["B", share(data.b[mark], data.totalB)],
        ...(data.unit === "sigma" ? ([["values", `${significant(data.mean + low * data.std)} … ${significant(data.mean + high * data.std)}`]] as const) : []),
      ],
      ...cells.place(size, mark),
    };
  },

  table: (data) => ({
    caption: `Distributions of ${data.nameA} (A) and ${data.nameB} (B)`,
    columns: [
      { title: data.unit === "sigma" ? "from (σ)" : "from", numeric: true },
      { title: data.unit === "sigma" ? "to (σ)" : "to", numeric: true },
      { title: "A", numeric: true },
      { title: "B", numeric: true },
      { title: "share of A", numeric: true },
      { title: "share of B", numeric: true },
    ],
    rows: Array.from(data.a, (_, i) => {
      const [low, high] = cells.range(data.scale, i);
      return [
        cell(low, significant),
        cell(high, significant),
        cell(data.a[i], (n) => count(Math.round(n))),
        cell(data.b[i], (n) => count(Math.round(n))),
        cell(data.a[i] / data.totalA, percent),
        cell(data.b[i] / data.totalB, percent),
      ];
    }),
  }),
};

function drawAxis(p: Paint, data: OverlayData, box: Box): void {
  const { low, high } = data.scale;
  const sigmas = [1, 2, 4, 8, 16, 32, 64, 256, 1024].filter((s) => s <= high * 1.0001);
  const ticks = data.unit === "sigma"
    ? [...sigmas.map((s) => -s).reverse(), 0, ...sigmas]
    : evenly(data.scale, Math.max(3, Math.floor(box.width / 76)));
  const label = (v: number) => (data.unit === "sigma" ? (v === 0 ? "mean" : `${v < 0 ? "−" : "+"}${Math.abs(v)}σ`) : significant(v, 2));
  bottomAxis(p, box, data.scale, ticks.filter((v) => v >= low && v <= high), label);
  line(p, box.x, box.y + box.height, box.x + box.width, box.y + box.height, p.theme.dim);
}

/** Values at equal distances on the axis, rounded to what their labels say. */
function evenly(scale: Scale, n: number): number[] {
  const half = Math.floor(n / 2);
  return Array.from({ length: 2 * half + 1 }, (_, i) => Number(scale.value(i / (2 * half)).toPrecision(2)));
}

/** Which is which, drawn as they are. */
function drawKey(p: Paint, box: Box): void {
  const c = p.context;
  const y = 9;
  c.globalAlpha = 0.75;
  c.fillStyle = p.theme.data;
  c.fillRect(box.x, y - 5, 14, 10);
  c.globalAlpha = 1;
  text(p, "A", box.x + 19, y, { colour: p.theme.dim });
  c.strokeStyle = p.theme.second;
  c.lineWidth = 2;
  c.setLineDash([6, 3]);
  c.beginPath();
  c.moveTo(box.x + 42, y);
  c.lineTo(box.x + 64, y);
  c.stroke();
  c.setLineDash([]);
  text(p, "B", box.x + 69, y, { colour: p.theme.dim });
}
