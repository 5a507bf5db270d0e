import { readFileSync } from "node:fs";
import type { EngineHandle } from "../engine/createEngine";
import { createEngine } from "../engine/createEngine";
import { formats } from "../formats/index";
import { annotate } from "../graph/roles";
import { assetPath } from "./assets";
import { engineFiles } from "./engineFiles";
import { createPool, defaultThreads } from "./pool";

export interface NodeEngineOptions {
  /** Worker threads; by the number of cores when absent. */
  readonly threads?: number;
}

/** The engine on this machine: real files, real threads. Nothing starts before the first call that computes. */
export function createNodeEngine({ threads = defaultThreads() }: NodeEngineOptions = {}): EngineHandle {
  return createEngine({
    formats,
    annotate,
    files: engineFiles,
    device: () => ({ name: "CPU", threads, simd: WebAssembly.validate(readFileSync(assetPath("kernels.wasm"))) }),
    createPool: () => createPool({ threads }),
    now: () => performance.now() / 1000,
  });
}
