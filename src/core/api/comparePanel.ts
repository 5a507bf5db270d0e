import type { PlainError } from "../errors";
import type { LogHistogram } from "../series";
import type { CompareSummary, TensorComparison } from "./compare";
import type { OutdatedFile, PanelStatus } from "./panel";

/** A pair as the list shows it. The histograms are sent when the pair is looked at. */
export type ComparedPair = Omit<TensorComparison, "logHistogramA" | "logHistogramB">;

/** A pair that could not be compared. */
export interface FailedPair {
  readonly a: string;
  readonly b: string;
  readonly error: PlainError;
}

/** Names a pair: a tensor can be in several, but in one with the same other. */
export const pairKey = (a: string, b: string): string => `${a}\n${b}`;

/** Kept by the webview across hiding and reloads (webview state). */
export interface CompareView {
  readonly tab: "pairs" | "unmatched";
  /** A measure of webview/compare/measures.ts. */
  readonly sort: string;
  /** Turns the measure's own direction, the worst first, round. */
  readonly reversed?: boolean;
  /** `pairKey` of the pair looked at. */
  readonly selected?: string;
  /** Value axis of the overlay; "sigma" when absent. */
  readonly unit?: "sigma" | "value";
}

/** What the webview keeps: enough to bring the panel back in a new window. */
export interface CompareState {
  readonly pathA: string;
  readonly pathB: string;
  readonly view: CompareView;
}

/**
 * Host → webview, as `ToPanel` travels: what is not finite arrives as null. The host replays `models`, all `pairs`, `summary` and
 * `status` whenever the webview says "ready".
 */
export type ToComparePanel =
  /** `compared`: pairs that the host holds. 0: what the panel still shows is void, because it is compared anew. */
  | { readonly type: "models"; readonly pathA: string; readonly pathB: string; readonly compared: number }
  | { readonly type: "pairs"; readonly pairs: readonly ComparedPair[]; readonly failed: readonly FailedPair[] }
  | { readonly type: "histograms"; readonly pair: string; readonly a: LogHistogram; readonly b: LogHistogram }
  | { readonly type: "summary"; readonly summary: CompareSummary }
  /** None: what is shown is what both files hold. */
  | { readonly type: "outdated"; readonly files: readonly OutdatedFile[] }
  | { readonly type: "status"; readonly status: PanelStatus };

export type CompareCommand = "compare" | "cancel" | "swap" | "choose" | "text" | "restartEngine" | "showLog";

/** Webview → host. */
export type FromComparePanel =
  | { readonly type: "ready" }
  /** Send this pair's histograms. */
  | { readonly type: "detail"; readonly pair: string }
  | { readonly type: "command"; readonly command: CompareCommand }
  | { readonly type: "save"; readonly name: string; readonly bytes: Uint8Array }
  | { readonly type: "copy"; readonly text: string };
