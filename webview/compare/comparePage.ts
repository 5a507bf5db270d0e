import type { CompareState, CompareView, FromComparePanel, ToComparePanel } from "../../src/core/api/comparePanel";
import { h, toggle } from "../dom";
import { onThemeChange } from "../theme/theme";
import { tabs } from "../ui";
import { CompareHeader } from "./compareHeader";
import { ComparePanel } from "./comparePanel";
import { PairsView } from "./pairsView";
import { PairView } from "./pairView";
import { CompareStore, type ComparePageState } from "./state";
import { UnmatchedView } from "./unmatchedView";

/** A comparison's page: pairs by damage, one pair beside them, and what was left out. */
export function comparePage(root: HTMLElement): void {
  const api = acquireVsCodeApi<FromComparePanel, CompareState>();
  const store = new CompareStore({ kept: keptState(api.getState()), schedule: (run) => void requestAnimationFrame(run) });
  const panel = new ComparePanel(store, (message) => api.postMessage(message));
  const header = new CompareHeader(panel);
  const pairs = new PairsView(panel);
  const unmatched = new UnmatchedView();
  const pair = new PairView(panel, (by) => pairs.walk(by));
  const views = tabs<CompareView["tab"]>({
    label: "Views",
    tabs: [
      { id: "pairs", label: "Pairs", content: pairs.element },
      { id: "unmatched", label: "Not Compared", content: unmatched.element },
    ],
    onChange: (tab) => store.setView({ tab }),
  });
  const body = h("main", { class: "body" }, h("div", { class: "views" }, views.element), pair.element);
  root.append(h("div", { class: "panel" }, header.element, body), panel.card.element, panel.voice);

  const asked = new Set<string>();
  function askForHistograms({ view: { selected }, byKey, histograms }: ComparePageState): void {
    if (selected === undefined || !byKey.get(selected)?.pair || asked.has(selected)) return;
    if (histograms.has(selected)) return;
    asked.add(selected);
    panel.post({ type: "detail", pair: selected });
  }

  store.subscribe((state, changed) => {
    if (changed.has("view")) views.activate(state.view.tab);
    const { pathA, pathB, view } = state;
    if (pathA && (changed.has("view") || changed.has("models"))) api.setState({ pathA, pathB, view });
    // Nothing in common, or a file that does not open: the header says why, and nothing else is there.
    toggle(body, state.status.kind !== "failed" || state.entries.length > 0);
    if (changed.has("histograms") || changed.has("models")) asked.clear();
    header.update(state, changed);
    pairs.update(state, changed);
    unmatched.update(state, changed);
    pair.update(state, changed);
    askForHistograms(state);
  });

  window.addEventListener("message", (event: MessageEvent<ToComparePanel>) => {
    if (typeof event.data?.type === "string") store.receive(event.data);
  });
  onThemeChange(() => panel.rereadTheme());
  views.activate(store.state.view.tab);
  store.touch("theme", "models", "status");
  panel.post({ type: "ready" });
}

/** What an earlier page of this comparison kept, as far as it is as expected. */
function keptState(kept: Partial<CompareState> | undefined): Partial<CompareState> {
  return typeof kept?.view === "object" && kept.view !== null ? kept : {};
}
