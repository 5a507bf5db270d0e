// ggml's super-blocks of 256, byte for byte as src/encodings/ggml. `columns` is a multiple of 256.
import { codes16, packPairs, symmetric16 } from "./codes";
import { descendSymmetric } from "./descendSymmetric";
import { half } from "./half";
import {
  importanceWeights, interleave, meanSquare, nearestInt, nearestInts, rmsWeights, signedExtreme, ZERO_BLOCK,
} from "./search";
import { fitPositive, searchAffine } from "./searchAffine";
import { searchSymmetric } from "./searchSymmetric";
import { searchSymmetric4 } from "./searchSymmetric4";
import { halfBits } from "./toHalf";

// Scratch: x and weights of four sub-blocks, lane by lane, then one f32 or u8 per sub-block.
const X: usize = 0;
const WEIGHTS: usize = 512;
const SCALES: usize = 1024;
const MINS: usize = 1088;
const INVERSES: usize = 1152;
const BASES: usize = 1216;
const INITIALS: usize = 1280;
const SUMS: usize = 1344;
const SCALE_CODES: usize = 1408;
const MIN_CODES: usize = 1424;
const CODES: usize = 1440;
// Codes or products of a search, then the codes of all sixteen sub-blocks of Q3_K, lane by lane.
const TRIAL: usize = 2048;
const ALL_CODES: usize = 3072;

/** Searches the eight sub-blocks of 32 and writes the 16-byte header of Q4_K and Q5_K. False when a scale overflows. */
// @ts-ignore: decorator
@inline
function headerOf(x: usize, importance: usize, nmax: f32, first: f32, steps: u32, out: usize, scratch: usize): bool {
  const variance: f32 = importance ? meanSquare(x, 256, 2) : 0;
  for (let k: usize = 0; k < 2; k++) {
    interleave(x + 512 * k, 128, 32, scratch + X);
    const at = scratch + 16 * k;
    if (importance) {
      interleave(importance + 512 * k, 128, 32, scratch + WEIGHTS);
      importanceWeights(scratch + X, 32, variance, scratch + WEIGHTS, at + SUMS);
      searchAffine(
        scratch + X, scratch + WEIGHTS, 32, nmax, -0.9, 0.05, 36, false, true,
        scratch + TRIAL, at + SCALES, at + MINS, at + INVERSES, at + BASES, at + INITIALS);
    } else {
      rmsWeights(scratch + X, 32, scratch + WEIGHTS);
      searchAffine(
        scratch + X, scratch + WEIGHTS, 32, nmax, first, 0.1, steps, false, false,
        scratch + TRIAL, at + SCALES, at + MINS, at + INVERSES, at + BASES, at + INITIALS);
    }
  }
  let d: f32;
  let dmin: f32;
  if (importance) {
    d = fitPositive(8, 63, scratch + SCALES, scratch + SCALE_CODES, scratch + SUMS);
    dmin = fitPositive(8, 63, scratch + MINS, scratch + MIN_CODES, scratch + SUMS);
  } else {
    const maxScale = largest(scratch + SCALES, 8);
    const maxMin = largest(scratch + MINS, 8);
    const perScale: f32 = maxScale > 0 ? 63 / maxScale : 0;
    const perMin: f32 = maxMin > 0 ? 63 / maxMin : 0;
    for (let j: usize = 0; j < 8; j++) {
      store<u8>(scratch + j, min(63, nearestInt(perScale * load<f32>(scratch + (j << 2), SCALES)) & 255) as u8, SCALE_CODES);
      store<u8>(scratch + j, min(63, nearestInt(perMin * load<f32>(scratch + (j << 2), MINS)) & 255) as u8, MIN_CODES);
    }
    d = maxScale / 63;
    dmin = maxMin / 63;
  }
  const dBits = halfBits(d);
  const dminBits = halfBits(dmin);
  store<u16>(out, dBits as u16);
  store<u16>(out, dminBits as u16, 2);
  const s0 = load<u32>(scratch, SCALE_CODES);
  const s1 = load<u32>(scratch, SCALE_CODES + 4);
  const m0 = load<u32>(scratch, MIN_CODES);
  const m1 = load<u32>(scratch, MIN_CODES + 4);
  store<u32>(out, s0 | (((s1 >>> 4) & 0x03030303) << 6), 4);
  store<u32>(out, m0 | (((m1 >>> 4) & 0x03030303) << 6), 8);
  store<u32>(out, (s1 & 0x0f0f0f0f) | ((m1 & 0x0f0f0f0f) << 4), 12);
  return (dBits & 0x7c00) != 0x7c00 && (dminBits & 0x7c00) != 0x7c00;
}

