import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { CancellationToken } from "../core/cancellation";
import { cancelled, EngineError, type PlainError } from "../core/errors";
import type { Job, JobResult } from "../engine/pass";
import { ARENA_OVERHEAD } from "../engine/passArena";
import { runTask, type Submit } from "../engine/runTask";
import type { Pool, Task, TaskResult, TensorSource } from "../engine/tasks";
import { assetPath } from "./assets";
import { type FromWorker, HEADER_BYTES, type WorkerStart } from "./workerMessages";

export interface PoolOptions {
  /** Worker threads; as many as there are cores, at most 8, when absent. */
  readonly threads?: number;
  /** The worker's script, for tests. */
  readonly workerPath?: string;
  /** False runs the plain kernels, to compare with. */
  readonly simd?: boolean;
  /** Elements from which on a tensor is divided over the workers, for tests. */
  readonly divideFrom?: number;
}

const MAX_THREADS = 8;
/** However many are asked for: all arenas must fit into 4 GB of addresses. */
const MOST_THREADS = 64;
/** File bytes that all workers keep at once; what a tensor has beyond its share is read a second time. */
const RAW_BYTES = 128 << 20;
const PAGE = 65536;
/** JavaScript objects of one worker: profiles of a tensor of many channels are the largest. */
const WORKER_HEAP_MEGABYTES = 256;

export function defaultThreads(): number {
  return Math.max(1, Math.min(MAX_THREADS, availableParallelism()));
}

/** Worker threads over one shared memory. They start with the first jobs and do not keep the process alive while idle. */
export function createPool(options: PoolOptions = {}): Pool {
  return new WorkerPool(options);
}

/** A job that waits or runs. */
interface Entry {
  readonly id: number;
  readonly job: Job;
  readonly run: Run;
  resolve(result: unknown): void;
  reject(error: EngineError): void;
}

/** One call of `run`. */
interface Run {
  ended: boolean;
  onBytes?(bytes: number): void;
  reject(error: EngineError): void;
}

/** A place for a worker: its part of the memory stays when the worker is replaced. */
interface Slot {
  readonly base: number;
  readonly cancelledJob: Int32Array;
  worker?: Worker;
  entry?: Entry;
}

class WorkerPool implements Pool {
  readonly threads: number;
  readonly #workerPath: string;
  readonly #kernels: WebAssembly.Module | undefined;
  readonly #memory: WebAssembly.Memory;
  readonly #arenaBytes: number;
  readonly #slots: Slot[];
  readonly #divideFrom: number | undefined;
  readonly #runs = new Set<Run>();
  #queue: Entry[] = [];
  #nextId = 1;
  #disposed = false;

