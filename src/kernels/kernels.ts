import type { Address } from "./address";
import type { PyramidSearchKernel } from "./pyramid";

/**
 * What every implementation can do. Addresses may be unaligned; areas may not overlap. f32 matrices are dense, row-major.
 * `count`, `rows` and `columns` count elements.
 */
export interface StatisticsKernels {
  /**
   * out: f32 min, f32 max, u32 zeros, u32 largest magnitude bits. Minimum and maximum mean nothing when the magnitude bits reach
   * 0x7f800000: something is not finite then, and `scrub` is the way to go on.
   */
  scan(x: Address, count: number, out: Address): void;
  /**
   * Copies with every non-finite element replaced by `fill`. out: f32 min, f32 max, u32 zeros, u32 largest magnitude bits, u32
   * NaNs, u32 infinities, all but the last two over the finite elements. In place when source and target are the same.
   */
  scrub(source: Address, count: number, target: Address, fill: number, out: Address): void;
  /**
   * First reading of finite elements. Adds to columnSquares f64[columns] (Σx²) and logCounts u32[4096][4] (four sub-counters per
   * bin bits>>>20), raises columnBits u32[columns] (magnitude bits); sets rowBits u32[rows], rowSquares f64[rows] and
   * sums f64[4]: Σx, Σx², Σx³, Σx⁴.
   */
  accumulate(
    x: Address,
    rows: number,
    columns: number,
    rowBits: Address,
    rowSquares: Address,
    columnBits: Address,
    columnSquares: Address,
    logCounts: Address,
    sums: Address,
  ): void;
  /** sums f64[4]: Σd, Σd², Σd³, Σd⁴ of d = x − pivot, which is f64. */
  centred(x: Address, count: number, pivot: number, sums: Address): void;
  /**
   * Ends a group of rows that share one heat row: pools columnBits u32[columns], which are columns `start`… of a matrix `total`
   * wide, into heat f32[width] by maximum, raises totalBits u32[columns] and clears columnBits. Cell j covers columns
   * ⌊j·total/width⌋ to ⌊(j+1)·total/width⌋; width 0 pools nothing.
   */
  pool(
    columnBits: Address,
    totalBits: Address,
    columns: number,
    start: number,
    total: number,
    heat: Address,
    width: number,
  ): void;
  /**
   * Second reading of finite elements. Adds to counts u32[257][4] (four sub-counters) the bins ⌊128 + x·scale⌋, where scale is
   * 128 / absMax in f64; bin 256 holds x = absMax alone. Negatives above `leastNegative` count as that. Returns how many
   * elements lie below `low` or above `high`.
   */
  distribute(x: Address, count: number, scale: number, leastNegative: number, low: number, high: number, counts: Address): number;
  /** target[c·targetStride + r] = source[r·sourceStride + c], strides in elements. */
  transpose(source: Address, rows: number, columns: number, sourceStride: number, target: Address, targetStride: number): void;
  /** Σ (a − b)², in f64. */
  squaredDifference(a: Address, b: Address, count: number): number;
}

/** Decodes `count` elements, whole blocks. Equal to the encoding's own decode. */
export type DecodeKernel = (source: Address, count: number, target: Address) => void;
/**
 * Σ (x − decode(encode(x)))² of whole rows of finite elements, without writing bytes. Equal to the way through the encoding but
 * for the order of the sum. NaN when these values are beyond what the kernel covers: take the way through the encoding then.
 * `scratch`: SCRATCH_BYTES to work in.
 */
export type ErrorKernel = (x: Address, rows: number, columns: number, scratch: Address) => number;
/**
 * Encodes whole rows of finite elements, byte for byte as the encoding's own encode. `importance` is f32[columns] or 0 for
 * none. 0 is returned when these values are beyond what the kernel covers: the planes hold nothing useful then, and the
 * encoding itself does it or says why it cannot.
 */
export type EncodeKernel = (
  x: Address,
  rows: number,
  columns: number,
  importance: Address,
  scratch: Address,
  ...planes: Address[]
) => number;

export const SCRATCH_BYTES = 1 << 20;

/** The kernels over one memory. Fast ways for encodings are found by name; where there is none, the encoding itself does it. */
export interface Kernels extends StatisticsKernels {
  readonly simd: boolean;
  readonly memory: WebAssembly.Memory;
  decoder(encoding: string): DecodeKernel | undefined;
  errorOf(encoding: string): ErrorKernel | undefined;
  encoder(encoding: string): EncodeKernel | undefined;
  /** The search of pyramid vector quantization, with SCRATCH_BYTES to work in. */
  readonly pyramidSearch?: PyramidSearchKernel;
}
