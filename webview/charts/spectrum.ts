import { commonParts } from "../../src/core/elide";
import { count, significant } from "../format";
import type { Measure } from "../measures";
import { sigmaScale, sigmaTicks } from "../scales";
import type { Entry, PanelTensor } from "../state";
import type { Chart, Paint } from "./chart";
import { cutApart, fontOf, line, text } from "./draw";
import { shortName } from "../names";
import { stackOf } from "./mapLayout";
import { cell } from "./table";

export interface SpectrumData {
  readonly entries: readonly Entry[];
  /** Entry of each row from the top. */
  readonly order: Int32Array;
  /** CSS pixels, and how far the rows are scrolled. */
  readonly rowHeight: number;
  readonly scroll: number;
  /** Shown right of the strips as far as there is room; the first is the one sorted by. */
  readonly measures: readonly Measure[];
  readonly encoding: string;
  readonly selected?: number;
  readonly pinned?: number;
  /** Starts a frame: strips not made yet get a share of it, or all the time there is. */
  begin(unhurried: boolean): void;
  /** Were strips put off to the next frame? */
  late(): boolean;
  /** Density levels of an entry on so many cells of the σ axis; undefined until computed, or put off. */
  levels(entry: Entry, cells: number): Uint8Array | undefined;
}

export interface SpectrumMark {
  readonly row: number;
  /** Place on the σ axis, 0…1, where the pointer is on the strip. */
  readonly at?: number;
}

export const axisRoom = 22;
const columnWidth = 76;
const textHeight = 11;

/** Left edge and width of the strips, and how many measure columns fit beside them. Rows too low for text have strips only. */
export function spectrumColumns(
  width: number,
  wanted: number,
  rowHeight = 18,
): { readonly left: number; readonly strip: number; readonly columns: number } {
  if (rowHeight < textHeight) return { left: 14, strip: Math.max(40, Math.floor(width - 40)), columns: 0 };
  const left = Math.round(Math.min(340, Math.max(104, width * 0.27)));
  const columns = Math.max(Math.min(1, wanted), Math.min(wanted, Math.floor(((width - left) * 0.4) / columnWidth)));
  return { left, strip: Math.max(40, Math.floor(width - left - columns * columnWidth - 6)), columns };
}

let offscreen: HTMLCanvasElement | undefined;
let image: ImageData | undefined;

/** All visible strips in one image: one write per device pixel. */
function drawStrips(p: Paint, data: SpectrumData, left: number, strip: number, first: number, last: number): void {
  const w = Math.max(1, Math.round(strip * p.density));
  const h = Math.max(1, Math.round((p.height - axisRoom) * p.density));
  offscreen ??= document.createElement("canvas");
  if (offscreen.width !== w || offscreen.height !== h) {
    offscreen.width = w;
    offscreen.height = h;
  }
  const context = offscreen.getContext("2d")!;
  if (image?.width !== w || image.height !== h) image = context.createImageData(w, h);
  const pixels = new Uint32Array(image.data.buffer);
  pixels.fill(0);
  const { ramp32 } = p.theme;
  const gap = data.rowHeight >= 7 ? Math.max(1, Math.round(p.density)) : 0;
  for (let row = first; row < last; row++) {
    const levels = data.levels(data.entries[data.order[row]], w);
    if (!levels) continue;
    const from = Math.max(0, Math.round((row * data.rowHeight - data.scroll) * p.density));
    const to = Math.min(h, Math.round(((row + 1) * data.rowHeight - data.scroll) * p.density) - gap);
    if (to <= from) continue;
    const start = from * w;
    for (let x = 0; x < w; x++) if (levels[x] > 0) pixels[start + x] = ramp32[levels[x]];
    for (let y = from + 1; y < to; y++) pixels.copyWithin(y * w, start, start + w);
  }
  context.putImageData(image, 0, 0);
  p.context.imageSmoothingEnabled = false;
  p.context.drawImage(offscreen, left, axisRoom, strip, h / p.density);
}

