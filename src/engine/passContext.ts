import { cancelled } from "../core/errors";
import type { Kernels } from "../kernels";
import type { Arena } from "./passArena";

/** How the pass reaches files. The pass itself knows no operating system. */
export interface PassIo {
  /** Fills `target`; an EngineError "truncated" when the file ends before. */
  readInto(path: string, offset: number, target: Uint8Array): void;
  write(path: string, offset: number, bytes: Uint8Array): void;
  /** Asked between tiles. */
  isCancelled(): boolean;
  /** Source bytes that were worked through since the last report. */
  progress(bytes: number): void;
}

/** One worker's means. The typed arrays view the kernels' memory. */
export interface PassContext {
  readonly io: PassIo;
  readonly kernels: Kernels;
  readonly arena: Arena;
  readonly u8: Uint8Array;
  readonly u32: Uint32Array;
  readonly f32: Float32Array;
  readonly f64: Float64Array;
}

export function passContext(io: PassIo, kernels: Kernels, arena: Arena): PassContext {
  const { buffer } = kernels.memory;
  return {
    io,
    kernels,
    arena,
    u8: new Uint8Array(buffer),
    u32: new Uint32Array(buffer),
    f32: new Float32Array(buffer),
    f64: new Float64Array(buffer),
  };
}

export function checkPass(io: PassIo): void {
  if (io.isCancelled()) throw cancelled();
}

/** Magnitude bits of an f32 from which on it is infinite or NaN. */
export const INFINITE_BITS = 0x7f800000;

/** Sub-counters of histograms are u32; they are emptied before so many elements could overflow them. */
export const COUNTER_LIMIT = 2 ** 31;
