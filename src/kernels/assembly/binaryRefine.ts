// Three bits and more: greedy starts and their descents, in f64 and in the order of src/core/math/lsbq/fit.ts.
import { setLevels } from "./binaryLevels";
import {
  CODES, ERROR, GREEDY, GREEDY_ERRORS, MATRIX, MIDPOINTS, OTHERS, places, RIGHT, SCALARS, SIGNS, SPARE, SPLITS, VALUES,
} from "./binaryRoom";
import { countUpTo } from "./binarySums";
import { highHalf } from "./lanes";

/** Greedy scalars, and the squared error of each number of them; the first of those errors is Σx². */
function greedy(x: usize, count: u32, bits: u32, scratch: usize): void {
  const scalars = scratch + GREEDY;
  const whole = count & ~3;
  for (let k: u32 = 0; k <= bits; k++) {
    let sums = f64x2.splat(0);
    let squares = sums;
    for (let i: u32 = 0; i < whole; i += 4) {
      const v = v128.load(x + ((i as usize) << 2));
      let low = f64x2.abs(f64x2.promote_low_f32x4(v));
      let high = f64x2.abs(highHalf(v));
      for (let p: u32 = 0; p < k; p++) {
        const scalar = v128.load_splat<u64>(scalars + ((p as usize) << 3));
        low = f64x2.abs(f64x2.sub(low, scalar));
        high = f64x2.abs(f64x2.sub(high, scalar));
      }
      sums = f64x2.add(sums, f64x2.add(low, high));
      squares = f64x2.add(squares, f64x2.add(f64x2.mul(low, low), f64x2.mul(high, high)));
    }
    let sum = f64x2.extract_lane(sums, 0) + f64x2.extract_lane(sums, 1);
    let square = f64x2.extract_lane(squares, 0) + f64x2.extract_lane(squares, 1);
    for (let i = whole; i < count; i++) {
      let r = abs<f64>(load<f32>(x + ((i as usize) << 2)) as f64);
      for (let p: u32 = 0; p < k; p++) r = abs<f64>(r - load<f64>(scalars + ((p as usize) << 3)));
      sum += r;
      square += r * r;
    }
    store<f64>(scratch + GREEDY_ERRORS + ((k as usize) << 3), square);
    if (k < bits) store<f64>(scalars + ((k as usize) << 3), sum / (count as f64));
  }
}

/** Sorts f64 from the greatest down. */
function sortDown(values: usize, count: u32): void {
  for (let i: usize = 1; i < (count as usize); i++) {
    const value = load<f64>(values + (i << 3));
    let at = values + (i << 3);
    for (; at > values && load<f64>(at - 8) < value; at -= 8) store<f64>(at, load<f64>(at - 8));
    store<f64>(at, value);
  }
}

/** Magnitudes below each cell of the levels; were they the same before? */
function split(bits: u32, keys: usize, count: u32, size: u32, scratch: usize): bool {
  const half: usize = 1 << (bits - 1);
  const splits = scratch + SPLITS;
  let changes: u32 = 0;
  store<u32>(splits, 0);
  for (let j: usize = 1; j < half; j++) {
    const at = splits + (j << 2);
    const place = countUpTo(keys, size, load<f64>(scratch + MIDPOINTS + (j << 3) - 8));
    changes |= place ^ load<u32>(at);
    store<u32>(at, place);
  }
  store<u32>(splits + (half << 2), count);
  return !changes;
}

function errorOf(bits: u32, sums: usize, energy: f64, scratch: usize): f64 {
  const half: usize = 1 << (bits - 1);
  let error = energy;
  let from: u32 = 0;
  let before: f64 = 0;
  for (let j: usize = 0; j < half; j++) {
    const to = load<u32>(scratch + SPLITS + (j << 2), 4);
    const after = load<f64>(sums + ((to as usize) << 3));
    const level = load<f64>(scratch + VALUES + (j << 3));
    error += level * (level * ((to - from) as f64) - 2 * (after - before));
    from = to;
    before = after;
  }
  return max<f64>(0, error);
}

/** Normal equations of the scalars for the levels' cells. */
function equations(bits: u32, sums: usize, count: u32, scratch: usize): void {
  const half: usize = 1 << (bits - 1);
  const pairs = ((bits + 1) >> 1) as usize;
  const codes = scratch + CODES;
  const splits = scratch + SPLITS;
  const right = scratch + RIGHT;
  for (let i: usize = 0; i < pairs; i++) v128.store(right + (i << 4), f64x2.splat(0));
  let before: f64 = 0;
  for (let j: usize = 0; j < half; j++) {
    const after = load<f64>(sums + ((load<u32>(splits + (j << 2), 4) as usize) << 3));
    const moment = f64x2.splat(after - before);
    let code = (load<u8>(codes + j) as usize) << 4;
    for (let i: usize = 0; i < pairs; i++, code >>= 2) {
      const signed = v128.xor(moment, v128.load(scratch + SIGNS + (code & 48)));
      v128.store(right + (i << 4), f64x2.add(v128.load(right + (i << 4)), signed));
    }
    before = after;
  }
  // Σ w s_p s_q is the whole mass but twice that of the cells where the planes differ: whole numbers, exact in any order.
  const matrix = scratch + MATRIX;
  for (let p: u32 = 0; p < bits; p++) {
    store<f64>(matrix + ((p * 7) << 3), count as f64);
    for (let q: u32 = 0; q < p; q++) {
      let differing = i32x4.splat(0);
      for (let j: usize = 0; j < half; j += 4) {
        const code = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(codes + j)));
        const masses = i32x4.sub(v128.load(splits + (j << 2), 4), v128.load(splits + (j << 2)));
        const differ = i32x4.shr_s(v128.xor(i32x4.shl(code, 31 - p), i32x4.shl(code, 31 - q)), 31);
        differing = i32x4.add(differing, v128.and(masses, differ));
      }
      differing = i32x4.add(differing, v128.shuffle<i32>(differing, differing, 2, 3, 0, 1));
      const mass = i32x4.extract_lane(differing, 0) + i32x4.extract_lane(differing, 1);
      store<f64>(matrix + ((p * 6 + q) << 3), ((count as i32) - 2 * mass) as f64);
    }
  }
}

