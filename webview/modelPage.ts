import type { FromPanel, PanelView, ToPanel } from "../src/core/api/panel";
import { h, toggle } from "./dom";
import { Panel } from "./panel";
import { missingDetail, Store, type PanelState } from "./state";
import { onThemeChange } from "./theme/theme";
import { tabs } from "./ui";
import { BitsView } from "./views/bitsView";
import { BudgetView } from "./views/budgetView";
import { Header } from "./views/header";
import { LayerView } from "./views/layerView";
import { MapView } from "./views/mapView";
import { SpectrumView } from "./views/spectrumView";

/** A model's page: one store, four views, one layer pane. */
export function modelPage(root: HTMLElement): void {
  const api = acquireVsCodeApi<FromPanel, PanelView>();
  const store = new Store({ view: api.getState(), schedule: (run) => void requestAnimationFrame(run) });
  const panel = new Panel(store, (message) => api.postMessage(message));

  const header = new Header(panel);
  const map = new MapView(panel);
  const spectrum = new SpectrumView(panel);
  const bits = new BitsView(panel);
  const budget = new BudgetView(panel);
  const layer = new LayerView(panel);
  const views = tabs<PanelView["tab"]>({
    label: "Views",
    tabs: [
      { id: "map", label: "Map", content: map.element },
      { id: "spectrum", label: "Spectrum", content: spectrum.element },
      { id: "bits", label: "Bits", content: bits.element },
      { id: "budget", label: "Budget", content: budget.element },
    ],
    onChange: (tab) => store.setView({ tab }),
  });
  const body = h("main", { class: "body" }, h("div", { class: "views" }, views.element), layer.element);
  root.append(h("div", { class: "panel" }, header.element, body), panel.card.element, panel.voice);

  let saving = 0;
  let told: PanelView = store.state.view;
  function tellView(): void {
    clearTimeout(saving);
    told = store.state.view;
    api.postMessage({ type: "view", view: told });
  }
  /**
   * Kept for a reload, and told to the host: a choice at once, because a page that is hidden loses its timers; scrolling and
   * zooming only when they rest.
   */
  function saveView(state: PanelState): void {
    api.setState(state.view);
    const { zoom: _, ...choices } = state.view;
    if (Object.entries(choices).some(([key, value]) => told[key as keyof PanelView] !== value)) return tellView();
    clearTimeout(saving);
    saving = setTimeout(tellView, 150) as unknown as number;
  }

  const asked = new Set<string>();
  function askForDetail(state: PanelState): void {
    for (const name of [state.view.selected, state.view.pinned]) {
      if (name === undefined || !missingDetail(state, name)) {
        if (name !== undefined) asked.delete(name);
        continue;
      }
      if (asked.has(name)) continue;
      asked.add(name);
      api.postMessage({ type: "detail", tensor: name });
    }
  }

  let painted = false;
  /** Called in the frame's own callback: the task after it begins when the frame was drawn. */
  function tellPainted(state: PanelState): void {
    if (painted || (!state.model && state.status.kind === "opening")) return;
    painted = true;
    setTimeout(() => api.postMessage({ type: "painted" }));
  }

  store.subscribe((state, changed) => {
    if (changed.has("view")) {
      views.activate(state.view.tab);
      saveView(state);
    }
    // A file that could not be opened, or has no tensors, has no map: the header says why, and nothing else is there.
    toggle(body, state.model ? state.entries.length > 0 : state.status.kind !== "failed");
    header.update(state, changed);
    map.update(state, changed);
    spectrum.update(state, changed);
    bits.update(state, changed);
    budget.update(state, changed);
    layer.update(state, changed);
    if (changed.has("model")) asked.clear();
    if (changed.has("view") || changed.has("reports")) askForDetail(state);
    tellPainted(state);
  });

  window.addEventListener("message", (event: MessageEvent<ToPanel>) => {
    if (typeof event.data?.type !== "string") return;
    store.receive(event.data, performance.now());
  });
  onThemeChange(() => panel.rereadTheme());
  views.activate(store.state.view.tab);
  store.touch("theme");
  api.postMessage({ type: "ready" });
}