/** The greatest of n values, at least 0. */
// @ts-ignore: decorator
@inline
function largest(values: usize, n: u32): f32 {
  let result: f32 = 0;
  for (let j: usize = 0; j < n; j++) {
    const v = load<f32>(values + (j << 2));
    if (v > result) result = v;
  }
  return result;
}

/** Sixteen codes of sub-block j from x, with the header's scales. */
function subBlockCodes(x: usize, j: usize, d: f32, dmin: f32, top: f32, weighted: bool, scratch: usize): v128 {
  const scale = d * (load<u8>(scratch + j, SCALE_CODES) as f32);
  const minimum = dmin * (load<u8>(scratch + j, MIN_CODES) as f32);
  const sub = scratch + (j << 2);
  return codes16(x, scale, minimum, top, load<f32>(sub, INVERSES), load<f32>(sub, BASES), weighted && !load<u32>(sub, INITIALS));
}

export function encode_q2_K(x: usize, rows: u32, columns: u32, importance: usize, scratch: usize, out: usize): u32 {
  for (let r: u32 = 0; r < rows; r++) {
    for (let c: u32 = 0; c < columns; c += 256, x += 1024, out += 84) {
      const variance: f32 = importance ? meanSquare(x, 256, 1) : 0;
      for (let k: usize = 0; k < 4; k++) {
        const at = scratch + 16 * k;
        interleave(x + 256 * k, 64, 16, scratch + X);
        if (importance) {
          interleave(importance + ((c as usize) << 2) + 256 * k, 64, 16, scratch + WEIGHTS);
          importanceWeights(scratch + X, 16, variance, scratch + WEIGHTS, at + SUMS);
          searchAffine(
            scratch + X, scratch + WEIGHTS, 16, 3, -0.9, 0.05, 36, false, true,
            scratch + TRIAL, at + SCALES, at + MINS, at + INVERSES, at + BASES, at + INITIALS);
        } else {
          for (let i: usize = 0; i < 256; i += 16) v128.store(scratch + i, f32x4.abs(v128.load(scratch + i, X)), WEIGHTS);
          searchAffine(
            scratch + X, scratch + WEIGHTS, 16, 3, -0.5, 0.1, 15, true, false,
            scratch + TRIAL, at + SCALES, at + MINS, at + INVERSES, at + BASES, at + INITIALS);
        }
      }
      let d: f32;
      let dmin: f32;
      if (importance) {
        d = fitPositive(16, 15, scratch + SCALES, scratch + SCALE_CODES, scratch + SUMS);
        dmin = fitPositive(16, 15, scratch + MINS, scratch + MIN_CODES, scratch + SUMS);
      } else {
        const maxScale = largest(scratch + SCALES, 16);
        const maxMin = largest(scratch + MINS, 16);
        const perScale: f32 = maxScale > 0 ? 15 / maxScale : 0;
        const perMin: f32 = maxMin > 0 ? 15 / maxMin : 0;
        for (let j: usize = 0; j < 16; j++) {
          const s = maxScale > 0 ? nearestInt(perScale * load<f32>(scratch + (j << 2), SCALES)) : 0;
          const m = maxMin > 0 ? nearestInt(perMin * load<f32>(scratch + (j << 2), MINS)) : 0;
          store<u8>(scratch + j, s as u8, SCALE_CODES);
          store<u8>(scratch + j, m as u8, MIN_CODES);
        }
        d = maxScale > 0 ? maxScale / 15 : 0;
        dmin = maxMin > 0 ? maxMin / 15 : 0;
      }
      const dBits = halfBits(d);
      const dminBits = halfBits(dmin);
      if ((dBits & 0x7c00) == 0x7c00 || (dminBits & 0x7c00) == 0x7c00) return 0;
      store<u16>(out, dBits as u16, 80);
      store<u16>(out, dminBits as u16, 82);
      d = half(dBits);
      dmin = half(dminBits);
      for (let j: usize = 0; j < 16; j++) {
        const both = (load<u8>(scratch + j, SCALE_CODES) | (load<u8>(scratch + j, MIN_CODES) << 4)) as u8;
        store<u8>(out + j, both);
        const scale = d * ((both & 15) as f32);
        const sub = scratch + (j << 2);
        const clampFirst = importance != 0 && !load<u32>(sub, INITIALS);
        const minimum = dmin * ((both >> 4) as f32);
        const codes = codes16(x + 64 * j, scale, minimum, 3, load<f32>(sub, INVERSES), load<f32>(sub, BASES), clampFirst);
        v128.store(scratch + 16 * j, codes, CODES);
      }
      packPairs(scratch + CODES, out + 16);
    }
  }
  return 1;
}

