import type { Chart } from "../charts/chart";
import { ChartFrame } from "../charts/frame";
import { h, setText, toggle } from "../dom";
import type { Page } from "../page";
import { dropdown, iconButton, textField } from "../ui";

/** What a chart needs to draw the rows that are in view. */
export interface ListRows {
  /** Entry of each row from the top. */
  readonly order: Int32Array;
  /** CSS pixels, and how far the rows are scrolled. */
  readonly rowHeight: number;
  readonly scroll: number;
}

export interface SortedListOptions<Data extends ListRows, Mark> {
  readonly chart: Chart<Data, Mark>;
  /** Pixels above the rows, which do not scroll. */
  readonly headRoom: number;
  readonly filterLabel: string;
  readonly reverseLabel: string;
  onSort(sort: string): void;
  onReverse(): void;
  onSelect(mark: Mark): void;
  /** The row of a mark, where it is one. */
  rowOf(mark: Mark): number | undefined;
  /** Which rows, by the filter's lower-case text. `key`: as long as it is the same, so is the order, unless `forget` is called. */
  order(filter: string): { readonly key: string; sort(): Int32Array };
  /** Pixels of a row, of so many in so much space. */
  rowHeight(count: number, space: number): number;
  data(rows: ListRows): Data;
  /** Stands in place of no rows; without it the chart does. */
  empty?(filter: string): string;
}

/** A chart of rows in a chosen order, as many as a filter leaves, of which only those in view are drawn. Its owner places the parts. */
export class SortedList<Data extends ListRows, Mark> {
  readonly frame: ChartFrame<Data, Mark>;
  readonly sort: ReturnType<typeof dropdown>;
  readonly direction: ReturnType<typeof iconButton>;
  readonly filter: HTMLElement;
  /** Goes above the frame. */
  readonly empty = h("p", { class: "message", hidden: true });
  readonly #options: SortedListOptions<Data, Mark>;
  readonly #scroller: HTMLElement;
  readonly #spacer = h("div", { class: "spacer" });
  #text = "";
  #data: Data | undefined;
  #sorted: { readonly key: string; readonly order: Int32Array } | undefined;

  constructor(page: Page, options: SortedListOptions<Data, Mark>) {
    this.#options = options;
    this.sort = dropdown({ label: "Sort by", onChange: (sort) => options.onSort(sort) });
    this.direction = iconButton({ icon: "down", label: options.reverseLabel, pressed: false, onPress: () => options.onReverse() });
    this.filter = textField({
      label: options.filterLabel,
      placeholder: "Filter by name",
      onInput: (text) => {
        this.#text = text.toLowerCase();
        this.refresh();
      },
    });
    this.frame = new ChartFrame(page, options.chart, {
      heading: false,
      class: "grow",
      onSelect: (mark) => options.onSelect(mark),
      onCursor: (mark) => this.#reveal(options.rowOf(mark)),
    });
    const stage = this.frame.canvas.parentElement!;
    this.#scroller = h("div", { class: "scroller", tabindex: -1 }, this.frame.canvas, this.#spacer);
    stage.append(this.#scroller);
    this.#scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    new ResizeObserver(() => this.refresh()).observe(stage);
  }

  /** What the order depends on has changed. */
  forget(): void {
    this.#sorted = undefined;
  }

  /** The entry in a row, as the list stands. */
  entryAt(row: number): number | undefined {
    return this.#data?.order[row];
  }

  /** −1 where the entry is not in the list. */
  rowOf(entry: number | undefined): number {
    return entry === undefined || !this.#data ? -1 : this.#data.order.indexOf(entry);
  }

  /** Brings an entry into view. False where it is not in the list. */
  reveal(entry: number | undefined): boolean {
    const row = this.rowOf(entry);
    if (row < 0) return false;
    this.#reveal(row);
    return true;
  }

  refresh(): void {
    const { headRoom, rowHeight: heightOf, empty } = this.#options;
    if (empty) {
      const { length } = this.#order();
      toggle(this.empty, length === 0);
      toggle(this.frame.element, length > 0);
      setText(this.empty, empty(this.#text));
    }
    const { width, height } = this.frame.size;
    // Behind another tab.
    if (width === 0 || height === 0) return;
    const order = this.#order();
    const space = height - headRoom;
    const rowHeight = heightOf(order.length, space);
    const below = Math.max(0, order.length * rowHeight - space);
    this.#spacer.style.height = `${below}px`;
    this.#show(this.#options.data({ order, rowHeight, scroll: Math.min(this.#scroller.scrollTop, below) }));
  }

  /** Sorted anew only when something it depends on changed. */
  #order(): Int32Array {
    const { key, sort } = this.#options.order(this.#text);
    const whole = `${key}|${this.#text}`;
    if (this.#sorted?.key !== whole) this.#sorted = { key: whole, order: sort() };
    return this.#sorted.order;
  }

  #show(data: Data): void {
    this.#data = data;
    this.frame.update(data, true);
  }

  #scrolled(): void {
    if (!this.#data) return;
    this.#show({ ...this.#data, scroll: this.#scroller.scrollTop });
    this.frame.scrolled();
  }

  #reveal(row: number | undefined): void {
    if (row === undefined || !this.#data) return;
    const { rowHeight, scroll } = this.#data;
    const space = this.frame.size.height - this.#options.headRoom;
    const y = row * rowHeight;
    const { scrollTop } = this.#scroller;
    if (y < scrollTop) this.#scroller.scrollTop = y;
    else if (y + rowHeight > scrollTop + space) this.#scroller.scrollTop = y + rowHeight - space;
    if (this.#scroller.scrollTop !== scroll) this.#scrolled();
  }
}
