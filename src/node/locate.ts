import * as fs from "node:fs/promises";
import * as path from "node:path";
import { EngineError, toEngineError } from "../core/errors";
import { isInside, openFolder, realPath } from "./files";

export interface Located {
  /** Absolute folder to open. */
  readonly folder: string;
  /** Name of the model's main file inside it. */
  readonly name: string;
}

/** `model-00001-of-00030.safetensors` and its like. */
const shardName = /^(.*)-(\d{5})-of-(\d{5})\.(safetensors|gguf)$/i;

/**
 * What a person gives (a file, a link to one, a folder with a model inside) as folder and main file. Throws "not-found" with
 * what to do where a folder holds no model, and "bad-request" naming the candidates where it holds several.
 */
export async function locate(given: string): Promise<Located> {
  const absolute = path.resolve(given);
  const stat = await fs.stat(absolute).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ELOOP") throw new EngineError("unsafe-path", "A link leads back to itself.", { file: absolute });
    throw toEngineError(error, { file: absolute });
  });
  if (stat.isDirectory()) return { folder: absolute, name: await mainFile(absolute) };
  const folder = path.dirname(absolute);
  const name = path.basename(absolute);
  // A link that the person named is followed: the model then lives where its file really is. A cache's snapshot stays put.
  const checked = await openFolder(folder);
  try {
    await checked.resolve(name);
    return { folder, name };
  } catch {
    const real = await realPath(absolute, absolute);
    return isInside(real, folder) ? { folder, name } : { folder: path.dirname(real), name: path.basename(real) };
  }
}

/** The one model of a folder: an index first, then what transformers would load, then the only file there is. */
async function mainFile(folder: string): Promise<string> {
  const names = await (await openFolder(folder)).list();
  const indexes = names.filter((n) => n.endsWith(".safetensors.index.json"));
  const preferred = ["model.safetensors.index.json", "model.safetensors"].find((n) => names.includes(n));
  if (preferred) return preferred;
  if (indexes.length === 1) return indexes[0];
  // Of a split model the first part stands for all.
  const first = (n: string) => {
    const parts = shardName.exec(n);
    return !parts || Number(parts[2]) === 1;
  };
  for (const ending of [".safetensors", ".gguf", ".onnx"]) {
    const found = indexes.length > 1 ? indexes : names.filter((n) => n.toLowerCase().endsWith(ending) && first(n));
    if (found.length === 1) return found[0];
    if (found.length > 1) {
      const list = found.slice(0, 5).join(", ") + (found.length > 5 ? ", …" : "");
      throw new EngineError("bad-request", `The folder holds ${found.length} models; name one of them: ${list}.`, {
        file: folder,
      });
    }
  }
  throw new EngineError("not-found", "The folder holds no .safetensors, .gguf or .onnx file; name a model file or its folder.", {
    file: folder,
  });
}
