import { clampView, gutter, headRoom, map, type MapData, type MapView as Zoom } from "../charts/map";
import { ChartFrame } from "../charts/frame";
import type { MapLayout } from "../charts/cells";
import { layoutMap } from "../charts/mapLayout";
import { h, toggle } from "../dom";
import { measureAll, measureById, measures } from "../measures";
import type { Panel } from "../panel";
import { domainOf, makeScale, type Scale } from "../scales";
import { encodingOptions, type Aspect, type PanelState } from "../state";
import { dropdown, iconButton } from "../ui";
import { Legend } from "./legend";

/** Below the cells, for the buttons in the corner. */
const cornerRoom = 28;

/** Where does it resist? Every tensor a cell, coloured by a measure. */
export class MapView {
  readonly element: HTMLElement;
  readonly #panel: Panel;
  readonly #frame: ChartFrame<MapData, number>;
  readonly #legend: Legend;
  readonly #measure: ReturnType<typeof dropdown>;
  readonly #encoding: ReturnType<typeof dropdown>;
  #layout: MapLayout | undefined;
  #layoutKey = "";
  #data: MapData | undefined;
  #zoom: Zoom = { x: 0, y: 0, scale: 1 };
  #visible = true;
  #dragged = false;
  #known: { readonly key: string; readonly values: Float64Array; readonly scale: Scale } | undefined;
  #saving: ReturnType<typeof setTimeout> | undefined;

