// Scalars of one group, in half precision, and the levels they give: exact for one bit, two bits and ternary, refined beyond.
import { setLevels, setThresholds } from "./binaryLevels";
import { refineFrom } from "./binaryRefine";
import { ERROR, HALVES, KEYS, SCALARS, sumsAt } from "./binaryRoom";
import { explained, place, splitFromZero, splitInTwo } from "./binarySplit";
import { momentOf, sortedSums } from "./binarySums";
import { half } from "./half";
import { halfBits } from "./toHalf";

/** The half nearest to a scalar ≥ 0, kept finite. */
// @ts-ignore: decorator
@inline
function finiteHalf(value: f64): u32 {
  return halfBits(min<f64>(value, 65504) as f32);
}

/** Fits `bits` scalars; their halves, the thresholds and the levels are left in the scratch. */
export function fitPlanes(x: usize, count: u32, bits: u32, scratch: usize): void {
  const scalars = scratch + SCALARS;
  if (bits == 1) {
    store<f64>(scalars, momentOf(x, count) / (count as f64));
  } else {
    const keys = scratch + KEYS;
    const sums = sumsAt(scratch, count);
    const sum = sortedSums(x, count, keys, sums);
    splitInTwo(sums, count);
    let inner = sum / (count as f64);
    let outer = inner;
    if (place) {
      const below = load<f64>(sums + ((place as usize) << 3));
      inner = below / (place as f64);
      outer = (sum - below) / ((count - place) as f64);
    }
    store<f64>(scalars, (outer + inner) / 2);
    store<f64>(scalars, max<f64>(0, (outer - inner) / 2), 8);
    store<f64>(scratch, explained, ERROR);
    if (bits > 2) refineFrom(x, count, bits, keys, sums, scratch);
  }
  for (let p: usize = 0; p < (bits as usize); p++) {
    const bitsOfHalf = finiteHalf(load<f64>(scalars + (p << 3)));
    store<u16>(scratch + HALVES + (p << 1), bitsOfHalf as u16);
    store<f64>(scalars + (p << 3), half(bitsOfHalf) as f64);
  }
  setLevels(scalars, bits, scratch);
  setThresholds(bits, scratch);
}

/** The best outer level of −, 0, +. */
export function ternaryLevel(x: usize, count: u32, scratch: usize): f64 {
  const sums = sumsAt(scratch, count);
  const sum = sortedSums(x, count, scratch + KEYS, sums);
  splitFromZero(sums, count);
  return (sum - load<f64>(sums + ((place as usize) << 3))) / ((count - place) as f64);
}

/** Fits it; as stored. */
export function fitTernary(x: usize, count: u32, scratch: usize): u32 {
  return finiteHalf(ternaryLevel(x, count, scratch));
}
