import { ChartFrame } from "../charts/frame";
import { axisRoom, spectrum, type SpectrumData, type SpectrumMark } from "../charts/spectrum";
import { densityLevels, sigmaCounts } from "../charts/strip";
import type { TensorReport } from "../../src/core/series";
import { h, toggle } from "../dom";
import { measureAll, measureById, measures, type Measure } from "../measures";
import type { Panel } from "../panel";
import { encodingOptions, type Aspect, type Entry, type PanelState } from "../state";
import { checkbox, dropdown, iconButton, textField } from "../ui";
import { sortEntries } from "../order";

/** Measures beside the strips, in this order, after the one sorted by. */
const beside = ["kurtosis", "outlier", "incoherence", "sqnr", "bpw", "std", "absMax"];

/** Milliseconds of a frame spent on strips that are not made yet. */
const frameShare = 6;

/** What kind of resistance? Every tensor's density on one σ axis. */
export class SpectrumView {
  readonly element: HTMLElement;
  readonly #panel: Panel;
  readonly #frame: ChartFrame<SpectrumData, SpectrumMark>;
  readonly #sort: ReturnType<typeof dropdown>;
  readonly #encoding: ReturnType<typeof dropdown>;
  readonly #direction: ReturnType<typeof iconButton>;
  readonly #fit: ReturnType<typeof checkbox>;
  readonly #scroller: HTMLElement;
  readonly #spacer = h("div", { class: "spacer" });
  #levels = new WeakMap<TensorReport, Uint8Array>();
  #data: SpectrumData | undefined;
  #filter = "";
  #deadline = Infinity;
  #late = false;
  #sorted: { readonly key: string; readonly order: Int32Array } | undefined;
  #visible = false;

