// The variables VS Code gives a webview in its four kinds of theme (Dark Modern, Light Modern, and both high contrasts).
const fonts = {
  "font-family": "'Liberation Sans', 'Segoe UI', system-ui, sans-serif", "font-size": "13px", "font-weight": "normal",
  "editor-font-family": "'DejaVu Sans Mono', Consolas, monospace", "editor-font-size": "14px",
};

const dark = {
  foreground: "#cccccc", descriptionForeground: "#9d9d9d", errorForeground: "#f85149", focusBorder: "#0078d4",
  "editor-background": "#1f1f1f", "editor-foreground": "#cccccc", "editorWarning-foreground": "#cca700", "editorIndentGuide-background1": "#404040",
  "panel-border": "#2b2b2b", "panel-background": "#181818", "panelTitle-activeForeground": "#cccccc", "panelTitle-inactiveForeground": "#9d9d9d",
  "panelTitle-activeBorder": "#0078d4", "button-background": "#0078d4", "button-foreground": "#ffffff", "button-hoverBackground": "#026ec1",
  "button-border": "rgba(255, 255, 255, 0.07)", "button-secondaryBackground": "#313131", "button-secondaryForeground": "#cccccc", "button-secondaryHoverBackground": "#3c3c3c",
  "dropdown-background": "#313131", "dropdown-foreground": "#cccccc", "dropdown-border": "#3c3c3c", "settings-dropdownListBorder": "#454545",
  "checkbox-background": "#313131", "checkbox-foreground": "#cccccc", "checkbox-border": "#3c3c3c", "input-background": "#313131", "input-foreground": "#cccccc",
  "input-placeholderForeground": "#989898", "list-activeSelectionBackground": "#04395e", "list-activeSelectionForeground": "#ffffff",
  "list-hoverBackground": "#2a2d2e", "progressBar-background": "#0078d4", "textLink-foreground": "#4daafc", "textLink-activeForeground": "#4daafc",
  "editorHoverWidget-background": "#202020", "editorHoverWidget-foreground": "#cccccc", "editorHoverWidget-border": "#454545", "widget-shadow": "#0000005c",
  "scrollbarSlider-background": "#79797966", "scrollbarSlider-hoverBackground": "#646464b3", "scrollbarSlider-activeBackground": "#bfbfbf66",
  "toolbar-hoverBackground": "#5a5d5e50", "toolbar-activeBackground": "#63666750", "badge-background": "#616161", "badge-foreground": "#f8f8f8",
};

const light = {
  foreground: "#3b3b3b", descriptionForeground: "#3b3b3b", errorForeground: "#f85149", focusBorder: "#005fb8",
  "editor-background": "#ffffff", "editor-foreground": "#3b3b3b", "editorWarning-foreground": "#bf8803", "editorIndentGuide-background1": "#d3d3d3",
  "panel-border": "#e5e5e5", "panel-background": "#f8f8f8", "panelTitle-activeForeground": "#3b3b3b", "panelTitle-inactiveForeground": "#3b3b3b",
  "panelTitle-activeBorder": "#005fb8", "button-background": "#005fb8", "button-foreground": "#ffffff", "button-hoverBackground": "#0258a8",
  "button-border": "rgba(0, 0, 0, 0.1)", "button-secondaryBackground": "#e5e5e5", "button-secondaryForeground": "#3b3b3b", "button-secondaryHoverBackground": "#cccccc",
  "dropdown-background": "#ffffff", "dropdown-foreground": "#3b3b3b", "dropdown-border": "#cecece", "settings-dropdownListBorder": "#cecece",
  "checkbox-background": "#f8f8f8", "checkbox-foreground": "#3b3b3b", "checkbox-border": "#cecece", "input-background": "#ffffff", "input-foreground": "#3b3b3b",
  "input-placeholderForeground": "#767676", "list-activeSelectionBackground": "#e8e8e8", "list-activeSelectionForeground": "#000000",
  "list-hoverBackground": "#f2f2f2", "progressBar-background": "#005fb8", "textLink-foreground": "#005fb8", "textLink-activeForeground": "#005fb8",
  "editorHoverWidget-background": "#f8f8f8", "editorHoverWidget-foreground": "#3b3b3b", "editorHoverWidget-border": "#c8c8c8", "widget-shadow": "#00000029",
  "scrollbarSlider-background": "#64646466", "scrollbarSlider-hoverBackground": "#646464b3", "scrollbarSlider-activeBackground": "#00000099",
  "toolbar-hoverBackground": "#b8b8b850", "toolbar-activeBackground": "#a6a6a650", "badge-background": "#cccccc", "badge-foreground": "#3b3b3b",
};

const contrast = (ink, paper, accent, link) => ({
  foreground: ink, descriptionForeground: ink, errorForeground: paper === "#000000" ? "#f48771" : "#b5200d", focusBorder: accent,
  contrastBorder: paper === "#000000" ? "#6fc3df" : "#0f4a85", contrastActiveBorder: accent,
  "editor-background": paper, "editor-foreground": ink, "editorWarning-foreground": paper === "#000000" ? "#ffd370" : "#895503",
  "panel-border": paper === "#000000" ? "#6fc3df" : "#0f4a85", "panel-background": paper,
  "panelTitle-activeForeground": ink, "panelTitle-inactiveForeground": ink, "panelTitle-activeBorder": accent,
  "button-background": paper === "#000000" ? "#000000" : "#0f4a85", "button-foreground": "#ffffff", "button-border": paper === "#000000" ? "#6fc3df" : "#0f4a85",
  "button-hoverBackground": paper === "#000000" ? "#000000" : "#0f4a85", "button-secondaryBackground": paper, "button-secondaryForeground": ink,
  "dropdown-background": paper, "dropdown-foreground": ink, "dropdown-border": paper === "#000000" ? "#6fc3df" : "#0f4a85",
  "settings-dropdownListBorder": ink, "checkbox-background": paper, "checkbox-foreground": ink, "checkbox-border": paper === "#000000" ? "#6fc3df" : "#0f4a85",
  "input-background": paper, "input-foreground": ink, "input-placeholderForeground": ink, "progressBar-background": paper === "#000000" ? "#6fc3df" : "#0f4a85",
  "list-hoverBackground": "rgba(128, 128, 128, 0.2)", "textLink-foreground": link, "textLink-activeForeground": link,
  "editorHoverWidget-background": paper, "editorHoverWidget-foreground": ink, "editorHoverWidget-border": paper === "#000000" ? "#6fc3df" : "#0f4a85",
  "scrollbarSlider-background": "rgba(111, 195, 223, 0.6)",
});

/** `bodyClass` and `kind` are what VS Code puts on the page's body. */
export const themes = [
  { id: "dark", kind: "vscode-dark", bodyClass: "vscode-dark", variables: { ...fonts, ...dark } },
  { id: "light", kind: "vscode-light", bodyClass: "vscode-light", variables: { ...fonts, ...light } },
  { id: "hc-dark", kind: "vscode-high-contrast", bodyClass: "vscode-high-contrast", variables: { ...fonts, ...contrast("#ffffff", "#000000", "#f38518", "#21a6ff") } },
  { id: "hc-light", kind: "vscode-high-contrast-light", bodyClass: "vscode-high-contrast vscode-high-contrast-light",
    variables: { ...fonts, ...contrast("#292929", "#ffffff", "#006bbd", "#0f4a85") } },
];
