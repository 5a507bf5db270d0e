import * as path from "node:path";
import type { FormatName } from "../core/model";

/**
 * The name to propose: the source's, without what it says of its own encoding, with the new one. A file for GGUF and ONNX, a
 * folder for safetensors (named after the model's folder, since the file is nearly always called model.safetensors).
 */
export function exportName(source: string, format: FormatName, encoding: string): string {
  const file = path.basename(source);
  const stem = file.replace(/\.(safetensors\.index\.json|safetensors|gguf|onnx)$/i, "").replace(/-\d{5}-of-\d{5}$/, "");
  if (format === "safetensors") {
    const base = /^(model|pytorch_model|diffusion_pytorch_model)$/.test(stem)
      ? path.basename(path.dirname(source)) || stem
      : stem;
    return `${base}-${encoding}`;
  }
  const bare = stem.replace(/[-_.](f32|f16|bf16|fp16|fp32|i?q\d[\w]*|int8|int4|tq\d_\d|mxfp4)$/i, "") || stem;
  return `${bare}-${encoding}.${format}`;
}
