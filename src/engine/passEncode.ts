import { EngineError } from "../core/errors";
import { ropeOrder, rowAt } from "../core/rowOrder";
import { type Encoding, encoding as encodingNamed, fits, rowAlignment } from "../encodings";
import { Unstorable } from "../encodings/finite";
import type { Band } from "../metrics";
import { TILE_CAPACITY } from "./passArena";
import type { PassContext } from "./passContext";
import { type EncodeChoices, encodeTile } from "./passEncodeTile";
import { checkRowLength, eachMatrixTile } from "./passMatrix";
import { isDivisible } from "./passReader";
import { tileReader } from "./passSource";
import type { Tile } from "./passTiles";
import type { EncodeTask } from "./tasks";

/** Bytes of each plane of a band. Bands of more than one row start at a multiple of the encoding's row alignment. */
export function bandBytes(encoding: Encoding, columns: number, band: Band): number[] {
  return encoding.planes.map((plane) => Math.ceil(band.rows * plane.rowBytes(columns)));
}

/**
 * Re-encodes a band of whole rows: planes with a path are written in place, the others returned, each holding the band's rows.
 * "bad-request" when the encoding cannot hold the shape or the values.
 */
export function encodeBand(context: PassContext, task: EncodeTask, band: Band): (Uint8Array | undefined)[] {
  const { tensor, importance, method } = task;
  const encoding = encodingNamed(task.encoding);
  const { columns } = tensor;
  if (!encoding.encode)
    throw new EngineError("unsupported", `${encoding.label} can be read but not written.`, { tensor: tensor.name });
  if (columns > 0 && !fits(encoding, columns)) {
    const { label, blockElements } = encoding;
    const message = `${label} needs rows of a multiple of ${blockElements} weights; this tensor's have ${columns}.`;
    throw new EngineError("bad-request", message, { tensor: tensor.name });
  }
  const wholeRows = importance !== undefined || !isDivisible(encoding);
  if (wholeRows) checkRowLength(tensor, encoding.label);
  if (importance && importance.length !== columns) {
    throw new EngineError("bad-request", `There are ${importance.length} importance weights for ${columns} columns.`, {
      tensor: tensor.name,
    });
  }
  const total = bandBytes(encoding, columns, band);
  const collected = task.planes.map((target, i) => ("collect" in target ? new Uint8Array(total[i]) : undefined));
  const reader = tileReader(context, tensor);
  if (importance) context.f32.set(importance, context.arena.importance / 4);
  const perRow = encoding.planes.map((plane) => plane.rowBytes(columns));
  const alignment = rowAlignment(encoding, columns);
  const order = task.ropeHeads ? ropeOrder(tensor.rows, task.ropeHeads) : undefined;
  if (order && (alignment > 1 || task.planes.some((p) => "collect" in p))) {
    throw new EngineError("unsupported", `${encoding.label} cannot hold rows in RoPE order.`, { tensor: tensor.name });
  }
  if (alignment > 1 && columns * alignment > TILE_CAPACITY) {
    throw new EngineError("unsupported", `Rows of ${columns} elements are too long for ${encoding.label}.`, {
      tensor: tensor.name,
    });
  }
  eachMatrixTile(context, reader, tensor, band, { wholeRows, alignment }, (tile) => {
    const planes = encodeAt(context, encoding, tile, { importance, method });
    planes.forEach((bytes, i) => {
      const skip = tile.column ? encoding.planes[i].rowBytes(tile.column) : 0;
      if (order) {
        const part = bytes.length / tile.rows;
        for (let r = 0; r < tile.rows; r++) {
          put(i, (rowAt(order, tile.row + r) - band.row) * perRow[i] + skip, bytes.subarray(r * part, (r + 1) * part));
        }
        return;
      }
      if (tile.columns === columns || tile.rows === 1) {
        put(i, (tile.row - band.row) * perRow[i] + skip, bytes);
        return;
      }
      const part = bytes.length / tile.rows;
      for (let r = 0; r < tile.rows; r++)
        put(i, (tile.row - band.row + r) * perRow[i] + skip, bytes.subarray(r * part, (r + 1) * part));
    });
    context.io.progress(tile.rows * tile.columns * reader.bytesPerElement);
  });
  return collected;

  function put(plane: number, offset: number, bytes: Uint8Array): void {
    const target = task.planes[plane];
    if ("collect" in target) collected[plane]!.set(bytes, offset);
    else context.io.write(target.path, target.offset + band.row * perRow[plane] + offset, bytes);
  }
}

/** As `encodeTile`; an error names the place in the whole matrix. */
function encodeAt(context: PassContext, encoding: Encoding, tile: Tile, choices: EncodeChoices): readonly Uint8Array[] {
  try {
    return encodeTile(context, encoding, tile, choices);
  } catch (error) {
    throw error instanceof Unstorable ? error.within(tile.row, tile.column) : error;
  }
}
