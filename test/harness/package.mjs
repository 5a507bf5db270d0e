// One .vsix per platform, carrying that platform's ONNX Runtime only.
//   npm run package [-- PLATFORM…]
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { ensureFolder, out, root, temporaryFolder } from "./paths.mjs";
import { run } from "./processes.mjs";
import { ensureDependencies } from "./tools.mjs";

const runtime = "node_modules/onnxruntime-node/bin/napi-v6";
/** The folder of ONNX Runtime's binaries for each target of VS Code, and what of it is not needed. */
const targets = {
  "linux-x64": { binaries: "linux/x64" },
  "linux-arm64": { binaries: "linux/arm64" },
  "win32-x64": { binaries: "win32/x64" },
  "win32-arm64": { binaries: "win32/arm64" },
  // The same library lies there under two names; the binding loads the short one.
  "darwin-arm64": { binaries: "darwin/arm64", without: /^libonnxruntime\.\d+\.\d+\.\d+\.dylib$/ },
  // ONNX Runtime no longer builds for Intel Macs: everything but running ONNX graphs works there.
  "darwin-x64": { binaries: undefined },
};
export const thisTarget = `${process.platform}-${process.arch}`;

/** Builds and packs; returns the path of the .vsix. `build: false` packs what dist holds. */
export async function packageFor(target, { folder = out, build = true } = {}) {
  if (!targets[target]) throw new Error(`There is no package for ${target}; choose from ${Object.keys(targets).join(", ")}.`);
  if (build) await buildAll();
  const { version } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
  const file = path.join(ensureFolder(folder), `bitlens-${target}-${version}.vsix`);
  const ignore = path.join(temporaryFolder("package"), "vscodeignore");
  writeFileSync(
    ignore,
    `${readFileSync(path.join(root, ".vscodeignore"), "utf8")}\n${binaryLines(targets[target]).join("\n")}\n`,
  );
  await pack({ cwd: root, target, packagePath: file, ignoreFile: ignore });
  return file;
}

/** vsce, speaking only when it fails. */
export async function pack(options) {
  const { createVSIX } = await import("@vscode/vsce");
  const said = [];
  const { log, warn } = console;
  console.log = console.warn = (...args) => said.push(args.join(" "));
  try {
    await createVSIX({ allowMissingRepository: true, skipLicense: true, rewriteRelativeLinks: false, ...options });
  } catch (error) {
    throw new Error(`vsce could not pack ${path.basename(options.packagePath)}: ${error.message}\n${said.join("\n")}`);
  } finally {
    Object.assign(console, { log, warn });
  }
}

function binaryLines({ binaries, without }) {
  if (!binaries) return [];
  const files = readdirSync(path.join(root, runtime, binaries)).filter((name) => !without?.test(name));
  if (!files.some((name) => name.endsWith(".node")))
    throw new Error(`ONNX Runtime's binding is missing from ${runtime}/${binaries}.`);
  return files.map((name) => `!${runtime}/${binaries}/${name}`);
}

export async function buildAll() {
  const { code } = await run(process.execPath, ["esbuild.mjs"], { cwd: root });
  if (code !== 0) throw new Error("The build failed; the messages above say where.");
  const missing = ["extension.js", "engine.js", "worker.js", "cli.js", "webview.js", "kernels.wasm"].filter(
    (f) => !existsSync(path.join(root, "dist", f)),
  );
  if (missing.length) throw new Error(`The build left out ${missing.join(", ")}.`);
}

if (process.argv[1] === import.meta.filename) {
  await ensureDependencies();
  await buildAll();
  const chosen = process.argv.slice(2);
  for (const target of chosen.length ? chosen : Object.keys(targets)) {
    const file = await packageFor(target, { build: false });
    const note = targets[target].binaries ? "" : "  (without ONNX Runtime, which is not made for this platform)";
    console.log(`${path.relative(root, file)}  ${(statSync(file).size / 1e6).toFixed(1)} MB${note}`);
  }
}
