// The SIMD kernels. Every function takes byte addresses into the imported shared memory, allocates nothing and keeps no state,
// so that any number of threads may run any of them on different addresses at once. `../kernels.ts` describes each one.
export * from "./statistics";
export * from "./distribution";
export * from "./layout";
export * from "./gridQdq";
export * from "./grids";
export * from "./rowScaled";
export * from "./blocks32";
export * from "./decodeFloats";
export * from "./decodeLegacy";
export * from "./decodeKQuants";
export * from "./encodeKQuants";
export * from "./encodeIq4";
export * from "./encodeTernary";
export * from "./encodeFp4";
export * from "./pyramid";
export * from "./binary";
export * from "./zeroPoints";
