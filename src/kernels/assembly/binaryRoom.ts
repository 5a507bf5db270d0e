// Where the fits of least-squares binary groups keep what, in bytes from the start of their scratch.

/** f64[6] scalars under work and, behind them, their squared error; the same twice more, to compare with and to hand on. */
export const SCALARS: usize = 0;
export const OTHERS: usize = 64;
export const SPARE: usize = 128;
export const ERROR: usize = 48;
/** f64[6] scalars of the greedy fit; f64[7] what each number of them leaves. */
export const GREEDY: usize = 192;
export const GREEDY_ERRORS: usize = 256;
/** The upper half of the levels, ascending: f64[32], f64[32] midpoints, each above its level, u8[32] sign codes. */
export const VALUES: usize = 320;
export const MIDPOINTS: usize = 576;
export const CODES: usize = 832;
/** u8[7][32]: for each number of bits, in which order codes stood the last time. */
export const ORDERS: usize = 864;
/** f64[32] sums by code. */
export const SUMS: usize = 1088;
/** f32[32] levels as decoded, and f32[32] thresholds: no magnitude lies between a midpoint and its threshold. */
export const THRESHOLDS: usize = 1344;
export const LEVELS: usize = 1472;
/** u32[33]: magnitudes below each cell of the levels. */
export const SPLITS: usize = 1600;
/** f64[6][6] and f64[6]. */
export const MATRIX: usize = 1744;
export const RIGHT: usize = 2032;
/** f64[4][2]: sign bits of pairs of planes. */
export const SIGNS: usize = 2080;
/** u16[6] scalars as stored. */
export const HALVES: usize = 2144;
/** f32[16]: the values at the end of a group. */
export const TAIL: usize = 2160;
/** u32 magnitudes in order, f64 sums of the first t, u8 codes of a row. */
export const KEYS: usize = 2240;

const ROOM: usize = 1 << 20;

/** What stays from group to group; before the first. */
export function prepareRoom(scratch: usize): void {
  for (let bits: u32 = 1; bits <= 6; bits++) {
    const order = scratch + ORDERS + ((bits as usize) << 5);
    for (let i: u32 = 0; i < 32; i++) store<u8>(order + i, i as u8);
  }
  const minus: u64 = 1 << 63;
  for (let i: u32 = 0; i < 4; i++) {
    store<u64>(scratch + SIGNS + (i << 4), i & 1 ? 0 : minus);
    store<u64>(scratch + SIGNS + (i << 4), i & 2 ? 0 : minus, 8);
  }
}

/** Places for `count` keys, as the sort needs them. */
// @ts-ignore: decorator
@inline
export function places(count: u32): u32 {
  return count <= 32 ? 32 : 1 << (32 - clz(count - 1));
}

/** Where the sums are for groups of up to `count`. */
// @ts-ignore: decorator
@inline
export function sumsAt(scratch: usize, count: u32): usize {
  return scratch + KEYS + ((places(count) as usize) << 2);
}

/** Where the codes of a row are; 0 when there is no room for all of it. */
export function codesAt(scratch: usize, count: u32, columns: u32): usize {
  const at = sumsAt(scratch, count) + (((count as usize) + 1) << 3);
  return at + (columns as usize) + 32 <= scratch + ROOM ? at : 0;
}
