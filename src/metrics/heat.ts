import type { HeatStrip } from "../core/series";

export const HEAT_ROWS = 64;
export const HEAT_COLUMNS = 256;

/** Cells along an axis of `length` elements. */
export function heatCells(length: number, limit: number): number {
  return Math.min(length, limit);
}

/** First element of cell `cell` of `cells` over `length` elements. */
export function heatBorder(cell: number, cells: number, length: number): number {
  return Math.floor((cell * length) / cells);
}

/** The cell that element `at` falls in. */
export function heatCell(at: number, cells: number, length: number): number {
  let cell = Math.min(cells - 1, Math.floor((at * cells) / length));
  while (cell > 0 && heatBorder(cell, cells, length) > at) cell--;
  while (cell + 1 < cells && heatBorder(cell + 1, cells, length) <= at) cell++;
  return cell;
}

export function mergeHeat(into: Float32Array, from: Float32Array): void {
  for (let i = 0; i < from.length; i++) if (from[i] > into[i]) into[i] = from[i];
}

export function heatStrip(values: Float32Array, rows: number, columns: number): HeatStrip {
  return { rows: heatCells(rows, HEAT_ROWS), columns: heatCells(columns, HEAT_COLUMNS), values };
}
