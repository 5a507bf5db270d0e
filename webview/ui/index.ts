// The only importer of the component toolkit: replacing it touches this folder alone.
import {
  provideVSCodeDesignSystem,
  vsCodeButton,
  vsCodeCheckbox,
  vsCodeDropdown,
  vsCodeOption,
  vsCodePanels,
  vsCodePanelTab,
  vsCodePanelView,
  vsCodeProgressRing,
  vsCodeTextField,
} from "@vscode/webview-ui-toolkit";
import { fill, h, type Child } from "../dom";
import { icon, type IconName } from "./icons";

/** Registers the custom elements. Once, before any control is made. */
export function registerControls(): void {
  provideVSCodeDesignSystem().register(
    vsCodeButton(),
    vsCodeCheckbox(),
    vsCodeDropdown(),
    vsCodeOption(),
    vsCodePanels(),
    vsCodePanelTab(),
    vsCodePanelView(),
    vsCodeProgressRing(),
    vsCodeTextField(),
  );
}

export { icon };

/** A push button with text. */
export function button(options: {
  readonly label: string;
  readonly onPress: () => void;
  readonly secondary?: boolean;
  readonly icon?: IconName;
}): HTMLElement {
  const element = h("vscode-button", { appearance: options.secondary ? "secondary" : "primary", onclick: options.onPress });
  if (options.icon) {
    const symbol = icon(options.icon);
    symbol.setAttribute("slot", "start");
    element.append(symbol);
  }
  element.append(options.label);
  return element;
}

/** A small button with a symbol only; `label` is its name and tooltip. `pressed` makes it a toggle. */
export function iconButton(options: {
  readonly icon: IconName;
  readonly label: string;
  readonly onPress: () => void;
  readonly pressed?: boolean;
}): HTMLElement & { setPressed(pressed: boolean): void } {
  const element = h(
    "vscode-button",
    {
      appearance: "icon",
      "aria-label": options.label,
      title: options.label,
      onclick: options.onPress,
      "aria-pressed": options.pressed === undefined ? undefined : String(options.pressed),
    },
    icon(options.icon),
  );
  return Object.assign(element, {
    setPressed(pressed: boolean) {
      element.setAttribute("aria-pressed", String(pressed));
      element.classList.toggle("pressed", pressed);
    },
  });
}

export interface Option {
  readonly value: string;
  readonly label: string;
}

/** A list to choose one from. */
export function dropdown(options: {
  readonly label: string;
  readonly onChange: (value: string) => void;
  readonly showLabel?: boolean;
}): { readonly element: HTMLElement; set(choices: readonly Option[], value: string): void } {
  const select = h("vscode-dropdown", { "aria-label": options.label, title: options.label }) as HTMLElement & { value: string };
  let shown = "";
  select.addEventListener("change", () => options.onChange(select.value));
  const element = options.showLabel === false ? select : h("label", { class: "field" }, h("span", {}, options.label), select);
  return {
    element,
    set(choices, value) {
      const key = choices.map((c) => `${c.value}\0${c.label}`).join("\0\0");
      if (key !== shown) {
        shown = key;
        fill(
          select,
          choices.map((c) => h("vscode-option", { value: c.value, selected: c.value === value }, c.label)),
        );
      }
      // The element learns of its options after they are connected; setting a value before would be lost.
      queueMicrotask(() => {
        if (select.value !== value) select.value = value;
      });
    },
  };
}

export function checkbox(options: { readonly label: string; readonly onChange: (checked: boolean) => void }): {
  readonly element: HTMLElement;
  set(checked: boolean): void;
} {
  const element = h("vscode-checkbox", {}, options.label) as HTMLElement & { checked: boolean };
  let setting = false;
  element.addEventListener("change", () => {
    if (!setting) options.onChange(element.checked);
  });
  return {
    element,
    set(checked) {
      setting = true;
      element.checked = checked;
      setting = false;
    },
  };
}

