// ggml's 4-bit non-linear types, byte for byte as src/encodings/ggml/iq4.ts.
import { importanceWeights16, meanSquare, nearestInt, signedExtreme, ZERO_BLOCK } from "./search";
import { halfBits } from "./toHalf";

// Scratch: levels and codes by ⌊2v⌋ + 256, then weights of a block, indices and scales.
const LEVELS: usize = 0;
const CODES: usize = 2048;
const WEIGHTS: usize = 2560;
const INDICES: usize = 2688;
const SCALES: usize = 2816;
const MIDDLE = 256;

/** Level k of the sixteen. */
function level(k: i32): i32 {
  // −127 −104 −83 −65 −49 −35 −22 −10 | 1 13 25 38 53 69 89 113, one signed byte each.
  const words: u64 = k < 8 ? 0xf6eaddcfbfad9881 : 0x7159453526190d01;
  return ((words >>> ((k & 7) << 3)) as i8) as i32;
}

/** A value belongs to the nearest level, the upper one of a tie: its double counts in whole numbers. */
function fillTables(scratch: usize): void {
  let k = 0;
  for (let i = 0; i < 512; i++) {
    while (k < 15 && i - MIDDLE >= level(k) + level(k + 1)) k++;
    store<f32>(scratch + (i << 2), level(k) as f32, LEVELS);
    store<u8>(scratch + i, k as u8, CODES);
  }
}

/** Where four values stand in the tables. */
// @ts-ignore: decorator
@inline
function indices(v: v128): v128 {
  const doubled = i32x4.trunc_sat_f32x4_s(f32x4.floor(f32x4.add(v, v)));
  return i32x4.add(i32x4.max_s(i32x4.splat(-MIDDLE), i32x4.min_s(i32x4.splat(MIDDLE - 1), doubled)), i32x4.splat(MIDDLE));
}

/** The nearest levels of four values. */
// @ts-ignore: decorator
@inline
function levels(v: v128, table: usize): v128 {
  const at = i32x4.shl(indices(v), 2);
  let q = v128.load32_zero(table + i32x4.extract_lane(at, 0));
  q = v128.load_lane<u32>(table + i32x4.extract_lane(at, 1), q, 1);
  q = v128.load_lane<u32>(table + i32x4.extract_lane(at, 2), q, 2);
  return v128.load_lane<u32>(table + i32x4.extract_lane(at, 3), q, 3);
}

/** The scale of a block of 32 with its weights in scratch: sixteen tries in the lanes of four vectors. */
function fitLevels(x: usize, scratch: usize): f32 {
  const extreme = signedExtreme(x, 128);
  if (abs(extreme) < ZERO_BLOCK) return 0;
  const e = f32x4.splat(extreme);
  const first: f32 = 1 / (-extreme / -127);
  const i0 = f32x4.replace_lane(f32x4.div(f32x4(0, -134, -133, -132), e), 0, first);
  const i1 = f32x4.div(f32x4(-131, -130, -129, -128), e);
  const i2 = f32x4.div(f32x4(-127, -126, -125, -124), e);
  const i3 = f32x4.div(f32x4(-123, -122, -121, -120), e);
  const zero = f32x4.splat(0);
  let x0 = zero, x1 = zero, x2 = zero, x3 = zero;
  let q0 = zero, q1 = zero, q2 = zero, q3 = zero;
  const table = scratch + LEVELS;
  for (let i: usize = 0; i < 128; i += 4) {
    const v = v128.load_splat<u32>(x + i);
    const w = v128.load_splat<u32>(scratch + i, WEIGHTS);
    let q = levels(f32x4.mul(i0, v), table);
    let wq = f32x4.mul(w, q);
    x0 = f32x4.add(x0, f32x4.mul(wq, v));
    q0 = f32x4.add(q0, f32x4.mul(wq, q));
    q = levels(f32x4.mul(i1, v), table);
    wq = f32x4.mul(w, q);
    x1 = f32x4.add(x1, f32x4.mul(wq, v));
    q1 = f32x4.add(q1, f32x4.mul(wq, q));
    q = levels(f32x4.mul(i2, v), table);
    wq = f32x4.mul(w, q);
    x2 = f32x4.add(x2, f32x4.mul(wq, v));
    q2 = f32x4.add(q2, f32x4.mul(wq, q));
    q = levels(f32x4.mul(i3, v), table);
    wq = f32x4.mul(w, q);
    x3 = f32x4.add(x3, f32x4.mul(wq, v));
    q3 = f32x4.add(q3, f32x4.mul(wq, q));
  }
  const firstX = f32x4.extract_lane(x0, 0);
  const firstQ = f32x4.extract_lane(q0, 0);
  scale = firstQ > 0 ? firstX / firstQ : 0;
  best = scale * firstX;
  choose(f32x4.extract_lane(x0, 1), f32x4.extract_lane(q0, 1));
  choose(f32x4.extract_lane(x0, 2), f32x4.extract_lane(q0, 2));
  choose(f32x4.extract_lane(x0, 3), f32x4.extract_lane(q0, 3));
  choose4(x1, q1);
  choose4(x2, q2);
  choose4(x3, q3);
  return scale;
}

