import { css, luminance, ramp, rgba32, type Rgb, type ThemeKind } from "./colour";

/** Everything a chart needs to look like the rest of the window. Read anew whenever the theme changes. */
export interface Theme {
  readonly kind: ThemeKind;
  readonly background: string;
  readonly foreground: string;
  /** Secondary text: axis labels, units. */
  readonly dim: string;
  /** Axes and grid. */
  readonly line: string;
  readonly focus: string;
  readonly selection: string;
  readonly warning: string;
  readonly error: string;
  readonly font: string;
  readonly mono: string;
  readonly fontSize: number;
  /** 256 colours from easy to hard to compress. */
  readonly ramp: readonly string[];
  readonly ramp32: Uint32Array;
  /** Text colour that reads on each of them. */
  readonly inkOn: readonly string[];
  /** One data colour for bars and lines, and a second for the pinned layer. */
  readonly data: string;
  readonly second: string;
  readonly reduceMotion: boolean;
}

export function themeKind(body: HTMLElement): ThemeKind {
  const kind = body.dataset.vscodeThemeKind ?? "";
  const has = (name: string) => kind === name || body.classList.contains(name);
  if (has("vscode-high-contrast-light")) return "hc-light";
  if (has("vscode-high-contrast")) return "hc-dark";
  return has("vscode-light") ? "light" : "dark";
}

const ramps = new Map<ThemeKind, Rgb[]>();
function rampOf(kind: ThemeKind): Rgb[] {
  let colours = ramps.get(kind);
  if (!colours) ramps.set(kind, (colours = ramp(kind)));
  return colours;
}

const fallback = {
  dark: { background: "#1e1e1e", foreground: "#cccccc", dim: "#9d9d9d", line: "#3c3c3c" },
  light: { background: "#ffffff", foreground: "#3b3b3b", dim: "#636363", line: "#d4d4d4" },
};

export function readTheme(): Theme {
  const kind = themeKind(document.body);
  const style = getComputedStyle(document.body);
  const plain = kind === "light" || kind === "hc-light" ? fallback.light : fallback.dark;
  const get = (name: string, otherwise: string) => style.getPropertyValue(`--vscode-${name}`).trim() || otherwise;
  const colours = rampOf(kind);
  const highContrast = kind === "hc-dark" || kind === "hc-light";
  const foreground = get("editor-foreground", get("foreground", plain.foreground));
  const focus = get("focusBorder", foreground);
  return {
    kind,
    background: get("editor-background", plain.background),
    foreground,
    dim: highContrast ? foreground : get("descriptionForeground", plain.dim),
    line: highContrast
      ? css(kind === "hc-dark" ? [120, 120, 120] : [150, 150, 150])
      : get("editorIndentGuide-background1", get("panel-border", plain.line)),
    focus: highContrast ? get("contrastActiveBorder", focus) : focus,
    selection: get("list-activeSelectionBackground", focus),
    warning: get("editorWarning-foreground", "#cca700"),
    error: get("errorForeground", "#f48771"),
    font: get("font-family", "system-ui, sans-serif"),
    mono: get("editor-font-family", "monospace"),
    fontSize: parseFloat(get("font-size", "13")) || 13,
    ramp: colours.map(css),
    ramp32: Uint32Array.from(colours, rgba32),
    inkOn: colours.map((c) => (luminance(c) > 0.18 ? "#000000" : "#ffffff")),
    data: css(colours[kind === "dark" || kind === "hc-dark" ? 112 : 120]),
    second: css(colours[kind === "dark" || kind === "hc-dark" ? 205 : 200]),
    reduceMotion:
      document.body.classList.contains("vscode-reduce-motion") || matchMedia("(prefers-reduced-motion: reduce)").matches,
  };
}

/** Calls back after every change of theme: VS Code changes body classes and the variables on the root element. */
export function onThemeChange(listener: () => void): void {
  let pending = false;
  const soon = () => {
    if (pending) return;
    pending = true;
    requestAnimationFrame(() => {
      pending = false;
      listener();
    });
  };
  const observer = new MutationObserver(soon);
  observer.observe(document.body, {
    attributes: true,
    attributeFilter: ["class", "data-vscode-theme-kind", "data-vscode-theme-id", "style"],
  });
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ["style", "class"] });
  matchMedia("(prefers-reduced-motion: reduce)").addEventListener("change", soon);
}
