// The 32-weight types with importance, byte for byte as src/encodings/ggml. `columns` is a multiple of 32.
import { codes16, symmetric16 } from "./codes";
import { importanceWeights, importanceWeights16, interleave, meanSquare } from "./search";
import { searchAffine } from "./searchAffine";
import { searchSymmetric } from "./searchSymmetric";
import { halfBits } from "./toHalf";

// Scratch: four blocks and their weights lane by lane, a candidate's codes, then one f32 per block.
const X: usize = 0;
const WEIGHTS: usize = 512;
const TRIAL: usize = 1024;
const SCALES: usize = 1536;
const MINS: usize = 1552;
const INVERSES: usize = 1568;
const BASES: usize = 1584;
const INITIALS: usize = 1600;
const SUMS: usize = 1616;

/** Low nibbles of 32 codes in two vectors: byte j holds elements j and j + 16. */
// @ts-ignore: decorator
@inline
function nibbles(low: v128, high: v128): v128 {
  return v128.or(v128.and(low, i8x16.splat(15)), i16x8.shl(v128.and(high, i8x16.splat(15)), 4));
}

/** Fifth bits of 32 codes, bit e for element e. */
// @ts-ignore: decorator
@inline
function fifths(low: v128, high: v128): u32 {
  return (i8x16.bitmask(i8x16.shl(low, 3)) as u32) | ((i8x16.bitmask(i8x16.shl(high, 3)) as u32) << 16);
}

/** Q4_0 and Q5_0: nmax 8 or 16. */
// @ts-ignore: decorator
@inline
function symmetric(x: usize, rows: u32, columns: u32, importance: usize, scratch: usize, out: usize, nmax: i32): u32 {
  for (let r: u32 = 0; r < rows; r++) {
    const variance = meanSquare(x, columns, 1);
    for (let c: usize = 0; c < (columns as usize) << 2; c += 128, x += 128) {
      importanceWeights16(x, importance + c, variance, scratch + WEIGHTS);
      importanceWeights16(x + 64, importance + c + 64, variance, scratch + WEIGHTS + 64);
      const d = searchSymmetric(x, 32, nmax, scratch + WEIGHTS, scratch + INVERSES);
      const bits = halfBits(d);
      if ((bits & 0x7c00) == 0x7c00) return 0;
      store<u16>(out, bits as u16);
      const inverse = load<f32>(scratch, INVERSES);
      const low = symmetric16(x, 0, nmax, inverse);
      const high = symmetric16(x + 64, 0, nmax, inverse);
      if (nmax == 16) {
        store<u32>(out, fifths(low, high), 2);
        v128.store(out, nibbles(low, high), 6);
        out += 22;
      } else {
        v128.store(out, nibbles(low, high), 2);
        out += 18;
      }
    }
  }
  return 1;
}

/** Q4_1 and Q5_1: nmax 15 or 31. Four blocks at a time, the rest of a row one by one. */
// @ts-ignore: decorator
@inline
function affine(x: usize, rows: u32, columns: u32, importance: usize, scratch: usize, out: usize, nmax: f32): u32 {
  for (let r: u32 = 0; r < rows; r++) {
    const variance = meanSquare(x, columns, 1);
    let c: usize = 0;
    const end = (columns as usize) << 2;
    while (c < end) {
      const together: usize = end - c >= 512 ? 4 : 1;
      const stride: usize = together == 4 ? 128 : 0;
      interleave(x, stride, 32, scratch + X);
      interleave(importance + c, stride, 32, scratch + WEIGHTS);
      importanceWeights(scratch + X, 32, variance, scratch + WEIGHTS, scratch + SUMS);
      searchAffine(
        scratch + X, scratch + WEIGHTS, 32, nmax, -0.9, 0.05, 36, false, true,
        scratch + TRIAL, scratch + SCALES, scratch + MINS, scratch + INVERSES, scratch + BASES, scratch + INITIALS);
      for (let k: usize = 0; k < together; k++, x += 128, c += 128) {
        const at = scratch + (k << 2);
        const d = halfBits(load<f32>(at, SCALES));
        const m = halfBits(-load<f32>(at, MINS));
        if ((d & 0x7c00) == 0x7c00 || (m & 0x7c00) == 0x7c00) return 0;
        store<u16>(out, d as u16);
        store<u16>(out, m as u16, 2);
        const inverse = load<f32>(at, INVERSES);
        const base = load<f32>(at, BASES);
        const clampFirst = !load<u32>(at, INITIALS);
        const low = codes16(x, 0, 0, nmax, inverse, base, clampFirst);
        const high = codes16(x + 64, 0, 0, nmax, inverse, base, clampFirst);
        if (nmax == 31) {
          store<u32>(out, fifths(low, high), 4);
          v128.store(out, nibbles(low, high), 8);
          out += 24;
        } else {
          v128.store(out, nibbles(low, high), 4);
          out += 20;
        }
      }
    }
  }
  return 1;
}

export function weighted_q4_0(x: usize, rows: u32, columns: u32, importance: usize, scratch: usize, out: usize): u32 {
  return symmetric(x, rows, columns, importance, scratch, out, 8);
}

export function weighted_q5_0(x: usize, rows: u32, columns: u32, importance: usize, scratch: usize, out: usize): u32 {
  return symmetric(x, rows, columns, importance, scratch, out, 16);
}

export function weighted_q4_1(x: usize, rows: u32, columns: u32, importance: usize, scratch: usize, out: usize): u32 {
  return affine(x, rows, columns, importance, scratch, out, 15);
}

export function weighted_q5_1(x: usize, rows: u32, columns: u32, importance: usize, scratch: usize, out: usize): u32 {
  return affine(x, rows, columns, importance, scratch, out, 31);
}