/** Solves them; false for (nearly) dependent planes. */
function solve(n: u32, scratch: usize): bool {
  const a = scratch + MATRIX;
  const b = scratch + RIGHT;
  const size = (n as usize) << 3;
  const least = 1e-10 * load<f64>(a);
  for (let c: usize = 0; c < size; c += 8) {
    const pivot = load<f64>(a + c * 7);
    if (!(pivot > least)) return false;
    const inverse = 1 / pivot;
    const first = load<f64>(b + c);
    for (let r = c + 8; r < size; r += 8) {
      const row = a + r * 6;
      const f = load<f64>(row + c) * inverse;
      for (let s = c + 8; s <= r; s += 8) store<f64>(row + s, load<f64>(row + s) - f * load<f64>(a + s * 6 + c));
      store<f64>(b + r, load<f64>(b + r) - f * first);
      store<f64>(a + c * 6 + r, f);
    }
    store<f64>(b + c, first * inverse);
  }
  for (let c = size - 8; c > 0; ) {
    c -= 8;
    let value = load<f64>(b + c);
    for (let r = c + 8; r < size; r += 8) value -= load<f64>(a + c * 6 + r) * load<f64>(b + r);
    store<f64>(b + c, value);
  }
  return true;
}

/** One descent from the scalars and error under work. */
function refine(bits: u32, keys: usize, sums: usize, count: u32, energy: f64, scratch: usize): void {
  const size = places(count);
  setLevels(scratch + SCALARS, bits, scratch);
  split(bits, keys, count, size, scratch);
  for (let round = 0; round < 200; round++) {
    equations(bits, sums, count, scratch);
    if (!solve(bits, scratch)) return;
    const right = scratch + RIGHT;
    for (let p: usize = 0; p < (bits as usize); p++) store<f64>(right + (p << 3), abs<f64>(load<f64>(right + (p << 3))));
    sortDown(right, bits);
    const low = v128.load(scratch + CODES);
    const high = v128.load(scratch + CODES, 16);
    setLevels(right, bits, scratch);
    const isSplitAlike = split(bits, keys, count, size, scratch);
    const error = errorOf(bits, sums, energy, scratch);
    if (!(error < load<f64>(scratch, ERROR) * (1 - 1e-9))) return;
    memory.copy(scratch + SCALARS, right, 48);
    store<f64>(scratch, error, ERROR);
    // The same equations have the same solution.
    const changes = v128.or(v128.xor(low, v128.load(scratch + CODES)), v128.xor(high, v128.load(scratch + CODES, 16)));
    if (isSplitAlike && !v128.any_true(changes)) return;
  }
}

/** Adds to the scalars and error under work one bit for their residual. */
function addOne(bits: u32, keys: usize, sums: usize, count: u32, scratch: usize): void {
  const size = places(count);
  setLevels(scratch + SCALARS, bits, scratch);
  split(bits, keys, count, size, scratch);
  const half: usize = 1 << (bits - 1);
  let total: f64 = 0;
  let from: u32 = 0;
  let before: f64 = 0;
  for (let j: usize = 0; j < half; j++) {
    const to = load<u32>(scratch + SPLITS + (j << 2), 4);
    const after = load<f64>(sums + ((to as usize) << 3));
    const level = load<f64>(scratch + VALUES + (j << 3));
    const middle = max<u32>(from, min<u32>(to, countUpTo(keys, size, level)));
    const between = load<f64>(sums + ((middle as usize) << 3));
    total += after - between - level * ((to - middle) as f64);
    total += level * ((middle - from) as f64) - (between - before);
    from = to;
    before = after;
  }
  total = max<f64>(0, total);
  const scalar = total / (count as f64);
  store<f64>(scratch + SCALARS + ((bits as usize) << 3), scalar);
  store<f64>(scratch, max<f64>(0, load<f64>(scratch, ERROR) - scalar * total), ERROR);
  sortDown(scratch + SCALARS, bits + 1);
}

/** From the exact two bits, with their error, to the scalars of `bits`. */
export function refineFrom(x: usize, count: u32, bits: u32, keys: usize, sums: usize, scratch: usize): void {
  greedy(x, count, bits, scratch);
  const energy = load<f64>(scratch, GREEDY_ERRORS);
  store<f64>(scratch, max<f64>(0, energy - load<f64>(scratch, ERROR)), ERROR);
  for (let k: u32 = 3; k <= bits; k++) {
    memory.copy(scratch + OTHERS, scratch + SCALARS, 56);
    memory.copy(scratch + SCALARS, scratch + GREEDY, 48);
    store<f64>(scratch, load<f64>(scratch + GREEDY_ERRORS + ((k as usize) << 3)), ERROR);
    refine(k, keys, sums, count, energy, scratch);
    // The other way, then the better of the two.
    memory.copy(scratch + SPARE, scratch + SCALARS, 56);
    memory.copy(scratch + SCALARS, scratch + OTHERS, 56);
    memory.copy(scratch + OTHERS, scratch + SPARE, 56);
    addOne(k - 1, keys, sums, count, scratch);
    refine(k, keys, sums, count, energy, scratch);
    if (!(load<f64>(scratch, ERROR) < load<f64>(scratch, OTHERS + ERROR))) memory.copy(scratch + SCALARS, scratch + OTHERS, 56);
  }
}
