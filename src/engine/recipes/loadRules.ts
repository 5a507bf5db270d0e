import type { FormatName, TensorInfo } from "../../core/model";
import { keep } from "../../core/recipe";

export interface Choice {
  readonly tensors: readonly TensorInfo[];
  /** "keep" for tensors that stay. */
  encodingOf(tensor: string): string;
}

/** Something that a runtime refuses or does badly, though the file is well formed. */
export interface LoadRule {
  readonly code: string;
  readonly format: FormatName;
  readonly severity: "error" | "warning";
  readonly runtime: string;
  /** Where the runtime says so. */
  readonly source: string;
  /** One sentence per finding. */
  check(choice: Choice): string[];
}

/** Will it load? Adding a rule: a row here. */
export const loadRules: readonly LoadRule[] = [
  {
    code: "fused-schemes",
    format: "safetensors",
    severity: "error",
    runtime: "vLLM",
    source: "vllm/model_executor/layers/quantization/compressed_tensors/utils.py, find_matched_target: fused layers need one scheme",
    check: ({ tensors, encodingOf }) => [
      ...fused(tensors, encodingOf, ["q", "k", "v"], "q, k and v"),
      ...fused(tensors.filter((t) => t.expert === undefined), encodingOf, ["gate", "up"], "gate and up"),
    ],
  },
  {
    code: "fused-experts",
    format: "safetensors",
    severity: "error",
    runtime: "vLLM",
    source: "vllm/model_executor/layers/quantization/compressed_tensors/compressed_tensors_moe.py, get_moe_method: all MoE projections need one scheme",
    check: ({ tensors, encodingOf }) =>
      fused(tensors.filter((t) => t.expert !== undefined), encodingOf, ["gate", "up", "gate_up", "down"], "all experts of a block"),
  },
  {
    code: "group-alignment",
    format: "safetensors",
    severity: "warning",
    runtime: "vLLM",
    source: "vllm/model_executor/layers/quantization/utils/marlin_utils.py: output features in multiples of 64, input features of 128",
    check: ({ tensors, encodingOf }) => {
      const odd = tensors.filter((t) => /^(int[48]|gptq|gptq_v2|awq)-/.test(encodingOf(t.name)) && (t.shape[0] % 64 !== 0 || t.shape[1] % 128 !== 0));
      return odd.length ? [`${named(odd)} cannot use vLLM's Marlin kernels, whose matrices come in multiples of 64 × 128; a slower kernel or none is used.`] : [];
    },
  },
  {
    code: "asymmetric-gptq",
    format: "safetensors",
    severity: "warning",
    runtime: "vLLM",
    source: "vllm/model_executor/layers/quantization/gptq_marlin.py, GPTQMarlinConfig.TYPE_MAP: 4 and 8 bits, symmetric only",
    check: ({ tensors, encodingOf }) => {
      const asymmetric = tensors.filter((t) => /^gptq.*-asym$/.test(encodingOf(t.name)));
      return asymmetric.length ? [`${named(asymmetric)} have zero points, for which vLLM has no Marlin kernel in GPTQ's layout; AWQ's has one.`] : [];
    },
  },
  {
    code: "research-layout",
    format: "safetensors",
    severity: "warning",
    runtime: "vLLM, transformers",
    source: "src/formats/safetensors/LAYOUTS.md",
    check: ({ tensors, encodingOf }) => {
      const research = tensors.filter((t) => /^(lsbq|ternary|pvq)/.test(encodingOf(t.name)));
      return research.length ? [`${named(research)} will be stored in a research layout that only Bitlens reads.`] : [];
    },
  },
  {
    code: "small-head",
    format: "gguf",
    severity: "warning",
    runtime: "llama.cpp",
    source: "src/llama-quant.cpp: llama-quantize keeps output.weight, or the embedding that doubles as one, at 6 bits or more",
    check: ({ tensors, encodingOf }) => {
      const untied = tensors.some((t) => t.role === "head");
      const heads = tensors.filter((t) => t.role === (untied ? "head" : "embedding") && /^(q[2-5]_|iq|tq)/.test(encodingOf(t.name)));
      return heads.map((t) => `${t.name} becomes ${encodingOf(t.name)}; llama.cpp keeps the output projection at Q6_K or more, because its error reaches every token.`);
    },
  },
  {
    code: "int8-activations",
    format: "onnx",
    severity: "warning",
    runtime: "ONNX Runtime",
    source: "onnxruntime/core/optimizer/qdq_transformer: DequantizeLinear and MatMul are fused with accuracy level 4 unless session.qdq_matmulnbits_accuracy_level says otherwise",
    check: ({ tensors, encodingOf }) => {
      const fusedHere = tensors.filter((t) => /-qdq-/.test(encodingOf(t.name)));
      return fusedHere.length
        ? [`${named(fusedHere)}: ONNX Runtime computes blockwise DequantizeLinear with 8-bit activations unless the session sets session.qdq_matmulnbits_accuracy_level to 1.`]
        : [];
    },
  },
];

function fused(tensors: readonly TensorInfo[], encodingOf: Choice["encodingOf"], roles: readonly string[], words: string): string[] {
  const layers = new Map<number, TensorInfo[]>();
  for (const t of tensors) {
    if (!roles.includes(t.role) || t.layer === undefined) continue;
    layers.set(t.layer, [...(layers.get(t.layer) ?? []), t]);
  }
  const differing = [...layers.values()].filter((parts) => new Set(parts.map((t) => scheme(encodingOf(t.name)))).size > 1);
  if (!differing.length) return [];
  const blocks = differing.map((parts) => parts[0].layer).slice(0, 5).join(", ") + (differing.length > 5 ? ", …" : "");
  return [`vLLM fuses ${words} into one layer, so they need one encoding; they differ in block ${blocks}.`];
}

/** The scale's type does not count. */
const scheme = (encoding: string) => (encoding === keep ? keep : encoding.replace(/-(f32|f16|bf16)$/, ""));

function named(tensors: readonly TensorInfo[]): string {
  return tensors.slice(0, 3).map((t) => t.name).join(", ") + (tensors.length > 3 ? ` and ${tensors.length - 3} more` : "");
}
