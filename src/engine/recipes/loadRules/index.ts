import type { RecipeFinding } from "../../../core/api/engine";
import type { FormatName } from "../../../core/model";
import type { PlannedExport } from "../../exportChoices";
import { ggufRules } from "./gguf";
import { onnxRules } from "./onnx";
import type { Choice, LoadFinding, LoadRule } from "./rule";
import { safetensorsRules } from "./safetensors";

export type { Choice, LoadFinding, LoadRule, Remedy } from "./rule";

/** Will it load? Every rule about what runtimes do with a choice of encodings. */
export const loadRules: readonly LoadRule[] = [...ggufRules, ...onnxRules, ...safetensorsRules];

/** What a rule found, with the rule's own words. */
export type RuleFinding = LoadFinding & Omit<LoadRule, "format" | "check">;

/** What the rules of a container say of a choice, in their order. */
export function loadFindings(format: FormatName, choice: Choice): RuleFinding[] {
  return loadRules
    .filter((rule) => rule.format === format)
    .flatMap(({ code, severity, runtime, source, check }) =>
      check(choice).map((found) => ({ code, severity, runtime, source, ...found })),
    );
}

/** The runtime that refuses an encoding whose blocks do not fill a row, and where it says so. */
export const rowLengths: Readonly<Record<FormatName, { readonly runtime: string; readonly source: string }>> = {
  gguf: {
    runtime: "llama.cpp",
    source: "ggml/src/gguf.cpp, gguf_init_from_file_impl: elements per row must be a multiple of the block size",
  },
  onnx: {
    runtime: "ONNX Runtime",
    source: "docs/ContribOperators.md: block_size of MatMulNBits and GatherBlockQuantized is a power of two of at least 16",
  },
  safetensors: {
    runtime: "vLLM",
    source:
      "vllm/model_executor/layers/quantization/compressed_tensors/schemes/compressed_tensors_wNa16.py: input features are a multiple of group_size",
  },
};

/** What the files themselves ask for, known once they are laid out. */
export function fileFindings({ format, plan }: PlannedExport, sourceFiles: number): RecipeFinding[] {
  if (format !== "onnx" || plan.files.length < 2 || sourceFiles > 1) return [];
  const beside = plan.files
    .slice(1)
    .map((f) => f.name)
    .join(", ");
  return [
    {
      severity: "warning",
      code: "external-data",
      path: ["target"],
      message: `The weights do not fit into the 2 GB of one ONNX file, so ${beside} is written beside it; keep the files together, and hand both to runtimes that load from memory.`,
      runtime: "ONNX Runtime",
      source: "onnx/docs/ExternalData.md: a serialized protobuf message stays below 2 GB",
    },
  ];
}
