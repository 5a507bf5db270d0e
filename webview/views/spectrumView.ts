import { axisRoom, spectrum, type SpectrumData, type SpectrumMark } from "../charts/spectrum";
import { densityLevels, sigmaCounts } from "../charts/strip";
import type { TensorReport } from "../../src/core/series";
import { h, toggle } from "../dom";
import { measureAll, measureById, measures, type Measure } from "../measures";
import type { Panel } from "../panel";
import { encodingOptions, type Aspect, type Entry, type PanelState } from "../state";
import { checkbox, dropdown } from "../ui";
import { sortEntries } from "../order";
import { type ListRows, SortedList } from "./sortedList";

/** Measures beside the strips, in this order, after the one sorted by. */
const beside = ["kurtosis", "outlier", "incoherence", "sqnr", "bpw", "std", "absMax"];

/** Milliseconds of a frame spent on strips that are not made yet. */
const frameShare = 6;

/** What kind of resistance? Every tensor's density on one σ axis. */
export class SpectrumView {
  readonly element: HTMLElement;
  readonly #list: SortedList<SpectrumData, SpectrumMark>;
  readonly #encoding: ReturnType<typeof dropdown>;
  readonly #fit: ReturnType<typeof checkbox>;
  #levels = new WeakMap<TensorReport, Uint8Array>();
  #deadline = Infinity;
  #late = false;
  #visible = false;
  #shownSelection: string | undefined;

  constructor(panel: Panel) {
    const { store } = panel;
    this.#list = new SortedList<SpectrumData, SpectrumMark>(panel, {
      chart: spectrum,
      headRoom: axisRoom,
      filterLabel: "Filter tensors by name",
      reverseLabel: "Ascending order",
      onSort: (sort) => store.setView({ sort }),
      onReverse: () => store.setView({ ascending: !store.state.view.ascending }),
      onSelect: ({ row }) => {
        const entry = this.#list.entryAt(row);
        if (entry !== undefined) panel.select(store.state.entries[entry].tensor.name);
      },
      rowOf: ({ row }) => row,
      order: (filter) => orderOf(store.state, filter),
      rowHeight: (count, space) => (store.state.view.fit ? Math.max(1, Math.min(20, space / Math.max(1, count))) : 18),
      data: (rows) => this.#data(store.state, rows),
    });
    this.#encoding = dropdown({ label: "at", onChange: (encoding) => store.setView({ encoding }) });
    this.#fit = checkbox({ label: "Fit all rows", onChange: (fit) => store.setView({ fit }) });
    const { sort, direction, filter, frame } = this.#list;
    this.element = h(
      "div",
      { class: "view" },
      h("h2", { class: "hidden-text" }, "Spectrum"),
      h("div", { class: "controls" }, sort.element, this.#encoding.element, direction, filter, this.#fit.element, frame.tools),
      frame.element,
    );
  }

  update(state: PanelState, changed: ReadonlySet<Aspect>): void {
    const was = this.#visible;
    if (changed.has("model") || changed.has("reports")) this.#list.forget();
    this.#visible = state.view.tab === "spectrum";
    if (!this.#visible) return;
    const chosen = measures.find((m) => m.id === state.view.sort);
    this.#list.sort.set(
      [{ value: "file", label: "File order" }, ...measures.map((m) => ({ value: m.id, label: m.name }))],
      chosen?.id ?? "file",
    );
    this.#encoding.set(encodingOptions(state), state.view.encoding);
    toggle(this.#encoding.element, chosen?.perEncoding === true);
    this.#list.direction.setPressed(state.view.ascending === true);
    toggle(this.#list.direction, chosen !== undefined);
    this.#fit.set(state.view.fit === true);
    this.#list.refresh();
    const { selected } = state.view;
    if (was && (!changed.has("view") || selected === this.#shownSelection)) return;
    this.#shownSelection = selected;
    this.#list.reveal(selected === undefined ? undefined : state.byName.get(selected)?.index);
  }

  #data(state: PanelState, rows: ListRows): SpectrumData {
    const { view, entries, byName } = state;
    const sortMeasure = measures.find((m) => m.id === view.sort);
    const columns = [
      ...(sortMeasure ? [sortMeasure] : []),
      ...beside.filter((id) => id !== sortMeasure?.id).map(measureById),
    ] as Measure[];
    const index = (name: string | undefined) => (name === undefined ? undefined : byName.get(name)?.index);
    return {
      entries,
      ...rows,
      measures: columns,
      encoding: view.encoding,
      selected: index(view.selected),
      pinned: index(view.pinned),
      begin: (unhurried) => {
        this.#deadline = unhurried ? Infinity : performance.now() + frameShare;
        this.#late = false;
      },
      late: () => this.#late,
      levels: (entry, cells) => this.#levelsOf(entry, cells),
    };
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
}

function orderOf({ entries, view }: PanelState, filter: string): { readonly key: string; sort(): Int32Array } {
  const measure = measures.find((m) => m.id === view.sort);
  const ascending = view.ascending === true;
  return {
    key: `${view.sort}|${measure?.perEncoding ? view.encoding : ""}|${ascending}`,
    sort: () => sortEntries(entries, measure && measureAll(measure, entries, view.encoding), { ascending, filter }),
  };
}
