import { bits, bytes, percent, significant } from "../format";
import { linearTicks, logScale, type Scale } from "../scales";
import { stepIndex, type Chart, type Paint, type Size } from "./chart";
import { bottomAxis, fontOf, leftAxis, line, text, type Box } from "./draw";
import { cell } from "./table";

/** A whole model's size and error. */
export interface ParetoPoint {
  readonly label: string;
  readonly byteLength: number;
  readonly squaredError: number;
  /** Of the best assignment of the same size. */
  readonly best?: number;
}

export interface ParetoData {
  /** Best assignments, ascending bytes. */
  readonly curve: readonly (readonly [byteLength: number, squaredError: number])[];
  /** Uniform encodings and named mixes, ascending bytes. */
  readonly points: readonly ParetoPoint[];
  readonly current: ParetoPoint;
  readonly parameterCount: number;
  /** Plan, curve and points keep a person's locks and limits. */
  readonly restricted: boolean;
}

/** Decades of error below the largest; what is nearer to nothing lies on the lower edge. */
const decades = 7;

const boxOf = (size: Size): Box => ({ x: 58, y: 10, width: Math.max(10, size.width - 74), height: Math.max(10, size.height - 46) });

function scales({ curve, points, current }: ParetoData): { x: Scale; y: Scale } {
  const sizes = [...curve.map(([b]) => b), ...points.map((p) => p.byteLength), current.byteLength].filter((b) => b > 0);
  const errors = [...curve.map(([, e]) => e), ...points.map((p) => p.squaredError), current.squaredError].filter((e) => e > 0);
  const least = (all: readonly number[], otherwise: number) => all.reduce((a, b) => Math.min(a, b), Infinity) || otherwise;
  const [low, high] = sizes.length ? [least(sizes, 1), Math.max(...sizes)] : [1, 2];
  const top = errors.length ? Math.max(...errors) : 1;
  const bottom = errors.length ? Math.max(least(errors, top), top / 10 ** decades) : 0.1;
  return {
    x: logScale(low / 1.06, Math.max(high, low * 1.1) * 1.06),
    y: logScale(bottom / 1.6, Math.max(top, bottom * 10) * 1.6),
  };
}

/** Everything the cursor walks over: the plan first, then the others by size. */
const marks = ({ current, points }: ParetoData): readonly ParetoPoint[] => [current, ...points];

const at = (box: Box, { x, y }: { x: Scale; y: Scale }, byteLength: number, error: number) =>
  [box.x + x.at(byteLength) * box.width, box.y + (1 - y.at(error)) * box.height] as const;

/** Error against size: the best of every size, and where uniform encodings stand beside it. A mark is a point's position. */
export const pareto: Chart<ParetoData, number> = {
  name: "pareto",
  title: "Error against size",
  describe: ({ current, points, restricted }) =>
    `Squared error against size: the plan takes ${bytes(current.byteLength)}; ${points.length} uniform encodings for comparison` +
    `${restricted ? `, ${restrictedWords}` : ""}.`,

  draw(p, data, mark) {
    const { context: c, theme } = p;
    const box = boxOf(p);
    const s = scales(data);
    leftAxis(p, box, s.y, powers(s.y), (v) => significant(v, 1).replace("1×", ""));
    bottomAxis(p, box, s.x, sizeTicks(s.x, Math.max(2, box.width / 90)), (v) => bytes(v).replace(/\.0+(?= )/, "").replace(/(\.\d)0(?= )/, "$1"), false);
    line(p, box.x, box.y + box.height, box.x + box.width, box.y + box.height, theme.dim);
    text(p, "size of the weight files", box.x + box.width, p.height - 8, { align: "right", colour: theme.dim });
    text(p, "squared error", 4, p.height - 8, { colour: theme.dim });
    if (data.restricted) text(p, restrictedWords, box.x + box.width - 4, box.y + 8, { align: "right", colour: theme.dim });

    c.strokeStyle = theme.data;
    c.lineWidth = 2;
    c.lineJoin = "round";
    c.beginPath();
    data.curve.forEach(([b, e], i) => {
      const [px, py] = at(box, s, b, e);
      if (i === 0) c.moveTo(px, py);
      else c.lineTo(px, py);
    });
    c.stroke();

    const taken: Box[] = marks(data).map((m) => {
      const [px, py] = at(box, s, m.byteLength, m.squaredError);
      return { x: px - 5, y: py - 5, width: 10, height: 10 };
    });
    data.points.forEach((m, i) => {
      const [px, py] = at(box, s, m.byteLength, m.squaredError);
      c.lineWidth = mark === i + 1 ? 2 : 1.5;
      c.strokeStyle = mark === i + 1 ? theme.focus : theme.foreground;
      c.fillStyle = theme.background;
      c.beginPath();
      c.rect(px - 3.5, py - 3.5, 7, 7);
      c.fill();
      c.stroke();
      label(p, box, taken, m.label, px, py);
    });

    const [px, py] = at(box, s, data.current.byteLength, data.current.squaredError);
    line(p, px, box.y, px, box.y + box.height, theme.dim, 1, [3, 3]);
    c.fillStyle = theme.foreground;
    c.strokeStyle = mark === 0 ? theme.focus : theme.background;
    c.lineWidth = 2;
    c.beginPath();
    c.arc(px, py, 6, 0, 7);
    c.fill();
    c.stroke();
  },

  hit(data, size, x, y) {
    const box = boxOf(size);
    const s = scales(data);
    let best: number | undefined;
    let least = 18 ** 2;
    marks(data).forEach((m, i) => {
      const [px, py] = at(box, s, m.byteLength, m.squaredError);
      const d = (px - x) ** 2 + (py - y) ** 2;
      if (d < least) {
        least = d;
        best = i;
      }
    });
    return best;
  },

  step: (data, _size, mark, step) => stepIndex(data.points.length + 1, mark, step),

  card(data, size, mark) {
    const point = marks(data)[Math.min(mark, data.points.length)];
    const [x, y] = at(boxOf(size), scales(data), point.byteLength, point.squaredError);
    return {
      title: point.label,
      x,
      y,
      lines: [
        ["size", `${bytes(point.byteLength)}, ${bits((8 * point.byteLength) / data.parameterCount)}`],
        ["squared error", significant(point.squaredError)],
        ...(point.best === undefined ? [] : [["a plan of this size", lessText(point.best, point.squaredError)] as const]),
        ...(data.restricted && point.best !== undefined ? [["", restrictedWords] as const] : []),
      ],
    };
  },

  table: (data) => ({
    caption: `Size and squared error of the plan, of uniform encodings, and of the best assignments${data.restricted ? `, ${restrictedWords}` : ""}`,
    columns: [
      { title: "assignment" },
      { title: "bytes", numeric: true },
      { title: "bpw", numeric: true },
      { title: "squared error", numeric: true },
      { title: "error of a plan of this size", numeric: true },
    ],
    rows: [
      ...marks(data),
      ...data.curve.map(([byteLength, squaredError]): ParetoPoint => ({ label: "best", byteLength, squaredError, best: squaredError })),
    ].map((m) => [
      m.label,
      cell(m.byteLength, bytes),
      cell((8 * m.byteLength) / data.parameterCount, (v) => significant(v)),
      cell(m.squaredError, (v) => significant(v)),
      cell(m.best ?? NaN, (v) => significant(v)),
    ]),
  }),
};

