import type { CancellationToken } from "../core/cancellation";
import type { TensorStorage } from "../core/model";
import { rowCount, type RowOrder } from "../core/rowOrder";
import type { TensorReport } from "../core/series";
import type { ComparePartial, MatrixShape } from "../metrics";

/** A tensor as the workers see it: where its bytes are and how it is viewed as a matrix. Plain data. */
export interface TensorSource {
  readonly name: string;
  /** Absolute paths, indexed by ByteRange.file. Already checked to lie inside the model's folder. */
  readonly paths: readonly string[];
  readonly storage: TensorStorage;
  /** [out][in·kernel]; a tensor of fewer than two dimensions is one row. */
  readonly rows: number;
  readonly columns: number;
  /** Neighbouring columns that belong to one input channel (kernel height × width of a convolution), else 1. */
  readonly columnsPerInput: number;
  /** False for tensors of fewer than two dimensions: no channel views then. */
  readonly hasChannels: boolean;
}

/** All metrics of one tensor, both passes. The pool splits large tensors into row bands over its workers and merges. */
export interface AnalyseTask {
  readonly kind: "analyse";
  readonly tensor: TensorSource;
  readonly encodings: readonly string[];
}

/** What chooses the values of an encoding (src/methods), and its options. */
export interface ChosenMethod {
  /** The encoding's usual one when absent. */
  readonly name?: string;
  readonly options?: Readonly<Record<string, unknown>>;
}

/** Re-encode one tensor and write each plane: to a file at an offset (rows in place), or returned whole for rearranging. */
export interface EncodeTask {
  readonly kind: "encode";
  readonly tensor: TensorSource;
  readonly encoding: string;
  readonly method?: ChosenMethod;
  readonly planes: readonly ({ readonly path: string; readonly offset: number } | { readonly collect: true })[];
  /** Rows are written in RoPE order for so many heads (core/rowOrder.ts). Planes with a path only. */
  readonly ropeHeads?: number;
  /** `columns` non-negative importance weights. */
  readonly importance?: Float32Array;
  /** Encode only these rows, to see how long it takes: planes are collected and not returned. */
  readonly sample?: { readonly row: number; readonly rows: number };
}

export interface EncodeResult {
  /** Collected planes by index; undefined where written to a file. */
  readonly planes: readonly (Uint8Array | undefined)[];
}

/** Copy a byte range between files. */
export interface CopyTask {
  readonly kind: "copy";
  readonly source: { readonly path: string; readonly offset: number };
  readonly target: { readonly path: string; readonly offset: number };
  readonly byteLength: number;
}

/** Two tensors of the same rows and columns, or such rows of them, element by element. */
export interface CompareTask {
  readonly kind: "compare";
  readonly a: TensorSource;
  readonly b: TensorSource;
  /** That side's rows that are compared, in the order in which they are counted; absent: all, as the matrix has them. */
  readonly order?: { readonly a?: RowOrder; readonly b?: RowOrder };
  /** Added to b's elements, in f64. */
  readonly offset?: number;
}

/** The matrix that is compared. */
export const comparedShape = ({ a, order }: CompareTask): MatrixShape => (order?.a ? { ...a, rows: rowCount(order.a) } : a);

export type Task = AnalyseTask | EncodeTask | CopyTask | CompareTask;
export type TaskResult<T extends Task> = T extends AnalyseTask ? TensorReport
  : T extends EncodeTask ? EncodeResult
  : T extends CompareTask ? ComparePartial
  : void;

/**
 * The worker threads. `run` queues; several calls at once keep all threads busy. `onBytes` reports source bytes consumed
 * since the last report. Cancelling rejects with "cancelled" at once; a worker's death rejects its callers with
 * "engine-gone" and the worker is replaced.
 */
export interface Pool {
  readonly threads: number;
  readonly simd: boolean;
  run<T extends Task>(task: T, token: CancellationToken, onBytes?: (bytes: number) => void): Promise<TaskResult<T>>;
  dispose(): void;
}
