import type { HeatStrip } from "../../src/core/series";
import { count, significant } from "../format";
import { logScale } from "../scales";
import type { Chart, Size } from "./chart";
import { ring, text, type Box } from "./draw";
import { poolMatrix } from "./pool";
import { cell } from "./table";

export interface HeatData {
  readonly name: string;
  readonly strip: HeatStrip;
  /** Rows (outputs) and columns (inputs) of the matrix that was pooled. */
  readonly rows: number;
  readonly columns: number;
}

export interface HeatMark {
  readonly row: number;
  readonly column: number;
}

const boxOf = (size: Size): Box => ({ x: 46, y: 4, width: size.width - 54, height: size.height - 26 });

/** What is drawn: the strip, pooled once more where there are fewer pixels than cells. */
const shown = (data: HeatData, size: Size) =>
  poolMatrix(data.strip.values, data.strip.rows, data.strip.columns, boxOf(size).height, boxOf(size).width);

const extent = (at: number, cells: number, of: number) =>
  [Math.floor((at * of) / cells), Math.max(0, Math.floor(((at + 1) * of) / cells) - 1)] as const;

const known = new WeakMap<Float32Array, readonly [number, number]>();
/** From the median cell to the largest, so that the body stays quiet and outliers shine. Both positive, low < high. */
function extremes(values: Float32Array): readonly [low: number, high: number] {
  let pair = known.get(values);
  if (!pair) {
    const sorted = values.filter((v) => v > 0).sort();
    const low = sorted[sorted.length >> 1] ?? 1;
    const high = sorted[sorted.length - 1] ?? 2;
    known.set(values, (pair = [low, high > low ? high : low * 2]));
  }
  return pair;
}

let offscreen: HTMLCanvasElement | undefined;

/** The matrix seen from far: each cell is the largest |w| in it, so that a single outlier survives. */
export const heat: Chart<HeatData, HeatMark> = {
  name: "heat",
  title: "Matrix, largest |w| per cell",
  describe: ({ name, rows, columns }) =>
    `Heat strip of ${name}, ${count(rows)} outputs down, ${count(columns)} inputs across, each cell its largest magnitude.`,

  draw(p, data, mark) {
    const box = boxOf(p);
    const { values, rows, columns } = shown(data, p);
    const [low, high] = extremes(values);
    const scale = logScale(low, high);
    offscreen ??= document.createElement("canvas");
    offscreen.width = columns;
    offscreen.height = rows;
    const context = offscreen.getContext("2d")!;
    const image = context.createImageData(columns, rows);
    const pixels = new Uint32Array(image.data.buffer);
    for (let i = 0; i < values.length; i++) pixels[i] = p.theme.ramp32[Math.round(255 * scale.at(values[i])) || 0];
    context.putImageData(image, 0, 0);
    p.context.imageSmoothingEnabled = false;
    p.context.drawImage(offscreen, box.x, box.y, box.width, box.height);
    const dim = { colour: p.theme.dim } as const;
    text(p, "0", box.x - 5, box.y + 6, { ...dim, align: "right" });
    text(p, count(data.rows - 1), box.x - 5, box.y + box.height - 6, { ...dim, align: "right" });
    if (box.height > 60) text(p, "out", box.x - 5, box.y + box.height / 2, { ...dim, align: "right" });
    text(p, "0", box.x, box.y + box.height + 11, dim);
    text(p, `inputs · ${significant(low, 2)} to ${significant(high, 2)}`, box.x + box.width / 2, box.y + box.height + 11, {
      ...dim,
      align: "center",
    });
    text(p, count(data.columns - 1), box.x + box.width, box.y + box.height + 11, { ...dim, align: "right" });
    if (mark) {
      ring(
        p,
        {
          x: box.x + (mark.column / columns) * box.width,
          y: box.y + (mark.row / rows) * box.height,
          width: box.width / columns,
          height: box.height / rows,
        },
        p.theme.focus,
      );
    }
  },

  hit(data, size, x, y) {
    const box = boxOf(size);
    const { rows, columns } = shown(data, size);
    const row = Math.floor(((y - box.y) / box.height) * rows);
    const column = Math.floor(((x - box.x) / box.width) * columns);
    return row >= 0 && row < rows && column >= 0 && column < columns ? { row, column } : undefined;
  },

  step(data, size, mark, step) {
    const { rows, columns } = shown(data, size);
    if (!mark) return { row: 0, column: 0 };
    const [dr, dc] = {
      left: [0, -1],
      right: [0, 1],
      up: [-1, 0],
      down: [1, 0],
      home: [0, -Infinity],
      end: [0, Infinity],
      pageup: [-Math.ceil(rows / 8), 0],
      pagedown: [Math.ceil(rows / 8), 0],
    }[step];
    return { row: Math.min(rows - 1, Math.max(0, mark.row + dr)), column: Math.min(columns - 1, Math.max(0, mark.column + dc)) };
  },

  card(data, size, mark) {
    const box = boxOf(size);
    const { values, rows, columns } = shown(data, size);
    const [r0, r1] = extent(mark.row, rows, data.rows);
    const [c0, c1] = extent(mark.column, columns, data.columns);
    const span = (a: number, b: number) => (b > a ? `${count(a)} to ${count(b)}` : count(a));
    return {
      title: `|w| max ${significant(values[mark.row * columns + mark.column])}`,
      lines: [
        ["out", span(r0, r1)],
        ["in", span(c0, c1)],
      ],
      x: box.x + ((mark.column + 0.5) / columns) * box.width,
      y: box.y + ((mark.row + 0.5) / rows) * box.height,
    };
  },

  table: ({ name, strip, rows, columns }) => ({
    caption: `Largest magnitudes in blocks of ${name}`,
    columns: [
      { title: "outputs" },
      ...Array.from({ length: strip.columns }, (_, j) => ({
        title: `in ${extent(j, strip.columns, columns)[0]}`,
        numeric: true,
      })),
    ],
    rows: Array.from({ length: strip.rows }, (_, i) => [
      extent(i, strip.rows, rows).join("–"),
      ...Array.from({ length: strip.columns }, (_, j) => cell(strip.values[i * strip.columns + j], (v) => significant(v, 2))),
    ]),
  }),
};
