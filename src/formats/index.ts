import type { Format } from "./format";
import { gguf } from "./gguf";
import { onnx } from "./onnx";
import { safetensors } from "./safetensors";

/** Every container format, in the order in which they are asked whether a file is theirs. */
export const formats: readonly Format[] = [safetensors, gguf, onnx];
