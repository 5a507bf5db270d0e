import { addChannels, type ChannelSums, MAX_CHANNELS } from "./channels";
import { HEAT_COLUMNS, HEAT_ROWS, heatCells, mergeHeat } from "./heat";
import { LINEAR_BINS } from "./linearHistogram";
import { LOG_BINS } from "./logHistogram";
import { mergeMoments, type Moments, noMoments } from "./moments";

/** A tensor as a matrix; `hasChannels` is false for tensors of fewer than two dimensions. */
export interface MatrixShape {
  readonly rows: number;
  readonly columns: number;
  readonly columnsPerInput: number;
  readonly hasChannels: boolean;
}

/** A rectangle of the matrix: what one worker reads. Tensors that are one row are cut along it, at multiples of 256. */
export interface Band {
  readonly row: number;
  readonly rows: number;
  readonly column: number;
  readonly columns: number;
}

/** What a first reading of a band found. Plain data; mergeable. */
export interface FirstPartial {
  readonly band: Band;
  readonly nanCount: number;
  readonly infCount: number;
  readonly zeroCount: number;
  /** ±Infinity, the wrong way round, when there is no finite element. */
  readonly min: number;
  readonly max: number;
  readonly moments: Moments;
  readonly sumOfSquares: number;
  /** Dense, 4096. */
  readonly logCounts: Float64Array;
  readonly rowSums?: ChannelSums;
  readonly columnSums?: ChannelSums;
  /** Of the whole matrix; cells outside the band are 0. */
  readonly heat?: Float32Array;
}

/** What a second reading of a band found. */
export interface SecondPartial {
  /** 256. */
  readonly counts: Float64Array;
  /** Elements more than 6σ from the mean. */
  readonly far: number;
  /** Σ(w − ŵ)² per encoding asked for; undefined where the encoding cannot store this shape. */
  readonly squaredErrors: readonly (number | undefined)[];
}

export function keepsRows(shape: MatrixShape): boolean {
  return shape.hasChannels && shape.rows <= MAX_CHANNELS;
}

export function keepsColumns(shape: MatrixShape): boolean {
  return shape.hasChannels && shape.columns <= MAX_CHANNELS;
}

const channelSums = (length: number): ChannelSums => ({ absMax: new Float32Array(length), squares: new Float64Array(length) });

/** Nothing read yet, of the whole matrix. */
export function emptyFirst(shape: MatrixShape): FirstPartial {
  return {
    band: { row: 0, rows: shape.rows, column: 0, columns: shape.columns },
    nanCount: 0,
    infCount: 0,
    zeroCount: 0,
    min: Infinity,
    max: -Infinity,
    moments: noMoments,
    sumOfSquares: 0,
    logCounts: new Float64Array(LOG_BINS),
    rowSums: keepsRows(shape) ? channelSums(shape.rows) : undefined,
    columnSums: keepsColumns(shape) ? channelSums(shape.columns) : undefined,
    heat: shape.hasChannels
      ? new Float32Array(heatCells(shape.rows, HEAT_ROWS) * heatCells(shape.columns, HEAT_COLUMNS))
      : undefined,
  };
}

/** Adds a band to what is known of the whole matrix. Arrays of `whole` are changed in place. */
export function addFirst(whole: FirstPartial, part: FirstPartial): FirstPartial {
  for (let i = 0; i < LOG_BINS; i++) whole.logCounts[i] += part.logCounts[i];
  if (whole.heat && part.heat) mergeHeat(whole.heat, part.heat);
  const { band } = part;
  return {
    band: whole.band,
    nanCount: whole.nanCount + part.nanCount,
    infCount: whole.infCount + part.infCount,
    zeroCount: whole.zeroCount + part.zeroCount,
    min: Math.min(whole.min, part.min),
    max: Math.max(whole.max, part.max),
    moments: mergeMoments(whole.moments, part.moments),
    sumOfSquares: whole.sumOfSquares + part.sumOfSquares,
    logCounts: whole.logCounts,
    rowSums: whole.rowSums && part.rowSums ? addChannels(whole.rowSums, part.rowSums, band.row) : whole.rowSums,
    columnSums:
      whole.columnSums && part.columnSums ? addChannels(whole.columnSums, part.columnSums, band.column) : whole.columnSums,
    heat: whole.heat,
  };
}

export function emptySecond(encodings: number): SecondPartial {
  return { counts: new Float64Array(LINEAR_BINS), far: 0, squaredErrors: new Array<number>(encodings).fill(0) };
}

export function addSecond(whole: SecondPartial, part: SecondPartial): SecondPartial {
  for (let i = 0; i < LINEAR_BINS; i++) whole.counts[i] += part.counts[i];
  return {
    counts: whole.counts,
    far: whole.far + part.far,
    squaredErrors: whole.squaredErrors.map((e, i) =>
      e === undefined || part.squaredErrors[i] === undefined ? undefined : e + part.squaredErrors[i],
    ),
  };
}
