// A format of its own for tests of the engine: "TOY1", the length of a JSON header, the header, the tensors as f32.
import * as fs from "node:fs/promises";
import * as os from "node:os";
import * as path from "node:path";
import type { ModelFolder } from "../../src/core/bytes";
import type { CancellationToken } from "../../src/core/cancellation";
import { cancelled, EngineError } from "../../src/core/errors";
import type { ModelIndex, TensorInfo } from "../../src/core/model";
import type { TensorReport } from "../../src/core/series";
import { encoding } from "../../src/encodings/index";
import type { EngineDeps } from "../../src/engine/deps";
import type { Pool, Task, TaskResult } from "../../src/engine/tasks";
import type { Format, Segment, WriteRequest } from "../../src/formats/format";
import { digestOf } from "../../src/node/digest";
import { engineFiles } from "../../src/node/engineFiles";

export interface ToyTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly encoding?: string;
}

export function toyBytes(tensors: readonly ToyTensor[], fill: (i: number) => number = (i) => Math.sin(i)): Uint8Array {
  const header = Buffer.from(JSON.stringify(tensors));
  const head = Buffer.alloc(8);
  head.write("TOY1");
  head.writeUInt32LE(header.length, 4);
  const values = tensors.map((t) => Float32Array.from({ length: t.shape.reduce((a, b) => a * b, 1) }, (_, i) => fill(i)));
  return Buffer.concat([head, header, ...values.map((v) => Buffer.from(v.buffer))]);
}

async function readToy(folder: ModelFolder, name: string): Promise<ModelIndex> {
  const source = await folder.open(name);
  try {
    const length = new DataView((await source.read(4, 4)).buffer).getUint32(0, true);
    const listed = JSON.parse(Buffer.from(await source.read(8, length)).toString()) as ToyTensor[];
    let offset = 8 + length;
    const tensors = listed.map((t): TensorInfo => {
      const stored = t.encoding ?? "f32";
      const columns = t.shape[t.shape.length - 1];
      const elementCount = t.shape.reduce((a, b) => a * b, 1);
      const byteLength = encoding(stored).planes.reduce((sum, p) => sum + (elementCount / columns) * p.rowBytes(columns), 0);
      const info: TensorInfo = {
        name: t.name, shape: t.shape, elementCount, encodingLabel: stored, byteLength, bitsPerWeight: (8 * byteLength) / elementCount,
        storage: stored === "i64" ? undefined : { encoding: stored, planes: [{ file: 0, offset, byteLength }] }, role: "other", group: "" };
      offset += byteLength;
      return info;
    });
    if (offset !== source.size) throw new EngineError("truncated", `The file has ${source.size} bytes and its header says ${offset}.`, { file: source.path });
    return { format: "gguf", path: path.join(folder.path, name), folder: folder.path, files: [name], byteLength: source.size, architecture: "toy", layerCount: 0,
      parameterCount: tensors.reduce((sum, t) => sum + t.elementCount, 0), tensors, metadata: [], problems: [] };
  } finally {
    await source.close();
  }
}

export const toyFormat: Format = {
  name: "gguf",
  label: "Toy",
  extensions: [".toy"],
  sniff: (_, head) => Buffer.from(head.subarray(0, 4)).toString() === "TOY1",
  readIndex: readToy,
  exportTargets: ["q8_0", "q4_0"].map((name) => ({ name, label: name, description: name })),
  quantizes: "matrices",
  assign: (index, target, facts) => ({
    assignments: index.tensors.filter((t) => t.shape.length > 1 && facts.fits(target, t.shape[1])).map((t) => ({ tensor: t.name, encoding: target })),
    notes: ["vectors stay"],
  }),
  async planWrite({ index, assignments, outputName, facts }: WriteRequest) {
    const to = new Map(assignments.map((a) => [a.tensor, a.encoding]));
    const header = toyBytes(index.tensors.map((t) => ({ name: t.name, shape: t.shape, encoding: to.get(t.name) ?? t.encodingLabel })), () => 0);
    const length = 8 + new DataView(header.buffer, header.byteOffset).getUint32(4, true);
    const segments: Segment[] = [{ kind: "bytes", offset: 0, bytes: header.subarray(0, length) }];
    let offset = length;
    for (const t of index.tensors) {
      const stored = to.get(t.name);
      const plane = t.storage!.planes[0] as { offset: number; byteLength: number };
      const byteLength = stored ? facts.planeBytes(stored, t.shape[0], t.shape[1])[0] : plane.byteLength;
      segments.push(stored
        ? { kind: "plane", offset, byteLength, tensor: t.name, encoding: stored, plane: 0, arrangement: "rows" }
        : { kind: "copy", offset, byteLength, source: index.files[0], sourceOffset: plane.offset });
      offset += byteLength;
    }
    return { files: [{ name: outputName, byteLength: offset, segments }], notes: [] };
  },
};

