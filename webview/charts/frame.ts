import { fill, h, type Child } from "../dom";
import type { Page } from "../page";
import { iconButton } from "../ui";
import type { Card, Chart, Paint, Size, Step } from "./chart";
import { tableElement } from "./tableElement";
import { toCsv } from "./table";

const steps: Readonly<Record<string, Step>> = {
  ArrowLeft: "left",
  ArrowRight: "right",
  ArrowUp: "up",
  ArrowDown: "down",
  Home: "home",
  End: "end",
  PageUp: "pageup",
  PageDown: "pagedown",
};

export interface FrameOptions<Mark> {
  /** Click or Enter on a mark. */
  readonly onSelect?: (mark: Mark) => void;
  /** The cursor moved by key: bring the mark into view. */
  readonly onCursor?: (mark: Mark) => void;
  /** Controls in the heading, before the chart's own buttons. */
  readonly tools?: Child;
  /** Replaces the chart's title; false: no heading, the owner places `tools`. */
  readonly heading?: string | false;
  readonly class?: string;
  /** Keys beyond the cursor's, true when used. */
  readonly onKey?: (event: KeyboardEvent) => boolean;
}

/** A chart's place in the page: canvas, hover card, keyboard cursor, table twin, and buttons to copy and save. */
export class ChartFrame<Data, Mark> {
  readonly element: HTMLElement;
  readonly canvas: HTMLCanvasElement;
  /** The chart's buttons. Without a heading its owner puts them where it likes. */
  readonly tools: HTMLElement;
  readonly #page: Page;
  readonly #chart: Chart<Data, Mark>;
  readonly #options: FrameOptions<Mark>;
  readonly #heading: HTMLElement;
  readonly #stage: HTMLElement;
  readonly #table: HTMLElement;
  readonly #tableButton: ReturnType<typeof iconButton>;
  #data: Data | undefined;
  #mark: Mark | undefined;
  #byKey = false;
  /** Where the pointer was last seen over the canvas. */
  #pointer: { readonly x: number; readonly y: number } | undefined;
  #size: Size = { width: 0, height: 0 };
  #pending = false;
  #tableShown = false;