// A text field takes its name from its text, whatever label it is given; the style sheet hides that text.
export function textField(options: {
  readonly label: string;
  readonly placeholder: string;
  readonly onInput: (value: string) => void;
}): HTMLElement {
  const element = h("vscode-text-field", { placeholder: options.placeholder }, options.label) as HTMLElement & { value: string };
  element.addEventListener("input", () => options.onInput(element.value));
  return element;
}

/** A slider over [low, high]. `onMove` for every change; `final` when it is let go. The toolkit has none: this is the browser's own. */
export function slider(options: { readonly label: string; readonly onMove: (value: number, final: boolean) => void }): {
  readonly element: HTMLElement;
  set(state: { low: number; high: number; value: number; text: string }): void;
} {
  const steps = 1000;
  const element = h("input", { type: "range", class: "slider", min: 0, max: steps, step: 1, "aria-label": options.label });
  let [low, high] = [0, 1];
  let moving = false;
  const value = () => low + (Number(element.value) / steps) * (high - low);
  element.addEventListener("input", () => {
    moving = true;
    options.onMove(value(), false);
  });
  element.addEventListener("change", () => {
    moving = false;
    options.onMove(value(), true);
  });
  return {
    element,
    set(state) {
      ({ low, high } = state);
      const at = String(Math.round((steps * (state.value - low)) / (high - low || 1)));
      // What comes back while a person drags is older than what they point at.
      if (!moving && element.value !== at) element.value = at;
      if (element.getAttribute("aria-valuetext") !== state.text) element.setAttribute("aria-valuetext", state.text);
    },
  };
}

/** A short text that counts when Enter is pressed or the field is left. What is then not taken goes when the field is left. */
export function entry(options: { readonly label: string; readonly placeholder?: string; readonly onEnter: (text: string) => void }): {
  readonly element: HTMLElement;
  set(text: string): void;
} {
  const { label, placeholder } = options;
  const element = h("vscode-text-field", { title: label, placeholder, class: "entry" }, label) as HTMLElement & { value: string };
  let shown = "";
  let isWaiting = false;
  element.addEventListener("change", () => {
    if (element.value === shown) return;
    isWaiting = true;
    options.onEnter(element.value);
  });
  element.addEventListener("blur", () => {
    if (!isWaiting) element.value = shown;
  });
  return {
    element,
    set(text) {
      // The answer to what was entered takes its place; otherwise nothing changes under the hands of who types.
      const isAnswer = isWaiting && text !== shown;
      shown = text;
      isWaiting = false;
      if ((isAnswer || document.activeElement !== element) && element.value !== text) element.value = text;
    },
  };
}

export const progressRing = (): HTMLElement => h("vscode-progress-ring", { "aria-label": "Working" });

/** Tabs with their contents; all contents stay in the page, one is visible. */
export function tabs<Id extends string>(options: {
  readonly label: string;
  readonly tabs: readonly { readonly id: Id; readonly label: string; readonly content: Child }[];
  readonly onChange: (id: Id) => void;
}): { readonly element: HTMLElement; activate(id: Id): void } {
  const element = h(
    "vscode-panels",
    { "aria-label": options.label, class: "tabs" },
    options.tabs.map((t) => h("vscode-panel-tab", { id: `tab-${t.id}` }, t.label)),
    options.tabs.map((t) => h("vscode-panel-view", { id: `view-${t.id}` }, t.content)),
  ) as HTMLElement & { activeid: string };
  // The control also says "change" some time after it was set, and when its tabs are first laid out; only a person's counts.
  let isActing = false;
  let wanted: Id | undefined;
  const act = () => {
    isActing = true;
    setTimeout(() => (isActing = false));
  };
  element.addEventListener("click", act, true);
  element.addEventListener("keydown", act, true);
  element.addEventListener("change", (event) => {
    if (event.target !== element) return;
    const id = element.activeid.replace(/^tab-/, "") as Id;
    if (id === wanted || !options.tabs.some((t) => t.id === id)) return;
    if (isActing) options.onChange((wanted = id));
    else if (wanted !== undefined) element.activeid = `tab-${wanted}`;
  });
  return {
    element,
    activate(id) {
      wanted = id;
      if (element.activeid !== `tab-${id}`) element.activeid = `tab-${id}`;
    },
  };
}