  constructor(panel: Panel) {
    this.#panel = panel;
    this.#legend = new Legend(panel);
    this.#measure = dropdown({ label: "Colour", onChange: (measure) => panel.store.setView({ measure }) });
    this.#encoding = dropdown({ label: "at", onChange: (encoding) => panel.store.setView({ encoding }) });
    this.#frame = new ChartFrame(panel, map, {
      heading: false,
      class: "grow",
      onSelect: (i) => {
        if (!this.#dragged) panel.select(panel.store.state.entries[i].tensor.name);
      },
      onCursor: (i) => this.#reveal(i),
      onKey: (e) => this.#key(e),
    });
    this.#frame.canvas.after(
      h(
        "div",
        { class: "corner" },
        iconButton({ icon: "minus", label: "Zoom out", onPress: () => this.#scaleBy(1 / 1.5) }),
        iconButton({ icon: "plus", label: "Zoom in", onPress: () => this.#scaleBy(1.5) }),
        iconButton({ icon: "fit", label: "Whole map", onPress: () => this.#setZoom({ x: 0, y: 0, scale: 1 }) }),
      ),
    );
    this.element = h(
      "div",
      { class: "view" },
      h("h2", { class: "hidden-text" }, "Map"),
      h("div", { class: "controls" }, this.#measure.element, this.#encoding.element, this.#legend.element, this.#frame.tools),
      this.#frame.element,
    );
    this.#zoom = panel.store.state.view.zoom ?? this.#zoom;
    this.#listen();
    new ResizeObserver(() => this.#refresh(panel.store.state)).observe(this.#frame.canvas);
  }

  update(state: PanelState, changed: ReadonlySet<Aspect>): void {
    // What comes while another tab is shown counts when this one is.
    if (changed.has("model")) {
      this.#layoutKey = "";
      if (!state.view.zoom) this.#zoom = { x: 0, y: 0, scale: 1 };
    }
    if (changed.has("model") || changed.has("reports")) this.#known = undefined;
    this.#visible = state.view.tab === "map";
    if (!this.#visible) return;
    const measure = measureById(state.view.measure);
    this.#measure.set(
      measures.map((m) => ({ value: m.id, label: m.name })),
      measure.id,
    );
    this.#encoding.set(encodingOptions(state), state.view.encoding);
    toggle(this.#encoding.element, measure.perEncoding === true);
    this.#refresh(state);
  }

  /** Values, scale and legend for the measure, made anew only when it or the results changed. */
  #values(state: PanelState): { readonly key: string; readonly values: Float64Array; readonly scale: Scale } {
    const measure = measureById(state.view.measure);
    const key = `${measure.id}|${measure.perEncoding ? state.view.encoding : ""}`;
    if (this.#known?.key === key) return this.#known;
    const values = measureAll(measure, state.entries, state.view.encoding);
    return (this.#known = { key, values, scale: makeScale(measure.scale, domainOf(values, measure.scale, measure.floor)) });
  }

  #refresh(state: PanelState): void {
    const { width, height } = this.#frame.size;
    if (!this.#visible || width === 0 || height === 0) return;
    const key = `${width}×${height}`;
    if (!this.#layout || key !== this.#layoutKey) {
      this.#layoutKey = key;
      const tensors = state.entries.map((e) => e.tensor);
      this.#layout = layoutMap(tensors, { width, height });
      const space = { width: width - gutter(this.#layout, width), height: height - headRoom(this.#layout) - cornerRoom };
      this.#layout = layoutMap(tensors, space);
      this.#zoom = clampView(this.#layout, this.#frame.size, this.#zoom);
    }
    const measure = measureById(state.view.measure);
    const { values, scale } = this.#values(state);
    this.#legend.update(measure, scale);
    const index = (name: string | undefined) => (name === undefined ? undefined : state.byName.get(name)?.index);
    this.#data = {
      entries: state.entries,
      layout: this.#layout,
      measure,
      values,
      scale,
      view: this.#zoom,
      selected: index(state.view.selected),
      pinned: index(state.view.pinned),
    };
    this.#frame.update(this.#data, true);
  }

  #setZoom(zoom: Zoom): void {
    if (!this.#layout || !this.#data) return;
    this.#zoom = clampView(this.#layout, this.#frame.size, zoom);
    this.#data = { ...this.#data, view: this.#zoom };
    this.#frame.update(this.#data, true);
    clearTimeout(this.#saving);
    this.#saving = setTimeout(() => this.#panel.store.setView({ zoom: this.#zoom }), 200);
  }

  /** Zooms around a point of the canvas, its middle when none is given. */
  #scaleBy(factor: number, at?: { x: number; y: number }): void {
    if (!this.#layout) return;
    const { width, height } = this.#frame.size;
    const left = gutter(this.#layout, width);
    const top = headRoom(this.#layout);
    const [x, y] = [(at?.x ?? (left + width) / 2) - left, (at?.y ?? (top + height) / 2) - top];
    const scale = Math.min(12, Math.max(0.2, this.#zoom.scale * factor));
    const ratio = scale / this.#zoom.scale;
    this.#setZoom({ scale, x: x - (x - this.#zoom.x) * ratio, y: y - (y - this.#zoom.y) * ratio });
  }

  #key(e: KeyboardEvent): boolean {
    if (e.key === "+" || e.key === "=") this.#scaleBy(1.25);
    else if (e.key === "-") this.#scaleBy(0.8);
    else if (e.key === "0") this.#setZoom({ x: 0, y: 0, scale: 1 });
    else return false;
    return true;
  }

  #reveal(index: number): void {
    const layout = this.#layout;
    if (!layout) return;
    const { width, height } = this.#frame.size;
    const [w, k] = [width - gutter(layout, width), height - headRoom(layout)];
    const { scale } = this.#zoom;
    const [x, y, cw, ch] = [0, 1, 2, 3].map((j) => layout.cells[index * 4 + j] * scale);
    const within = (offset: number, at: number, extent: number, space: number) =>
      at + offset < 0 ? -at : at + extent + offset > space ? space - at - extent : offset;
    const moved = { scale, x: within(this.#zoom.x, x, cw, w), y: within(this.#zoom.y, y, ch, k) };
    if (moved.x !== this.#zoom.x || moved.y !== this.#zoom.y) this.#setZoom(moved);
  }

  #listen(): void {
    const { canvas } = this.#frame;
    canvas.addEventListener(
      "wheel",
      (e) => {
        if (!this.#layout) return;
        const before = this.#zoom;
        if (e.ctrlKey || e.metaKey)
          this.#scaleBy(Math.exp(-e.deltaY * (e.deltaMode === 1 ? 0.05 : 0.004)), { x: e.offsetX, y: e.offsetY });
        else {
          const step = e.deltaMode === 1 ? 16 : 1;
          const [dx, dy] = e.shiftKey && e.deltaX === 0 ? [e.deltaY, 0] : [e.deltaX, e.deltaY];
          this.#setZoom({ ...before, x: before.x - dx * step, y: before.y - dy * step });
        }
        // At the map's edge the page scrolls on.
        if (e.ctrlKey || e.metaKey || before.x !== this.#zoom.x || before.y !== this.#zoom.y) e.preventDefault();
      },
      { passive: false },
    );
    let from: { x: number; y: number; zoom: Zoom } | undefined;
    canvas.addEventListener("pointerdown", (e) => {
      this.#dragged = false;
      if (e.button === 0) from = { x: e.clientX, y: e.clientY, zoom: this.#zoom };
    });
    canvas.addEventListener("pointermove", (e) => {
      if (!from || e.buttons !== 1) return;
      const [dx, dy] = [e.clientX - from.x, e.clientY - from.y];
      if (!this.#dragged && Math.hypot(dx, dy) < 4) return;
      if (!this.#dragged) canvas.setPointerCapture(e.pointerId);
      this.#dragged = true;
      this.#setZoom({ ...from.zoom, x: from.zoom.x + dx, y: from.zoom.y + dy });
    });
    const end = () => (from = undefined);
    canvas.addEventListener("pointerup", end);
    canvas.addEventListener("pointercancel", end);
  }
}