  constructor(page: Page, chart: Chart<Data, Mark>, options: FrameOptions<Mark> = {}) {
    this.#page = page;
    this.#chart = chart;
    this.#options = options;
    this.canvas = h("canvas", {
      tabindex: 0,
      role: "application",
      "aria-roledescription": "chart",
      "aria-label": chart.title,
      class: "plot",
    });
    this.#heading = h("h3", {}, options.heading || chart.title);
    this.#tableButton = iconButton({
      icon: "table",
      label: `${chart.title}: as table`,
      pressed: false,
      onPress: () => this.#toggleTable(),
    });
    this.tools = h(
      "div",
      { class: "tools" },
      options.tools,
      this.#tableButton,
      iconButton({ icon: "copy", label: `${chart.title}: copy as CSV`, onPress: () => this.#copy() }),
      iconButton({ icon: "csv", label: `${chart.title}: save as CSV`, onPress: () => this.#saveCsv() }),
      iconButton({ icon: "image", label: `${chart.title}: save as PNG`, onPress: () => this.#savePng() }),
    );
    this.#stage = h("div", { class: "stage" }, this.canvas);
    this.#table = h("div", { class: "twin", hidden: true, tabindex: 0, role: "region", "aria-label": `${chart.title}, table` });
    this.element = h(
      "section",
      { class: `chart ${options.class ?? ""}`, "data-chart": chart.name },
      options.heading !== false && h("header", { class: "chart-head" }, this.#heading, this.tools),
      h("div", { class: "stage-box" }, this.#stage, this.#table),
    );
    this.#listen();
    new ResizeObserver(() => this.#resize()).observe(this.#stage);
  }

  get size(): Size {
    return this.#size;
  }
  get mark(): Mark | undefined {
    return this.#mark;
  }

  setHeading(text: string): void {
    if (this.#heading.textContent !== text) this.#heading.textContent = text;
  }

  /** Shows this data from the next frame on. A mark survives when `keepMark`. */
  update(data: Data, keepMark = false): void {
    this.#data = data;
    if (!keepMark) this.#setMark(undefined, false);
    const label = this.#chart.describe(data);
    if (this.canvas.getAttribute("aria-label") !== label) this.canvas.setAttribute("aria-label", label);
    if (this.#tableShown) this.#fillTable();
    this.redraw();
  }

  /** Says on the card that is shown what is so now, after the mark itself was acted upon. */
  refreshCard(): void {
    if (this.#mark === undefined || this.#data === undefined || !this.#page.card.isOf(this.canvas)) return;
    this.#page.card.show(this.canvas, this.#chart.card(this.#data, this.#size, this.#mark));
  }

  redraw(): void {
    if (this.#pending) return;
    this.#pending = true;
    requestAnimationFrame(() => {
      this.#pending = false;
      this.#draw();
    });
  }

  setMark(mark: Mark | undefined): void {
    this.#setMark(mark, false);
  }

  #listen(): void {
    const canvas = this.canvas;
    canvas.addEventListener("pointermove", (e) => {
      if (e.buttons === 0 || e.pointerType !== "mouse") this.#hover(e.offsetX, e.offsetY);
    });
    canvas.addEventListener("pointerleave", () => {
      this.#pointer = undefined;
      if (!this.#byKey) this.#setMark(undefined, false);
    });
    canvas.addEventListener("click", (e) => {
      const mark = this.#data === undefined ? undefined : this.#chart.hit(this.#data, this.#size, e.offsetX, e.offsetY);
      if (mark !== undefined) this.#options.onSelect?.(mark);
    });
    canvas.addEventListener("keydown", (e) => this.#key(e));
    for (const part of [this.element, this.tools]) part.addEventListener("keydown", (e) => this.#leaveTable(e));
    canvas.addEventListener("focus", () => this.redraw());
    canvas.addEventListener("blur", () => {
      this.#byKey = false;
      this.#setMark(undefined, false);
      this.redraw();
    });
  }

  /** What lies under the resting pointer is another mark now. */
  scrolled(): void {
    if (this.#pointer && !this.#byKey) this.#hover(this.#pointer.x, this.#pointer.y);
  }

  #hover(x: number, y: number): void {
    this.#pointer = { x, y };
    if (this.#data === undefined) return;
    this.#byKey = false;
    this.#setMark(this.#chart.hit(this.#data, this.#size, x, y), false);
  }

  #key(event: KeyboardEvent): void {
    if (this.#data === undefined) return;
    if (this.#options.onKey?.(event)) {
      event.preventDefault();
      return;
    }
    const step = event.altKey || event.ctrlKey || event.metaKey ? undefined : steps[event.key];
    if (step) {
      const mark = this.#chart.step(this.#data, this.#size, this.#mark, step);
      this.#byKey = true;
      if (mark !== undefined) this.#options.onCursor?.(mark);
      this.#setMark(mark, true);
    } else if ((event.key === "Enter" || event.key === " ") && this.#mark !== undefined) {
      this.#options.onSelect?.(this.#mark);
    } else if (event.key === "Escape" && this.#mark !== undefined) {
      this.#setMark(undefined, true);
    } else return;
    event.preventDefault();
  }

  #setMark(mark: Mark | undefined, speak: boolean): void {
    if (mark === undefined && this.#mark === undefined) return;
    this.#mark = mark;
    const card = mark === undefined || this.#data === undefined ? undefined : this.#chart.card(this.#data, this.#size, mark);
    this.#page.card.show(this.canvas, card);
    if (speak && card) this.#page.say(cardText(card));
    this.redraw();
  }

  #resize(): void {
    const { clientWidth: width, clientHeight: height } = this.#stage;
    if (width === this.#size.width && height === this.#size.height) return;
    this.#size = { width, height };
    this.redraw();
  }

  #paint(canvas: HTMLCanvasElement, density: number): Paint | undefined {
    const { width, height } = this.#size;
    if (width === 0 || height === 0) return undefined;
    const [w, k] = [Math.round(width * density), Math.round(height * density)];
    if (canvas.width !== w || canvas.height !== k) {
      canvas.width = w;
      canvas.height = k;
    }
    const context = canvas.getContext("2d");
    if (!context) return undefined;
    context.setTransform(density, 0, 0, density, 0, 0);
    context.clearRect(0, 0, width, height);
    return { context, width, height, density, theme: this.#page.theme, now: performance.now() };
  }

  #draw(): void {
    if (this.#data === undefined) return;
    const paint = this.#paint(this.canvas, devicePixelRatio || 1);
    if (paint && this.#chart.draw(paint, this.#data, this.#mark) === true) this.redraw();
  }

  #toggleTable(): void {
    this.#tableShown = !this.#tableShown;
    this.#tableButton.setPressed(this.#tableShown);
    this.#stage.classList.toggle("covered", this.#tableShown);
    this.canvas.tabIndex = this.#tableShown ? -1 : 0;
    this.#table.hidden = !this.#tableShown;
    if (this.#tableShown) this.#fillTable();
    else fill(this.#table);
  }

  #leaveTable(event: KeyboardEvent): void {
    if (event.key !== "Escape" || !this.#tableShown) return;
    event.preventDefault();
    this.#toggleTable();
    this.canvas.focus();
  }

  #fillTable(): void {
    if (this.#data !== undefined) fill(this.#table, tableElement(this.#chart.table(this.#data)));
  }

  #copy(): void {
    if (this.#data === undefined) return;
    this.#page.copy(toCsv(this.#chart.table(this.#data)));
    this.#page.say(`${this.#chart.title} copied`);
  }

  #fileName(ending: string): string {
    const subject = this.#page
      .subject(this.element.dataset.subject)
      .replace(/[^\w.-]+/g, "_")
      .slice(0, 120);
    return `${subject}-${this.#chart.name}.${ending}`;
  }

  #saveCsv(): void {
    if (this.#data !== undefined)
      this.#page.save(this.#fileName("csv"), new TextEncoder().encode(toCsv(this.#chart.table(this.#data))));
  }

  /** The picture as shown, at twice the size, on the editor's background. */
  #savePng(): void {
    if (this.#data === undefined) return;
    const canvas = document.createElement("canvas");
    const paint = this.#paint(canvas, 2);
    if (!paint) return;
    paint.context.fillStyle = this.#page.theme.background;
    paint.context.fillRect(0, 0, paint.width, paint.height);
    this.#chart.draw({ ...paint, now: Infinity }, this.#data, undefined);
    canvas.toBlob((blob) => {
      if (blob) void blob.arrayBuffer().then((b) => this.#page.save(this.#fileName("png"), new Uint8Array(b)));
    }, "image/png");
  }
}

const cardText = (card: Card) => [card.title, ...card.lines.map(([a, b]) => (a ? `${a} ${b}` : b))].join(", ");
