import type { PlainError } from "../errors";
import type { FormatName, TensorRole } from "../model";
import type { RowPart } from "../rowOrder";
import type { LogHistogram } from "../series";
import type { Progress } from "./progress";

/** Two models of any formats. The first is the reference. */
export interface CompareRequest {
  readonly pathA: string;
  readonly pathB: string;
}

/** A tensor of one model as the comparison lists it. */
export interface ComparedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly encodingLabel: string;
}

/** One channel's part of a tensor's squared error, 0…1. */
export interface ChannelShare {
  readonly index: number;
  readonly share: number;
}

/** What was undone before two tensors were compared. */
export type Undone =
  | "rope" // rows of q and k interleaved for llama.cpp's "llama" and its like
  | "alternating" // rows of q, k and v that alternate by heads in one model
  | "norm-offset" // Gemma's norms stored as 1 + w
  | "tied-head" // one model keeps head and embedding as one tensor
  | "fused"; // one model keeps several tensors as one: q, k and v, gate and up, or the experts of a layer

/** Two tensors, element by element, in the first one's order. */
export interface TensorComparison {
  readonly a: ComparedTensor;
  readonly b: ComparedTensor;
  readonly role: TensorRole;
  readonly layer?: number;
  readonly undone: readonly Undone[];
  /** That side's tensor holds others as well: these of its rows (of a vector: elements) are compared. */
  readonly part?: RowPart & { readonly side: "a" | "b" };
  /** Elements compared: both finite. */
  readonly count: number;
  /** Elements that are not finite on one side, or not finite in different ways. */
  readonly nonFinite: number;
  /** Σ(a − b)². */
  readonly squaredError: number;
  /** Σ(a − b)² / Σa²; 0 where both are equal, Infinity where `nonFinite` is not 0. */
  readonly relativeSquaredError: number;
  /** −10·log10 of it, dB; Infinity when equal. */
  readonly sqnr: number;
  /** Mean and population standard deviation of a's compared elements; NaN where there are none. */
  readonly mean: number;
  readonly std: number;
  /** Largest |a − b|. */
  readonly maxDifference: number;
  /** At most 16, largest share first; channels without error are left out. Absent for tensors without channels. */
  readonly worstOutputs?: readonly ChannelShare[];
  readonly worstInputs?: readonly ChannelShare[];
  /** Finite elements of each side; b's as the comparison sees them. */
  readonly logHistogramA: LogHistogram;
  readonly logHistogramB: LogHistogram;
}

export type CompareEvent =
  | { readonly kind: "pair"; readonly comparison: TensorComparison; readonly progress: Progress }
  | { readonly kind: "failed"; readonly a: string; readonly b: string; readonly error: PlainError; readonly progress: Progress }
  | { readonly kind: "progress"; readonly progress: Progress };

/** A tensor that has no counterpart, or (both given) one that it cannot be compared with. */
export interface UnmatchedTensor {
  readonly a?: ComparedTensor;
  readonly b?: ComparedTensor;
  readonly reason: "missing" | "shape" | "unreadable" | "order";
  /** One sentence for a person. */
  readonly message: string;
}

export interface ComparedModel {
  readonly path: string;
  readonly format: FormatName;
  readonly architecture: string;
  readonly tensorCount: number;
  readonly parameterCount: number;
  readonly byteLength: number;
}

export interface CompareSummary {
  readonly a: ComparedModel;
  readonly b: ComparedModel;
  readonly unmatched: readonly UnmatchedTensor[];
  /** Over all pairs together; as in TensorComparison, NaN where every pair failed. */
  readonly squaredError: number;
  readonly relativeSquaredError: number;
  readonly sqnr: number;
  readonly failed: number;
  readonly progress: Progress;
}
