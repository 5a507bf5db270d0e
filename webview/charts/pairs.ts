import type { ComparedPair } from "../../src/core/api/comparePanel";
import { pairMeasure, pairMeasures, sqnrText } from "../compare/measures";
import type { ComparePageState, PairEntry } from "../compare/state";
import { count, percent } from "../format";
import { shortName } from "../names";
import { linearTicks, type Scale } from "../scales";
import type { Chart, Paint } from "./chart";
import { cutMiddle, cutShare, fontOf, line, text, triangle } from "./draw";
import { ownName } from "./spectrum";
import { cell, type Cell } from "./table";

export interface PairsData {
  readonly state: Pick<ComparePageState, "entries" | "squaredError">;
  /** Entry of each row from the top. */
  readonly order: Int32Array;
  /** CSS pixels, and how far the rows are scrolled. */
  readonly rowHeight: number;
  readonly scroll: number;
  /** Measure of webview/compare/measures.ts, or "name". */
  readonly sort: string;
  readonly reversed: boolean;
  /** SQNR of finite pairs, dB; absent where there are none. */
  readonly scale?: Scale;
  readonly selected?: number;
  /** What all layers' names begin with; not said in the rows. */
  readonly stem: string;
}

/** A row, or the head of a column that can be sorted by. */
export type PairsMark = { readonly row: number } | { readonly head: string };

export const headRoom = 24;

interface Column {
  readonly id: string;
  readonly title: string;
  readonly width: number;
  /** Text columns begin at their left. */
  readonly isText?: boolean;
  text(pair: ComparedPair, state: PairsData["state"]): string;
}

const measureColumn = (id: string, width: number): Column => {
  const m = pairMeasure(id)!;
  return { id, title: m.short, width, text: (pair, state) => m.format(m.of(pair, state)) };
};
const worst = (channels: ComparedPair["worstOutputs"]) => (channels?.length ? `${channels[0].index} (${percent(channels[0].share)})` : "–");

/** Beside the first, as far as there is room. */
const columns: readonly Column[] = [
  measureColumn("sqnr", 76),
  { id: "encodings", title: "encodings", width: 140, isText: true, text: ({ a, b }) => `${a.encodingLabel} → ${b.encodingLabel}` },
  measureColumn("share", 80),
  measureColumn("difference", 80),
  { id: "outputs", title: "worst output", width: 110, text: ({ worstOutputs }) => worst(worstOutputs) },
  { id: "inputs", title: "worst input", width: 110, text: ({ worstInputs }) => worst(worstInputs) },
  { id: "counterpart", title: "counterpart", width: 240, isText: true, text: ({ a, b }) => (a.name === b.name ? "" : shortName(b.name)) },
];

interface Place {
  readonly left: number;
  readonly strip: number;
  readonly shown: readonly { readonly column: Column; readonly x: number }[];
}

/** Names, then the strip of SQNR, then as many columns as fit; the column sorted by comes right after the SQNR. */
function placesOf(width: number, sort: string): Place {
  const left = Math.round(Math.min(360, Math.max(120, width * 0.32)));
  const wanted = [...columns];
  const first = sort === "error" || sort === "count" ? measureColumn(sort, 80) : wanted.find((c) => c.id === sort && c.id !== "sqnr");
  if (first) {
    if (wanted.includes(first)) wanted.splice(wanted.indexOf(first), 1);
    wanted.splice(1, 0, first);
  }
  const space = width - left - 12;
  let used = 0;
  const fitting: Column[] = [];
  for (const column of wanted) {
    if (fitting.length > 0 && used + column.width > space - Math.max(90, 0.22 * space)) break;
    fitting.push(column);
    used += column.width;
  }
  const strip = Math.max(40, Math.min(420, space - used - 8));
  let x = left + strip + 12;
  return { left, strip, shown: fitting.map((column) => ({ column, x: (x += column.width) - column.width })) };
}

const entryOf = ({ state, order }: PairsData, row: number): PairEntry => state.entries[order[row]];

let known: { readonly entries: readonly PairEntry[]; readonly stem: string; readonly names: readonly string[] } | undefined;
/** The same list until pairs have been added. */
function namesOf({ state: { entries }, stem }: PairsData): readonly string[] {
  if (known?.entries !== entries || known.names.length !== entries.length || known.stem !== stem)
    known = { entries, stem, names: entries.map(({ a }) => ownName(a, stem)) };
  return known.names;
}

