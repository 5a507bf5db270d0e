import type { FormatName, TensorRole } from "./model";

/** What one encoding costs one tensor. */
export interface SensitivityCandidate {
  readonly encoding: string;
  /** True stored bytes, scales included. */
  readonly bytes: number;
  /** Σ(w − ŵ)². */
  readonly squaredError: number;
  /** Σ c_j (w_ij − ŵ_ij)² with the importance c_j of input channel j, when statistics exist. */
  readonly weightedSquaredError?: number;
}

export interface SensitivityTensor {
  readonly name: string;
  readonly elementCount: number;
  /** Bytes in the file as it is. */
  readonly currentBytes: number;
  /** Σw², which makes errors relative. */
  readonly sumOfSquares?: number;
  readonly role?: TensorRole;
  readonly layer?: number;
  readonly expert?: number;
  readonly candidates: readonly SensitivityCandidate[];
}

/** Every quantizable tensor × every candidate encoding, measured once and kept beside the model. Plain data. */
export interface SensitivityTable {
  readonly version: 1;
  readonly model: { readonly fingerprint: string; readonly name?: string };
  readonly target: FormatName;
  /** Bytes of the written weight files that no choice changes: norms, biases, headers. */
  readonly fixedBytes: number;
  readonly tensors: readonly SensitivityTensor[];
}
