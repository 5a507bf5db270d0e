import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import koffi from "koffi";

/**
 * ggml itself, as published on npm with node-llama-cpp: the byte-for-byte oracle of the ggml encodings. Its base library is
 * built for plain x86-64, hence without fused multiply-add, which is also what our references compute.
 */
export interface Ggml {
  /** Where it was found. */
  readonly path: string;
  typeSize(type: number): number;
  blockSize(type: number): number;
  quantize(type: number, x: Float32Array, rows: number, columns: number, importance?: Float32Array): Uint8Array;
  dequantize(name: string, bytes: Uint8Array, count: number): Float32Array;
}

/** ggml's type numbers by our names. */
export const ggmlTypes: Record<string, number> = {
  f32: 0, f16: 1, q4_0: 2, q4_1: 3, q5_0: 6, q5_1: 7, q8_0: 8, q8_1: 9, q2_K: 10, q3_K: 11, q4_K: 12, q5_K: 13, q6_K: 14,
  q8_K: 15, iq2_xxs: 16, iq2_xs: 17, iq3_xxs: 18, iq1_s: 19, iq4_nl: 20, iq3_s: 21, iq2_s: 22, iq4_xs: 23, iq1_m: 29, bf16: 30,
  tq1_0: 34, tq2_0: 35, mxfp4: 39, nvfp4: 40, q1_0: 41, q2_0: 42,
};

const version = "3.22.1";

/** Builds for other processors contract multiply and add, so that their bytes are not comparable. */
const platforms: Record<string, string> = { linux: "linux-x64", darwin: "mac-x64", win32: "win-x64" };
const platform: string | undefined = process.arch === "x64" ? platforms[process.platform] : undefined;

/**
 * Whether this machine can compare with ggml at all: an x86-64, and not told to stay off the network by BITLENS_OFFLINE
 * before the library was fetched once.
 */
export function ggmlAvailable(): boolean {
  return platform !== undefined && (findLibrary() !== undefined || !process.env.BITLENS_OFFLINE);
}

const cache = () => join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "bitlens", "llama");

function findLibrary(): string | undefined {
  const bins = join(cache(), "node_modules", "@node-llama-cpp", platform!, "bins", platform!);
  if (!existsSync(bins)) return undefined;
  const name = readdirSync(bins).find((file) => /^(lib)?ggml-base\.(so|dylib|dll)$/.test(file));
  return name && join(bins, name);
}

/** The library from the cache folder; fetched there once through npm, which needs the network. */
export const loadGgml = (): Ggml => (loaded ??= load());

/** Kept: the library checks that it is initialised only once in a process. */
let loaded: Ggml | undefined;

function load(): Ggml {
  const path = findLibrary() ?? fetchLibrary();
  const library = koffi.load(path);
  const typeSize = library.func("size_t ggml_type_size(int)");
  const blockSize = library.func("int64_t ggml_blck_size(int)");
  const quantizeChunk = library.func(
    "size_t ggml_quantize_chunk(int type, const float *x, _Out_ uint8_t *y, int64_t start, int64_t rows, int64_t columns, " +
      "const float *importance)",
  );
  return {
    path,
    typeSize: (type) => Number(typeSize(type)),
    blockSize: (type) => Number(blockSize(type)),
    quantize(type, x, rows, columns, importance) {
      const bytes = new Uint8Array(((rows * columns) / Number(blockSize(type))) * Number(typeSize(type)));
      quantizeChunk(type, x, bytes, 0, rows, columns, importance ?? null);
      return bytes;
    },
    dequantize(name, bytes, count) {
      const out = new Float32Array(count);
      library.func(`void dequantize_row_${name}(const uint8_t *x, _Out_ float *y, int64_t k)`)(bytes, out, count);
      return out;
    },
  };
}

function fetchLibrary(): string {
  const folder = cache();
  mkdirSync(folder, { recursive: true });
  const manifest = join(folder, "package.json");
  if (!existsSync(manifest)) writeFileSync(manifest, '{ "private": true }\n');
  const packages = [`node-llama-cpp@${version}`, `@node-llama-cpp/${platform}@${version}`];
  try {
    const options = { cwd: folder, stdio: "pipe", timeout: 300_000, shell: process.platform === "win32" } as const;
    execFileSync("npm", ["install", "--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund", ...packages], options);
  } catch (error) {
    const hint = "set BITLENS_OFFLINE=1 to leave the comparison out";
    throw new Error(`Could not fetch ggml into ${folder} (${hint}): ${(error as Error).message}`);
  }
  const path = findLibrary();
  if (!path) throw new Error(`${packages[1]} in ${folder} has no ggml-base library.`);
  return path;
}
