import { existsSync } from "node:fs";
import * as path from "node:path";
import { EngineError } from "../core/errors";

/**
 * Files that the build puts into dist: the worker's bundle and the compiled kernels. Found beside the running bundle
 * (dist/*.js, as in a packaged extension), one folder up (dist/test/*.js), or from the sources (src/node, in tests).
 */
export function assetPath(name: "worker.js" | "kernels.wasm"): string {
  const folders = [__dirname, path.join(__dirname, ".."), path.join(__dirname, "../../dist")];
  const found = folders.map((folder) => path.join(folder, name)).find((file) => existsSync(file));
  if (!found)
    throw new EngineError("not-found", `${name} is missing beside ${__dirname}; install Bitlens again or run its build.`, {
      file: name,
    });
  return found;
}
