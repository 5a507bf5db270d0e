import type { EncodingError } from "../../src/core/series";
import { bits, decibels, significant } from "../format";
import { gaussianBound } from "../measures";
import { linearScale, linearTicks } from "../scales";
import { stepIndex, type Chart, type Paint, type Size } from "./chart";
import { bottomAxis, leftAxis, line, text, type Box } from "./draw";
import { cell } from "./table";

export interface ErrorsData {
  readonly name: string;
  /** By ascending bits per weight. */
  readonly errors: readonly EncodingError[];
  readonly label: (encoding: string) => string;
  readonly pinned?: { readonly name: string; readonly errors: readonly EncodingError[] };
}

/** Beyond nine bits there is little to choose from; those rows stand in the table, and the axis is for the others. */
function shown(data: ErrorsData): readonly EncodingError[] {
  const low = data.errors.filter((e) => e.bitsPerWeight <= 10);
  return low.length >= 2 ? low : data.errors;
}

const boxOf = (size: Size): Box => ({ x: 46, y: 8, width: size.width - 60, height: size.height - 42 });

function scales(data: ErrorsData) {
  const all = shown(data);
  const finite = all.map((e) => e.sqnr).filter(Number.isFinite);
  const maxBits = Math.max(4, ...all.map((e) => e.bitsPerWeight));
  const lowest = Math.min(0, ...finite);
  const highest = Math.max(20, ...finite, gaussianBound(Math.min(maxBits, 9)));
  return { x: linearScale(0, maxBits * 1.1), y: linearScale(lowest, highest * 1.05) };
}

const place = (data: ErrorsData, size: Size, e: EncodingError) => {
  const box = boxOf(size);
  const { x, y } = scales(data);
  return [
    box.x + x.at(e.bitsPerWeight) * box.width,
    box.y + (1 - (e.sqnr === Infinity ? 1 : y.at(e.sqnr))) * box.height,
  ] as const;
};

