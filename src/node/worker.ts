// One worker thread, dist/worker.js: runs jobs of the pass one after the other on its part of the shared memory.
import { parentPort, workerData } from "node:worker_threads";
import { toEngineError } from "../core/errors";
import { runPass } from "../engine/pass";
import { layout } from "../engine/passArena";
import { passContext } from "../engine/passContext";
import { instantiateKernels, referenceKernels } from "../kernels";
import { WorkerFiles } from "./workerFiles";
import { type FromWorker, HEADER_BYTES, type ToWorker, type WorkerStart } from "./workerMessages";

const { memory, kernels: wasm, base, bytes } = workerData as WorkerStart;
const port = parentPort!;
const cancelledJob = new Int32Array(memory.buffer, base, 1);
const files = new WorkerFiles();
let current = 0;
let unreported = 0;
let reported = 0;

const io = {
  readInto: (path: string, offset: number, target: Uint8Array) => files.readInto(path, offset, target),
  write: (path: string, offset: number, data: Uint8Array) => files.write(path, offset, data),
  isCancelled: () => Atomics.load(cancelledJob, 0) === current,
  progress(count: number) {
    unreported += count;
    const now = performance.now();
    if (now - reported < 50) return;
    report(now);
  },
};
const context = passContext(
  io,
  wasm ? instantiateKernels(wasm, memory) : referenceKernels(memory),
  layout(base + HEADER_BYTES, bytes - HEADER_BYTES),
);

function report(now: number): void {
  if (unreported > 0) send({ id: current, kind: "bytes", bytes: unreported });
  unreported = 0;
  reported = now;
}

function send(message: FromWorker, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}

port.on("message", ({ id, job }: ToWorker) => {
  current = id;
  unreported = 0;
  reported = performance.now();
  try {
    const result: unknown = runPass(context, job);
    files.close();
    report(reported);
    send({ id, kind: "done", result }, buffersIn(result));
  } catch (error) {
    files.close();
    send({ id, kind: "failed", error: toEngineError(error).toJSON() });
  }
});

/** The buffers of all typed arrays in a result: they are moved, not copied. */
function buffersIn(value: unknown, found = new Set<ArrayBuffer>()): ArrayBuffer[] {
  if (ArrayBuffer.isView(value)) {
    if (value.buffer instanceof ArrayBuffer) found.add(value.buffer);
  } else if (typeof value === "object" && value !== null) {
    for (const part of Object.values(value)) buffersIn(part, found);
  }
  return [...found];
}
