import { fill, h, setText, toggle } from "../dom";
import type { Page } from "../page";
import { button, progressRing } from "../ui";

export interface StatusAction<Command extends string> {
  readonly label: string;
  readonly command: Command;
  readonly secondary?: boolean;
}

export interface StatusText<Command extends string> {
  readonly sentence: string;
  /** Of the progress bar; undefined when there is none. */
  readonly share?: number;
  readonly tone: "quiet" | "busy" | "good" | "warning" | "error";
  readonly actions: readonly StatusAction<Command>[];
}

/** What is going on, how far it is, and the buttons for it. */
export class StatusLine<Command extends string> {
  readonly element: HTMLElement;
  readonly #page: Page;
  readonly #onCommand: (command: Command) => void;
  readonly #bar = h("div", { class: "bar" });
  readonly #track: HTMLElement;
  readonly #ring = progressRing();
  readonly #status = h("div", { class: "status-text" });
  readonly #actions = h("div", { class: "actions" });
  #shownActions = "";
  #announced = "";

  /** `label`: of the progress bar, for screen readers. */
  constructor(page: Page, options: { readonly label: string; readonly onCommand: (command: Command) => void }) {
    this.#page = page;
    this.#onCommand = options.onCommand;
    this.#track = h(
      "div",
      { class: "track", role: "progressbar", "aria-label": options.label, "aria-valuemin": 0, "aria-valuemax": 100 },
      this.#bar,
    );
    const line = h("div", { class: "status-line" }, this.#ring, this.#status);
    this.element = h("div", { class: "progress" }, h("div", { class: "meter" }, this.#track, line), this.#actions);
  }

  /** `kind` names the state: a change of it is read aloud, progress within one is not. */
  show(kind: string, { sentence, share, actions }: StatusText<Command>): void {
    setText(this.#status, sentence);
    toggle(this.#ring, kind === "opening");
    this.#track.style.visibility = share === undefined ? "hidden" : "visible";
    this.#bar.style.transform = `scaleX(${share ?? 0})`;
    this.#track.setAttribute("aria-valuenow", String(Math.round((share ?? 0) * 100)));
    this.#track.setAttribute("aria-valuetext", sentence);
    this.#showActions(actions);
    if (kind === this.#announced) return;
    this.#announced = kind;
    this.#page.say(sentence);
  }

  #showActions(actions: readonly StatusAction<Command>[]): void {
    const key = actions.map((a) => a.label).join("|");
    if (key === this.#shownActions) return;
    this.#shownActions = key;
    const hadFocus = this.#actions.contains(document.activeElement);
    fill(
      this.#actions,
      actions.map((a, i) =>
        button({ label: a.label, secondary: i > 0 || a.secondary, onPress: () => this.#onCommand(a.command) }),
      ),
    );
    if (hadFocus) (this.#actions.firstElementChild as HTMLElement | null)?.focus();
  }
}
