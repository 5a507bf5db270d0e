import { readFileSync } from "node:fs";
import * as path from "node:path";
import { EngineError } from "../../src/core/errors";
import type { TensorStorage } from "../../src/core/model";
import { encoding as encodingNamed } from "../../src/encodings";
import { ARENA_OVERHEAD, layout } from "../../src/engine/passArena";
import { passContext, type PassContext } from "../../src/engine/passContext";
import type { TensorSource } from "../../src/engine/tasks";
import { instantiateKernels, type Kernels, referenceKernels } from "../../src/kernels";

const PAGE = 65536;
const wasm = new WebAssembly.Module(readFileSync(path.join(__dirname, "../../dist/kernels.wasm")));

/** Fresh kernels over a memory of their own. */
export function kernelsOver(bytes: number, simd = true): Kernels {
  const pages = Math.ceil(bytes / PAGE);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  return simd ? instantiateKernels(wasm, memory) : referenceKernels(memory);
}

export interface Harness {
  readonly context: PassContext;
  /** What stands in for files: bytes by path, read and written. */
  readonly files: Map<string, Uint8Array>;
  /** Bytes read so far, to see what is read twice. */
  readBytes: number;
  progress: number;
  /** The number of tiles after which the job counts as cancelled. */
  cancelAfter: number;
}

/** A worker's surroundings without worker and files. `rawBytes` bounds what is kept of a tensor. */
export function passHarness({ simd = true, rawBytes = 4 << 20 } = {}): Harness {
  const arenaBytes = ARENA_OVERHEAD + rawBytes;
  const files = new Map<string, Uint8Array>();
  const harness = { files, readBytes: 0, progress: 0, cancelAfter: Infinity } as Omit<Harness, "context"> & {
    context?: PassContext;
  };
  const io = {
    readInto(name: string, offset: number, target: Uint8Array) {
      const bytes = files.get(name);
      if (!bytes || offset + target.length > bytes.length)
        throw new EngineError("truncated", "The file ends too early.", { file: name, offset });
      target.set(bytes.subarray(offset, offset + target.length));
      harness.readBytes += target.length;
    },
    write: (name: string, offset: number, bytes: Uint8Array) => files.get(name)!.set(bytes, offset),
    isCancelled: () => harness.cancelAfter-- <= 0,
    progress: (bytes: number) => void (harness.progress += bytes),
  };
  // One arena alone, at the first address.
  harness.context = passContext(io, kernelsOver(arenaBytes, simd), layout(0, arenaBytes));
  return harness as Harness;
}

export interface SourceOptions {
  readonly rows: number;
  readonly columns: number;
  readonly columnsPerInput?: number;
  readonly hasChannels?: boolean;
  readonly transposed?: boolean;
  /** Bytes before the tensor in its file. */
  readonly offset?: number;
}

/** A tensor of f32 values in `encoding`, as the only content of one file. `x` is [rows][columns] whatever the file's order. */
export function sourceOf(
  files: Map<string, Uint8Array>,
  x: Float32Array,
  encoding: string,
  options: SourceOptions,
): TensorSource {
  const { rows, columns, columnsPerInput = 1, hasChannels = true, transposed, offset = 0 } = options;
  const stored = transposed ? transposedOf(x, rows, columns) : x;
  const [storedRows, storedColumns] = transposed ? [columns, rows] : [rows, columns];
  const member = encodingNamed(encoding);
  const planes = member.planes.map((plane) => new Uint8Array(Math.ceil(storedRows * plane.rowBytes(storedColumns))));
  if (encoding === "f64") planes[0].set(new Uint8Array(Float64Array.from(stored).buffer));
  else member.encode!(stored, storedRows, storedColumns, planes);
  return sourceOfBytes(files, planes, { encoding, transposed }, { rows, columns, columnsPerInput, hasChannels, offset });
}

/** A tensor of given planes, one after another in one file. */
export function sourceOfBytes(
  files: Map<string, Uint8Array>,
  planes: readonly Uint8Array[],
  storage: Omit<TensorStorage, "planes">,
  { rows, columns, columnsPerInput = 1, hasChannels = true, offset = 0 }: SourceOptions,
): TensorSource {
  const path = `file${files.size}`;
  const bytes = new Uint8Array(offset + planes.reduce((n, p) => n + p.length, 0));
  let at = offset;
  const ranges = planes.map((plane) => {
    bytes.set(plane, at);
    at += plane.length;
    return { file: 0, offset: at - plane.length, byteLength: plane.length };
  });
  files.set(path, bytes);
  return { name: path, paths: [path], storage: { ...storage, planes: ranges }, rows, columns, columnsPerInput, hasChannels };
}

export function transposedOf(x: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(x.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) out[c * rows + r] = x[r * columns + c];
  return out;
}
