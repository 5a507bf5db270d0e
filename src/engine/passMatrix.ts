import { EngineError } from "../core/errors";
import type { Band } from "../metrics";
import { STRETCH, TILE_CAPACITY } from "./passArena";
import { checkPass, type PassContext } from "./passContext";
import type { TileReader } from "./passReader";
import { eachStoredTile, type Tile, type TileChoice } from "./passTiles";
import type { TensorSource } from "./tasks";

/** Rows of the matrix that are turned round together. */
const TURNED_ROWS = 32;
/** A transposed matrix with longer rows is turned in parts of two stretches. */
export const TURNED_COLUMNS = 2 ** 18;

/** Must rows that are longer than a tile be seen whole? Then this is an EngineError, naming the limit. */
export function checkRowLength(tensor: TensorSource, label: string): void {
  const limit = tensor.storage.transposed ? TURNED_COLUMNS : TILE_CAPACITY;
  if (tensor.columns <= limit) return;
  const message = `${label} needs rows of at most ${limit} weights; these have ${tensor.columns}. Choose one with groups.`;
  throw new EngineError("unsupported", message, { tensor: tensor.name });
}

/** Reads a band in the order of the matrix, [out][in], whatever the file's order is. */
export function eachMatrixTile(
  context: PassContext,
  reader: TileReader,
  tensor: TensorSource,
  band: Band,
  choice: TileChoice,
  visit: (tile: Tile) => void,
): void {
  if (tensor.storage.transposed) eachTurnedTile(context, reader, band, choice.alignment ?? 1, visit);
  else eachStoredTile(context, reader, band, choice, visit);
}

/**
 * The file holds [in][out]. Windows of all inputs and as many outputs as fit into the arena are read, and tiles of a few outputs
 * turned out of them.
 */
function eachTurnedTile(
  context: PassContext,
  reader: TileReader,
  band: Band,
  alignment: number,
  visit: (tile: Tile) => void,
): void {
  const { arena, kernels } = context;
  const part = reader.rows <= TURNED_COLUMNS ? reader.rows : 2 * STRETCH;
  const fitting = Math.floor((arena.rawBytes - 256) / (part * reader.bytesPerElement));
  const perWindow = Math.max(1, Math.min(STRETCH, fitting > TURNED_ROWS ? fitting - (fitting % TURNED_ROWS) : fitting));
  for (let column = 0; column < reader.rows; column += part) {
    const columns = Math.min(part, reader.rows - column);
    const perTile = Math.max(alignment, Math.min(TURNED_ROWS, Math.floor(TILE_CAPACITY / columns)));
    for (let first = band.row; first < band.row + band.rows; first += perWindow) {
      const window = Math.min(perWindow, band.row + band.rows - first);
      reader.window(column, columns, first, window);
      for (let row = first; row < first + window; row += perTile) {
        checkPass(context.io);
        const rows = Math.min(perTile, first + window - row);
        const { address, stride } = reader.gather(row, rows);
        kernels.transpose(address, columns, rows, stride, arena.tile, columns);
        visit({ x: arena.tile, row, rows, column, columns });
      }
    }
  }
}