const restrictedWords = "with the locks and limits applied";

/** "38.2 % less error"; with what it is compared to: "38.2 % less error than Q4_0". */
export function lessText(error: number, than: number, what?: string): string {
  const as = (words: string, joint: string) => (what === undefined ? words : `${words} ${joint} ${what}`);
  if (!(than > 0)) return error > 0 ? as("more error", "than") : "no error";
  const share = 1 - error / than;
  if (Math.abs(share) < 0.0005) return as("the same error", "as");
  if (share < -9) return as(`${significant(error / than)} times the error`, "of");
  return as(share > 0 ? `${percent(share)} less error` : `${percent(-share)} more error`, "than");
}

/** Few sizes lie within a decade or two: even steps there, 1, 2, 5 beyond. */
const sizeTicks = (x: Scale, n: number): number[] => (x.high / x.low < 12 ? linearTicks(x.low, x.high, n) : x.ticks(n));

const powers = ({ low, high }: Scale): number[] => {
  const ticks: number[] = [];
  for (let e = Math.ceil(Math.log10(low)); e <= Math.floor(Math.log10(high)); e++) ticks.push(10 ** e);
  return ticks.length ? ticks : [high];
};

const clamp = (v: number, low: number, high: number): number => Math.min(high, Math.max(low, v));

/** Beside its point where nothing else is written; nowhere when there is no room: the card and the table have it. */
function label(p: Paint, box: Box, taken: Box[], words: string, x: number, y: number): void {
  p.context.font = fontOf(p);
  const width = p.context.measureText(words).width;
  for (const [dx, dy] of [[9, -7], [9, 7], [-width - 9, -7], [-width / 2, -14], [9, -19], [-width - 9, 8], [-width / 2, 15], [14, -30], [9, 20]]) {
    const area = { x: x + dx - 2, y: y + dy - 6, width: width + 4, height: 12 };
    const inside = area.x > box.x && area.x + area.width < p.width && area.y > 0 && area.y + area.height < box.y + box.height;
    const free = taken.every((t) => t.x > area.x + area.width || t.x + t.width < area.x || t.y > area.y + area.height || t.y + t.height < area.y);
    if (!inside || !free) continue;
    taken.push(area);
    const [nearX, nearY] = [clamp(x, area.x, area.x + area.width), clamp(y, area.y + 2, area.y + area.height - 2)];
    const distance = Math.hypot(nearX - x, nearY - y);
    // Too far to be told whose it is.
    if (distance > 11) line(p, x + (5 * (nearX - x)) / distance, y + (5 * (nearY - y)) / distance, nearX, nearY, p.theme.dim);
    text(p, words, x + dx, y + dy);
    return;
  }
}
