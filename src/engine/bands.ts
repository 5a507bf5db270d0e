import type { Band, MatrixShape } from "../metrics";
import { STRETCH, TILE_CAPACITY } from "./passArena";

/** A tensor of fewer elements is one worker's job: reading it twice from the arena beats dividing it. */
const DIVIDE_FROM = 2 ** 23;
export interface Division {
  readonly threads: number;
  /** Elements from which on a tensor is divided, and about as many in each band. */
  readonly divideFrom?: number;
}

/** Rows in a band start at a multiple of this, so that packed rows of odd lengths begin at whole bytes. */
const ROW_STEP = 8;

/**
 * Cuts a matrix into bands of about equal size, at least one for each thread; rows are kept whole unless there are too few of
 * them and they are too long for one tile. Bands of a transposed tensor are larger: each is read in short strips of every
 * stored row.
 */
export function bandsOf(
  shape: MatrixShape,
  { threads, divideFrom = DIVIDE_FROM }: Division,
  { transposed = false, wholeRows = false } = {},
): Band[] {
  const { rows, columns } = shape;
  const elements = rows * columns;
  const count = elements < divideFrom ? 1 : Math.max(threads, Math.ceil(elements / divideFrom / (transposed ? 4 : 1)));
  if (!wholeRows && !transposed && rows < threads && columns > TILE_CAPACITY) {
    const perRow = Math.ceil(count / rows);
    const step = Math.ceil(columns / perRow / STRETCH) * STRETCH;
    const bands: Band[] = [];
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column += step)
        bands.push({ row, rows: 1, column, columns: Math.min(step, columns - column) });
    }
    return bands;
  }
  const ideal = Math.ceil(rows / count);
  const step = rows > ROW_STEP * count ? Math.ceil(ideal / ROW_STEP) * ROW_STEP : ideal;
  const bands: Band[] = [];
  for (let row = 0; row < rows; row += step) bands.push({ row, rows: Math.min(step, rows - row), column: 0, columns });
  return bands.length ? bands : [{ row: 0, rows, column: 0, columns }];
}
