import { charts } from "../charts";
import { ChartFrame } from "../charts/frame";
import { headRoom, type PairsData, type PairsMark } from "../charts/pairs";
import { h, setText, toggle } from "../dom";
import { commonStem } from "../charts/spectrum";
import { domainOf, linearScale } from "../scales";
import { dropdown, iconButton, textField } from "../ui";
import type { ComparePanel } from "./comparePanel";
import { pairMeasures, sortPairs } from "./measures";
import type { CompareAspect, ComparePageState } from "./state";

const rowHeight = 22;

/** Which tensors lost most? All pairs, by damage or whatever else is chosen. */
export class PairsView {
  readonly element: HTMLElement;
  readonly #panel: ComparePanel;
  readonly #frame: ChartFrame<PairsData, PairsMark>;
  readonly #sort: ReturnType<typeof dropdown>;
  readonly #direction: ReturnType<typeof iconButton>;
  readonly #scroller: HTMLElement;
  readonly #spacer = h("div", { class: "spacer" });
  readonly #empty = h("p", { class: "message", hidden: true });
  #data: PairsData | undefined;
  #filter = "";
  #stem = "";
  #sorted: { readonly key: string; readonly order: Int32Array } | undefined;
  #shownSelection: string | undefined;

  constructor(panel: ComparePanel) {
    this.#panel = panel;
    const { store } = panel;
    this.#sort = dropdown({ label: "Sort by", onChange: (sort) => store.setView({ sort }) });
    this.#direction = iconButton({
      icon: "down",
      label: "Reverse order",
      pressed: false,
      onPress: () => store.setView({ reversed: !store.state.view.reversed }),
    });
    const filter = textField({
      label: "Filter pairs by name",
      placeholder: "Filter by name",
      onInput: (text) => {
        this.#filter = text.toLowerCase();
        this.#refresh(store.state);
      },
    });
    this.#frame = new ChartFrame<PairsData, PairsMark>(panel, charts.pairs, {
      heading: false,
      class: "grow",
      onSelect: (mark) => {
        if ("row" in mark) return panel.select(this.#keyAt(mark.row));
        const { sort, reversed } = store.state.view;
        store.setView(mark.head === sort ? { reversed: !reversed } : { sort: mark.head, reversed: false });
      },
      onCursor: (mark) => "row" in mark && this.#reveal(mark.row),
    });
    const stage = this.#frame.canvas.parentElement!;
    this.#scroller = h("div", { class: "scroller", tabindex: -1 }, this.#frame.canvas, this.#spacer);
    stage.append(this.#scroller);
    this.#scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.element = h(
      "div",
      { class: "view" },
      h("h2", { class: "hidden-text" }, "Pairs"),
      h("div", { class: "controls" }, this.#sort.element, this.#direction, filter, this.#frame.tools),
      this.#empty,
      this.#frame.element,
    );
    new ResizeObserver(() => this.#refresh(store.state)).observe(stage);
  }

  update(state: ComparePageState, changed: ReadonlySet<CompareAspect>): void {
    if (changed.has("pairs")) {
      this.#sorted = undefined;
      this.#stem = commonStem(state.entries.map((e) => ({ name: e.a, layer: e.pair?.layer })));
    }
    this.#sort.set(
      [...pairMeasures.map((m) => ({ value: m.id, label: m.name })), { value: "name", label: "Name" }],
      pairMeasures.some((m) => m.id === state.view.sort) ? state.view.sort : "name",
    );
    this.#direction.setPressed(state.view.reversed === true);
    this.#refresh(state);
    if (state.view.selected !== this.#shownSelection) {
      this.#shownSelection = state.view.selected;
      const row = this.#rowOf(state.view.selected);
      if (row >= 0) this.#reveal(row);
    }
  }

  /** The pair above or below the one looked at, as the list stands. */
  walk(by: -1 | 1): void {
    const row = this.#rowOf(this.#panel.store.state.view.selected);
    const next = row < 0 ? 0 : row + by;
    const key = this.#keyAt(next);
    if (key !== undefined) this.#panel.select(key);
  }

  #keyAt(row: number): string | undefined {
    return this.#data?.state.entries[this.#data.order[row]]?.key;
  }

  #rowOf(key: string | undefined): number {
    const index = key === undefined ? undefined : this.#panel.store.state.byKey.get(key)?.index;
    return index === undefined || !this.#data ? -1 : this.#data.order.indexOf(index);
  }

  #refresh(state: ComparePageState): void {
    const order = this.#order(state);
    const { height } = this.#frame.size;
    toggle(this.#empty, order.length === 0);
    toggle(this.#frame.element, order.length > 0);
    setText(this.#empty, this.#filter && state.entries.length > 0 ? `No pair has "${this.#filter}" in a name.` : "No pairs yet.");
    if (height === 0) return;
    const finite = state.entries.flatMap((e) => (e.pair && Number.isFinite(e.pair.sqnr) ? [e.pair.sqnr] : []));
    const space = height - headRoom;
    this.#spacer.style.height = `${Math.max(0, order.length * rowHeight - space)}px`;
    const selected = state.view.selected === undefined ? undefined : state.byKey.get(state.view.selected)?.index;
    this.#data = {
      state,
      order,
      rowHeight,
      scroll: Math.max(0, Math.min(this.#scroller.scrollTop, order.length * rowHeight - space)),
      sort: state.view.sort,
      reversed: state.view.reversed === true,
      ...(finite.length > 0 && { scale: linearScale(...domainOf(finite, "linear", 0)) }),
      selected,
      stem: this.#stem,
    };
    this.#frame.update(this.#data, true);
  }

  #order(state: ComparePageState): Int32Array {
    const { sort, reversed = false } = state.view;
    const key = `${sort}|${reversed}|${this.#filter}`;
    if (this.#sorted?.key !== key) this.#sorted = { key, order: sortPairs(state, { sort, reversed, filter: this.#filter }) };
    return this.#sorted.order;
  }

  #scrolled(): void {
    if (!this.#data) return;
    this.#data = { ...this.#data, scroll: this.#scroller.scrollTop };
    this.#frame.update(this.#data, true);
  }

  #reveal(row: number): void {
    if (!this.#data) return;
    const space = this.#frame.size.height - headRoom;
    const y = row * rowHeight;
    const { scrollTop } = this.#scroller;
    if (y < scrollTop) this.#scroller.scrollTop = y;
    else if (y + rowHeight > scrollTop + space) this.#scroller.scrollTop = y + rowHeight - space;
    if (this.#scroller.scrollTop !== this.#data.scroll) this.#scrolled();
  }
}
