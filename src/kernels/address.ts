/** Byte address in the kernels' memory. */
export type Address = number;