  constructor(panel: Panel) {
    this.#panel = panel;
    const { store } = panel;
    this.#sort = dropdown({ label: "Sort by", onChange: (sort) => store.setView({ sort }) });
    this.#encoding = dropdown({ label: "at", onChange: (encoding) => store.setView({ encoding }) });
    this.#direction = iconButton({
      icon: "down",
      label: "Ascending order",
      pressed: false,
      onPress: () => store.setView({ ascending: !store.state.view.ascending }),
    });
    this.#fit = checkbox({ label: "Fit all rows", onChange: (fit) => store.setView({ fit }) });
    const filter = textField({
      label: "Filter tensors by name",
      placeholder: "Filter by name",
      onInput: (text) => {
        this.#filter = text.toLowerCase();
        this.#refresh(store.state);
      },
    });
    this.#frame = new ChartFrame(panel, spectrum, {
      heading: false,
      class: "grow",
      onSelect: ({ row }) => {
        const entry = this.#data && this.#data.entries[this.#data.order[row]];
        if (entry) panel.select(entry.tensor.name);
      },
      onCursor: ({ row }) => this.#reveal(row),
    });
    const stage = this.#frame.canvas.parentElement!;
    this.#scroller = h("div", { class: "scroller", tabindex: -1 }, this.#spacer);
    stage.append(this.#scroller);
    this.#scroller.prepend(this.#frame.canvas);
    this.#scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.element = h(
      "div",
      { class: "view" },
      h("h2", { class: "hidden-text" }, "Spectrum"),
      h(
        "div",
        { class: "controls" },
        this.#sort.element,
        this.#encoding.element,
        this.#direction,
        filter,
        this.#fit.element,
        this.#frame.tools,
      ),
      this.#frame.element,
    );
    new ResizeObserver(() => this.#refresh(store.state)).observe(stage);
  }

  update(state: PanelState, changed: ReadonlySet<Aspect>): void {
    const was = this.#visible;
    if (changed.has("model") || changed.has("reports")) this.#sorted = undefined;
    this.#visible = state.view.tab === "spectrum";
    if (!this.#visible) return;
    const chosen = measures.find((m) => m.id === state.view.sort);
    this.#sort.set(
      [{ value: "file", label: "File order" }, ...measures.map((m) => ({ value: m.id, label: m.name }))],
      chosen?.id ?? "file",
    );
    this.#encoding.set(encodingOptions(state), state.view.encoding);
    toggle(this.#encoding.element, chosen?.perEncoding === true);
    this.#direction.setPressed(state.view.ascending === true);
    toggle(this.#direction, chosen !== undefined);
    this.#fit.set(state.view.fit === true);
    this.#refresh(state);
    if (!was || (changed.has("view") && state.view.selected !== this.#shownSelection)) this.#revealSelected(state);
  }

  #shownSelection: string | undefined;
  #revealSelected(state: PanelState): void {
    this.#shownSelection = state.view.selected;
    const index = state.view.selected === undefined ? undefined : state.byName.get(state.view.selected)?.index;
    const row = index === undefined || !this.#data ? -1 : this.#data.order.indexOf(index);
    if (row >= 0) this.#reveal(row);
  }

  #refresh(state: PanelState): void {
    const { width, height } = this.#frame.size;
    if (!this.#visible || width === 0 || height === 0) return;
    const sortMeasure = measures.find((m) => m.id === state.view.sort);
    const order = this.#order(state, sortMeasure);
    const space = height - axisRoom;
    const rowHeight = state.view.fit ? Math.max(1, Math.min(20, space / Math.max(1, order.length))) : 18;
    const columns = [
      ...(sortMeasure ? [sortMeasure] : []),
      ...beside.filter((id) => id !== sortMeasure?.id).map(measureById),
    ] as Measure[];
    this.#spacer.style.height = `${Math.max(0, order.length * rowHeight + axisRoom - height)}px`;
    const index = (name: string | undefined) => (name === undefined ? undefined : state.byName.get(name)?.index);
    this.#data = {
      entries: state.entries,
      order,
      rowHeight,
      scroll: this.#clampedScroll(order.length * rowHeight, space),
      measures: columns,
      encoding: state.view.encoding,
      selected: index(state.view.selected),
      pinned: index(state.view.pinned),
      begin: (unhurried) => {
        this.#deadline = unhurried ? Infinity : performance.now() + frameShare;
        this.#late = false;
      },
      late: () => this.#late,
      levels: (entry, cells) => this.#levelsOf(entry, cells),
    };
    this.#frame.update(this.#data, true);
  }

  /** Rows from the top, sorted anew only when something it depends on changed. */
  #order(state: PanelState, measure: Measure | undefined): Int32Array {
    const { view } = state;
    const key = `${view.sort}|${measure?.perEncoding ? view.encoding : ""}|${view.ascending === true}|${this.#filter}`;
    if (!this.#sorted || this.#sorted.key !== key) {
      const values = measure && measureAll(measure, state.entries, view.encoding);
      this.#sorted = {
        key,
        order: sortEntries(state.entries, values, { ascending: view.ascending === true, filter: this.#filter }),
      };
    }
    return this.#sorted.order;
  }

  #clampedScroll(content: number, space: number): number {
    return Math.max(0, Math.min(this.#scroller.scrollTop, content - space));
  }

  #levelsOf(entry: Entry, cells: number): Uint8Array | undefined {
    if (!entry.report) return undefined;
    let levels = this.#levels.get(entry.report);
    if (levels?.length !== cells && performance.now() > this.#deadline) {
      this.#late = true;
      return undefined;
    }
    if (levels?.length !== cells) this.#levels.set(entry.report, (levels = densityLevels(sigmaCounts(entry.report, cells))));
    return levels;
  }

  #scrolled(): void {
    if (!this.#data) return;
    this.#data = { ...this.#data, scroll: this.#scroller.scrollTop };
    this.#frame.update(this.#data, true);
  }

  #reveal(row: number): void {
    if (!this.#data) return;
    const { rowHeight } = this.#data;
    const space = this.#frame.size.height - axisRoom;
    const y = row * rowHeight;
    const { scrollTop } = this.#scroller;
    if (y < scrollTop) this.#scroller.scrollTop = y;
    else if (y + rowHeight > scrollTop + space) this.#scroller.scrollTop = y + rowHeight - space;
    if (this.#scroller.scrollTop !== this.#data.scroll) this.#scrolled();
  }
}
