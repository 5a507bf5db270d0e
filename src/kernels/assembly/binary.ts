// Least-squares binary encodings and their ternary relative, byte for byte as src/encodings/lsbq.ts; and the best ternary values
// in ggml's blocks, as src/methods/lsbq.ts makes them.
import { packPlanes, packTrits, signCodes, signError, ternaryError, trits } from "./binaryCodes";
import { fitPlanes, fitTernary, ternaryLevel } from "./binaryFit";
import { codesAt, HALVES, prepareRoom } from "./binaryRoom";
import { floorOf } from "./binarySums";
import { encode_q2_0, encode_tq1_0, encode_tq2_0 } from "./encodeTernary";
import { half } from "./half";

/** Σ (x − ŵ)² of rows in groups of `group` (0: the row); `bits` 0 is ternary. NaN where 1 MB of scratch is too little. */
export function binary_error(x: usize, rows: u32, columns: u32, bits: u32, group: u32, scratch: usize): f64 {
  const size = group && group < columns ? group : columns;
  if (!codesAt(scratch, size, columns)) return NaN;
  prepareRoom(scratch);
  let sum: f64 = 0;
  for (let row: u32 = 0; row < rows; row++) {
    for (let column: u32 = 0; column < columns; column += size) {
      const count = min<u32>(size, columns - column);
      if (bits) {
        fitPlanes(x, count, bits, scratch);
        sum += signError(x, count, bits, scratch);
      } else {
        sum += ternaryError(x, count, half(fitTernary(x, count, scratch)));
      }
      x += (count as usize) << 2;
    }
  }
  return sum;
}

/** Encodes rows. 0 where binary_error is NaN. */
export function binary_encode(
  x: usize, rows: u32, columns: u32, bits: u32, group: u32, scratch: usize, out: usize, scales: usize,
): u32 {
  const size = group && group < columns ? group : columns;
  const codes = codesAt(scratch, size, columns);
  if (!codes) return 0;
  prepareRoom(scratch);
  const rowBytes = bits ? bits * ((columns + 7) >> 3) : (columns + 4) / 5;
  for (let row: u32 = 0; row < rows; row++, out += rowBytes) {
    for (let column: u32 = 0; column < columns; column += size) {
      const count = min<u32>(size, columns - column);
      if (bits) {
        fitPlanes(x, count, bits, scratch);
        memory.copy(scales, scratch + HALVES, (bits as usize) << 1);
        scales += bits << 1;
        signCodes(x, count, bits, scratch, codes + (column as usize));
      } else {
        const level = fitTernary(x, count, scratch);
        store<u16>(scales, level as u16);
        scales += 2;
        trits(x, count, half(level) / 2, scratch, codes + (column as usize));
      }
      x += (count as usize) << 2;
    }
    if (bits) packPlanes(codes, columns, bits, out);
    else packTrits(codes, columns, out);
  }
  return 1;
}

/** Where in the scratch a block of up to 256 has its values: behind what its fit and its encoder need. */
const BLOCK: usize = 8192;

/** Writes −level, 0, level for a block; returns where. */
function ternaryBlock(x: usize, count: u32, scratch: usize): usize {
  const to = scratch + BLOCK;
  const level = ternaryLevel(x, count, scratch);
  const levels = f32x4.splat(level as f32);
  const thresholds = f32x4.splat(floorOf(level / 2));
  const sign = i32x4.splat(0x80000000);
  for (let i: usize = 0; i < ((count as usize) << 2); i += 16) {
    const v = v128.load(x + i);
    v128.store(to + i, v128.and(v128.or(levels, v128.and(v, sign)), f32x4.gt(f32x4.abs(v), thresholds)));
  }
  return to;
}

export function encode_lsbq_tq1_0(x: usize, rows: u32, columns: u32, importance: usize, scratch: usize, out: usize): u32 {
  if (importance) return 0;
  for (const end = x + (rows as usize) * ((columns as usize) << 2); x < end; x += 1024, out += 54) {
    if (!encode_tq1_0(ternaryBlock(x, 256, scratch), 1, 256, 0, scratch, out)) return 0;
  }
  return 1;
}

export function encode_lsbq_tq2_0(x: usize, rows: u32, columns: u32, importance: usize, scratch: usize, out: usize): u32 {
  if (importance) return 0;
  for (const end = x + (rows as usize) * ((columns as usize) << 2); x < end; x += 1024, out += 66) {
    if (!encode_tq2_0(ternaryBlock(x, 256, scratch), 1, 256, 0, scratch, out)) return 0;
  }
  return 1;
}

export function encode_lsbq_q2_0(x: usize, rows: u32, columns: u32, importance: usize, scratch: usize, out: usize): u32 {
  if (importance) return 0;
  for (const end = x + (rows as usize) * ((columns as usize) << 2); x < end; x += 256, out += 18) {
    if (!encode_q2_0(ternaryBlock(x, 64, scratch), 1, 64, 0, scratch, out)) return 0;
  }
  return 1;
}
