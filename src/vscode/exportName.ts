import * as path from "node:path";
import type { FormatName } from "../core/model";

/** File names that say nothing: the model is known by its folder. */
const anonymous = /^(model|pytorch_model|diffusion_pytorch_model|consolidated)$/i;
const ownEncoding = /[-_.](f32|f16|bf16|fp16|fp32|i?q\d[\w]*|int8|int4|tq\d_\d|mxfp4)$/i;

/**
 * The name to propose: the source's, without what it says of its own encoding, with the new one. A file for GGUF and ONNX, a
 * folder for safetensors.
 */
export function exportName(source: string, target: FormatName, encoding: string): string {
  return `${baseName(source)}-${encoding}${target === "safetensors" ? "" : `.${target}`}`;
}

/** The name to propose for a recipe. */
export const recipeName = (source: string): string => `${baseName(source)}.bitlens.json`;

function baseName(source: string): string {
  const file = path.basename(source).replace(/\.(safetensors\.index\.json|safetensors|gguf|onnx)$/i, "");
  const stem = file.replace(/-\d{5}-of-\d{5}$/, "");
  const named = anonymous.test(stem) ? path.basename(path.dirname(source)) || stem : stem;
  return named.replace(ownEncoding, "") || named;
}
