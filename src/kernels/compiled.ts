import { type GridKernels, gridOf } from "./grids";
import { type Kernels, SCRATCH_BYTES, type StatisticsKernels } from "./kernels";
import { type PyramidKernels, pyramidSearchKernel } from "./pyramid";

type Exports = StatisticsKernels & GridKernels & Record<string, never>;

/**
 * The compiled kernels of dist/kernels.wasm over a shared memory. Exports decode_*, error_* and encode_* serve encodings by
 * name.
 */
export function instantiateKernels(wasm: WebAssembly.Module, memory: WebAssembly.Memory): Kernels {
  const exports = new WebAssembly.Instance(wasm, { env: { memory } }).exports as unknown as Exports;
  const named = (work: string, encoding: string) => exports[`${work}_${encoding.replace(/-/g, "_")}`];
  return {
    ...exports,
    simd: true,
    memory,
    pyramidSearch: pyramidSearchKernel(exports as unknown as PyramidKernels, memory, SCRATCH_BYTES),
    decoder: (encoding) => named("decode", encoding),
    errorOf(encoding) {
      const grid = gridOf(encoding);
      if (!grid) return named("error", encoding);
      return (x, rows, columns, scratch) => exports.grid_error(x, rows, columns, ...grid, scratch);
    },
    encoder(encoding) {
      const grid = gridOf(encoding);
      if (!grid) return named("encode", encoding);
      return (x, rows, columns, importance, scratch, codes, scales, zeros = 0) =>
        importance ? 0 : exports.grid_encode(x, rows, columns, ...grid, scratch, codes, scales, zeros);
    },
  };
}
