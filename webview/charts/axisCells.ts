import type { Scale } from "../scales";
import { type Chart, type Paint, type Size, stepIndex } from "./chart";
import type { Box } from "./draw";

/** A value axis cut into so many equal cells, one of which is the mark: what charts of distributions have in common. */
export interface AxisCells extends Pick<Chart<unknown, number>, "hit" | "step"> {
  /** The values a cell covers. */
  range(scale: Scale, cell: number): readonly [low: number, high: number];
  /** Where a cell's card points. */
  place(size: Size, cell: number): { readonly x: number; readonly y: number };
  highlight(p: Paint, cell: number | undefined): void;
}

export function axisCells(cells: number, boxOf: (size: Size) => Box): AxisCells {
  const across = (box: Box, cell: number) => box.x + (cell / cells) * box.width;
  return {
    range: (scale, cell) => [scale.value(cell / cells), scale.value((cell + 1) / cells)],

    hit(_data, size, x) {
      const box = boxOf(size);
      const cell = Math.floor(((x - box.x) / box.width) * cells);
      return cell >= 0 && cell < cells ? cell : undefined;
    },

    step: (_data, _size, mark, step) => stepIndex(cells, mark ?? cells / 2, step),

    place(size, cell) {
      const box = boxOf(size);
      return { x: across(box, cell + 0.5), y: box.y + 16 };
    },

    highlight(p, cell) {
      if (cell === undefined) return;
      const { context: c, theme } = p;
      const box = boxOf(p);
      c.globalAlpha = 0.5;
      c.fillStyle = theme.focus;
      c.fillRect(across(box, cell) - 0.5, box.y, Math.max(2, box.width / cells) + 1, box.height);
      c.globalAlpha = 1;
    },
  };
}