/** Low bytes of nearest(inverse·x), at most `top`, of sixteen values. */
// @ts-ignore: decorator
@inline
function bytes16(x: usize, inverse: f32, top: i32): v128 {
  const s = f32x4.splat(inverse);
  const high = i32x4.splat(top);
  const low8 = i32x4.splat(255);
  const a = v128.and(low8, i32x4.min_s(high, nearestInts(f32x4.mul(s, v128.load(x)))));
  const b = v128.and(low8, i32x4.min_s(high, nearestInts(f32x4.mul(s, v128.load(x, 16)))));
  const c = v128.and(low8, i32x4.min_s(high, nearestInts(f32x4.mul(s, v128.load(x, 32)))));
  const d = v128.and(low8, i32x4.min_s(high, nearestInts(f32x4.mul(s, v128.load(x, 48)))));
  return i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d));
}

/** The searched codes of sub-block j of Q3_K without importance. */
function descended(scratch: usize, j: usize): void {
  const from = scratch + ALL_CODES + 64 * j;
  for (let i: usize = 0; i < 16; i++) store<u8>(scratch + 16 * j + i, ((load<f32>(from + 4 * i) as i32) + 4) as u8, CODES);
}

export function encode_q3_K(x: usize, rows: u32, columns: u32, importance: usize, scratch: usize, out: usize): u32 {
  for (let r: u32 = 0; r < rows; r++) {
    for (let c: u32 = 0; c < columns; c += 256, x += 1024, out += 110) {
      let d: f32 = 0;
      if (importance) {
        const variance = meanSquare(x, 256, 2);
        const from = importance + ((c as usize) << 2);
        for (let k: usize = 0; k < 4; k++) {
          const at = scratch + 16 * k;
          interleave(x + 256 * k, 64, 16, scratch + X);
          interleave(from + 256 * k, 64, 16, scratch + WEIGHTS);
          importanceWeights(scratch + X, 16, variance, scratch + WEIGHTS, at + SUMS);
          searchSymmetric4(scratch + X, 16, 4, scratch + WEIGHTS, scratch + TRIAL, at + SCALES, at + INVERSES);
        }
        d = searchSymmetric(scratch + SCALES, 16, 32, scratch + SUMS, scratch + BASES);
        v128.store(scratch, symmetric16(scratch + SCALES, 0, 32, load<f32>(scratch, BASES)), SCALE_CODES);
      } else {
        for (let k: usize = 0; k < 4; k++) {
          descendSymmetric(x + 256 * k, 4, scratch + ALL_CODES + 256 * k, scratch + SCALES + 16 * k, scratch + TRIAL);
        }
        const extreme = signedExtreme(scratch + SCALES, 64);
        if (extreme == 0) {
          v128.store(scratch, i8x16.splat(0), SCALE_CODES);
        } else {
          const inverse: f32 = -32 / extreme;
          const l = i8x16.max_s(i8x16.splat(-32), i8x16.min_s(i8x16.splat(31), bytes16(scratch + SCALES, inverse, 0x7fffffff)));
          v128.store(scratch, i8x16.add(l, i8x16.splat(32)), SCALE_CODES);
          d = 1 / inverse;
        }
      }
      const dBits = halfBits(d);
      if ((dBits & 0x7c00) == 0x7c00) return 0;
      store<u16>(out, dBits as u16, 108);
      d = half(dBits);
      const c0 = load<u32>(scratch, SCALE_CODES);
      const c1 = load<u32>(scratch, SCALE_CODES + 4);
      const c2 = load<u32>(scratch, SCALE_CODES + 8);
      const c3 = load<u32>(scratch, SCALE_CODES + 12);
      store<u32>(out, (c0 & 0x0f0f0f0f) | ((c2 & 0x0f0f0f0f) << 4), 96);
      store<u32>(out, (c1 & 0x0f0f0f0f) | ((c3 & 0x0f0f0f0f) << 4), 100);
      const tops = ((c0 >>> 4) & 0x03030303) | (((c1 >>> 4) & 0x03030303) << 2) | (((c2 >>> 4) & 0x03030303) << 4);
      store<u32>(out, tops | (((c3 >>> 4) & 0x03030303) << 6), 104);
      for (let j: usize = 0; j < 16; j++) {
        const scale = d * (((load<u8>(scratch + j, SCALE_CODES) as i32) - 32) as f32);
        if (scale != 0 || importance) {
          const codes = symmetric16(x + 64 * j, scale, 4, load<f32>(scratch + (j << 2), INVERSES));
          v128.store(scratch + 16 * j, codes, CODES);
        } else {
          descended(scratch, j);
        }
      }
      const three = i8x16.splat(3);
      for (let l: usize = 0; l < 32; l += 16) {
        let mask = i8x16.splat(0);
        for (let b: usize = 0; b < 8; b++) {
          const codes = v128.load(scratch + 32 * b + l, CODES);
          mask = v128.or(mask, i8x16.shl(i8x16.shr_u(codes, 2), b as i32));
          v128.store(scratch + 32 * b + l, v128.and(codes, three), CODES);
        }
        v128.store(out + l, mask);
      }
      packPairs(scratch + CODES, out + 32);
    }
  }
  return 1;
}

