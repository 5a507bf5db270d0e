import type { Theme } from "../theme/theme";
import type { Table } from "./table";

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** What a chart draws with. The context is scaled, so that all units are CSS pixels. */
export interface Paint extends Size {
  readonly context: CanvasRenderingContext2D;
  readonly theme: Theme;
  /** Device pixels per CSS pixel. */
  readonly density: number;
  /** Milliseconds, for fading in. */
  readonly now: number;
}

/** A key that moves the cursor. */
export type Step = "left" | "right" | "up" | "down" | "home" | "end" | "pageup" | "pagedown";

/** What the hover card says about a mark, and where the mark is. */
export interface Card {
  readonly title: string;
  readonly lines: readonly (readonly [label: string, value: string])[];
  readonly x: number;
  readonly y: number;
}

/**
 * A chart: plain data to pixels, pixels to a mark (one bar, cell or row), a mark to words, and all of it to a table, which
 * is also its CSV. Charts keep nothing; `frame.ts` gives each its canvas, hover card, keyboard cursor and buttons.
 */
export interface Chart<Data, Mark> {
  /** Kebab-case; part of saved files' names. */
  readonly name: string;
  readonly title: string;
  /** One sentence for a screen reader. */
  describe(data: Data): string;
  /** Draws everything; `mark` is under the pointer or the keyboard cursor. Returns true to be drawn again next frame. */
  draw(paint: Paint, data: Data, mark: Mark | undefined): boolean | void;
  hit(data: Data, size: Size, x: number, y: number): Mark | undefined;
  /** The mark after moving the cursor; from undefined the first one. */
  step(data: Data, size: Size, mark: Mark | undefined, step: Step): Mark | undefined;
  card(data: Data, size: Size, mark: Mark): Card;
  table(data: Data): Table;
}

/** A one-dimensional cursor for charts of bars: arrows by one, page by a tenth. */
export function stepIndex(length: number, at: number | undefined, step: Step): number | undefined {
  if (length === 0) return undefined;
  if (at === undefined) return step === "end" || step === "left" ? length - 1 : 0;
  const page = Math.max(1, Math.round(length / 10));
  const by = { left: -1, up: -1, right: 1, down: 1, pageup: -page, pagedown: page, home: -Infinity, end: Infinity }[step];
  return Math.min(length - 1, Math.max(0, at + by));
}
