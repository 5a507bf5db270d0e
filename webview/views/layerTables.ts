import type { Outliers, TensorStats } from "../../src/core/series";
import { cell, type Cell, type Table } from "../charts/table";
import { tableElement } from "../charts/tableElement";
import { h } from "../dom";
import { count, percent, ratio, significant } from "../format";

/** The top channels of both directions, side by side where there is room. */
export function outlierTables(outliers: { readonly output: Outliers; readonly input: Outliers }): Node[] {
  const table = (direction: "output" | "input"): Table => ({
    caption: `${direction === "output" ? "Output" : "Input"} channels that stand out most`,
    columns: [
      { title: direction, numeric: true },
      { title: "|w| max", numeric: true },
      { title: "ratio", numeric: true },
      { title: "mark" },
    ],
    rows: outliers[direction].channels.map((c) => [
      cell(c.index, count),
      cell(c.absMax, significant),
      cell(c.ratio, ratio),
      symbol(c.ratio),
    ]),
  });
  return [
    h("h3", {}, "Outlier channels"),
    h(
      "div",
      { class: "pair" },
      (["output", "input"] as const).map((d) =>
        h(
          "div",
          { class: "short-scroll", tabindex: 0, role: "region", "aria-label": `Outlier ${d} channels` },
          tableElement(table(d)),
        ),
      ),
    ),
  ];
}

/** The shape that the profile marks the channel with. */
const symbol = (r: number) => (r >= 4 ? "▲" : r >= 2 ? "△" : r >= 1.5 ? "·" : "");

export function statsTable(stats: TensorStats, pinned: TensorStats | undefined): Node[] {
  const rows: (readonly [string, (s: TensorStats) => Cell])[] = [
    ["weights", (s) => cell(s.count, count)],
    ["min", (s) => cell(s.min, significant)],
    ["max", (s) => cell(s.max, significant)],
    ["mean", (s) => cell(s.mean, significant)],
    ["standard deviation σ", (s) => cell(s.std, significant)],
    ["absolute maximum", (s) => cell(s.absMax, significant)],
    ["excess kurtosis", (s) => cell(s.kurtosis, significant)],
    ["incoherence μ", (s) => cell(s.incoherence, significant)],
    ["share beyond 6σ", (s) => cell(s.sixSigmaShare, percent)],
    ["zeros", (s) => cell(s.zeroCount, (n) => `${count(n)} (${percent(n / s.count)})`)],
    ["NaN", (s) => cell(s.nanCount, count)],
    ["±Inf", (s) => cell(s.infCount, count)],
  ];
  return [
    h("h3", {}, "Statistics"),
    tableElement(
      {
        caption: "Statistics",
        columns: [
          { title: "measure" },
          { title: "this layer", numeric: true },
          ...(pinned ? [{ title: "pinned", numeric: true }] : []),
        ],
        rows: rows.map(([name, of]) => [name, of(stats), ...(pinned ? [of(pinned)] : [])]),
      },
      { class: "stats-table" },
    ),
  ];
}
