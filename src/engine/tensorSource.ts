import { EngineError, toEngineError } from "../core/errors";
import type { TensorInfo } from "../core/model";
import { matrixView } from "./matrix";
import type { OpenModel } from "./openModel";
import type { TensorSource } from "./tasks";

/** Makes tensors ready for the workers: absolute, checked paths and a matrix view. */
export class TensorSources {
  readonly #paths = new Map<number, Promise<string>>();

  constructor(readonly model: OpenModel) {}

  /** Throws "unsupported" for a tensor whose values cannot be decoded, and what is wrong with its files. */
  async of(tensor: TensorInfo): Promise<TensorSource> {
    const { index } = this.model;
    if (!tensor.storage) {
      const problem = index.problems.find((p) => p.tensor === tensor.name);
      throw new EngineError("unsupported", problem?.message ?? `Values stored as ${tensor.encodingLabel} cannot be decoded.`, {
        file: index.path,
        tensor: tensor.name,
      });
    }
    const used = new Set(tensor.storage.planes.flatMap((p) => ("file" in p ? [p.file] : [])));
    const paths: string[] = index.files.map(() => "");
    for (const file of used) paths[file] = await this.#path(file, tensor.name);
    return { name: tensor.name, paths, storage: tensor.storage, ...matrixView(tensor, index.format) };
  }

  #path(file: number, tensor: string): Promise<string> {
    let path = this.#paths.get(file);
    if (!path) {
      const name = this.model.index.files[file];
      path = this.model.folder.resolve(name);
      path.catch(() => {});
      this.#paths.set(file, path);
    }
    return path.catch((error: unknown) => {
      const e = toEngineError(error, { file: this.model.index.files[file] });
      throw new EngineError(e.code, e.message, { ...e.place, tensor });
    });
  }
}
