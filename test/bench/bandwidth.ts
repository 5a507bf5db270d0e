import { Worker } from "node:worker_threads";

/**
 * What this machine can read: `threads` threads each sum a part of one shared buffer of 512 MB, as 64-bit integers in a compiled
 * SIMD loop that does nothing else. GB/s, the best of a few runs.
 */
export async function readBandwidth(wasm: WebAssembly.Module, threads: number): Promise<number> {
  const bytes = 512 << 20;
  const pages = bytes / 65536 + 1;
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  new Uint8Array(memory.buffer).fill(3);
  const script = `
    const { parentPort, workerData } = require("node:worker_threads");
    const { wasm, memory, from, length } = workerData;
    const { sumWords } = new WebAssembly.Instance(wasm, { env: { memory } }).exports;
    parentPort.on("message", () => {
      const start = process.hrtime.bigint();
      sumWords(from, length);
      parentPort.postMessage(Number(process.hrtime.bigint() - start));
    });`;
  const workers = Array.from({ length: threads }, (_, i) => {
    const length = Math.floor(bytes / threads / 64) * 64;
    return new Worker(script, { eval: true, execArgv: [], workerData: { wasm, memory, from: 65536 + i * length, length } });
  });
  const once = async () => {
    const start = performance.now();
    await Promise.all(
      workers.map(
        (worker) =>
          new Promise((resolve) => {
            worker.once("message", resolve);
            worker.postMessage(0);
          }),
      ),
    );
    return performance.now() - start;
  };
  await once();
  let best = Infinity;
  for (let i = 0; i < 7; i++) best = Math.min(best, await once());
  await Promise.all(workers.map((worker) => worker.terminate()));
  return bytes / best / 1e6;
}
