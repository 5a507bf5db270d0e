import type { LinearHistogram } from "../core/series";

export const LINEAR_BINS = 256;

/**
 * What a second reading needs to sort elements into bins and to find the far tails, fixed by the first reading. All kernels
 * and the reference use these very numbers.
 */
export interface Scale {
  readonly absMax: number;
  /** Bins per unit: 128 / absMax, 0 for a tensor of zeros. */
  readonly binsPerUnit: number;
  /** Negative numbers closer to 0 than this are taken for it, so that adding 128 does not lift them over the middle edge. */
  readonly leastNegative: number;
  /** Elements below `low` or above `high` lie more than 6σ from the mean; both are f32 and exact for f32 elements. */
  readonly low: number;
  readonly high: number;
}

export function scaleOf(absMax: number, mean: number, std: number): Scale {
  return {
    absMax,
    binsPerUnit: absMax > 0 ? 128 / absMax : 0,
    leastNegative: -Math.max(Math.fround(absMax * 2 ** -45), 2 ** -149),
    low: roundUp(mean - 6 * std),
    high: -roundUp(-(mean + 6 * std)),
  };
}

/** Smallest f32 that is not below x. */
function roundUp(x: number): number {
  const near = Math.fround(x);
  if (!(near < x)) return near;
  const bits = new Int32Array(new Float32Array([near]).buffer);
  bits[0] += near < 0 ? -1 : 1;
  if (near === 0) bits[0] = 1;
  return new Float32Array(bits.buffer)[0];
}

/** The bin of one finite element: ⌊128 + x·128/absMax⌋, the upper edge in the last bin. */
export function linearBin(x: number, scale: Scale): number {
  const u = x < 0 ? Math.min(x, scale.leastNegative) : x;
  // Adding 2^12 rounds to 40 fractional bits: more than f32 elements can need, and it mends the quotient's last bit on edges.
  const t = u * scale.binsPerUnit + (4096 + 128);
  return Math.min(LINEAR_BINS - 1, Math.floor(t) - 4096);
}

export function linearHistogram(absMax: number, counts: Float64Array): LinearHistogram {
  return { low: -absMax, high: absMax, counts };
}