/** One row per tensor: log density over distance from the mean in σ, all rows on one axis, so that tails stick out. */
export const spectrum: Chart<SpectrumData, SpectrumMark> = {
  name: "spectrum",
  title: "Spectrum",
  describe: ({ order }) =>
    `Spectrum of ${count(order.length)} tensors: density over distance from the mean in standard deviations, minus 64 to 64. ` +
    "Up and down move over tensors, left and right along the axis, Enter selects.",

  draw(p, data, mark) {
    const { context: c, theme } = p;
    const { left, strip, columns } = spectrumColumns(p.width, data.measures.length, data.rowHeight);
    const first = Math.max(0, Math.floor(data.scroll / data.rowHeight));
    const last = Math.min(data.order.length, Math.ceil((data.scroll + p.height - axisRoom) / data.rowHeight));
    c.save();
    c.beginPath();
    c.rect(0, axisRoom, p.width, p.height - axisRoom);
    c.clip();
    const rowY = (row: number) => axisRoom + row * data.rowHeight - data.scroll;
    for (let row = first; row < last; row++) {
      const i = data.order[row];
      if (i === data.selected || row === mark?.row) {
        c.globalAlpha = i === data.selected ? 0.35 : 0.15;
        c.fillStyle = i === data.selected ? theme.selection : theme.dim;
        c.fillRect(0, rowY(row), p.width, data.rowHeight);
        c.globalAlpha = 1;
      }
    }
    c.globalAlpha = 0.6;
    for (const tick of sigmaTicks) {
      const x = left + sigmaScale.at(tick) * strip;
      line(p, x, axisRoom, x, p.height, theme.line, 1, tick === 0 ? [] : [1, 3]);
    }
    c.globalAlpha = 1;
    data.begin(p.now === Infinity);
    drawStrips(p, data, left, strip, first, last);
    if (data.rowHeight >= textHeight) drawTexts(p, data, first, last, { left, strip, columns });
    for (let row = first; row < last; row++) {
      const entry = data.entries[data.order[row]];
      const y = rowY(row) + data.rowHeight / 2;
      if (entry.failure) text(p, "could not be read", left + strip / 2, y, { align: "center", colour: theme.error });
      else if (!entry.report && data.rowHeight >= 5) line(p, left + strip * 0.48, y, left + strip * 0.52, y, theme.line);
      if (data.order[row] === data.selected) {
        c.fillStyle = theme.focus;
        c.fillRect(0, rowY(row), 3, data.rowHeight - 1);
      } else if (data.order[row] === data.pinned) {
        c.fillStyle = theme.dim;
        c.fillRect(0, rowY(row), 3, data.rowHeight - 1);
      }
    }
    if (mark) {
      c.strokeStyle = theme.focus;
      c.lineWidth = 1;
      c.strokeRect(0.5, rowY(mark.row) + 0.5, p.width - 1, Math.max(2, data.rowHeight - 1));
      const x = left + (mark.at ?? 0) * strip;
      if (mark.at !== undefined) line(p, x, rowY(mark.row), x, rowY(mark.row) + data.rowHeight, theme.foreground);
    }
    c.restore();
    drawHead(p, data, { left, strip, columns });
    return data.late();
  },

  hit(data, size, x, y) {
    if (y < axisRoom) return undefined;
    const row = Math.floor((y - axisRoom + data.scroll) / data.rowHeight);
    if (row < 0 || row >= data.order.length) return undefined;
    const { left, strip } = spectrumColumns(size.width, data.measures.length, data.rowHeight);
    const at = (x - left) / strip;
    return { row, at: at >= 0 && at <= 1 ? at : undefined };
  },

  step(data, size, mark, step) {
    const n = data.order.length;
    if (n === 0) return undefined;
    if (!mark)
      return { row: step === "end" ? n - 1 : step === "home" ? 0 : Math.max(0, data.order.indexOf(data.selected ?? -1)) };
    if (step === "left" || step === "right") {
      const at = mark.at ?? 0.5;
      return { row: mark.row, at: Math.min(1, Math.max(0, at + (step === "left" ? -1 : 1) / 64)) };
    }
    const page = Math.max(1, Math.floor((size.height - axisRoom) / data.rowHeight) - 1);
    const by = { up: -1, down: 1, pageup: -page, pagedown: page, home: -Infinity, end: Infinity }[step];
    return { row: Math.min(n - 1, Math.max(0, mark.row + by)), at: mark.at };
  },

  card(data, size, mark) {
    const entry = data.entries[data.order[mark.row]];
    const { left, strip } = spectrumColumns(size.width, data.measures.length, data.rowHeight);
    const lines: (readonly [string, string])[] = [];
    if (entry.failure) lines.push(["failed", entry.failure.message]);
    else if (!entry.report) lines.push(["", "not computed yet"]);
    else {
      const { mean, std, count: n } = entry.report.stats;
      if (mark.at !== undefined) {
        const sigma = sigmaScale.value(mark.at);
        const levels = cellsAround(entry, mark.at);
        lines.push(
          ["at", `${significant(sigma)} σ`],
          ["value", significant(mean + sigma * std)],
          ["weights here", `about ${count(Math.max(levels > 0 ? 1 : 0, Math.round(levels)))} of ${count(n)}`],
        );
      }
      lines.push(["σ", significant(std)]);
      const m = data.measures[0];
      if (m) lines.push([m.name, m.format(m.of(entry.tensor, entry.report, data.encoding))]);
    }
    return {
      title: entry.tensor.name,
      lines,
      x: left + (mark.at ?? 0.5) * strip,
      y: axisRoom + (mark.row + 1) * data.rowHeight - data.scroll - 6,
    };
  },

  table: ({ entries, order, measures, encoding }) => ({
    caption: "Tensors of the spectrum",
    columns: [
      { title: "tensor" },
      { title: "mean", numeric: true },
      { title: "σ", numeric: true },
      { title: "min in σ", numeric: true },
      { title: "max in σ", numeric: true },
      ...measures.map((m) => ({ title: m.name, numeric: true })),
    ],
    rows: Array.from(order, (i) => {
      const { tensor, report } = entries[i];
      const s = report?.stats;
      const value = (x: number) => cell(x, significant);
      return [
        tensor.name,
        value(s?.mean ?? NaN),
        value(s?.std ?? NaN),
        value(s ? (s.min - s.mean) / s.std : NaN),
        value(s ? (s.max - s.mean) / s.std : NaN),
        ...measures.map((m) => cell(m.of(tensor, report, encoding), m.format)),
      ];
    }),
  }),
};

