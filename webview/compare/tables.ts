import type { ChannelShare } from "../../src/core/api/compare";
import type { ComparedPair } from "../../src/core/api/comparePanel";
import { cell, type Table } from "../charts/table";
import { tableElement } from "../charts/tableElement";
import { h } from "../dom";
import { count, percent, significant } from "../format";
import { sqnrText } from "./measures";
import { type ComparePageState, energyOf } from "./state";

/** The channels that hold most of a tensor's error, both ways; nothing for tensors without channels or without error. */
export function worstTables({ worstOutputs, worstInputs }: ComparedPair): Node[] {
  const table = (direction: string, channels: readonly ChannelShare[]): Table => ({
    caption: `${direction} channels with most of the error`,
    columns: [
      { title: direction.toLowerCase(), numeric: true },
      { title: "share of the error", numeric: true },
    ],
    rows: channels.map((c) => [cell(c.index, count), cell(c.share, percent)]),
  });
  const found = ([["Output", worstOutputs], ["Input", worstInputs]] as const).flatMap(([direction, channels]) =>
    channels?.length ? [[direction, channels] as const] : []);
  if (found.length === 0) return [];
  return [
    h("h3", {}, "Worst channels"),
    h(
      "div",
      { class: "pair" },
      found.map(([direction, channels]) =>
        h(
          "div",
          { class: "short-scroll", tabindex: 0, role: "region", "aria-label": `Worst ${direction.toLowerCase()} channels` },
          tableElement(table(direction, channels)),
        ),
      ),
    ),
  ];
}

export function pairStats(pair: ComparedPair, { squaredError }: ComparePageState): Table {
  const rms = Math.sqrt(pair.squaredError / pair.count);
  return {
    caption: "Differences",
    columns: [{ title: "measure" }, { title: "value", numeric: true }],
    rows: [
      ["SQNR of B against A", cell(pair.sqnr, sqnrText)],
      ["relative error Σ(a − b)² / Σa²", cell(pair.relativeSquaredError, significant)],
      ["root mean square of a − b", cell(rms, significant)],
      ["the same in σ of A", cell(pair.std > 0 ? rms / pair.std : NaN, significant)],
      ["largest |a − b|", cell(pair.maxDifference, significant)],
      ["share of the models' error", cell(squaredError > 0 ? pair.squaredError / squaredError : 0, percent)],
      ["weights compared", cell(pair.count, count)],
      ["not finite on one side", cell(pair.nonFinite, count)],
      ["mean of A", cell(pair.mean, significant)],
      ["σ of A", cell(pair.std, significant)],
    ],
  };
}

interface Sum {
  pairs: number;
  squaredError: number;
  energy: number;
  nonFinite: number;
}

/** Pairs put together by some trait, those with most error first. */
export function groupTable(state: ComparePageState, title: string, traitOf: (pair: ComparedPair) => string): Table {
  const sums = new Map<string, Sum>();
  for (const { pair } of state.entries) {
    if (!pair) continue;
    const trait = traitOf(pair);
    const sum = sums.get(trait) ?? { pairs: 0, squaredError: 0, energy: 0, nonFinite: 0 };
    sums.set(trait, sum);
    sum.pairs++;
    sum.squaredError += pair.squaredError;
    sum.energy += energyOf(pair);
    sum.nonFinite += pair.nonFinite;
  }
  const sqnr = ({ squaredError, energy, nonFinite }: Sum) =>
    nonFinite > 0 ? -Infinity : squaredError === 0 ? Infinity : -10 * Math.log10(squaredError / energy);
  return {
    caption: `Error by ${title}`,
    columns: [
      { title },
      { title: "pairs", numeric: true },
      { title: "SQNR", numeric: true },
      { title: "of all error", numeric: true },
    ],
    rows: [...sums]
      .sort(([, x], [, y]) => y.squaredError - x.squaredError || y.pairs - x.pairs)
      .map(([trait, sum]) => [
        trait,
        cell(sum.pairs, count),
        cell(sqnr(sum), sqnrText),
        cell(state.squaredError > 0 ? sum.squaredError / state.squaredError : 0, percent),
      ]),
  };
}