export function encode_q4_K(x: usize, rows: u32, columns: u32, importance: usize, scratch: usize, out: usize): u32 {
  for (let r: u32 = 0; r < rows; r++) {
    for (let c: u32 = 0; c < columns; c += 256, x += 1024, out += 144) {
      if (!headerOf(x, importance ? importance + ((c as usize) << 2) : 0, 15, -1, 20, out, scratch)) return 0;
      const d = half(load<u16>(out));
      const dmin = half(load<u16>(out, 2));
      for (let g: usize = 0; g < 4; g++) {
        for (let l: usize = 0; l < 32; l += 16) {
          const low = subBlockCodes(x + 256 * g + 4 * l, 2 * g, d, dmin, 15, importance != 0, scratch);
          const high = subBlockCodes(x + 256 * g + 128 + 4 * l, 2 * g + 1, d, dmin, 15, importance != 0, scratch);
          v128.store(out + 32 * g + l, v128.or(low, i16x8.shl(high, 4)), 16);
        }
      }
    }
  }
  return 1;
}

export function encode_q5_K(x: usize, rows: u32, columns: u32, importance: usize, scratch: usize, out: usize): u32 {
  const low4 = i8x16.splat(15);
  for (let r: u32 = 0; r < rows; r++) {
    for (let c: u32 = 0; c < columns; c += 256, x += 1024, out += 176) {
      if (!headerOf(x, importance ? importance + ((c as usize) << 2) : 0, 31, -0.5, 15, out, scratch)) return 0;
      const d = half(load<u16>(out));
      const dmin = half(load<u16>(out, 2));
      for (let l: usize = 0; l < 32; l += 16) {
        let fifth = i8x16.splat(0);
        for (let g: u32 = 0; g < 4; g++) {
          const low = subBlockCodes(x + 256 * g + 4 * l, 2 * g, d, dmin, 31, importance != 0, scratch);
          const high = subBlockCodes(x + 256 * g + 128 + 4 * l, 2 * g + 1, d, dmin, 31, importance != 0, scratch);
          v128.store(out + 32 * g + l, v128.or(v128.and(low, low4), i16x8.shl(v128.and(high, low4), 4)), 48);
          fifth = v128.or(fifth, i8x16.shl(i8x16.shr_u(low, 4), (2 * g) as i32));
          fifth = v128.or(fifth, i8x16.shl(i8x16.shr_u(high, 4), (2 * g + 1) as i32));
        }
        v128.store(out + l, fifth, 16);
      }
    }
  }
  return 1;
}