/** Workers without threads: plain reads, plain encodings. `before` runs ahead of every task and may wait or throw. */
export class ToyPool implements Pool {
  readonly threads = 2;
  readonly simd = false;
  disposed = false;
  running = 0;
  mostRunning = 0;
  constructor(readonly before: (task: Task, token: CancellationToken) => Promise<void> | void = () => {}) {}

  async run<T extends Task>(task: T, token: CancellationToken, onBytes?: (bytes: number) => void): Promise<TaskResult<T>> {
    this.running++;
    this.mostRunning = Math.max(this.mostRunning, this.running);
    try {
      await this.before(task, token);
      if (token.isCancellationRequested) throw cancelled();
      return (await this.#do(task, onBytes)) as TaskResult<T>;
    } finally {
      this.running--;
    }
  }

  async #do(task: Task, onBytes?: (bytes: number) => void): Promise<unknown> {
    if (task.kind === "copy") {
      await transfer(task.target, await slice(task.source.path, task.source.offset, task.byteLength));
      onBytes?.(task.byteLength);
      return undefined;
    }
    if (task.kind === "compare") throw new EngineError("unsupported", "The toy pool compares nothing.");
    const { tensor } = task;
    const range = tensor.storage.planes[0] as { file: number; offset: number; byteLength: number };
    const bytes = await slice(tensor.paths[range.file], range.offset, range.byteLength);
    const values = new Float32Array(tensor.rows * tensor.columns);
    encoding(tensor.storage.encoding).decode([bytes], tensor.rows, tensor.columns, values);
    onBytes?.(bytes.length / 2); // Once for each reading.
    onBytes?.(bytes.length / 2);
    if (task.kind === "analyse") {
      const stats = { count: values.length, max: Math.max(...values) };
      return { name: tensor.name, stats, errors: task.encodings.map((e) => ({ encoding: e })) } as unknown as TensorReport;
    }
    const target = encoding(task.encoding);
    const planes = target.planes.map((p) => new Uint8Array(tensor.rows * p.rowBytes(tensor.columns)));
    target.encode!(values, tensor.rows, tensor.columns, planes);
    for (const [i, to] of task.planes.entries()) if ("path" in to) await transfer(to, planes[i]);
    return { planes: task.planes.map((to, i) => ("path" in to ? undefined : planes[i])) };
  }

  dispose(): void {
    this.disposed = true;
  }
}

async function slice(file: string, offset: number, length: number): Promise<Uint8Array> {
  const handle = await fs.open(file, "r");
  const bytes = new Uint8Array(length);
  await handle.read(bytes, 0, length, offset).finally(() => handle.close());
  return bytes;
}

async function transfer(to: { path: string; offset: number }, bytes: Uint8Array): Promise<void> {
  const handle = await fs.open(to.path, "r+");
  await handle.write(bytes, 0, bytes.length, to.offset).finally(() => handle.close());
}

export function toyDeps(pool: () => Pool, changes: Partial<EngineDeps> = {}): EngineDeps {
  return { formats: [toyFormat], annotate: (index) => index, files: engineFiles, device: () => ({ name: "CPU", threads: 2, simd: false }),
    createPool: pool, now: () => performance.now() / 1000, digest: digestOf, build: "toy", ...changes };
}

/** A folder of its own for each test, removed afterwards. */
export async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await fs.realpath(await fs.mkdtemp(path.join(os.tmpdir(), "bitlens-test-")));
  try {
    return await work(folder);
  } finally {
    await fs.rm(folder, { recursive: true, force: true });
  }
}
