import type { ChannelProfile, EncodingError, TensorReport } from "../core/series";
import { MAX_CHANNELS, outliers } from "./channels";
import { encodingError } from "./error";
import { HEAT_COLUMNS, HEAT_ROWS, heatBorder, heatCells } from "./heat";
import { LINEAR_BINS, linearBin, linearHistogram, scaleOf } from "./linearHistogram";
import { LOG_BINS, logHistogram } from "./logHistogram";
import type { MatrixShape } from "./partial";

/** What the reference needs of an encoding (structurally `Encoding`: the two families do not see each other). */
export interface Codec {
  readonly name: string;
  readonly blockElements: number;
  readonly planes: readonly { rowBytes(columns: number): number }[];
  decode(planes: readonly Uint8Array[], rows: number, columns: number, out: Float32Array): void;
  encode?(x: Float32Array, rows: number, columns: number, planes: readonly Uint8Array[]): void;
}

/**
 * Every metric of a tensor that is already decoded, in the plainest way: whole arrays, float64, deviations taken from the
 * mean itself. What the pass over bands and tiles must equal.
 */
export function analyseReference(
  x: Float32Array,
  shape: MatrixShape,
  codecs: readonly Codec[] = [],
  name = "reference",
): TensorReport {
  const { rows, columns, columnsPerInput, hasChannels } = shape;
  const finite = x.filter((v) => v - v === 0);
  const count = finite.length;
  const nanCount = x.filter((v) => v !== v).length;
  let min = Infinity;
  let max = -Infinity;
  for (const v of finite) {
    min = Math.min(min, v);
    max = Math.max(max, v);
  }
  const absMax = count ? Math.max(Math.abs(min), Math.abs(max)) : 0;
  const mean = count ? sum(finite, (v) => v) / count : 0;
  const m2 = count ? sum(finite, (v) => (v - mean) ** 2) / count : 0;
  const m4 = count ? sum(finite, (v) => (v - mean) ** 4) / count : 0;
  const sumOfSquares = sum(finite, (v) => v * v);
  const std = Math.sqrt(m2);

  const scale = scaleOf(absMax, mean, std);
  const linear = new Float64Array(LINEAR_BINS);
  const logarithmic = new Float64Array(LOG_BINS);
  const word = new Uint32Array(1);
  const real = new Float32Array(word.buffer);
  for (const v of finite) {
    linear[linearBin(v, scale)]++;
    real[0] = v;
    logarithmic[word[0] >>> 20]++;
  }
  const output = hasChannels && rows <= MAX_CHANNELS ? profile(x, rows, columns, 1, columns) : undefined;
  const input = hasChannels && columns <= MAX_CHANNELS ? profileOfColumns(x, rows, columns, columnsPerInput) : undefined;
  return {
    name,
    stats: {
      count,
      min: count ? min : 0,
      max: count ? max : 0,
      mean,
      std,
      absMax,
      kurtosis: m2 > 0 ? m4 / m2 / m2 - 3 : NaN,
      zeroCount: finite.filter((v) => v === 0).length,
      nanCount,
      infCount: x.length - count - nanCount,
      sixSigmaShare: count ? finite.filter((v) => Math.abs(v - mean) > 6 * std).length / count : 0,
      incoherence: absMax > 0 ? (absMax * Math.sqrt(count)) / Math.sqrt(sumOfSquares) : 0,
      sumOfSquares,
    },
    histogram: linearHistogram(absMax, linear),
    logHistogram: logHistogram(logarithmic),
    output,
    input,
    outliers: output && input && { output: outliers(output), input: outliers(input) },
    errors: codecs.flatMap((codec) => codecError(codec, x, rows, columns, sumOfSquares)),
    heat: hasChannels ? heat(x, rows, columns) : undefined,
  };
}

/** Neumaier's compensated sum. */
function sum(values: Float32Array, of: (v: number) => number): number {
  let total = 0;
  let rest = 0;
  for (const v of values) {
    const term = of(v);
    const next = total + term;
    rest += Math.abs(total) >= Math.abs(term) ? total - next + term : term - next + total;
    total = next;
  }
  return total + rest;
}

function channel(x: Float32Array, indices: Iterable<number>): [absMax: number, rms: number] {
  let largest = 0;
  let squares = 0;
  let count = 0;
  for (const i of indices) {
    if (!(x[i] - x[i] === 0)) continue;
    largest = Math.max(largest, Math.abs(x[i]));
    squares += x[i] * x[i];
    count++;
  }
  return [largest, count ? Math.sqrt(squares / count) : 0];
}

function profile(x: Float32Array, channels: number, length: number, step: number, stride: number): ChannelProfile {
  const absMax = new Float32Array(channels);
  const rms = new Float32Array(channels);
  for (let c = 0; c < channels; c++) {
    [absMax[c], rms[c]] = channel(
      x,
      Array.from({ length }, (_, i) => c * stride + i * step),
    );
  }
  return { absMax, rms };
}

function profileOfColumns(x: Float32Array, rows: number, columns: number, per: number): ChannelProfile {
  const channels = Math.floor(columns / per);
  const absMax = new Float32Array(channels);
  const rms = new Float32Array(channels);
  for (let c = 0; c < channels; c++) {
    const indices = Array.from({ length: rows * per }, (_, i) => Math.floor(i / per) * columns + c * per + (i % per));
    [absMax[c], rms[c]] = channel(x, indices);
  }
  return { absMax, rms };
}

function heat(x: Float32Array, rows: number, columns: number) {
  const height = heatCells(rows, HEAT_ROWS);
  const width = heatCells(columns, HEAT_COLUMNS);
  const values = new Float32Array(height * width);
  for (let i = 0; i < height; i++) {
    for (let j = 0; j < width; j++) {
      for (let r = heatBorder(i, height, rows); r < heatBorder(i + 1, height, rows); r++) {
        for (let c = heatBorder(j, width, columns); c < heatBorder(j + 1, width, columns); c++) {
          const v = Math.abs(x[r * columns + c]);
          if (v < Infinity && v > values[i * width + j]) values[i * width + j] = v;
        }
      }
    }
  }
  return { rows: height, columns: width, values };
}

function codecError(codec: Codec, x: Float32Array, rows: number, columns: number, sumOfSquares: number): EncodingError[] {
  if (!codec.encode || columns === 0 || rows === 0 || columns % codec.blockElements) return [];
  const clean = x.map((v) => (v - v === 0 ? v : 0));
  const planes = codec.planes.map((plane) => new Uint8Array(Math.ceil(rows * plane.rowBytes(columns))));
  const decoded = new Float32Array(x.length);
  try {
    codec.encode(clean, rows, columns, planes);
  } catch {
    return []; // it cannot hold these values
  }
  codec.decode(planes, rows, columns, decoded);
  let squared = 0;
  for (let i = 0; i < x.length; i++) squared += (clean[i] - decoded[i]) ** 2;
  const bytes = planes.reduce((n, plane) => n + plane.length, 0);
  return [encodingError(codec.name, (8 * bytes) / (rows * columns), squared, sumOfSquares)];
}