/** Elements within 1/128 of the axis around a place: what the pointer covers. */
function cellsAround(entry: Entry, at: number): number {
  const report = entry.report!;
  const { mean, std } = report.stats;
  const low = mean + sigmaScale.value(Math.max(0, at - 1 / 256)) * std;
  const high = mean + sigmaScale.value(Math.min(1, at + 1 / 256)) * std;
  const { low: from, high: to, counts } = report.histogram;
  const width = (to - from) / counts.length;
  let sum = 0;
  for (let i = 0; i < counts.length; i++) {
    const a = from + i * width;
    const overlap = Math.min(high, a + width) - Math.max(low, a);
    if (overlap > 0) sum += width > 0 ? (counts[i] * overlap) / width : counts[i];
  }
  return sum;
}

/**
 * Whole parts that all layers' names begin with: "model.layers", or "model" of an encoder and a decoder; where there are no layers,
 * that all names begin with.
 */
export function commonStem(tensors: readonly Pick<PanelTensor, "name" | "layer">[]): string {
  if (tensors.every((tensor) => tensor.layer === undefined)) return commonParts(tensors.map((t) => t.name)).slice(0, -1);
  const stacks = [...new Set(tensors.flatMap((tensor) => (tensor.layer === undefined ? [] : [stackOf(tensor).stack])))];
  const parts = stacks.map((stack) => stack.split("."));
  const differ = parts[0]?.findIndex((part, i) => parts.some((other) => other[i] !== part)) ?? 0;
  return differ < 0 ? stacks[0] : parts[0]?.slice(0, differ).join(".") ?? "";
}

const names = new WeakMap<readonly Entry[], readonly string[]>();
/** Without the stem, which is said nowhere in the rows. */
function namesOf(entries: readonly Entry[]): readonly string[] {
  let known = names.get(entries);
  if (known === undefined) {
    const stem = commonStem(entries.map((e) => e.tensor));
    names.set(entries, (known = entries.map((e) => ownName(e.tensor.name, stem))));
  }
  return known;
}

/** What is left of a name without the stem. */
export function ownName(tensor: string, stem: string): string {
  const name = shortName(tensor);
  return stem && name.startsWith(stem) ? name.slice(stem.length).replace(/^[./_]/, "") : name;
}

interface Columns {
  readonly left: number;
  readonly strip: number;
  readonly columns: number;
}

function drawTexts(p: Paint, data: SpectrumData, first: number, last: number, { left, strip, columns }: Columns): void {
  const size = Math.min(12, data.rowHeight - 1);
  const own = namesOf(data.entries);
  for (let row = first; row < last; row++) {
    const entry = data.entries[data.order[row]];
    const y = axisRoom + (row + 0.5) * data.rowHeight - data.scroll;
    p.context.font = fontOf(p, { mono: true, size });
    text(p, cutApart(p, own, data.order[row], left - 18), 8, y, { mono: true, size });
    for (let k = 0; k < columns; k++) {
      const m = data.measures[k];
      const value = m.of(entry.tensor, entry.report, data.encoding);
      text(p, entry.report || m.fromHeader ? m.format(value) : "", left + strip + (k + 1) * columnWidth, y, {
        align: "right",
        size,
        colour: k === 0 ? p.theme.foreground : p.theme.dim,
      });
    }
  }
}

function drawHead(p: Paint, data: SpectrumData, { left, strip, columns }: Columns): void {
  const taken: [number, number][] = [];
  p.context.font = fontOf(p);
  // The middle and the ends first, then what lies between, in pairs.
  for (const k of [0, 64, 16, 4, 1, 32, 8, 2]) {
    const marks = (k === 0 ? [0] : [-k, k]).map((sigma) => {
      const label = k === 0 ? "mean" : `${sigma > 0 ? "+" : "−"}${k}σ`;
      return { x: left + sigmaScale.at(sigma) * strip, label, half: p.context.measureText(label).width / 2 + 4 };
    });
    if (!marks.every(({ x, half }) => taken.every(([a, b]) => x + half < a || x - half > b))) continue;
    for (const { x, label, half } of marks) {
      text(p, label, x, 9, { align: "center", colour: p.theme.dim });
      taken.push([x - half, x + half]);
    }
  }
  for (let k = 0; k < columns; k++) {
    text(p, data.measures[k].short, left + strip + (k + 1) * columnWidth, 9, {
      align: "right",
      colour: k === 0 ? p.theme.foreground : p.theme.dim,
    });
  }
  line(p, 0, axisRoom - 2, p.width, axisRoom - 2, p.theme.line);
}