export function encode_q6_K(x: usize, rows: u32, columns: u32, importance: usize, scratch: usize, out: usize): u32 {
  for (let r: u32 = 0; r < rows; r++) {
    for (let c: u32 = 0; c < columns; c += 256, x += 1024, out += 210) {
      for (let k: usize = 0; k < 4; k++) {
        interleave(x + 256 * k, 64, 16, scratch + X);
        if (importance) interleave(importance + ((c as usize) << 2) + 256 * k, 64, 16, scratch + WEIGHTS);
        const weights: usize = importance ? scratch + WEIGHTS : 0;
        searchSymmetric4(scratch + X, 16, 32, weights, scratch + TRIAL, scratch + SCALES + 16 * k, scratch + INVERSES + 16 * k);
      }
      const extreme = signedExtreme(scratch + SCALES, 64);
      if (abs(extreme) < ZERO_BLOCK) {
        memory.fill(out, 0, 210);
        continue;
      }
      const inverse: f32 = -128 / extreme;
      const dBits = halfBits(1 / inverse);
      if ((dBits & 0x7c00) == 0x7c00) return 0;
      store<u16>(out, dBits as u16, 208);
      const d = half(dBits);
      v128.store(out, bytes16(scratch + SCALES, inverse, 127), 192);
      for (let j: usize = 0; j < 16; j++) {
        const code = load<i8>(out + j, 192);
        v128.store(scratch + 16 * j, symmetric16(x + 64 * j, d * (code as f32), 32, load<f32>(scratch + 4 * j, INVERSES)), CODES);
      }
      const low4 = i8x16.splat(15);
      for (let h: usize = 0; h < 2; h++) {
        for (let l: usize = 0; l < 32; l += 16) {
          const from = scratch + CODES + 128 * h + l;
          const q0 = v128.load(from);
          const q1 = v128.load(from, 32);
          const q2 = v128.load(from, 64);
          const q3 = v128.load(from, 96);
          v128.store(out + 64 * h + l, v128.or(v128.and(q0, low4), i16x8.shl(v128.and(q2, low4), 4)));
          v128.store(out + 64 * h + l, v128.or(v128.and(q1, low4), i16x8.shl(v128.and(q3, low4), 4)), 32);
          const tops = v128.or(
            v128.or(i8x16.shr_u(q0, 4), i8x16.shl(i8x16.shr_u(q1, 4), 2)),
            v128.or(i8x16.shl(i8x16.shr_u(q2, 4), 4), i8x16.shl(i8x16.shr_u(q3, 4), 6)));
          v128.store(out + 32 * h + l, tops, 128);
        }
      }
    }
  }
  return 1;
}