/** What each encoding would cost in bits and in noise, against 6.02 dB per bit. */
export const errors: Chart<ErrorsData, number> = {
  name: "errors",
  title: "Error per encoding",
  describe: ({ name, errors: list }) =>
    `Signal to noise of ${name} at ${list.length} encodings over their bits per weight, with the Gaussian bound.`,

  draw(p, data, mark) {
    const { context: c, theme } = p;
    const box = boxOf(p);
    const { x, y } = scales(data);
    leftAxis(
      p,
      box,
      y,
      linearTicks(y.low, y.high, Math.max(2, box.height / 32)),
      (v) => `${significant(v, 2).replace(/\.0$/, "")}`,
    );
    bottomAxis(p, box, x, linearTicks(x.low, x.high, Math.max(2, box.width / 60)), (v) => String(v), false);
    line(p, box.x, box.y + box.height, box.x + box.width, box.y + box.height, theme.dim);
    text(p, "bits per weight", box.x + box.width, p.height - 8, { align: "right", colour: theme.dim });
    text(p, "SQNR dB", 4, p.height - 8, { colour: theme.dim });
    drawBound(p, box, x, y);
    for (const e of data.pinned?.errors ?? []) {
      if (e.bitsPerWeight > x.high) continue;
      const [a, b] = place(data, p, e);
      c.strokeStyle = theme.second;
      c.lineWidth = 1.5;
      c.strokeRect(a - 3, b - 3, 6, 6);
    }
    const points = shown(data);
    const labels: Box[] = points.map((e) => {
      const [a, b] = place(data, p, e);
      return { x: a - 5, y: b - 5, width: 10, height: 10 };
    });
    points.forEach((e, i) => {
      const [a, b] = place(data, p, e);
      if (Number.isNaN(b)) return;
      c.fillStyle = theme.data;
      c.beginPath();
      c.arc(a, b, i === mark ? 6 : 4, 0, 7);
      c.fill();
      if (i === mark) {
        c.strokeStyle = theme.focus;
        c.lineWidth = 2;
        c.stroke();
      }
      const label = data.label(e.encoding);
      const width = c.measureText(label).width;
      for (const [dx, dy, align] of [
        [9, 5, "left"],
        [-9, -6, "right"],
        [9, -8, "left"],
        [0, 15, "center"],
        [-9, 9, "right"],
        [0, -14, "center"],
        [14, 16, "left"],
      ] as const) {
        const left = a + dx - (align === "right" ? width : align === "center" ? width / 2 : 0);
        const area = { x: left - 2, y: b + dy - 6, width: width + 4, height: 12 };
        const boundAt = (px: number) => box.y + (1 - y.at(gaussianBound(x.value((px - box.x) / box.width)))) * box.height;
        const crossed = boundAt(area.x) > area.y - 2 && boundAt(area.x + area.width) < area.y + area.height + 2;
        const clear =
          !crossed &&
          left > box.x &&
          left + width < p.width &&
          b + dy < box.y + box.height - 4 &&
          b + dy > 4 &&
          labels.every(
            (o) => o.x > area.x + area.width || o.x + o.width < area.x || o.y > area.y + area.height || o.y + o.height < area.y,
          );
        if (!clear) continue;
        labels.push(area);
        text(p, label, a + dx, b + dy, { align, colour: theme.foreground });
        break;
      }
    });
  },

  hit(data, size, x, y) {
    let best: number | undefined;
    let least = 400;
    shown(data).forEach((e, i) => {
      const [a, b] = place(data, size, e);
      const d = (a - x) ** 2 + (b - y) ** 2;
      if (d < least) {
        least = d;
        best = i;
      }
    });
    return best;
  },

  step: (data, _size, mark, step) => stepIndex(shown(data).length, mark, step),

  card(data, size, mark) {
    const e = shown(data)[mark];
    const [x, y] = place(data, size, e);
    const bound = gaussianBound(e.bitsPerWeight);
    return {
      title: data.label(e.encoding),
      x,
      y,
      lines: [
        ...(e.stored === undefined ? [] : [["stored as", e.stored] as const]),
        ["bits per weight", bits(e.bitsPerWeight)],
        ["SQNR", decibels(e.sqnr)],
        ["Gaussian bound", decibels(bound)],
        ["gap", Number.isFinite(e.sqnr) ? decibels(bound - e.sqnr) : "–"],
      ],
    };
  },

  table: (data) => {
    const pinned = new Map(data.pinned?.errors.map((e) => [e.encoding, e]));
    return {
      caption: `Error per encoding of ${data.name}`,
      columns: [
        { title: "encoding" },
        { title: "bpw", numeric: true },
        { title: "SQNR", numeric: true },
        { title: "bound", numeric: true },
        { title: "gap", numeric: true },
        data.pinned ? { title: "pinned", numeric: true } : { title: "relative error", numeric: true },
      ],
      rows: data.errors.map((e) => {
        const bound = gaussianBound(e.bitsPerWeight);
        return [
          data.label(e.encoding) + (e.stored === undefined ? "" : ` (${e.stored})`),
          cell(e.bitsPerWeight, (v) => significant(v)),
          cell(e.sqnr, decibels),
          cell(bound, decibels),
          cell(Number.isFinite(e.sqnr) ? bound - e.sqnr : NaN, decibels),
          data.pinned ? cell(pinned.get(e.encoding)?.sqnr ?? NaN, decibels) : cell(e.relativeSquaredError, (v) => significant(v)),
        ];
      }),
    };
  },
};

function drawBound(p: Paint, box: Box, x: ReturnType<typeof linearScale>, y: ReturnType<typeof linearScale>): void {
  const last = Math.min(x.high, y.high / gaussianBound(1));
  const [x1, y1] = [box.x + x.at(last) * box.width, box.y + (1 - y.at(gaussianBound(last))) * box.height];
  const y0 = box.y + (1 - y.at(0)) * box.height;
  p.context.strokeStyle = p.theme.dim;
  p.context.lineWidth = 1;
  p.context.setLineDash([4, 3]);
  p.context.beginPath();
  p.context.moveTo(box.x, y0);
  p.context.lineTo(x1, y1);
  p.context.stroke();
  p.context.setLineDash([]);
  const t = 0.72;
  text(p, "6.02 dB per bit", box.x + (x1 - box.x) * t - 6, y0 + (y1 - y0) * t - 6, { align: "right", colour: p.theme.dim });
}
