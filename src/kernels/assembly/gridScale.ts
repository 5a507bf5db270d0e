// Scales and zero points of groups, chosen as the encodings themselves choose them.
import { extremeOf, largestOf, rangeOf, searchError } from "./gridCodes";
import { exact } from "./gridExact";
import { KEPT } from "./gridProbe";
import { quickScale } from "./gridQuick";
import { consider, stored } from "./gridStored";

/** Rules by number; 0 is the search. */
const ABSMAX: u32 = 1;
const EXTREME: u32 = 2;
/** The search among positive scales. */
export const POSITIVE: u32 = 3;

/** absmax/127.5 and absmax/127 and the least-squares scales of the codes they give. */
function refine8(x: usize, count: u32, absmax: f64, type: u32, best: usize): void {
  for (let k = 0; k < 2; k++) {
    const scale = k ? absmax / 127.0 : absmax / 127.5;
    let sumlx: f64 = 0;
    let suml2: f64 = 0;
    for (let i: u32 = 0; i < count; i++) {
      const v = load<f32>(x + ((i as usize) << 2)) as f64;
      const q = min<f64>(127, max<f64>(-128, nearest<f64>(v / scale)));
      sumlx += v * q;
      suml2 += q * q;
    }
    consider(scale, x, count, 8, type, best);
    if (suml2 > 0) consider(sumlx / suml2, x, count, 8, type, best);
  }
}

/** The symmetric scale of a group; NaN where the search needs more scratch. */
export function symmetric(x: usize, count: u32, bits: u32, group: u32, type: u32, rule: u32, scratch: usize): f32 {
  const half: u32 = 1 << (bits - 1);
  const h = half as f32;
  const largest = rule == EXTREME ? extremeOf(x, count) : largestOf(x, count);
  if (largest == 0) return 1;
  if (rule == EXTREME) return stored(((largest as f64) / -(half as f64)) as f32 as f64, bits, type);
  const absmax = largest as f64;
  const first = stored((absmax / ((half as f64) - 0.5)) as f32 as f64, bits, type);
  if (rule == ABSMAX) return first;
  if (bits < 8) {
    const quick = quickScale(x, count, bits, group, largest, type, rule == POSITIVE, first, scratch);
    if (quick != 0) return quick;
  }
  store<f32>(scratch, first);
  store<f64>(scratch, searchError(x, count, first, -h, h - 1), 8);
  if (bits == 8) refine8(x, count, absmax, type, scratch);
  else if (!exact(x, count, bits, absmax, type, rule == POSITIVE, scratch, scratch + KEPT)) return NaN;
  return load<f32>(scratch);
}

/** Scale (returned) and zero point (at `zero`, f32) of an asymmetric group: its range with 0, in 2^bits − 1 steps. */
export function asymmetric(x: usize, count: u32, bits: u32, type: u32, zero: usize): f32 {
  const range = rangeOf(x, count);
  const low = f32x4.extract_lane(range, 0);
  const high = f32x4.extract_lane(range, 1);
  const top = ((1 << bits) - 1) as f32;
  store<f32>(zero, 0);
  if (low == high) return 1;
  const scale = stored((((high as f64) - (low as f64)) / (top as f64)) as f32 as f64, bits, type);
  store<f32>(zero, min<f32>(top, max<f32>(0, nearest<f32>((-(low as f64) / (scale as f64)) as f32))));
  return scale;
}
