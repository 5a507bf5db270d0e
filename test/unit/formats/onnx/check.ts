import type { ModelFolder } from "../../../../src/core/bytes";
import type { ModelIndex, TensorInfo } from "../../../../src/core/model";
import { onnx } from "../../../../src/formats/onnx";
import { memoryFolder, model, type ModelSpec } from "../../../builders/onnx";
import { valuesOf } from "./reference";

export interface Read {
  readonly folder: ModelFolder;
  readonly index: ModelIndex;
  tensor(name: string): TensorInfo;
  values(name: string): Promise<number[]>;
}

/** Reads a model given as its parts or its bytes, with files beside it. */
export async function read(spec: ModelSpec | Uint8Array, beside: Readonly<Record<string, Uint8Array>> = {}): Promise<Read> {
  const folder = memoryFolder({ "m.onnx": spec instanceof Uint8Array ? spec : model(spec), ...beside });
  const index = await onnx.readIndex(folder, "m.onnx");
  const tensor = (name: string) => {
    const found = index.tensors.find((t) => t.name === name);
    if (!found) throw new Error(`no tensor ${name} among ${index.tensors.map((t) => t.name).join(", ")}`);
    return found;
  };
  return { folder, index, tensor, values: async (name) => [...(await valuesOf(folder, index, tensor(name)))] };
}
