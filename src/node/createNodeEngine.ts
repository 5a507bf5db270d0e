import { readFileSync } from "node:fs";
import type { EngineHandle } from "../engine/createEngine";
import { createEngine } from "../engine/createEngine";
import { formats } from "../formats/index";
import { annotate } from "../graph/roles";
import { assetPath } from "./assets";
import { digestOf } from "./digest";
import { engineFiles } from "./engineFiles";
import { createJournals } from "./journals";
import { createPool, defaultThreads } from "./pool";
import { createResultStore } from "./resultStore";

export interface NodeEngineOptions {
  /** Worker threads; by the number of cores when absent. */
  readonly threads?: number;
  /** Folder where work is written down so that it can go on after the process ended; nothing is kept when absent. */
  readonly storage?: string;
}

/** The engine on this machine: real files, real threads. Nothing starts before the first call that computes. */
export function createNodeEngine({ threads = defaultThreads(), storage }: NodeEngineOptions = {}): EngineHandle {
  let build: string | undefined;
  return createEngine({
    formats,
    annotate,
    files: engineFiles,
    device: () => ({ name: "CPU", threads, simd: WebAssembly.validate(readFileSync(assetPath("kernels.wasm"))) }),
    createPool: () => createPool({ threads }),
    digest: digestOf,
    now: () => performance.now() / 1000,
    get build() {
      return (build ??= buildName());
    },
    ...(storage !== undefined && { journals: createJournals(storage), results: createResultStore(storage) }),
  });
}

/** The content of what the workers run: a version's number stays the same while it is worked on. */
function buildName(): string {
  return digestOf((["worker.js", "kernels.wasm"] as const).map((name) => readFileSync(assetPath(name))));
}
