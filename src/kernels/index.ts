export type { Address } from "./address";
export { instantiateKernels } from "./compiled";
export * from "./kernels";
export { referenceKernels } from "./reference";
