// Strokes shared by charts: crisp lines, axes, labels that do not collide.
import { headShare, keepEnds } from "../../src/core/elide";
import type { Scale } from "../scales";
import type { Paint } from "./chart";

/** Draws text; returns its width. */
export function text(
  p: Paint,
  s: string,
  x: number,
  y: number,
  options: {
    readonly align?: CanvasTextAlign;
    readonly colour?: string;
    readonly mono?: boolean;
    readonly size?: number;
    readonly bold?: boolean;
  } = {},
): void {
  const c = p.context;
  c.font = fontOf(p, options);
  c.textAlign = options.align ?? "left";
  c.textBaseline = "middle";
  c.fillStyle = options.colour ?? p.theme.foreground;
  c.fillText(s, x, y);
}

export function fontOf(
  p: Paint,
  options: { readonly mono?: boolean; readonly size?: number; readonly bold?: boolean } = {},
): string {
  return `${options.bold ? "600 " : ""}${options.size ?? small(p)}px ${options.mono ? p.theme.mono : p.theme.font}`;
}

/** Size of labels in charts. */
export const small = (p: Paint): number => Math.max(10, p.theme.fontSize - 2);

/** A hairline on whole device pixels. */
export function line(
  p: Paint,
  x1: number,
  y1: number,
  x2: number,
  y2: number,
  colour: string,
  width = 1,
  dash: number[] = [],
): void {
  const c = p.context;
  const snap = (v: number) => (Math.round(v * p.density) + 0.5) / p.density;
  c.strokeStyle = colour;
  c.lineWidth = width;
  c.setLineDash(dash);
  c.beginPath();
  c.moveTo(snap(x1), snap(y1));
  c.lineTo(snap(x2), snap(y2));
  c.stroke();
  c.setLineDash([]);
}

const cuts = new Map<string, string>();
/** Text shortened to a width, its middle dropped; the beginning gets `share` of what stays. */
export function cutMiddle(p: Paint, s: string, width: number, share?: number): string {
  const key = `${p.context.font}|${Math.round(width)}|${share}|${s}`;
  const known = cuts.get(key);
  if (known !== undefined) return known;
  let out = s;
  if (p.context.measureText(s).width > width) {
    const keeping = (n: number) => keepEnds(s, n, share);
    let low = 0;
    let high = s.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (p.context.measureText(keeping(middle)).width <= width) low = middle;
      else high = middle - 1;
    }
    out = low > 0 ? keeping(low) : "";
  }
  if (cuts.size > 20_000) cuts.clear();
  cuts.set(key, out);
  return out;
}

const shares = new WeakMap<readonly string[], Map<number, number>>();
/** The share of `cutMiddle` that leaves the fewest of a list's labels alike, in the present font; `labels` is known by identity. */
export function cutShare(p: Paint, labels: readonly string[], width: number): number {
  const characters = Math.floor(width / p.context.measureText("n").width);
  let known = shares.get(labels);
  if (!known) shares.set(labels, (known = new Map()));
  let share = known.get(characters);
  if (share === undefined) known.set(characters, (share = headShare(labels, characters)));
  return share;
}

/** A label of a list, shortened so that it can be told from the others. */
export const cutApart = (p: Paint, labels: readonly string[], i: number, width: number): string =>
  cutMiddle(p, labels[i], width, cutShare(p, labels, width));

/** Tick labels along the bottom of a box, skipping those that would touch the one before. */
export function bottomAxis(
  p: Paint,
  box: Box,
  scale: Scale,
  ticks: readonly number[],
  format: (v: number) => string,
  grid = true,
): void {
  const c = p.context;
  c.font = fontOf(p);
  let end = -Infinity;
  for (const tick of ticks) {
    const x = box.x + scale.at(tick) * box.width;
    if (grid) line(p, x, box.y, x, box.y + box.height, p.theme.line);
    const label = format(tick);
    const half = c.measureText(label).width / 2;
    const at = Math.min(p.width - half - 1, Math.max(half + 1, x));
    if (at - half < end + 6) continue;
    text(p, label, at, box.y + box.height + 9, { align: "center", colour: p.theme.dim });
    end = at + half;
  }
}

/** Tick labels left of a box. */
export function leftAxis(p: Paint, box: Box, scale: Scale, ticks: readonly number[], format: (v: number) => string): void {
  let before = Infinity;
  for (const tick of ticks) {
    const y = box.y + (1 - scale.at(tick)) * box.height;
    if (before - y < 12) continue;
    line(p, box.x, y, box.x + box.width, y, p.theme.line);
    text(p, format(tick), box.x - 5, Math.max(6, y), { align: "right", colour: p.theme.dim });
    before = y;
  }
}

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** An upward triangle: outliers are told by shape as well as by colour. */
export function triangle(p: Paint, x: number, y: number, r: number, colour: string): void {
  const c = p.context;
  c.fillStyle = colour;
  c.beginPath();
  c.moveTo(x, y - r);
  c.lineTo(x + r, y + r * 0.75);
  c.lineTo(x - r, y + r * 0.75);
  c.closePath();
  c.fill();
}

/** The focus ring around a mark. */
export function ring(p: Paint, box: Box, colour: string, width = 2): void {
  const c = p.context;
  c.strokeStyle = colour;
  c.lineWidth = width;
  c.setLineDash([]);
  c.strokeRect(box.x - width / 2, box.y - width / 2, box.width + width, box.height + width);
}