  constructor({ threads = defaultThreads(), workerPath = assetPath("worker.js"), simd = true, divideFrom }: PoolOptions) {
    this.#divideFrom = divideFrom;
    this.threads = Math.max(1, Math.min(MOST_THREADS, Math.floor(threads)));
    this.#workerPath = workerPath;
    this.#kernels = simd ? compileKernels() : undefined;
    const raw = Math.max(8 << 20, Math.min(32 << 20, RAW_BYTES / this.threads));
    this.#arenaBytes = Math.ceil((HEADER_BYTES + ARENA_OVERHEAD + raw) / PAGE) * PAGE;
    const pages = 1 + (this.threads * this.#arenaBytes) / PAGE;
    this.#memory = sharedMemory(pages, this.threads);
    this.#slots = Array.from({ length: this.threads }, (_, i) => {
      const base = PAGE + i * this.#arenaBytes;
      return { base, cancelledJob: new Int32Array(this.#memory.buffer, base, 1) };
    });
  }

  get simd(): boolean {
    return this.#kernels !== undefined;
  }

  run<T extends Task>(task: T, token: CancellationToken, onBytes?: (bytes: number) => void): Promise<TaskResult<T>> {
    if (this.#disposed) return Promise.reject(stopped());
    if (token.isCancellationRequested) return Promise.reject(cancelled());
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => {
        if (run.ended) return;
        run.ended = true;
        this.#runs.delete(run);
        listener.dispose();
        this.#abandon(run);
        settle();
      };
      const run: Run = { ended: false, onBytes: wholeBytes(onBytes), reject: (error) => end(() => reject(error)) };
      this.#runs.add(run);
      const listener = token.onCancellationRequested(() => run.reject(cancelled()));
      const submit: Submit = (job, first) => this.#submit(run, job, first === true);
      runTask(compact(task), { threads: this.threads, divideFrom: this.#divideFrom }, submit).then(
        (result) => end(() => resolve(result as TaskResult<T>)),
        (error: EngineError) => run.reject(error),
      );
    });
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    for (const run of [...this.#runs]) run.reject(stopped());
    for (const slot of this.#slots) void slot.worker?.terminate();
  }

  #submit<J extends Job>(run: Run, job: J, first: boolean): Promise<JobResult<J>> {
    return new Promise<unknown>((resolve, reject) => {
      if (run.ended) return reject(cancelled());
      const entry: Entry = { id: this.#nextId, job, run, resolve, reject };
      this.#nextId = (this.#nextId % 0x7fffffff) + 1;
      if (first) this.#queue.unshift(entry);
      else this.#queue.push(entry);
      this.#feed();
    }) as Promise<JobResult<J>>;
  }

  /** Takes the run's waiting jobs out of the queue and tells workers to let go of the others. */
  #abandon(run: Run): void {
    const waiting = this.#queue.filter((e) => e.run === run);
    this.#queue = this.#queue.filter((e) => e.run !== run);
    for (const entry of waiting) entry.reject(cancelled());
    for (const slot of this.#slots) if (slot.entry?.run === run) Atomics.store(slot.cancelledJob, 0, slot.entry.id);
  }

  #feed(): void {
    for (const slot of this.#slots) {
      if (this.#queue.length === 0 || this.#disposed) return;
      if (slot.entry) continue;
      const entry = (slot.entry = this.#queue.shift()!);
      try {
        const worker = (slot.worker ??= this.#start(slot));
        worker.ref();
        worker.postMessage({ id: entry.id, job: entry.job });
      } catch (error) {
        slot.entry = undefined;
        entry.reject(gone(error instanceof Error ? error.message : String(error)));
      }
    }
  }

  #start(slot: Slot): Worker {
    const workerData: WorkerStart = { memory: this.#memory, kernels: this.#kernels, base: slot.base, bytes: this.#arenaBytes };
    const worker = new Worker(this.#workerPath, {
      workerData,
      // Not the parent's: a test's loader or a debugger has no business there.
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: WORKER_HEAP_MEGABYTES },
    });
    let reason: string | undefined;
    worker.on("message", (message: FromWorker) => this.#receive(slot, message));
    worker.on("messageerror", (error) => {
      reason = error.message;
      void worker.terminate();
    });
    worker.on("error", (error: NodeJS.ErrnoException) => {
      reason = error.code === "ERR_WORKER_OUT_OF_MEMORY" ? "it ran out of memory" : error.message;
    });
    worker.on("exit", (code) => {
      if (slot.worker === worker) slot.worker = undefined;
      const { entry } = slot;
      slot.entry = undefined;
      entry?.reject(gone(reason ?? `exit code ${code}`));
      this.#feed();
    });
    return worker;
  }

  #receive(slot: Slot, message: FromWorker): void {
    const { entry } = slot;
    if (!entry || entry.id !== message.id) return;
    if (message.kind === "bytes") {
      if (!entry.run.ended) entry.run.onBytes?.(message.bytes);
      return;
    }
    slot.entry = undefined;
    slot.worker?.unref();
    if (message.kind === "done") entry.resolve(message.result);
    else entry.reject(fromPlain(message.error));
    this.#feed();
  }
}

/** Addresses only: pages take memory when a worker first uses them. */
function sharedMemory(pages: number, threads: number): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  } catch {
    throw new EngineError("io", `There is not enough memory for ${threads} worker threads; use fewer, or close other programs.`);
  }
}

/** Bytes that the header's reader left in a larger buffer would take all of it along to the worker: they get one of their own. */
function compact<T extends Task>(task: T): T {
  if (task.kind === "copy") return task;
  if (task.kind === "compare") return { ...task, a: compactSource(task.a), b: compactSource(task.b) };
  return { ...task, tensor: compactSource(task.tensor) };
}

function compactSource(tensor: TensorSource): TensorSource {
  const { storage } = tensor;
  const planes = storage.planes.map((p) =>
    "inline" in p && p.inline.byteLength < p.inline.buffer.byteLength ? { inline: p.inline.slice() } : p,
  );
  return { ...tensor, storage: { ...storage, planes } };
}

/** Undefined where this machine cannot run the compiled kernels. */
function compileKernels(): WebAssembly.Module | undefined {
  const bytes = readFileSync(assetPath("kernels.wasm"));
  return WebAssembly.validate(bytes) ? new WebAssembly.Module(bytes) : undefined;
}

/** Passes on whole bytes only; bands and halves come in fractions. */
function wholeBytes(onBytes: ((bytes: number) => void) | undefined): ((bytes: number) => void) | undefined {
  if (!onBytes) return undefined;
  let rest = 0;
  return (bytes) => {
    rest += bytes;
    const whole = Math.floor(rest);
    rest -= whole;
    if (whole > 0) onBytes(whole);
  };
}

function fromPlain({ code, message, place }: PlainError): EngineError {
  return new EngineError(code, message, place);
}

function gone(reason: string): EngineError {
  return new EngineError("engine-gone", `A worker thread stopped (${reason}); it has been replaced, repeat the action.`);
}

function stopped(): EngineError {
  return new EngineError("engine-gone", "The engine was stopped.");
}
