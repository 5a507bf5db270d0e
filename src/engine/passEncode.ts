import { EngineError, toEngineError } from "../core/errors";
import { type Encoding, encoding as encodingNamed, fits, rowAlignment } from "../encodings";
import type { Band } from "../metrics";
import { TILE_CAPACITY } from "./passArena";
import { type PassContext } from "./passContext";
import { checkRowLength, eachMatrixTile } from "./passMatrix";
import { isDivisible, tileReader } from "./passReader";
import type { Tile } from "./passStatistics";
import type { EncodeTask } from "./tasks";

const INFINITE_BITS = 0x7f800000;

/** Bytes of each plane of a band. Bands of more than one row start at a multiple of the encoding's row alignment. */
export function bandBytes(encoding: Encoding, columns: number, band: Band): number[] {
  return encoding.planes.map((plane) => Math.ceil(band.rows * plane.rowBytes(columns)));
}

/**
 * Re-encodes a band of whole rows: planes with a path are written in place, the others returned, each holding the band's rows.
 * "bad-request" when the encoding cannot hold the shape or the values.
 */
export function encodeBand(context: PassContext, task: EncodeTask, band: Band): (Uint8Array | undefined)[] {
  const { tensor, importance } = task;
  const encoding = encodingNamed(task.encoding);
  const { columns } = tensor;
  if (!encoding.encode) throw new EngineError("unsupported", `${encoding.label} can be read but not written.`, { tensor: tensor.name });
  if (columns > 0 && !fits(encoding, columns)) {
    const message = `${encoding.label} needs rows of a multiple of ${encoding.blockElements} weights; this tensor's have ${columns}.`;
    throw new EngineError("bad-request", message, { tensor: tensor.name });
  }
  const wholeRows = importance !== undefined || !isDivisible(encoding);
  if (wholeRows) checkRowLength(tensor, encoding.label);
  if (importance && importance.length !== columns) {
    throw new EngineError("bad-request", `There are ${importance.length} importance weights for ${columns} columns.`, { tensor: tensor.name });
  }
  const total = bandBytes(encoding, columns, band);
  const collected = task.planes.map((target, i) => ("collect" in target ? new Uint8Array(total[i]) : undefined));
  const reader = tileReader(context, tensor);
  const encoder = new TileEncoder(context, encoding, importance);
  const perRow = encoding.planes.map((plane) => plane.rowBytes(columns));
  const alignment = rowAlignment(encoding, columns);
  if (alignment > 1 && columns * alignment > TILE_CAPACITY) throw new EngineError("unsupported", `Rows of ${columns} elements are too long for ${encoding.label}.`, { tensor: tensor.name });
  eachMatrixTile(context, reader, tensor, band, { wholeRows, alignment }, (tile) => {
    const planes = encodeOrSay(encoder, tile, tensor.name);
    planes.forEach((bytes, i) => {
      const skip = tile.column ? encoding.planes[i].rowBytes(tile.column) : 0;
      if (tile.columns === columns || tile.rows === 1) {
        put(i, (tile.row - band.row) * perRow[i] + skip, bytes);
        return;
      }
      const part = bytes.length / tile.rows;
      for (let r = 0; r < tile.rows; r++) put(i, (tile.row - band.row + r) * perRow[i] + skip, bytes.subarray(r * part, (r + 1) * part));
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

function encodeOrSay(encoder: TileEncoder, tile: Tile, tensor: string): readonly Uint8Array[] {
  try {
    return encoder.encode(tile);
  } catch (error) {
    throw toEngineError(error, { tensor });
  }
}

/** Encodes tiles into the arena, by the compiled kernel where there is one and it covers the values. */
class TileEncoder {
  constructor(readonly context: PassContext, readonly encoding: Encoding, readonly importance: Float32Array | undefined) {
    if (importance) context.f32.set(importance, context.arena.importance / 4);
  }

  /** Views of the arena, good until the next call. */
  encode({ x, rows, columns }: Tile): readonly Uint8Array[] {
    const { kernels, arena, u8, u32, f32 } = this.context;
    const addresses: number[] = [];
    let at = arena.planes;
    const planes = this.encoding.planes.map((plane) => {
      const bytes = Math.ceil(rows * plane.rowBytes(columns));
      addresses.push(at);
      const view = u8.subarray(at, at + bytes);
      at += Math.ceil(bytes / 64) * 64;
      return view;
    });
    const kernel = kernels.encoder(this.encoding.name);
    if (kernel) {
      kernels.scan(x, rows * columns, arena.out);
      const finite = u32[arena.out / 4 + 3] < INFINITE_BITS;
      if (finite && kernel(x, rows, columns, this.importance ? arena.importance : 0, ...addresses)) return planes;
    }
    this.encoding.encode!(f32.subarray(x / 4, x / 4 + rows * columns), rows, columns, planes, this.importance);
    return planes;
  }
}
