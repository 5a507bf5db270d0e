import type { StatisticsKernels } from "../kernels";

/** Typed views of one memory. The memory does not grow. */
export interface Views {
  readonly f32: Float32Array;
  readonly u32: Uint32Array;
  readonly f64: Float64Array;
  /** An address as an index of 4-byte elements; the plain kernels want aligned addresses. */
  word(address: number): number;
  /** An address as an index of 8-byte elements. */
  long(address: number): number;
}

/** A kernel of this name over any memory. */
export type Plain<Name extends keyof StatisticsKernels> = (views: Views) => StatisticsKernels[Name];

export function views(memory: WebAssembly.Memory): Views {
  const aligned = (address: number, size: number) => {
    if (address % size) throw new RangeError(`address ${address} is not a multiple of ${size}`);
    return address / size;
  };
  return {
    f32: new Float32Array(memory.buffer),
    u32: new Uint32Array(memory.buffer),
    f64: new Float64Array(memory.buffer),
    word: (address) => aligned(address, 4),
    long: (address) => aligned(address, 8),
  };
}
