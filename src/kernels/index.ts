export type { Address } from "./address";
export { instantiateKernels } from "./compiled";
export { type DecodeKernel, type EncodeKernel, type ErrorKernel, type Kernels, SCRATCH_BYTES, type StatisticsKernels } from "./kernels";
export { referenceKernels } from "./reference";
