/** What a person calls the model: the file's name without its ending; for files called just "model", the folder's. */
export function modelName(path: string): string {
  const parts = path.split(/[\\/]/).filter(Boolean);
  const file = (parts.at(-1) ?? path).replace(/\.(safetensors\.index\.json|safetensors|gguf|onnx)$/i, "");
  const generic = /^(pytorch_)?(model|decoder_model|encoder_model)(-\d+-of-\d+)?(_quantized)?$/i.test(file);
  return generic && parts.length > 1 ? parts[parts.length - 2] : file;
}

/** A tensor's name without the endings that nearly all have: of PyTorch's parameters, and of TensorFlow's variables. */
export const shortName = (name: string): string => name.replace(/\.weight$|\/ReadVariableOp:0$/, "");
