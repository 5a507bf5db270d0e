import type { PlainError } from "../core/errors";
import type { Job } from "../engine/pass";

/** What a worker is started with. Plain data and shared memory. */
export interface WorkerStart {
  readonly memory: WebAssembly.Memory;
  /** Absent where the kernels could not be compiled: the plain ones run then. */
  readonly kernels?: WebAssembly.Module;
  /** The worker's part of the memory. Its first word is the number of the job that has been cancelled. */
  readonly base: number;
  readonly bytes: number;
}

export interface ToWorker {
  /** Counts up from 1. */
  readonly id: number;
  readonly job: Job;
}

export type FromWorker =
  | { readonly id: number; readonly kind: "done"; readonly result: unknown }
  | { readonly id: number; readonly kind: "failed"; readonly error: PlainError }
  | { readonly id: number; readonly kind: "bytes"; readonly bytes: number };

/** Bytes before the arena. */
export const HEADER_BYTES = 64;
