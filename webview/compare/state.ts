import type { CompareSummary } from "../../src/core/api/compare";
import {
  type ComparedPair, type CompareState, type CompareView, type FailedPair, pairKey, type ToComparePanel,
} from "../../src/core/api/comparePanel";
import type { OutdatedFile, PanelStatus } from "../../src/core/api/panel";
import type { PlainError } from "../../src/core/errors";
import type { LogHistogram } from "../../src/core/series";
import { Changes } from "../changes";

/** Two tensors, and what came of comparing them. */
export interface PairEntry {
  readonly index: number;
  readonly key: string;
  readonly a: string;
  readonly b: string;
  readonly pair?: ComparedPair;
  readonly failure?: PlainError;
}

export interface Histograms {
  readonly a: LogHistogram;
  readonly b: LogHistogram;
}

export type CompareAspect = "models" | "pairs" | "histograms" | "summary" | "status" | "view" | "theme";

export interface ComparePageState {
  pathA: string;
  pathB: string;
  entries: PairEntry[];
  byKey: ReadonlyMap<string, PairEntry>;
  /** Σ(a − b)² and Σa² over all pairs so far. */
  squaredError: number;
  energy: number;
  equal: number;
  failed: number;
  summary?: CompareSummary;
  status: PanelStatus;
  /** Files that are no longer what is shown. */
  outdated: readonly OutdatedFile[];
  /** Of the pair looked at, and a few looked at before. */
  histograms: ReadonlyMap<string, Histograms>;
  view: CompareView;
}

export const defaultCompareView: CompareView = { tab: "pairs", sort: "sqnr" };
const heldHistograms = 16;

export function initialCompareState(kept: Partial<CompareState> = {}): ComparePageState {
  return {
    pathA: kept.pathA ?? "",
    pathB: kept.pathB ?? "",
    entries: [],
    byKey: new Map(),
    squaredError: 0,
    energy: 0,
    equal: 0,
    failed: 0,
    status: { kind: "opening" },
    outdated: [],
    histograms: new Map(),
    view: { ...defaultCompareView, ...kept.view },
  };
}

/** Applies one message from the host; replaying any message changes nothing. Returns the aspects that changed. */
export function receiveCompare(state: ComparePageState, message: ToComparePanel): CompareAspect[] {
  switch (message.type) {
    case "models":
      state.pathA = message.pathA;
      state.pathB = message.pathB;
      if (message.compared > 0 || state.entries.length === 0) return ["models"];
      Object.assign(state, initialCompareState(state), { status: state.status, summary: undefined });
      return ["models", "pairs", "histograms", "summary"];
    case "pairs":
      addPairs(state, message.pairs.map(revivePair), message.failed);
      return ["pairs"];
    case "histograms": {
      const kept = [...state.histograms].filter(([key]) => key !== message.pair).slice(1 - heldHistograms);
      state.histograms = new Map([...kept, [message.pair, { a: message.a, b: message.b }]]);
      return ["histograms"];
    }
    case "summary":
      state.summary = reviveSummary(message.summary);
      return ["summary"];
    case "outdated":
      state.outdated = message.files;
      return ["status"];
    case "status":
      state.status = message.status;
      return ["status"];
    default:
      // A host that knows more than this page.
      return [];
  }
}

function addPairs(state: ComparePageState, pairs: readonly ComparedPair[], failed: readonly FailedPair[]): void {
  const byKey = new Map(state.byKey);
  const add = (entry: Omit<PairEntry, "index" | "key">) => {
    const key = pairKey(entry.a, entry.b);
    if (byKey.has(key)) return false;
    const known = { index: state.entries.length, key, ...entry };
    state.entries.push(known);
    byKey.set(key, known);
    return true;
  };
  for (const pair of pairs) {
    if (!add({ a: pair.a.name, b: pair.b.name, pair })) continue;
    state.squaredError += pair.squaredError;
    state.energy += energyOf(pair);
    if (pair.sqnr === Infinity) state.equal++;
  }
  for (const { a, b, error } of failed) if (add({ a, b, failure: error })) state.failed++;
  state.byKey = byKey;
}

/** Σa² of a pair's compared elements. */
export const energyOf = ({ count, mean, std }: ComparedPair): number => (count > 0 ? count * (mean * mean + std * std) : 0);

/** Puts back the numbers that JSON cannot carry. */
export function revivePair(pair: ComparedPair): ComparedPair {
  return { ...pair, ...reviveRatio(pair), mean: pair.mean ?? NaN, std: pair.std ?? NaN };
}

/** Of a ratio without bound all signal is lost. */
function reviveRatio({ relativeSquaredError, sqnr }: Pick<ComparedPair, "relativeSquaredError" | "sqnr">): Pick<ComparedPair, "relativeSquaredError" | "sqnr"> {
  const error = (relativeSquaredError as number | null) ?? Infinity;
  return { relativeSquaredError: error, sqnr: (sqnr as number | null) ?? (error === 0 ? Infinity : -Infinity) };
}

function reviveSummary(summary: CompareSummary): CompareSummary {
  const nothing = summary.failed >= summary.progress.tensorsTotal;
  return { ...summary, ...(nothing ? { relativeSquaredError: NaN, sqnr: NaN } : reviveRatio(summary)) };
}

/** The one place where a comparison's page keeps its state. */
export class CompareStore extends Changes<ComparePageState, CompareAspect> {
  constructor(options: { kept?: Partial<CompareState>; schedule: (run: () => void) => void }) {
    super(initialCompareState(options.kept), options.schedule);
  }

  receive(message: ToComparePanel): void {
    this.touch(...receiveCompare(this.state, message));
  }

  setView(patch: Partial<CompareView>): void {
    const keys = Object.keys(patch) as (keyof CompareView)[];
    if (keys.every((k) => this.state.view[k] === patch[k])) return;
    this.state.view = { ...this.state.view, ...patch };
    this.touch("view");
  }
}
