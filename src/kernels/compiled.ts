import { type BinaryKernels, binaryOf } from "./binary";
import { type GridKernels, gridOf } from "./grids";
import { type Kernels, SCRATCH_BYTES, type StatisticsKernels } from "./kernels";
import { type PyramidKernels, pyramidSearchKernel } from "./pyramid";

type Exports = StatisticsKernels & GridKernels & BinaryKernels & Record<string, never>;

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
      const binary = binaryOf(encoding);
      if (binary) return (x, rows, columns, scratch) => exports.binary_error(x, rows, columns, binary.bits, binary.group, scratch);
      const grid = gridOf(encoding);
      if (!grid) return named("error", encoding);
      const { bits, group, asymmetric, scaleType, rule, zeroPoints } = grid;
      if (zeroPoints) return (x, rows, columns, scratch) => exports.zero_points_error(x, rows, columns, group, scaleType, scratch);
      return (x, rows, columns, scratch) => exports.grid_error(x, rows, columns, bits, group, asymmetric, scaleType, rule, scratch);
    },
    encoder(encoding) {
      const binary = binaryOf(encoding);
      if (binary) {
        return (x, rows, columns, importance, scratch, codes, scales) =>
          importance ? 0 : exports.binary_encode(x, rows, columns, binary.bits, binary.group, scratch, codes, scales);
      }
      const grid = gridOf(encoding);
      if (!grid) return named("encode", encoding);
      const { bits, group, asymmetric, scaleType, rule, zeroPoints } = grid;
      return (x, rows, columns, importance, scratch, codes, scales, zeros = 0) => {
        if (importance) return 0;
        if (zeroPoints) return exports.zero_points_encode(x, rows, columns, group, scaleType, scratch, codes, scales, zeros);
        if (grid.isQdq) return exports.qdq_encode(x, rows, columns, bits, group, asymmetric, scratch, codes, scales, zeros);
        return exports.grid_encode(x, rows, columns, bits, group, asymmetric, scaleType, rule, scratch, codes, scales, zeros);
      };
    },
  };
}
