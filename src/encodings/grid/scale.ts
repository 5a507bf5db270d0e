import { roundTo } from "../scalars/floats";
import type { GridOptions } from "./name";
import { exactOptima, type Group } from "./optima";

/** Round half to even of an f32 or any |value| < 2^51; infinities stay. */
export function roundEven(value: number): number {
  return value + 6755399441055744 - 6755399441055744;
}

const smallest = { f32: 2 ** -149, f16: 2 ** -24, bf16: 2 ** -133 };

/**
 * A scale in its storage type. It stays so small that all values of the grid are finite (weights beyond are clipped), and
 * keeps away from zero, so that dividing by it is safe.
 */
export function storedScale({ bits, scaleType }: { bits: number; scaleType: GridOptions["scaleType"] }, scale: number): number {
  const rounded = roundTo(scaleType, Math.abs(scale));
  const largest = scaleType === "f16" ? 65504 : 2 ** (128 - bits);
  const magnitude = Math.min(largest, Math.max(smallest[scaleType], rounded));
  return scale < 0 ? -magnitude : magnitude;
}

/**
 * Σ w (x − s·q)² with the codes that `s` gives. Even and odd elements are summed apart, in fours, as vectors do it: scales of
 * nearly equal error are then chosen alike.
 */
function squaredError(group: Group, scale: number, low: number, high: number): number {
  const whole = group.count & ~3;
  let even = 0;
  let odd = 0;
  for (let i = 0; i < whole; i += 4) {
    even += errorOf(group, i, scale, low, high) + errorOf(group, i + 2, scale, low, high);
    odd += errorOf(group, i + 1, scale, low, high) + errorOf(group, i + 3, scale, low, high);
  }
  let error = even + odd;
  for (let i = whole; i < group.count; i++) error += errorOf(group, i, scale, low, high);
  return error;
}

function errorOf({ x, from, importance, channel }: Group, i: number, scale: number, low: number, high: number): number {
  const v = x[from + i];
  const diff = v - Math.max(low, Math.min(high, roundEven(Math.fround(v / scale)))) * scale;
  return importance ? importance[channel + i] * (diff * diff) : diff * diff;
}

/**
 * The symmetric scale, already in its storage type; codes are −2^(bits−1) .. 2^(bits−1)−1. A group of zeros gets 1.
 *
 * "search" never does worse than "absmax": it keeps the best of the candidates by their final error. Up to 4 bits the
 * candidates are the exact optima of both signs (a negative scale gives the one extra level to the positive side);
 * for 8 bits, where there is next to nothing to gain, the absmax scales and their least-squares refinements.
 */
export function symmetricScale(group: Group, options: Pick<GridOptions, "bits" | "scaleType" | "rule" | "positive">): number {
  const { bits, rule } = options;
  const { x, from, count } = group;
  let extreme = 0;
  for (let i = from; i < from + count; i++) if (Math.abs(x[i]) > Math.abs(extreme)) extreme = x[i];
  if (extreme === 0) return 1;
  const half = 2 ** (bits - 1);
  const absmax = storedScale(options, Math.fround(Math.abs(extreme) / (half - 0.5)));
  if (rule === "absmax") return absmax;
  if (rule === "extreme") return storedScale(options, Math.fround(extreme / -half));
  let best = absmax;
  let bestError = squaredError(group, absmax, -half, half - 1);
  const candidates = bits === 8 ? refinements(group, Math.abs(extreme)) : signedOptima(group, half, Math.abs(extreme), bestError);
  for (const candidate of candidates) {
    if (candidate === 0 || (options.positive && candidate < 0)) continue;
    const scale = storedScale(options, candidate);
    const error = squaredError(group, scale, -half, half - 1);
    if (error < bestError) {
      best = scale;
      bestError = error;
    }
  }
  return best;
}

/**
 * The best scales s > 0 and s < 0. Smaller ones than (max|x| − √error)/2^(bits−1) clip the extreme by more than the known error
 * and need no look.
 */
function signedOptima(group: Group, half: number, absmax: number, knownError: number): readonly number[] {
  const lowest = group.importance ? 0 : Math.max(0, absmax - Math.sqrt(knownError)) / half;
  // Code +2^(bits−1) does not exist: s < 0 gives the outermost one to the weights above 0.
  const grids = [
    { positive: half - 1, negative: half },
    { positive: half, negative: half - 1 },
  ];
  const [positive, negative] = exactOptima(group, grids, lowest);
  return [positive, -negative];
}

const pair = new Float64Array(4);

/** absmax/127 and the least-squares scales of the codes that absmax/127.5 and absmax/127 give. */
function refinements({ x, from, count, importance, channel }: Group, absmax: number): Float64Array {
  for (let k = 0; k < 2; k++) {
    const scale = absmax / (k ? 127 : 127.5);
    let sumlx = 0;
    let suml2 = 0;
    for (let i = 0; i < count; i++) {
      const v = x[from + i];
      const q = Math.max(-128, Math.min(127, roundEven(v / scale)));
      const w = importance ? importance[channel + i] : 1;
      sumlx += w * v * q;
      suml2 += w * q * q;
    }
    pair[2 * k] = scale;
    pair[2 * k + 1] = suml2 > 0 ? sumlx / suml2 : 0;
  }
  return pair;
}

/**
 * Scale > 0 and zero point of an asymmetric group, the scale in its storage type. "minmax" puts the range of the values and 0
 * into 2^bits − 1 steps; "search" is never worse: of that and the exact optima of all zero points it keeps the best by its
 * final error.
 */
export function asymmetricScale(group: Group, options: Pick<GridOptions, "bits" | "scaleType" | "rule">) {
  const { x, from, count, importance } = group;
  let min = 0;
  let max = 0;
  for (let i = from; i < from + count; i++) {
    if (x[i] < min) min = x[i];
    if (x[i] > max) max = x[i];
  }
  const top = 2 ** options.bits - 1;
  if (max === min) return { scale: 1, zero: 0 };
  let scale = storedScale(options, Math.fround((max - min) / top));
  let zero = Math.max(0, Math.min(top, roundEven(Math.fround(-min / scale))));
  if (options.rule !== "search") return { scale, zero };
  let bestError = squaredError(group, scale, -zero, top - zero);
  // Below this, both extremes together are clipped by more than the known error, wherever 0 is.
  const lowest = importance ? 0 : Math.max(0, max - min - 2 * Math.sqrt(bestError)) / top;
  const grids = Array.from({ length: top + 1 }, (_, z) => ({ positive: top - z, negative: z }));
  exactOptima(group, grids, lowest).forEach((candidate, z) => {
    if (candidate === 0) return;
    const stored = storedScale(options, candidate);
    const error = squaredError(group, stored, -z, top - z);
    if (!(error < bestError)) return;
    bestError = error;
    scale = stored;
    zero = z;
  });
  return { scale, zero };
}
