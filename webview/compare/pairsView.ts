import { charts } from "../charts";
import { headRoom, type PairsData, type PairsMark } from "../charts/pairs";
import { commonStem } from "../charts/spectrum";
import { h } from "../dom";
import { domainOf, linearScale } from "../scales";
import { type ListRows, SortedList } from "../views/sortedList";
import type { ComparePanel } from "./comparePanel";
import { pairMeasures, sortPairs } from "./measures";
import type { CompareAspect, ComparePageState } from "./state";

const rowHeight = 22;

/** Which tensors lost most? All pairs, by damage or whatever else is chosen. */
export class PairsView {
  readonly element: HTMLElement;
  readonly #panel: ComparePanel;
  readonly #list: SortedList<PairsData, PairsMark>;
  #stem = "";
  #shownSelection: string | undefined;

  constructor(panel: ComparePanel) {
    this.#panel = panel;
    const { store } = panel;
    this.#list = new SortedList<PairsData, PairsMark>(panel, {
      chart: charts.pairs,
      headRoom,
      filterLabel: "Filter pairs by name",
      reverseLabel: "Reverse order",
      onSort: (sort) => store.setView({ sort }),
      onReverse: () => store.setView({ reversed: !store.state.view.reversed }),
      onSelect: (mark) => {
        if ("row" in mark) return panel.select(this.#keyAt(mark.row));
        const { sort, reversed } = store.state.view;
        store.setView(mark.head === sort ? { reversed: !reversed } : { sort: mark.head, reversed: false });
      },
      rowOf: (mark) => ("row" in mark ? mark.row : undefined),
      order: (filter) => {
        const { sort, reversed = false } = store.state.view;
        return { key: `${sort}|${reversed}`, sort: () => sortPairs(store.state, { sort, reversed, filter }) };
      },
      rowHeight: () => rowHeight,
      data: (rows) => this.#data(store.state, rows),
      empty: (filter) => (filter && store.state.entries.length > 0 ? `No pair has "${filter}" in a name.` : "No pairs yet."),
    });
    const { sort, direction, filter, frame, empty } = this.#list;
    this.element = h(
      "div",
      { class: "view" },
      h("h2", { class: "hidden-text" }, "Pairs"),
      h("div", { class: "controls" }, sort.element, direction, filter, frame.tools),
      empty,
      frame.element,
    );
  }

  update(state: ComparePageState, changed: ReadonlySet<CompareAspect>): void {
    if (changed.has("pairs")) {
      this.#list.forget();
      this.#stem = commonStem(state.entries.map((e) => ({ name: e.a, layer: e.pair?.layer })));
    }
    this.#list.sort.set(
      [...pairMeasures.map((m) => ({ value: m.id, label: m.name })), { value: "name", label: "Name" }],
      pairMeasures.some((m) => m.id === state.view.sort) ? state.view.sort : "name",
    );
    this.#list.direction.setPressed(state.view.reversed === true);
    this.#list.refresh();
    const { selected } = state.view;
    // After a reload the pair looked at comes some time later, and others push it about until all have come.
    if (selected === this.#shownSelection || !(changed.has("view") || state.summary)) return;
    if (selected === undefined || this.#list.reveal(this.#selected(state))) this.#shownSelection = selected;
  }

  /** The pair above or below the one looked at, as the list stands. */
  walk(by: -1 | 1): void {
    const row = this.#list.rowOf(this.#selected(this.#panel.store.state));
    const key = this.#keyAt(row < 0 ? 0 : row + by);
    if (key !== undefined) this.#panel.select(key);
  }

  #keyAt(row: number): string | undefined {
    const entry = this.#list.entryAt(row);
    return entry === undefined ? undefined : this.#panel.store.state.entries[entry]?.key;
  }

  #selected({ view, byKey }: ComparePageState): number | undefined {
    return view.selected === undefined ? undefined : byKey.get(view.selected)?.index;
  }

  #data(state: ComparePageState, rows: ListRows): PairsData {
    const finite = state.entries.flatMap((e) => (e.pair && Number.isFinite(e.pair.sqnr) ? [e.pair.sqnr] : []));
    return {
      state,
      ...rows,
      sort: state.view.sort,
      reversed: state.view.reversed === true,
      ...(finite.length > 0 && { scale: linearScale(...domainOf(finite, "linear", 0)) }),
      selected: this.#selected(state),
      stem: this.#stem,
    };
  }
}
