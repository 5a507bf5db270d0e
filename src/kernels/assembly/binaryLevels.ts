// The levels ±v_1 ± … ± v_k, as src/core/math/lsbq/levels.ts has them; of its symmetric halves the upper one.
import { CODES, LEVELS, MIDPOINTS, ORDERS, SUMS, THRESHOLDS, VALUES } from "./binaryRoom";
import { floorOf } from "./binarySums";

/**
 * Values, codes and midpoints of f64 scalars: ascending, among equal values the lower code first, and 0 is positive. Codes begin
 * in the order of the last time, which is nearly right within a descent.
 */
export function setLevels(scalars: usize, bits: u32, scratch: usize): void {
  const sums = scratch + SUMS;
  const half: usize = 1 << (bits - 1);
  store<f64>(sums, load<f64>(scalars));
  for (let p: usize = 1, n: usize = 8; n < half << 3; p++, n <<= 1) {
    const scalar = load<f64>(scalars + (p << 3));
    for (let i: usize = 0; i < n; i += 8) {
      const sum = load<f64>(sums + i);
      store<f64>(sums + i, sum - scalar);
      store<f64>(sums + i + n, sum + scalar);
    }
  }
  const order = scratch + ORDERS + ((bits as usize) << 5);
  const values = scratch + VALUES;
  const codes = scratch + CODES;
  const top: u32 = (1 << bits) - 1;
  for (let i: usize = 0; i < half; i++) {
    // The plane of v_1 is + in these; a negative sum is the complement's.
    const index = load<u8>(order + i) as u32;
    const sum = load<f64>(sums + ((index as usize) << 3));
    const value = abs<f64>(sum);
    const code = ((index << 1) | 1) ^ (top & -u32(sum < 0));
    let at = i;
    for (; at > 0; at--) {
      const before = load<f64>(values + (at << 3) - 8);
      const codeBefore = load<u8>(codes + at - 1) as u32;
      if (before < value || (before == value && codeBefore < code)) break;
      store<f64>(values + (at << 3), before);
      store<u8>(codes + at, codeBefore as u8);
      store<u8>(order + at, load<u8>(order + at - 1));
    }
    store<f64>(values + (at << 3), value);
    store<u8>(codes + at, code as u8);
    store<u8>(order + at, index as u8);
  }
  const midpoints = scratch + MIDPOINTS;
  for (let j: usize = 0; j + 8 < half << 3; j += 8) {
    store<f64>(midpoints + j, (load<f64>(values + j) + load<f64>(values + j, 8)) / 2);
  }
}

/** Levels and thresholds in f32, to choose codes and decode by. */
export function setThresholds(bits: u32, scratch: usize): void {
  const count: usize = 1 << (bits - 1);
  for (let j: usize = 0; j < count; j++) {
    store<f32>(scratch + LEVELS + (j << 2), load<f64>(scratch + VALUES + (j << 3)) as f32);
    if (j + 1 < count) store<f32>(scratch + THRESHOLDS + (j << 2), floorOf(load<f64>(scratch + MIDPOINTS + (j << 3))));
  }
}
