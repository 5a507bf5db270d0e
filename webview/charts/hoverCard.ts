import { fill, h } from "../dom";
import type { Card } from "./chart";

/** The one card that floats beside whatever is under the pointer or the keyboard cursor. */
export class HoverCard {
  readonly element = h("div", { class: "card", "aria-hidden": "true", hidden: true });
  #owner: HTMLElement | undefined;

  /** Is it this canvas's card that is shown? */
  isOf(canvas: HTMLElement): boolean {
    return this.#owner === canvas && !this.element.hidden;
  }

  /** Shows a card beside a mark of a canvas; without a card, hides the one this canvas owns. */
  show(canvas: HTMLElement, card: Card | undefined): void {
    if (!card) {
      if (this.#owner === canvas) this.element.hidden = true;
      return;
    }
    this.#owner = canvas;
    fill(
      this.element,
      h("div", { class: "card-title" }, card.title),
      card.lines.length > 0 &&
        h(
          "dl",
          {},
          card.lines.map(([label, value]) => [h("dt", {}, label), h("dd", {}, value)]),
        ),
    );
    this.element.hidden = false;
    const box = canvas.getBoundingClientRect();
    const { offsetWidth: w, offsetHeight: k } = this.element;
    const x = box.left + card.x;
    const y = box.top + card.y;
    const left = x + 14 + w <= innerWidth - 4 ? x + 14 : x - 14 - w;
    const top = y + 14 + k <= innerHeight - 4 ? y + 14 : y - 14 - k;
    this.element.style.transform = `translate(${Math.round(Math.max(4, left))}px, ${Math.round(Math.max(4, top))}px)`;
  }
}
