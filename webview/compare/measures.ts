import type { ComparedPair } from "../../src/core/api/comparePanel";
import { count, percent, significant } from "../format";
import type { ComparePageState, PairEntry } from "./state";

/** One number per pair that the list shows and can be sorted by. */
export interface PairMeasure {
  readonly id: string;
  readonly name: string;
  readonly short: string;
  /** The end that the list begins with. */
  readonly worst: "low" | "high";
  format(value: number): string;
  of(pair: ComparedPair, state: Pick<ComparePageState, "squaredError">): number;
}

export const sqnrText = (x: number): string =>
  Number.isNaN(x) ? "–" : x === Infinity ? "equal" : x === -Infinity ? "−∞ dB" : `${x.toFixed(1).replace("-", "−")} dB`;

export const pairMeasures: readonly PairMeasure[] = [
  { id: "sqnr", name: "SQNR", short: "SQNR", worst: "low", format: sqnrText, of: (p) => p.sqnr },
  {
    id: "share", name: "Share of all error", short: "of all error", worst: "high", format: percent,
    of: (p, { squaredError }) => (squaredError > 0 ? p.squaredError / squaredError : 0),
  },
  { id: "error", name: "Relative error", short: "error", worst: "high", format: significant, of: (p) => p.relativeSquaredError },
  { id: "difference", name: "Largest |Δ|", short: "max |Δ|", worst: "high", format: significant, of: (p) => p.maxDifference },
  { id: "count", name: "Weights", short: "weights", worst: "high", format: count, of: (p) => p.count },
];

export const pairMeasure = (id: string): PairMeasure | undefined => pairMeasures.find((m) => m.id === id);

/** Entries' indices from the top: by a measure, the worst first and what failed last, or by name. The filter is lower-case text. */
export function sortPairs(
  state: Pick<ComparePageState, "entries" | "squaredError">,
  { sort, reversed, filter }: { readonly sort: string; readonly reversed: boolean; readonly filter: string },
): Int32Array {
  const measure = pairMeasure(sort);
  const has = ({ a, b }: PairEntry) => a.toLowerCase().includes(filter) || b.toLowerCase().includes(filter);
  const kept = filter === "" ? [...state.entries] : state.entries.filter(has);
  const sign = (measure?.worst === "high" ? -1 : 1) * (reversed ? -1 : 1);
  const values = measure && state.entries.map((e) => (e.pair ? measure.of(e.pair, state) : NaN));
  const byName = (x: PairEntry, y: PairEntry) => names.compare(x.a, y.a) || names.compare(x.b, y.b);
  kept.sort((x, y) => {
    if (!values) return (reversed ? -1 : 1) * byName(x, y);
    const [p, q] = [values[x.index], values[y.index]];
    if (Number.isNaN(p) || Number.isNaN(q)) return Number(Number.isNaN(p)) - Number(Number.isNaN(q)) || byName(x, y);
    if (p !== q) return sign * (p < q ? -1 : 1);
    return (y.pair!.maxDifference - x.pair!.maxDifference) || byName(x, y);
  });
  return Int32Array.from(kept, (e) => e.index);
}

/** "layers.2" before "layers.10". */
const names = new Intl.Collator("en", { numeric: true });