/** One row per pair: its SQNR on a common axis, and beside it what else was found. */
export const pairs: Chart<PairsData, PairsMark> = {
  name: "pairs",
  title: "Pairs",
  describe: ({ order }) =>
    `${count(order.length)} pairs of tensors by signal to noise of the second against the first. Up and down move over pairs, Enter selects.`,

  draw(p, data, mark) {
    const { context: c, theme } = p;
    const { left, strip, shown } = placesOf(p.width, data.sort);
    const first = Math.max(0, Math.floor(data.scroll / data.rowHeight));
    const last = Math.min(data.order.length, Math.ceil((data.scroll + p.height - headRoom) / data.rowHeight));
    const ticks = data.scale ? linearTicks(data.scale.low, data.scale.high, Math.max(2, strip / 60)) : [];
    c.save();
    c.beginPath();
    c.rect(0, headRoom, p.width, p.height - headRoom);
    c.clip();
    for (const t of ticks) {
      const x = left + data.scale!.at(t) * strip;
      line(p, x, headRoom, x, p.height, theme.line, 1, t === 0 ? [] : [1, 3]);
    }
    const marked = mark && "row" in mark ? mark.row : undefined;
    c.font = fontOf(p, { mono: true, size: 12 });
    const share = cutShare(p, namesOf(data), left - 18);
    for (let row = first; row < last; row++) {
      const y = headRoom + row * data.rowHeight - data.scroll;
      const isSelected = data.order[row] === data.selected;
      if (isSelected || row === marked) {
        c.globalAlpha = isSelected ? 0.35 : 0.15;
        c.fillStyle = isSelected ? theme.selection : theme.dim;
        c.fillRect(0, y, p.width, data.rowHeight);
        c.globalAlpha = 1;
      }
      if (isSelected) {
        c.fillStyle = theme.focus;
        c.fillRect(0, y, 3, data.rowHeight - 1);
      }
      drawRow(p, data, entryOf(data, row), y, { left, strip, shown, share });
      if (row === marked) {
        c.strokeStyle = theme.focus;
        c.lineWidth = 1;
        c.strokeRect(0.5, y + 0.5, p.width - 1, data.rowHeight - 1);
      }
    }
    c.restore();
    drawHead(p, data, ticks, { left, strip, shown }, mark && "head" in mark ? mark.head : undefined);
  },

  hit(data, size, x, y) {
    if (y >= headRoom) {
      const row = Math.floor((y - headRoom + data.scroll) / data.rowHeight);
      return row >= 0 && row < data.order.length ? { row } : undefined;
    }
    const { left, shown } = placesOf(size.width, data.sort);
    const id = x < left ? "name" : shown.find((s) => x >= s.x && x < s.x + s.column.width)?.column.id;
    return id === "name" || pairMeasures.some((m) => m.id === id) ? { head: id! } : undefined;
  },

  step(data, size, mark, step) {
    const n = data.order.length;
    if (n === 0 || step === "left" || step === "right") return mark;
    const at = mark && "row" in mark ? mark.row : undefined;
    if (at === undefined) return { row: step === "end" ? n - 1 : step === "home" ? 0 : Math.max(0, data.order.indexOf(data.selected ?? -1)) };
    const page = Math.max(1, Math.floor((size.height - headRoom) / data.rowHeight) - 1);
    const by = { up: -1, down: 1, pageup: -page, pagedown: page, home: -Infinity, end: Infinity }[step];
    return { row: Math.min(n - 1, Math.max(0, at + by)) };
  },

  card(data, size, mark) {
    const { left, strip } = placesOf(size.width, data.sort);
    if ("head" in mark) return { title: `Sort by ${pairMeasure(mark.head)?.name ?? "name"}`, lines: [], x: left, y: headRoom - 10 };
    const entry = entryOf(data, mark.row);
    const { pair, failure } = entry;
    const lines: (readonly [string, string])[] = entry.a === entry.b ? [] : [["B", entry.b]];
    if (failure) lines.push(["failed", failure.message]);
    if (pair) {
      for (const m of pairMeasures) lines.push([m.name, m.format(m.of(pair, data.state))]);
      lines.push(["Encodings", `${pair.a.encodingLabel} → ${pair.b.encodingLabel}`]);
    }
    return { title: entry.a, lines, x: left + strip / 2, y: headRoom + (mark.row + 1) * data.rowHeight - data.scroll - 6 };
  },

  table: (data) => ({
    caption: "Pairs of tensors",
    columns: [
      { title: "A" },
      { title: "B" },
      { title: "encoding of A" },
      { title: "encoding of B" },
      ...pairMeasures.map((m) => ({ title: m.name, numeric: true })),
      { title: "worst output" },
      { title: "worst input" },
      { title: "failed" },
    ],
    rows: Array.from(data.order, (i): Cell[] => {
      const { a, b, pair, failure } = data.state.entries[i];
      return [
        a,
        b,
        pair?.a.encodingLabel ?? "",
        pair?.b.encodingLabel ?? "",
        ...pairMeasures.map((m) => cell(pair ? m.of(pair, data.state) : NaN, m.format)),
        pair ? worst(pair.worstOutputs) : "",
        pair ? worst(pair.worstInputs) : "",
        failure?.message ?? "",
      ];
    }),
  }),
};

