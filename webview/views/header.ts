import type { FromPanel } from "../../src/core/api/panel";
import { meanBits } from "../../src/core/bits";
import { groupProblems } from "../../src/core/problems";
import { fill, h, setText, toggle } from "../dom";
import { bytes, count, plural, scaled, significant } from "../format";
import { modelName } from "../names";
import type { Panel } from "../panel";
import type { Aspect, PanelState } from "../state";
import { icon } from "../ui";
import { OutdatedNotice } from "./outdatedNotice";
import { StatusLine } from "./statusLine";
import { statusText } from "./statusText";

/** Of a problem that several tensors share. */
const linkedTensors = 3;

/** First question: what is this file? Also what is going on, and the buttons for it. */
export class Header {
  readonly element: HTMLElement;
  readonly #panel: Panel;
  readonly #name = h("h1", {}, "Opening…");
  readonly #facts = h("div", { class: "facts" });
  readonly #device = h("div", { class: "device" });
  readonly #status: StatusLine<Extract<FromPanel, { type: "command" }>["command"]>;
  readonly #outdated: OutdatedNotice;
  readonly #problems = h("ul", { id: "problems", class: "problems", hidden: true });
  readonly #problemsButton: HTMLElement;

  constructor(panel: Panel) {
    this.#panel = panel;
    this.#status = new StatusLine(panel, {
      label: "Tensors analyzed",
      onCommand: (command) => panel.post({ type: "command", command }),
    });
    this.#outdated = new OutdatedNotice(panel, { label: "Reload", onPress: () => panel.post({ type: "command", command: "reload" }) });
    this.#problemsButton = h("button", {
      class: "problems-button",
      type: "button",
      "aria-expanded": "false",
      "aria-controls": "problems",
      hidden: true,
      onclick: () => this.#toggleProblems(),
    });
    this.element = h(
      "header",
      { class: "head" },
      h("div", { class: "identity" }, h("div", { class: "who" }, this.#name, this.#facts), this.#problemsButton, this.#device),
      this.#problems,
      this.#outdated.element,
      this.#status.element,
    );
    this.update(panel.store.state, new Set(["model", "status"]));
  }

  update(state: PanelState, changed: ReadonlySet<Aspect>): void {
    if (changed.has("model")) this.#showModel(state);
    if (changed.has("model") || changed.has("status") || changed.has("reports")) this.#showStatus(state);
  }

  #showModel({ model, device }: PanelState): void {
    if (!model) {
      fill(this.#facts);
      this.#problemsButton.hidden = this.#problems.hidden = true;
      return;
    }
    setText(this.#name, modelName(model.path));
    this.#name.title = model.path;
    const bitsPerWeight = meanBits(model.tensors);
    const facts = [
      formatLabel(model.format),
      model.architecture === "unknown" ? undefined : model.architecture,
      `${scaled(model.parameterCount)} parameters`,
      plural(model.tensors.length, "tensor"),
      model.files.length > 1 ? `${bytes(model.byteLength)} in ${count(model.files.length)} files` : bytes(model.byteLength),
      bitsPerWeight === undefined ? undefined : `${significant(bitsPerWeight)} bpw`,
    ];
    fill(
      this.#facts,
      facts.filter((f) => f !== undefined).map((f) => h("span", {}, f)),
    );
    this.#facts.title = `${count(model.parameterCount)} parameters, ${count(model.byteLength)} bytes`;
    if (device) setText(this.#device, `${device.name}, ${plural(device.threads, "thread")}${device.simd ? ", SIMD" : ""}`);
    const problems = groupProblems(model.problems);
    toggle(this.#problemsButton, problems.length > 0);
    fill(this.#problemsButton, icon("warning"), plural(problems.length, "problem"));
    fill(
      this.#problems,
      problems.map(({ message, tensors }) => {
        const known = tensors.filter((name) => this.#panel.store.state.byName.has(name));
        const links = known
          .slice(0, linkedTensors)
          .map((name) => h("button", { class: "link", type: "button", onclick: () => this.#panel.select(name) }, name));
        const more = known.length > linkedTensors && ` and ${count(known.length - linkedTensors)} more`;
        return h("li", {}, message, ...links, more);
      }),
    );
    if (problems.length === 0) this.#problems.hidden = true;
  }

  #toggleProblems(): void {
    const open = this.#problems.hidden;
    this.#problems.hidden = !open;
    this.#problemsButton.setAttribute("aria-expanded", String(open));
  }

  #showStatus(state: PanelState): void {
    const { status } = state;
    const text = statusText(state);
    this.element.dataset.status = status.kind;
    this.element.dataset.tone = text.tone;
    if (!state.model) setText(this.#name, status.kind === "failed" ? "This file could not be opened" : "Opening…");
    this.#status.show(status.kind, text);
    this.#outdated.show(state.outdated);
  }
}

export const formatLabel = (format: string) => ({ gguf: "GGUF", onnx: "ONNX", safetensors: "safetensors" })[format] ?? format;
