import type { TensorReport } from "../../src/core/series";
import { count, percent, significant, tick } from "../format";
import { linearScale, linearTicks, logScale, logTicks, symlogScale, type Scale } from "../scales";
import { axisCells } from "./axisCells";
import type { Chart, Paint } from "./chart";
import { bottomAxis, fontOf, leftAxis, line, text, type Box } from "./draw";
import { pourLinear, pourLog } from "./strip";
import { cell } from "./table";

export interface HistogramData {
  readonly name: string;
  readonly report: TensorReport;
  readonly axis: "linear" | "log";
  readonly scale: Scale;
  readonly counts: Float64Array;
  /** The pinned layer's, on the same axis. */
  readonly pinned?: { readonly name: string; readonly counts: Float64Array; readonly total: number };
}

export const histogramBins = 256;

/** Bins of a report, and of the pinned one on the same axis. The linear axis alone shows the exact 256 bins. */
export function histogramData(
  name: string,
  report: TensorReport,
  axis: "linear" | "log",
  pinned?: { name: string; report: TensorReport },
): HistogramData {
  const limit = Math.max(report.stats.absMax, pinned?.report.stats.absMax ?? 0) || 1;
  const scale = axis === "linear" ? linearScale(-limit, limit) : symlogScale(-limit, limit, limit / 4096);
  const pour = (r: TensorReport) =>
    axis === "log"
      ? pourLog(r.logHistogram, scale, histogramBins)
      : r.stats.absMax === limit && r.histogram.counts.length === histogramBins
        ? r.histogram.counts
        : pourLinear(r.histogram, scale, histogramBins);
  return {
    name,
    report,
    axis,
    scale,
    counts: pour(report),
    pinned: pinned && { name: pinned.name, counts: pour(pinned.report), total: pinned.report.stats.count },
  };
}

const boxOf = (size: { width: number; height: number }): Box => ({
  x: 40,
  y: 18,
  width: size.width - 48,
  height: size.height - 38,
});

const cells = axisCells(histogramBins, boxOf);

export const histogram: Chart<HistogramData, number> = {
  name: "histogram",
  title: "Histogram",
  describe: ({ name, report, axis }) =>
    `Histogram of ${name}, logarithmic counts, ${axis} values up to ±${significant(report.stats.absMax)}.`,

  draw(p, data, mark) {
    const { context: c, theme } = p;
    const box = boxOf(p);
    const total = data.report.stats.count || 1;
    const peak = Math.max(
      ...data.counts,
      data.pinned ? (Math.max(...data.pinned.counts) * total) / (data.pinned.total || 1) : 1,
      10,
    );
    const y = logScale(0.6, peak * 1.3);
    leftAxis(p, box, y, logTicks(1, peak, Math.max(2, box.height / 26)), tick);
    drawAxis(p, data, box);
    drawSigma(p, data, box);
    const area = (counts: Float64Array, factor: number) => {
      c.beginPath();
      c.moveTo(box.x, box.y + box.height);
      for (let i = 0; i < counts.length; i++) {
        const top = box.y + (1 - (counts[i] > 0 ? Math.max(0.02, y.at(counts[i] * factor)) : 0)) * box.height;
        c.lineTo(box.x + (i / counts.length) * box.width, top);
        c.lineTo(box.x + ((i + 1) / counts.length) * box.width, top);
      }
      c.lineTo(box.x + box.width, box.y + box.height);
    };
    area(data.counts, 1);
    c.fillStyle = theme.data;
    c.fill();
    if (data.pinned) {
      area(data.pinned.counts, total / (data.pinned.total || 1));
      c.strokeStyle = theme.second;
      c.lineWidth = 1.5;
      c.stroke();
    }
    cells.highlight(p, mark);
  },

  hit: cells.hit,
  step: cells.step,

  card(data, size, mark) {
    const [low, high] = cells.range(data.scale, mark);
    const { mean, std, count: n } = data.report.stats;
    const middle = (low + high) / 2;
    const sigma = std > 0 ? (middle - mean) / std : NaN;
    const lines: (readonly [string, string])[] = [
      ["weights", `${count(data.counts[mark])} (${percent(data.counts[mark] / n)})`],
      ["from the mean", `${significant(sigma)} σ`],
    ];
    if (data.pinned) lines.push([`pinned`, percent(data.pinned.counts[mark] / data.pinned.total)]);
    return {
      title: `${significant(low)} … ${significant(high)}`,
      lines,
      ...cells.place(size, mark),
    };
  },

  table: (data) => ({
    caption: `Histogram of ${data.name}`,
    columns: [
      { title: "from", numeric: true },
      { title: "to", numeric: true },
      { title: "weights", numeric: true },
      { title: "share", numeric: true },
      ...(data.pinned ? [{ title: `share in ${data.pinned.name}`, numeric: true }] : []),
    ],
    rows: Array.from(data.counts, (n, i) => {
      const [low, high] = cells.range(data.scale, i);
      return [
        cell(low, significant),
        cell(high, significant),
        cell(n, count),
        cell(n / data.report.stats.count, percent),
        ...(data.pinned ? [cell(data.pinned.counts[i] / data.pinned.total, percent)] : []),
      ];
    }),
  }),
};

function drawAxis(p: Paint, data: HistogramData, box: Box): void {
  const { low, high } = data.scale;
  const wanted = Math.max(3, box.width / 80);
  const ticks = data.axis === "linear" ? linearTicks(low, high, wanted) : magnitudes(high);
  bottomAxis(p, box, data.scale, ticks, (v) => significant(v, data.axis === "linear" ? 2 : 1), false);
  line(p, box.x, box.y + box.height, box.x + box.width, box.y + box.height, p.theme.dim);
}

/** Powers of ten below a limit, both signs, ascending. */
function magnitudes(limit: number): number[] {
  const top = Math.floor(Math.log10(limit));
  const positive = [0, 1, 2, 3].map((k) => 10 ** (top - k)).reverse();
  return [...positive.map((v) => -v).reverse(), 0, ...positive];
}

function drawSigma(p: Paint, data: HistogramData, box: Box): void {
  const { mean, std } = data.report.stats;
  if (!(std > 0)) return;
  const taken: [number, number][] = [];
  p.context.font = fontOf(p);
  // The mean first, then outwards from the far ends, always in pairs, so that what is left out is symmetric.
  for (const k of [0, 64, 32, 16, 8, 4, 2]) {
    const marks = (k === 0 ? [0] : [-k, k]).flatMap((signed) => {
      const value = mean + signed * std;
      if (value <= data.scale.low || value >= data.scale.high) return [];
      const x = box.x + data.scale.at(value) * box.width;
      const label = k === 0 ? "mean" : `${signed > 0 ? "+" : "−"}${k}σ`;
      return [{ x, label, half: p.context.measureText(label).width / 2 + 3 }];
    });
    const clear =
      marks.every(({ x, half }) => taken.every(([a, b]) => x + half < a || x - half > b)) &&
      (marks.length < 2 || marks[1].x - marks[1].half > marks[0].x + marks[0].half);
    for (const { x, label, half } of marks) {
      line(p, x, clear ? box.y : box.y + 4, x, box.y + box.height, p.theme.line, 1, [2, 3]);
      if (!clear) continue;
      text(p, label, x, 8, { align: "center", colour: p.theme.dim });
      taken.push([x - half, x + half]);
    }
  }
}
