import type { Address } from "../kernels";

/** Elements that a kernel is given at once where rows are short enough: half of a first-level cache and its results. */
export const TILE_ELEMENTS = 16384;
/** Longest stretch of a row read at once; the column accumulators have this length. A multiple of every block size. */
export const STRETCH = 32768;
/** Largest tile: rows that must be seen whole (one scale per row) may be this long. */
export const TILE_CAPACITY = 2 ** 20;
/** Bytes of all planes of one tile in any encoding: up to 8 per element and a scale per row. */
const PLANE_BYTES = TILE_CAPACITY * 9;
const HEAT_CELLS = 256 * 64;

/** Where one worker keeps what, in the memory that all workers share. Addresses are multiples of 64. */
export interface Arena {
  /** Small results of kernels. */
  readonly out: Address;
  readonly sums: Address;
  /** u32[4096][4] and u32[257][4]. */
  readonly logCounts: Address;
  readonly linearCounts: Address;
  /** One entry per row of a tile: u32, f64. */
  readonly rowBits: Address;
  readonly rowSquares: Address;
  /** One entry per column of a stretch: u32, u32, f64. */
  readonly columnBits: Address;
  readonly totalBits: Address;
  readonly columnSquares: Address;
  readonly heat: Address;
  readonly importance: Address;
  /** f32[TILE_CAPACITY] each: decoded, without non-finite elements, a third for encodings to decode into. */
  readonly tile: Address;
  readonly clean: Address;
  readonly spare: Address;
  /** Encoded planes of a tile. */
  readonly planes: Address;
  /** Bytes as they are in the file. */
  readonly raw: Address;
  readonly rawBytes: number;
}

/** Bytes of an arena without its raw part. Nothing is resident before it is used. */
export const ARENA_OVERHEAD = layout(0, 0).raw;

/** Divides `bytes` from `base`, a multiple of 64; the caller keeps `bytes` well above ARENA_OVERHEAD. */
export function layout(base: Address, bytes: number): Arena {
  let next = base;
  const take = (size: number) => {
    const at = next;
    next += Math.ceil(size / 64) * 64;
    return at;
  };
  const arena = {
    out: take(64),
    sums: take(64),
    logCounts: take(4096 * 16),
    linearCounts: take(257 * 16),
    rowBits: take(TILE_ELEMENTS * 4),
    rowSquares: take(TILE_ELEMENTS * 8),
    columnBits: take(STRETCH * 4),
    totalBits: take(STRETCH * 4),
    columnSquares: take(STRETCH * 8),
    heat: take(HEAT_CELLS * 4),
    importance: take(TILE_CAPACITY * 4),
    tile: take(TILE_CAPACITY * 4),
    clean: take(TILE_CAPACITY * 4),
    spare: take(TILE_CAPACITY * 4),
    planes: take(PLANE_BYTES),
    raw: 0,
    rawBytes: 0,
  };
  arena.raw = next;
  arena.rawBytes = Math.max(0, base + bytes - next);
  return arena;
}
