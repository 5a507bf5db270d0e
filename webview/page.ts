import type { FromPanel } from "../src/core/api/panel";
import { HoverCard } from "./charts/hoverCard";
import { h } from "./dom";
import { readTheme, type Theme } from "./theme/theme";

/** What every page asks of its host: to save what it made, or to copy text. */
export type PageMessage = Extract<FromPanel, { type: "save" | "copy" }>;

/** What every part of a page shares: the theme, the hover card, a voice, the host. */
export abstract class Page {
  theme: Theme = readTheme();
  readonly card = new HoverCard();
  /** Read aloud when its text changes. */
  readonly voice = h("div", { class: "hidden-text", role: "status", "aria-live": "polite" });

  abstract readonly post: (message: PageMessage) => void;

  /** First part of the names of saved files: what a chart shows, or what the page is about. */
  abstract subject(shown: string | undefined): string;

  say(text: string): void {
    this.voice.textContent = text;
  }

  copy(text: string): void {
    this.post({ type: "copy", text });
  }

  save(name: string, bytes: Uint8Array): void {
    this.post({ type: "save", name, bytes });
  }
}