/** A's name; of a tensor that holds several, which is in several rows, with that of its part. */
export function rowName({ a, b, pair }: Pick<PairEntry, "a" | "b" | "pair">, stem: string): string {
  const own = ownName(a, stem);
  return pair?.part?.side === "a" ? `${own} ↔ ${shortName(b).replace(/^.*?\.\d+\./, "")}` : own;
}

function drawRow(
  p: Paint, data: PairsData, { a, b, pair, failure }: PairEntry, top: number,
  { left, strip, shown, share }: Place & { readonly share: number },
): void {
  const { context: c, theme } = p;
  const y = top + data.rowHeight / 2;
  c.font = fontOf(p, { mono: true, size: 12 });
  text(p, cutMiddle(p, rowName({ a, b, pair }, data.stem), left - 18, share), 8, y, { mono: true, size: 12 });
  if (failure) return text(p, "could not be compared", left + 4, y, { colour: theme.error });
  if (!pair) return;
  const { sqnr } = pair;
  if (sqnr === -Infinity) {
    triangle(p, left + 6, y, 5, theme.error);
    text(p, pair.nonFinite > 0 ? `${count(pair.nonFinite)} not finite` : "nothing of A is left", left + 16, y, { colour: theme.error });
  } else if (sqnr < Infinity && data.scale) {
    const at = data.scale.at(sqnr);
    const x = left + at * strip;
    const shade = theme.ramp[Math.round(255 * (1 - 0.75 * at))];
    line(p, left, y, x, y, shade, 2);
    c.fillStyle = shade;
    c.beginPath();
    c.arc(x, y, 4, 0, 2 * Math.PI);
    c.fill();
  }
  for (const [k, { column, x }] of shown.entries()) {
    const value = column.id === "sqnr" ? sqnrText(sqnr) : column.text(pair, data.state);
    const colour = k === 0 ? theme.foreground : theme.dim;
    c.font = fontOf(p, { size: 12 });
    if (column.isText) text(p, cutMiddle(p, value, column.width - 16), x + 16, y, { size: 12, colour });
    else text(p, value, x + column.width, y, { align: "right", size: 12, colour });
  }
}

function drawHead(p: Paint, data: PairsData, ticks: readonly number[], { left, strip, shown }: Place, marked: string | undefined): void {
  const { theme, context: c } = p;
  const title = (id: string, words: string) => (id === data.sort ? `${words} ${data.reversed ? "▴" : "▾"}` : words);
  const colourOf = (id: string) => (id === data.sort || id === marked ? theme.foreground : theme.dim);
  text(p, title("name", "tensor"), 8, 10, { colour: colourOf("name") });
  c.font = fontOf(p);
  let end = -Infinity;
  for (const t of ticks) {
    const x = left + data.scale!.at(t) * strip;
    const label = `${t} dB`.replace("-", "−");
    const half = c.measureText(label).width / 2;
    if (x - half < end + 8) continue;
    text(p, label, x, 10, { align: "center", colour: theme.dim });
    end = x + half;
  }
  for (const { column, x } of shown) {
    if (column.isText) text(p, column.title, x + 16, 10, { colour: theme.dim });
    else text(p, title(column.id, column.title), x + column.width, 10, { align: "right", colour: colourOf(column.id) });
  }
  line(p, 0, headRoom - 2, p.width, headRoom - 2, theme.line);
}
