/** Small plain results of metrics: what crosses processes and what charts draw. Typed arrays own their buffers exactly. */

/** Population statistics over all finite elements; counts say what was left out. */
export interface TensorStats {
  /** Finite elements; those left out are counted below. */
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly std: number;
  readonly absMax: number;
  /** Excess kurtosis (0 for a Gaussian); NaN when the standard deviation is 0. */
  readonly kurtosis: number;
  readonly zeroCount: number;
  readonly nanCount: number;
  readonly infCount: number;
  /** Share of elements with |w − mean| > 6σ. */
  readonly sixSigmaShare: number;
  /** μ = absMax · √count / ‖W‖_F, where 1 is perfectly flat. */
  readonly incoherence: number;
  /** ‖W‖²_F. */
  readonly sumOfSquares: number;
}

/** 256 bins of equal width over [low, high] = ±absMax. The last bin includes its upper edge. Counts add up to the finite elements. */
export interface LinearHistogram {
  readonly low: number;
  readonly high: number;
  readonly counts: Float64Array;
}

/**
 * Exact counts by sign, exponent and top 3 mantissa bits of the f32 value: bin = bits >>> 20, 4096 bins, so bin b covers
 * magnitudes from `f32(b << 20)` up to the next; bins 2048… are the negatives. Stored sparsely: ascending bin numbers.
 */
export interface LogHistogram {
  readonly bins: Uint16Array;
  readonly counts: Float64Array;
}

/** One row per output row or input channel. */
export interface ChannelProfile {
  readonly absMax: Float32Array;
  readonly rms: Float32Array;
}

export interface OutlierChannel {
  readonly index: number;
  readonly absMax: number;
  readonly ratio: number;
}

/** Channels whose absolute maximum stands out against the median over channels (even count: mean of the middle two). */
export interface Outliers {
  readonly median: number;
  readonly over1_5: number;
  readonly over2: number;
  readonly over4: number;
  /** Top 64 by ratio, highest first, ties by lower index. */
  readonly channels: readonly OutlierChannel[];
}

/** What one encoding would do to one tensor. */
export interface EncodingError {
  readonly encoding: string;
  /** The full name of what was measured, where the model's container stores this tensor so ("int4-g128-bf16": scales in its type). */
  readonly stored?: string;
  /** True stored bits for this tensor's shape, scales included. */
  readonly bitsPerWeight: number;
  /** Σ(w − ŵ)² / Σw². */
  readonly relativeSquaredError: number;
  /** −10·log10 of it, dB; Infinity when lossless. */
  readonly sqnr: number;
}

/** The matrix pooled by maximum of |w| onto at most 64 × 256 cells, row-major. */
export interface HeatStrip {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float32Array;
}

/** Everything known about one tensor after the pass. Output/input views are absent for 1-D tensors and beyond a million channels (2^20). */
export interface TensorReport {
  readonly name: string;
  readonly stats: TensorStats;
  readonly histogram: LinearHistogram;
  readonly logHistogram: LogHistogram;
  readonly output?: ChannelProfile;
  readonly input?: ChannelProfile;
  readonly outliers?: { readonly output: Outliers; readonly input: Outliers };
  readonly errors: readonly EncodingError[];
  readonly heat?: HeatStrip;
}
