import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { loadGgml } from "./ggml";

export type LlamaRequest =
  /** Natural logarithms of the next token's probabilities after each of `positions`. */
  | { readonly model: string; readonly tokens: readonly number[]; readonly positions: readonly number[] }
  /** Greedy continuation, and how llama.cpp cuts the prompt. */
  | { readonly model: string; readonly prompt: string; readonly maxTokens: number };

export interface LlamaAnswer {
  readonly logProbabilities?: Readonly<Record<string, number[]>>;
  readonly text?: string;
  readonly tokens?: number[];
  /** Why llama.cpp could not. */
  readonly error?: string;
}

/** llama.cpp itself, as published on npm with node-llama-cpp: does it load what we write, and what does it compute? */
export async function askLlama(requests: readonly LlamaRequest[]): Promise<LlamaAnswer[]> {
  const { path: library } = loadGgml(); // fetched once
  const modules = library.slice(0, library.lastIndexOf("@node-llama-cpp") - 1);
  const args = [path.join(__dirname, "llamaProcess.mjs"), modules, JSON.stringify(requests)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 64 << 20, timeout: 240_000 });
  return stdout.trim().split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as LlamaAnswer);
}
