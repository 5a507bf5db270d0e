import { about, type LoadRule } from "./rule";

const onnxRuntime = { format: "onnx", severity: "warning", runtime: "ONNX Runtime" } as const;

/** Weights per scale in the blocks of MatMulNBits and GatherBlockQuantized; 0 for other encodings. */
const blockOf = (encoding: string) => Number(/^int\d-g(\d+)/.exec(encoding)?.[1] ?? 0);
const mostWithKernels = 256;

export const onnxRules: readonly LoadRule[] = [
  {
    ...onnxRuntime,
    code: "int8-activations",
    source:
      "include/onnxruntime/core/session/onnxruntime_session_options_config_keys.h: session.qdq_matmulnbits_accuracy_level, 4 unless given",
    check: (choice) =>
      about(
        choice,
        (encoding) => /-qdq(-|$)/.test(encoding),
        (names) => ({
          message: `${names}: ONNX Runtime fuses DequantizeLinear with the product and computes it with 8-bit activations unless the session sets session.qdq_matmulnbits_accuracy_level to 1.`,
        }),
      ),
  },
  {
    ...onnxRuntime,
    code: "operator-set-21",
    source: "docs/Versioning.md: operator set 21 came with ONNX Runtime 1.18",
    check: (choice) =>
      about(
        choice,
        (encoding) => /-qdq-g/.test(encoding),
        (names) => ({
          message: `${names}: DequantizeLinear per block needs operator set 21, which ONNX Runtime has from version 1.18 on.`,
        }),
      ),
  },
  {
    ...onnxRuntime,
    code: "two-bits",
    source: "onnxruntime/contrib_ops/webgpu/quantization/matmul_nbits.cc: only 4 and 8 bits",
    check: (choice) =>
      about(
        choice,
        (encoding) => encoding.startsWith("int2-"),
        (names, found) => ({
          message: `${names}: ONNX Runtime multiplies with 2-bit weights on the CPU, and its WebGPU kernels take 4 and 8 bits only.`,
          remedies: remedies(
            choice.holds,
            found.map((t) => t.name),
            (name) => choice.encodingOf(name).replace("int2", "int4"),
          ),
        }),
      ),
  },
  {
    ...onnxRuntime,
    code: "group-alignment",
    source: "onnxruntime/core/mlas/lib/qnbitgemm.cpp: kernels for blocks of 16, 32, 64, 128 and 256",
    check: (choice) =>
      about(
        choice,
        (encoding) => blockOf(encoding) > mostWithKernels,
        (names, found) => ({
          message: `${names}: ONNX Runtime has no CPU kernel for blocks of more than ${mostWithKernels} weights and unpacks the whole matrix at every step.`,
          remedies: remedies(
            choice.holds,
            found.map((t) => t.name),
            (name) => choice.encodingOf(name).replace(/g\d+/, `g${mostWithKernels}`),
          ),
        }),
      ),
  },
  {
    ...onnxRuntime,
    code: "quantized-embedding",
    source: "docs/ContribOperators.md: com.microsoft.GatherBlockQuantized",
    check: (choice) =>
      about(
        choice,
        (encoding, t) => blockOf(encoding) > 0 && t.exportForms?.GatherBlockQuantized !== undefined,
        (names) => ({
          message: `${names}: the look-up becomes GatherBlockQuantized, an operator of ONNX Runtime (1.20 or newer) that other runtimes do not know.`,
        }),
      ),
  },
];

/** One remedy for all when they agree on it. */
function remedies(
  holds: (tensor: string, encoding: string) => boolean,
  names: readonly string[],
  of: (name: string) => string,
) {
  const encodings = new Set(names.map(of));
  const [encoding] = encodings;
  return encodings.size === 1 && names.every((name) => holds(name, encoding)) ? [{ tensors: names, encoding }] : [];
}
