import { EngineError } from "../core/errors";
import { type Encoding, encoding as encodingNamed, fits } from "../encodings";
import type { ErrorKernel } from "../kernels";
import { TILE_CAPACITY } from "./passArena";
import type { PassContext } from "./passContext";
import { encodeTile } from "./passEncodeTile";
import { TURNED_COLUMNS } from "./passMatrix";
import { isDivisible, type TileReader } from "./passReader";
import type { Tile } from "./passTiles";
import type { TensorSource } from "./tasks";

/** Can this encoding's error be measured on this tensor: does it fit, and are rows short enough where it must see them whole? */
function isMeasurable(encoding: Encoding, tensor: TensorSource, reader: TileReader): boolean {
  if (!encoding.encode || !fits(encoding, tensor.columns)) return false;
  const limit = tensor.storage.transposed ? TURNED_COLUMNS : TILE_CAPACITY / reader.alignment;
  return isDivisible(encoding) || tensor.columns <= limit;
}

/** Σ(w − ŵ)² of some encodings over tiles of the matrix. */
export class ErrorTally {
  readonly #entries: { readonly encoding: Encoding; readonly kernel: ErrorKernel | undefined; sum: number | undefined }[];
  /** Some encoding must see whole rows. */
  readonly wholeRows: boolean;

  constructor(
    readonly context: PassContext,
    reader: TileReader,
    tensor: TensorSource,
    names: readonly string[],
  ) {
    this.#entries = names.map((name) => {
      const encoding = encodingNamed(name);
      return {
        encoding,
        kernel: context.kernels.errorOf(encoding.name),
        sum: isMeasurable(encoding, tensor, reader) ? 0 : undefined,
      };
    });
    this.wholeRows = this.#entries.some((e) => e.sum !== undefined && !isDivisible(e.encoding));
  }

  /** Nothing is to be measured. */
  get idle(): boolean {
    return this.#entries.every((e) => e.sum === undefined);
  }

  get squaredErrors(): readonly (number | undefined)[] {
    return this.#entries.map((e) => e.sum);
  }

  /** A tile of finite elements that is not at the arena's `spare`. */
  add(tile: Tile): void {
    for (const entry of this.#entries) {
      if (entry.sum === undefined) continue;
      const quick = entry.kernel ? entry.kernel(tile.x, tile.rows, tile.columns, this.context.arena.spare) : NaN;
      if (quick === quick) entry.sum += quick;
      else entry.sum = this.#throughBytes(entry.encoding, tile, entry.sum);
    }
  }

  /** Undefined when the encoding cannot hold these values. */
  #throughBytes(encoding: Encoding, tile: Tile, sum: number): number | undefined {
    const { f32, arena, kernels } = this.context;
    const count = tile.rows * tile.columns;
    let planes: readonly Uint8Array[];
    try {
      planes = encodeTile(this.context, encoding, tile);
    } catch (error) {
      if (error instanceof EngineError) return undefined;
      throw error;
    }
    const decode = kernels.decoder(encoding.name);
    if (decode && planes.length === 1) decode(arena.planes, count, arena.spare);
    else encoding.decode(planes, tile.rows, tile.columns, f32.subarray(arena.spare / 4, arena.spare / 4 + count));
    return sum + kernels.squaredDifference(tile.x, arena.spare, count);
  }
}
