// Symbols drawn here, 16 × 16, in the current text colour.
const shapes = {
  table: "M2 3h12v10H2zM2 6.5h12M2 10h12M6 6.5V13",
  copy: "M5.5 5.5h8v8h-8zM3.5 10.5h-1v-8h8v1",
  csv: "M4 2h5.5L13 5.5V14H4zM9.5 2v3.5H13M6 8.5h5M6 11h5",
  image: "M2 3h12v10H2zM2 11l3.5-3.5L8.5 10.5l2-2L14 12M10.5 5.8h.9v.9h-.9z",
  pin: "M6 2.5h4M6.5 2.5v4L5 9h6L9.5 6.5v-4M8 9v5",
  close: "M4 4l8 8M12 4l-8 8",
  previous: "M4 10l4-4 4 4",
  next: "M4 6l4 4 4-4",
  plus: "M8 3v10M3 8h10",
  minus: "M3 8h10",
  fit: "M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10",
  warning: "M8 2.5l6 11H2zM8 6.5v3.5M8 11.5v.8",
  chart: "M2.5 2v11.5H14M5 11V8M8 11V4.5M11 11V6.5",
  up: "M8 13V3.5M4.5 7L8 3.5 11.5 7",
  undo: "M6 3L2.5 6.5 6 10M2.5 6.5H10a3.5 3.5 0 0 1 0 7H7",
  redo: "M10 3l3.5 3.5L10 10M13.5 6.5H6a3.5 3.5 0 0 0 0 7h3",
  unlock: "M3.5 7.5h9v6h-9zM5.5 7.5V5a2.5 2.5 0 0 1 4.8-1",
  down: "M8 3v9.5M4.5 9L8 12.5 11.5 9",
} as const;

export type IconName = keyof typeof shapes;

const ns = "http://www.w3.org/2000/svg";

export function icon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS(ns, "svg");
  for (const [key, value] of Object.entries({
    viewBox: "0 0 16 16",
    width: "16",
    height: "16",
    fill: "none",
    stroke: "currentColor",
    "stroke-width": "1.2",
    "stroke-linejoin": "round",
    "stroke-linecap": "round",
    "aria-hidden": "true",
    class: "icon",
  }))
    svg.setAttribute(key, value);
  const path = document.createElementNS(ns, "path");
  path.setAttribute("d", shapes[name]);
  svg.append(path);
  return svg;
}
