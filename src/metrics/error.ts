import type { EncodingError } from "../core/series";

/**
 * From Σ(w − ŵ)² and Σw². A lossless encoding has 0 and Infinity dB, also for a tensor of zeros; where the encoding cannot hold
 * the values at all the error is Infinity.
 */
export function encodingError(
  encoding: string,
  bitsPerWeight: number,
  squaredError: number,
  sumOfSquares: number,
): EncodingError {
  const error = squaredError === 0 ? 0 : Number.isNaN(squaredError) ? Infinity : squaredError / sumOfSquares;
  return { encoding, bitsPerWeight, relativeSquaredError: error, sqnr: error === 0 ? Infinity : -10 * Math.log10(error) };
}

/** The best any quantizer can do on Gaussian weights: 20·log10(2) dB per bit. */
export function gaussianBound(bitsPerWeight: number): number {
  return 20 * Math.log10(2) * bitsPerWeight;
}
