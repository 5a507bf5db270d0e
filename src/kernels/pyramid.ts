import type { Address } from "./address";

/** How the compiled search is called: `groups` of n f32 at x, n i32 each at y; 13n + 8 f32 of scratch. n is a multiple of 4. */
export interface PyramidKernels {
  pyramid_search(x: Address, groups: number, n: number, k: number, y: Address, scratch: Address): void;
}

/**
 * Codewords of `count` groups of n neighbouring values: y gets count·n pulses, all 0 for a group of zeros; the same as the plain
 * search's. Values are copied through `scratch`, 4-byte aligned. False, with nothing done, for an n that is not covered.
 */
export type PyramidSearchKernel = (
  x: Float32Array,
  count: number,
  n: number,
  k: number,
  y: Int32Array,
  scratch: Address,
) => boolean;

export function pyramidSearchKernel(
  kernels: PyramidKernels,
  memory: WebAssembly.Memory,
  scratchBytes: number,
): PyramidSearchKernel {
  return (x, count, n, k, y, scratch) => {
    const room = Math.floor((scratchBytes - 52 * n - 32) / (8 * n));
    if (n % 4 !== 0 || room < 1) return false;
    for (let from = 0; from < count; from += room) {
      const groups = Math.min(room, count - from);
      const elements = groups * n;
      const target = scratch + 4 * elements;
      new Float32Array(memory.buffer, scratch, elements).set(x.subarray(from * n, from * n + elements));
      kernels.pyramid_search(scratch, groups, n, k, target, target + 4 * elements);
      y.set(new Int32Array(memory.buffer, target, elements), from * n);
    }
    return true;
  };
}
