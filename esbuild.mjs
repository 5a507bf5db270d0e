// Bundles: extension, engine process, worker and command line (node/cjs), webview (browser/iife), the extension's own tests.
//   node esbuild.mjs [--watch] [--kernels-only]
import { context } from "esbuild";
import { existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import path from "node:path";

const root = import.meta.dirname;
const watch = process.argv.includes("--watch");
mkdirSync(path.join(root, "dist"), { recursive: true });

/** The SIMD kernels, compiled only when a source is newer than the result. Shared memory is imported; no runtime, no allocation. */
async function buildKernels() {
  const folder = path.join(root, "src/kernels/assembly");
  const entry = path.join(folder, "index.ts");
  const out = path.join(root, "dist/kernels.wasm");
  if (!existsSync(entry)) return;
  const newest = Math.max(...readdirSync(folder).map((f) => statSync(path.join(folder, f)).mtimeMs));
  if (existsSync(out) && statSync(out).mtimeMs > newest) return;
  const asc = await import("assemblyscript/asc");
  const { error, stderr } = await asc.main([
    path.relative(root, entry), "--outFile", path.relative(root, out), "--optimizeLevel", "3", "--shrinkLevel", "0", "--converge",
    "--enable", "simd", "--enable", "threads", "--importMemory", "--sharedMemory", "--initialMemory", "1", "--maximumMemory", "65536",
    "--runtime", "stub", "--noAssert",
  ], {}, );
  if (error) {
    console.error(stderr.toString());
    throw error;
  }
}

const node = { bundle: true, platform: "node", format: "cjs", target: "node20", sourcemap: true, sourcesContent: false, logLevel: "warning",
  external: ["vscode", "onnxruntime-node", "mocha"],
  // Its other build requires its parts by paths that no bundler sees.
  alias: { "jsonc-parser": "jsonc-parser/lib/esm/main.js" } };
const entries = (pairs) => pairs.filter(([, file]) => existsSync(path.join(root, file)));
const bundles = [
  { ...node, outdir: "dist", entryPoints: Object.fromEntries(entries([
    ["extension", "src/vscode/extension.ts"], ["engine", "src/node/engineProcess.ts"], ["worker", "src/node/worker.ts"]])) },
  { ...node, outdir: "dist", entryPoints: Object.fromEntries(entries([["cli", "src/cli/main.ts"]])), banner: { js: "#!/usr/bin/env node" } },
  { bundle: true, platform: "browser", format: "iife", target: "es2022", sourcemap: false, minify: !watch, logLevel: "warning",
    outdir: "dist", entryPoints: Object.fromEntries(entries([["webview", "webview/main.ts"]])) },
  { ...node, outdir: "dist/test", entryPoints: Object.fromEntries(
    (existsSync(path.join(root, "test/extension")) ? readdirSync(path.join(root, "test/extension")) : [])
      .filter((f) => f.endsWith(".ts")).map((f) => [f.replace(/\.ts$/, ""), `test/extension/${f}`])) },
].filter((b) => Object.keys(b.entryPoints).length > 0);

await buildKernels();
if (!process.argv.includes("--kernels-only")) {
  for (const bundle of bundles) {
    const c = await context({ ...bundle, absWorkingDir: root });
    if (watch) await c.watch();
    else {
      await c.rebuild();
      await c.dispose();
    }
  }
}
