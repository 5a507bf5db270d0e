import { roundTo } from "../scalars/floats";
import type { GridOptions } from "./name";

/** One group of a row: x[from .. from+count), with importance[channel..] where given. */
export interface Group {
  readonly x: Float32Array;
  from: number;
  count: number;
  readonly importance?: Float32Array;
  channel: number;
}

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
  const candidates = bits === 8 ? refinements(group, Math.abs(extreme)) : exactOptima(group, half, Math.abs(extreme), bestError);
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

let keys = new Float64Array(1024);
const optima = new Float64Array(2);

/**
 * The scales s > 0 and s < 0 of least squared error over all code assignments. As |s| falls, the magnitude of code i grows
 * from k to k+1 at |s| = |x_i|/(k+½), so there are finitely many assignments; walking the sorted breakpoints keeps
 * Σwxq and Σwq², whose (Σwxq)²/Σwq² is to be maximal, and the optimum is Σwxq/Σwq². Smaller scales than
 * (max|x| − √error)/2^(bits−1) clip the extreme by more than the known error and need no look.
 */
function exactOptima(group: Group, half: number, absmax: number, knownError: number): Float64Array {
  const { x, from, count, importance, channel } = group;
  const lowest = importance ? 0 : Math.max(0, absmax - Math.sqrt(knownError)) / half;
  if (keys.length < count * half) keys = new Float64Array(2 * count * half);
  const words = new Uint32Array(keys.buffer);
  // The lowest mantissa bits of a breakpoint carry which element and code it belongs to; that moves it by under 2^-30.
  const payloadBits = 32 - Math.clz32(count * half - 1);
  const mask = payloadBits === 32 ? 0xffffffff : 2 ** payloadBits - 1;
  let n = 0;
  for (let i = 0; i < count; i++) {
    const magnitude = Math.abs(x[from + i]);
    for (let k = 0; k < half; k++) {
      const breakpoint = magnitude / (k + 0.5);
      if (breakpoint < lowest || breakpoint === 0) break;
      keys[n] = breakpoint;
      words[2 * n] = ((words[2 * n] & ~mask) | (i * half + k)) >>> 0;
      n++;
    }
  }
  keys.subarray(0, n).sort();
  const sumlx = [0, 0];
  const suml2 = [0, 0];
  const gain = [0, 0];
  optima.fill(0);
  for (let j = n - 1; j >= 0; j--) {
    const payload = words[2 * j] & mask;
    const i = Math.floor((payload >>> 0) / half);
    const k = (payload >>> 0) % half;
    const v = x[from + i];
    const w = importance ? importance[channel + i] : 1;
    for (let side = 0; side < 2; side++) {
      // Code +2^(bits−1) does not exist: side 0 is s > 0, where positive weights stop one level earlier.
      if (k === half - 1 && v > 0 === (side === 0)) continue;
      sumlx[side] += w * Math.abs(v);
      suml2[side] += w * (2 * k + 1);
      const value = suml2[side] > 0 ? (sumlx[side] * sumlx[side]) / suml2[side] : 0;
      if (value > gain[side]) {
        gain[side] = value;
        optima[side] = ((side ? -1 : 1) * sumlx[side]) / suml2[side];
      }
    }
  }
  return optima;
}

/** Scale and zero point of an asymmetric group: the range of its values and 0, in 2^bits − 1 steps. */
export function asymmetricScale({ x, from, count }: Group, options: Pick<GridOptions, "bits" | "scaleType">) {
  let min = 0;
  let max = 0;
  for (let i = from; i < from + count; i++) {
    if (x[i] < min) min = x[i];
    if (x[i] > max) max = x[i];
  }
  const top = 2 ** options.bits - 1;
  if (max === min) return { scale: 1, zero: 0 };
  const scale = storedScale(options, Math.fround((max - min) / top));
  return { scale, zero: Math.max(0, Math.min(top, roundEven(Math.fround(-min / scale)))) };
}