// What the tries so far have come to; only within one call.
let scale: f32 = 0;
let best: f32 = 0;

// @ts-ignore: decorator
@inline
function choose(sumqx: f32, sumq2: f32): void {
  if (!(sumq2 > 0 && sumqx * sumqx > best * sumq2)) return;
  scale = sumqx / sumq2;
  best = scale * sumqx;
}

function choose4(sumqx: v128, sumq2: v128): void {
  choose(f32x4.extract_lane(sumqx, 0), f32x4.extract_lane(sumq2, 0));
  choose(f32x4.extract_lane(sumqx, 1), f32x4.extract_lane(sumq2, 1));
  choose(f32x4.extract_lane(sumqx, 2), f32x4.extract_lane(sumq2, 2));
  choose(f32x4.extract_lane(sumqx, 3), f32x4.extract_lane(sumq2, 3));
}

/** Weights of a block of 32: x², or importance · √(σ² + x²). */
function blockWeights(x: usize, importance: usize, variance: f32, scratch: usize): void {
  if (importance) {
    importanceWeights16(x, importance, variance, scratch + WEIGHTS);
    importanceWeights16(x + 64, importance + 64, variance, scratch + WEIGHTS + 64);
    return;
  }
  for (let i: usize = 0; i < 128; i += 16) {
    const v = v128.load(x + i);
    v128.store(scratch + i, f32x4.mul(v, v), WEIGHTS);
  }
}

/** Codes of 32 values times `inverse`, packed into 16 bytes. */
function codeBlock(x: usize, inverse: f32, scratch: usize, out: usize): void {
  const s = f32x4.splat(inverse);
  for (let i: usize = 0; i < 128; i += 16) v128.store(scratch + i, indices(f32x4.mul(s, v128.load(x + i))), INDICES);
  for (let j: usize = 0; j < 16; j++) {
    const low = load<u8>(scratch + load<u32>(scratch + (j << 2), INDICES), CODES);
    const high = load<u8>(scratch + load<u32>(scratch + (j << 2), INDICES + 64), CODES);
    store<u8>(out + j, (low | (high << 4)) as u8);
  }
}

export function encode_iq4_nl(x: usize, rows: u32, columns: u32, importance: usize, scratch: usize, out: usize): u32 {
  fillTables(scratch);
  for (let r: u32 = 0; r < rows; r++) {
    for (let c: u32 = 0; c < columns; c += 32, x += 128, out += 18) {
      const variance: f32 = importance ? meanSquare(x, 32, 2) : 0;
      blockWeights(x, importance ? importance + ((c as usize) << 2) : 0, variance, scratch);
      const d = fitLevels(x, scratch);
      const bits = halfBits(d);
      const inverse: f32 = d == 0 ? 0 : 1 / d;
      if ((bits & 0x7c00) == 0x7c00 || !(abs(inverse) < Infinity)) return 0;
      store<u16>(out, bits as u16);
      codeBlock(x, inverse, scratch, out + 2);
    }
  }
  return 1;
}

export function encode_iq4_xs(x: usize, rows: u32, columns: u32, importance: usize, scratch: usize, out: usize): u32 {
  fillTables(scratch);
  for (let r: u32 = 0; r < rows; r++) {
    for (let c: u32 = 0; c < columns; c += 256, x += 1024, out += 136) {
      const variance: f32 = importance ? meanSquare(x, 256, 2) : 0;
      let extreme: f32 = 0;
      for (let j: usize = 0; j < 8; j++) {
        blockWeights(x + 128 * j, importance ? importance + ((c as usize) << 2) + 128 * j : 0, variance, scratch);
        const s = fitLevels(x + 128 * j, scratch);
        store<f32>(scratch + (j << 2), s, SCALES);
        if (abs(s) > abs(extreme)) extreme = s;
      }
      const d: f32 = -extreme / 32;
      const bits = halfBits(d);
      const inverse: f32 = d == 0 ? 0 : 1 / d;
      if ((bits & 0x7c00) == 0x7c00 || !(abs(inverse) < Infinity)) return 0;
      let low: u32 = 0;
      let high: u32 = 0;
      for (let j: u32 = 0; j < 8; j++) {
        const l = max(-32, min(31, nearestInt(inverse * load<f32>(scratch + (j << 2), SCALES))));
        const own: f32 = d * (l as f32);
        const ownInverse: f32 = own == 0 ? 0 : 1 / own;
        if (!(abs(ownInverse) < Infinity)) return 0;
        codeBlock(x + 128 * j, ownInverse, scratch, out + 8 + 16 * j);
        low |= ((l + 32) & 15) << (4 * j);
        high |= ((l + 32) >>> 4) << (2 * j);
      }
      store<u16>(out, bits as u16);
      store<u16>(out, high as u16, 2);
      store<u32>(out, low, 4);
    }
  }
  return 1;
}
