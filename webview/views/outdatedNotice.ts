import type { OutdatedFile } from "../../src/core/api/panel";
import { h, setText, toggle } from "../dom";
import { count } from "../format";
import type { Page } from "../page";
import { button, icon } from "../ui";

/** More than these are counted. */
const namedFiles = 2;

/** "a and b have changed on disk: what is shown is of their earlier content." Empty where nothing has. */
export function outdatedText(files: readonly OutdatedFile[]): string {
  if (files.length === 0) return "";
  const gone = files.every((file) => file.gone);
  const [is, has, its] = files.length > 1 ? ["are", "have", "their"] : ["is", "has", "its"];
  const more = files.length - namedFiles;
  const names = files.slice(0, more > 0 ? 1 : namedFiles).map((file) => file.name);
  if (more > 0) names.push(`${count(more + 1)} other files`);
  return `${names.join(" and ")} ${gone ? `${is} no longer` : `${has} changed`} on disk: what is shown is of ${its} earlier content.`;
}

/** Stays for as long as the files are not what is shown, with the button that reads them anew. */
export class OutdatedNotice {
  readonly element: HTMLElement;
  readonly #page: Page;
  readonly #text = h("span", {});
  readonly #button: HTMLElement;
  #shown = "";

  /** `label`: of the button. */
  constructor(page: Page, options: { readonly label: string; readonly onPress: () => void }) {
    this.#page = page;
    this.#button = button({ label: options.label, secondary: true, onPress: options.onPress });
    this.element = h("div", { class: "notice", hidden: true }, icon("warning"), this.#text, this.#button);
  }

  show(files: readonly OutdatedFile[]): void {
    const text = outdatedText(files);
    if (text === this.#shown) return;
    this.#shown = text;
    setText(this.#text, text);
    // Of what is gone nothing can be read anew.
    toggle(this.#button, files.some((file) => !file.gone));
    toggle(this.element, text !== "");
    if (text) this.#page.say(text);
  }
}
