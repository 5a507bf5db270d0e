import type { FromPanel } from "../src/core/api/panel";
import { HoverCard } from "./charts/hoverCard";
import { h } from "./dom";
import { modelName } from "./names";
import type { Store } from "./state";
import { readTheme, type Theme } from "./theme/theme";

/** What every part of the page shares: the store, the theme, the host, the hover card, a voice. */
export class Panel {
  theme: Theme = readTheme();
  readonly card = new HoverCard();
  /** Read aloud when its text changes. */
  readonly voice = h("div", { class: "hidden-text", role: "status", "aria-live": "polite" });

  constructor(
    readonly store: Store,
    readonly post: (message: FromPanel) => void,
  ) {}

  rereadTheme(): void {
    this.theme = readTheme();
    this.store.touch("theme");
  }

  say(text: string): void {
    this.voice.textContent = text;
  }

  /** Select a layer, here and in the host's tree. */
  select(tensor: string | undefined): void {
    if (this.store.state.view.selected === tensor) return;
    this.store.setView({ selected: tensor });
    if (tensor !== undefined) this.post({ type: "select", tensor });
  }

  copy(text: string): void {
    this.post({ type: "copy", text });
  }

  save(name: string, bytes: Uint8Array): void {
    this.post({ type: "save", name, bytes });
  }

  /** First part of the names of saved files: the tensor shown, or the model. */
  subject(tensor: string | undefined): string {
    return tensor || modelName(this.store.state.model?.path ?? "model");
  }
}
