import type { Band } from "../metrics";
import type { Address } from "../kernels";
import { STRETCH, TILE_CAPACITY, TILE_ELEMENTS } from "./passArena";
import { checkPass, type PassContext } from "./passContext";
import type { TileReader } from "./passReader";

/** A tile of the stored matrix: dense f32 at `x`. */
export interface Tile {
  readonly x: Address;
  readonly row: number;
  readonly rows: number;
  readonly column: number;
  readonly columns: number;
}

/** Rows of `columns` elements that make a tile. */
export function tileRows(columns: number): number {
  return Math.max(1, Math.floor(TILE_ELEMENTS / columns));
}

export interface TileChoice {
  /** Rows are not cut into stretches unless they exceed the largest tile. */
  readonly wholeRows?: boolean;
  /** Tiles of more than one row start at a multiple of this row. */
  readonly alignment?: number;
}

/** Reads a band, in the order of the file, a tile at a time. */
export function eachStoredTile(
  context: PassContext,
  reader: TileReader,
  band: Band,
  { wholeRows = false, alignment = 1 }: TileChoice,
  visit: (tile: Tile) => void,
): void {
  const whole = (wholeRows || alignment > 1) && band.columns <= TILE_CAPACITY;
  const stretch = whole ? band.columns : Math.min(STRETCH, band.columns);
  for (let column = band.column; column < band.column + band.columns; column += stretch) {
    const columns = Math.min(stretch, band.column + band.columns - column);
    reader.window(band.row, band.rows, column, columns);
    const perTile = Math.ceil(tileRows(columns) / alignment) * alignment;
    for (let row = band.row; row < band.row + band.rows; row += perTile) {
      checkPass(context.io);
      const rows = Math.min(perTile, band.row + band.rows - row);
      visit({ x: reader.load(row, rows, column, columns), row, rows, column, columns });
    }
  }
}
