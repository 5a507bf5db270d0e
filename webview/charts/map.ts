import { count, shape } from "../format";
import type { Measure } from "../measures";
import type { Scale } from "../scales";
import type { Entry } from "../state";
import type { Chart, Paint, Size } from "./chart";
import { cutApart, cutMiddle, fontOf, ring, text, triangle } from "./draw";
import type { MapLayout } from "./cells";
import { cellAt, neighbour, roleLabel } from "./mapLayout";
import { rowLabels } from "./rowLabels";
import { cell } from "./table";

export interface MapView {
  readonly x: number;
  readonly y: number;
  readonly scale: number;
}

export interface MapData {
  readonly entries: readonly Entry[];
  readonly layout: MapLayout;
  readonly measure: Measure;
  readonly values: Float64Array;
  readonly scale: Scale;
  readonly view: MapView;
  readonly selected?: number;
  readonly pinned?: number;
}

/** Room for row labels on the left and column labels on top. */
export const gutter = (layout: Pick<MapLayout, "kind" | "rows">, width: number): number =>
  layout.kind === "layers"
    ? Math.min(110, Math.max(46, Math.max(...layout.rows.map((r) => r.label.length)) * 7.4 + 16))
    : Math.min(Math.max(90, width * 0.25), Math.max(46, Math.max(...layout.rows.map((r) => r.label.length)) * 6.4 + 16));
export const headRoom = (layout: Pick<MapLayout, "kind">) => (layout.kind === "layers" ? 20 : 6);

const fadeTime = 180;

/** Position on the colour ramp, 0 easy … 255 hard. */
export function rampIndex(measure: Measure, scale: Scale, value: number): number {
  const at = scale.at(value);
  return Math.round(255 * (measure.harder === "low" ? 1 - at : at));
}

/** Every tensor as a cell: layers down, roles across, or modules in order. */
export const map: Chart<MapData, number> = {
  name: "map",
  title: "Map",
  describe: ({ entries, measure, layout }) =>
    `Map of ${count(entries.length)} tensors, ${layout.kind === "layers" ? "layers down, roles across" : "by module"}, ` +
    `coloured by ${measure.name}. ` +
    "Arrow keys move, Enter selects, plus and minus zoom.",

  draw(p, data, mark) {
    const { context: c, theme } = p;
    const { layout, view, entries, values, scale, measure } = data;
    const left = gutter(layout, p.width);
    const top = headRoom(layout);
    const known = new Map<number, readonly [number, number, number, number]>();
    let fading = false;
    c.save();
    c.beginPath();
    c.rect(left - 3, top - 3, p.width - left + 3, p.height - top + 3);
    c.clip();
    const place = (i: number) => {
      const k = i * 4;
      return [
        left + view.x + layout.cells[k] * view.scale,
        top + view.y + layout.cells[k + 1] * view.scale,
        layout.cells[k + 2] * view.scale,
        layout.cells[k + 3] * view.scale,
      ] as const;
    };
    c.font = fontOf(p, { size: 10 });
    c.textAlign = "center";
    c.textBaseline = "middle";
    for (let i = 0; i < entries.length; i++) {
      const [x, y, w, h] = place(i);
      if (x + w < left || y + h < top || x > p.width || y > p.height) continue;
      const entry = entries[i];
      const value = values[i];
      if (entry.failure || Number.isNaN(value)) {
        const named = layout.kind === "modules" && w >= 44 && h >= 28;
        drawUnknown(p, entry, x, y, w, h, named ? 0.7 : 0.5);
        if (named) drawName(p, layout.captions?.[i] ?? "", [x, y, w, h], theme.dim);
        continue;
      }
      const index = rampIndex(measure, scale, value);
      const age =
        theme.reduceMotion || entry.arrived === undefined || measure.fromHeader
          ? 1
          : Math.min(1, (p.now - entry.arrived) / fadeTime);
      if (age < 1) fading = true;
      c.globalAlpha = Math.max(0.05, age);
      c.fillStyle = theme.ramp[index];
      c.fillRect(x, y, w, h);
      const named = layout.kind === "modules" && w >= 44 && h >= 28;
      if (named) drawName(p, layout.captions?.[i] ?? "", [x, y, w, h], theme.inkOn[index]);
      if (w >= 34 && h >= 13) {
        c.fillStyle = theme.inkOn[index];
        c.fillText(brief(measure, value, w), x + w / 2, y + h * (named ? 0.7 : 0.5) + 0.5);
      }
      const loud = entry.report?.outliers;
      if (loud && (loud.output.over4 > 0 || loud.input.over4 > 0) && w >= 12 && h >= 6) {
        triangle(p, x + w - 5, y + 5, Math.min(3, h / 4), theme.inkOn[index]);
      }
      c.globalAlpha = 1;
      if (i === data.selected || i === data.pinned || i === mark) known.set(i, [x, y, w, h]);
    }
    for (const i of [data.pinned, data.selected, mark]) {
      if (i === undefined) continue;
      const [x, y, w, h] = known.get(i) ?? place(i);
      ring(p, { x, y, width: w, height: h }, theme.background, 4);
      ring(
        p,
        { x, y, width: w, height: h },
        i === data.pinned && i !== data.selected ? theme.dim : i === mark && i !== data.selected ? theme.foreground : theme.focus,
        2,
      );
    }
    c.restore();
    drawLabels(p, data, left, top);
    return fading;
  },

  hit(data, size, x, y) {
    const left = gutter(data.layout, size.width);
    const top = headRoom(data.layout);
    if (x < left || y < top) return undefined;
    return cellAt(data.layout, (x - left - data.view.x) / data.view.scale, (y - top - data.view.y) / data.view.scale);
  },

  step(data, _size, mark, step) {
    const n = data.entries.length;
    if (n === 0) return undefined;
    if (step === "home") return 0;
    if (step === "end") return n - 1;
    if (mark === undefined) return data.selected ?? 0;
    if (step === "pageup" || step === "pagedown") {
      let at = mark;
      for (let i = 0; i < 8; i++) at = neighbour(data.layout, at, step === "pageup" ? "up" : "down");
      return at;
    }
    return neighbour(data.layout, mark, step);
  },

  card(data, size, mark) {
    const { tensor, report, failure } = data.entries[mark];
    const value = data.values[mark];
    const k = mark * 4;
    const lines: (readonly [string, string])[] = [["", `${shape(tensor.shape)} · ${tensor.encodingLabel}`]];
    if (failure) lines.push(["failed", failure.message]);
    else if (!Number.isNaN(value)) lines.push([data.measure.name, data.measure.format(value)]);
    else lines.push([data.measure.name, report || data.measure.fromHeader ? "does not apply" : "not computed yet"]);
    if (report?.outliers) {
      lines.push(["channels ≥ 4×", `${count(report.outliers.output.over4)} out, ${count(report.outliers.input.over4)} in`]);
    }
    return {
      title: tensor.name,
      lines,
      x: gutter(data.layout, size.width) + data.view.x + (data.layout.cells[k] + data.layout.cells[k + 2] / 2) * data.view.scale,
      y: headRoom(data.layout) + data.view.y + (data.layout.cells[k + 1] + data.layout.cells[k + 3]) * data.view.scale - 10,
    };
  },

  table: ({ entries, measure, values }) => ({
    caption: `Tensors by ${measure.name}`,
    columns: [
      { title: "tensor" },
      // What is asked for stands where a narrow panel shows it.
      { title: `${measure.name}${measure.unit ? ` (${measure.unit})` : ""}`, numeric: true },
      { title: "layer", numeric: true },
      { title: "role" },
      { title: "shape" },
      { title: "encoding" },
    ],
    rows: entries.map(({ tensor }, i) => [
      tensor.name,
      cell(values[i], measure.format),
      tensor.layer === undefined ? "" : cell(tensor.layer, count),
      roleLabel(tensor.role),
      shape(tensor.shape),
      tensor.encodingLabel,
    ]),
  }),
};

/** A number short enough for a cell: the unit is in the legend. */
const brief = (measure: Measure, value: number, width: number) =>
  measure
    .format(value)
    .replace(width < 48 ? /×$| (dB|bpw)$/ : / (dB|bpw)$/, "")
    .replace("lossless", "∞");

/** Which of its module's tensors a cell is. */
function drawName(p: Paint, caption: string, [x, y, w, h]: readonly [number, number, number, number], colour: string): void {
  p.context.fillStyle = colour;
  p.context.fillText(cutMiddle(p, caption, w - 16), x + w / 2, y + h * 0.32);
}

/** Not computed: an outline. Computed, but the measure does not apply: a dot. Failed: a cross. */
function drawUnknown(p: Paint, entry: Entry, x: number, y: number, w: number, h: number, middle: number): void {
  const { context: c, theme } = p;
  c.strokeStyle = entry.failure ? theme.error : theme.line;
  c.lineWidth = 1;
  if (w > 3 && h > 3) c.strokeRect(x + 0.5, y + 0.5, w - 1, h - 1);
  const r = Math.min(3.5, w / 4, h / 4);
  if (entry.failure) {
    c.beginPath();
    c.moveTo(x + w / 2 - r, y + h / 2 - r);
    c.lineTo(x + w / 2 + r, y + h / 2 + r);
    c.moveTo(x + w / 2 + r, y + h / 2 - r);
    c.lineTo(x + w / 2 - r, y + h / 2 + r);
    c.stroke();
  } else if (entry.report) {
    c.fillStyle = theme.dim;
    c.fillRect(x + w / 2 - 1, y + h * middle - 1, 2, 2);
  }
}

function drawLabels(p: Paint, data: MapData, left: number, top: number): void {
  const { layout, view } = data;
  const size = 11;
  p.context.font = fontOf(p, { size });
  let end = -Infinity;
  for (const band of layout.columns) {
    const x = left + view.x + band.start * view.scale;
    const w = band.extent * view.scale;
    const middle = x + w / 2;
    const half = p.context.measureText(band.label).width / 2;
    if (middle - half < Math.max(left - 6, end + 4) || middle + half > p.width) continue;
    text(p, band.label, middle, top - 9, { align: "center", colour: p.theme.dim, size });
    end = middle + half;
  }
  let bottom = top - 8;
  const labels = rowLabels(layout.rows);
  for (const [i, band] of layout.rows.entries()) {
    const y = top + view.y + band.start * view.scale;
    const h = layout.kind === "layers" ? band.extent * view.scale : Math.min(band.extent * view.scale, 30 * view.scale);
    const middle = y + h / 2;
    if (middle < bottom + 7 || middle - 3 < top || middle > p.height - 5) continue;
    text(p, cutApart(p, labels, i, left - 12), left - 8, middle, { align: "right", colour: p.theme.dim, size });
    bottom = middle + 6;
  }
}

/** Keeps at least a part of the map in sight. */
export function clampView(layout: MapLayout, size: Size, view: MapView): MapView {
  const w = size.width - gutter(layout, size.width);
  const h = size.height - headRoom(layout);
  const scale = Math.min(12, Math.max(0.2, view.scale));
  const within = (offset: number, extent: number, space: number) =>
    extent <= space ? Math.min(space - extent, Math.max(0, offset)) : Math.min(0, Math.max(space - extent, offset));
  return { scale, x: within(view.x, layout.width * scale, w), y: within(view.y, layout.height * scale, h) };
}
