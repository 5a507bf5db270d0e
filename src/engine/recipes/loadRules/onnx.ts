import type { TensorInfo } from "../../../core/model";
import { about, type Choice, type LoadRule } from "./rule";

const onnxRuntime = { format: "onnx", severity: "warning", runtime: "ONNX Runtime" } as const;

/** Weights per scale in the blocks of MatMulNBits and GatherBlockQuantized; 0 for other encodings. */
const blockOf = (encoding: string) => Number(/^int\d-g(\d+)/.exec(encoding)?.[1] ?? 0);
const mostWithKernels = 256;

/** The look-up's operator has 64-bit counts and blocks of every size. */
const isTable = (t: TensorInfo) => t.exportForms?.GatherBlockQuantized !== undefined;

/** Weights of MatMul; what Gemm and Conv read through DequantizeLinear becomes floats again (tried with 1.30). */
const isFused = (encoding: string, { consumers }: TensorInfo) => /-qdq(-|$)/.test(encoding) && consumers?.includes("MatMul") === true;

/** Weights and bytes of a matrix are counted in an int32_t where it is unpacked. */
const mostCounted = 2 ** 31;

/** The larger of both: a row of codes ends with a whole block. */
function counted({ shape: [rows, columns] }: TensorInfo, encoding: string): number {
  const block = blockOf(encoding);
  return rows * Math.max(columns, (Math.ceil(columns / block) * block * bitsOf(encoding)) / 8);
}

/** What the model is written in; 0 where it does not say. */
const operatorSet = ({ metadata }: Choice) => Number(metadata.find(([key]) => key === "opset ai.onnx")?.[1] ?? 0);

const bitsOf = (encoding: string) => Number(/^int(\d)/.exec(encoding)?.[1]);

export const onnxRules: readonly LoadRule[] = [
  {
    ...onnxRuntime,
    code: "int8-activations",
    source:
      "include/onnxruntime/core/session/onnxruntime_session_options_config_keys.h: session.qdq_matmulnbits_accuracy_level, 4 unless given",
    check: (choice) =>
      about(
        choice,
        isFused,
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
        (encoding) => /-qdq-g/.test(encoding) && operatorSet(choice) < 21,
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
    source:
      "onnxruntime/core/mlas/lib/q4_dq.cpp, MlasDequantizeBlockwise: blocks of 16 to 256; issue 28551 for 1.26; tried with 1.30",
    check: (choice) =>
      about(
        choice,
        (encoding, t) => blockOf(encoding) > mostWithKernels && !isTable(t),
        (names, found) => ({
          message: `${names}: ONNX Runtime multiplies on the CPU with blocks of at most ${mostWithKernels} weights; with larger ones it refuses the model, or (up to version 1.26) gives zeros.`,
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
    code: "matrix-size",
    severity: "error",
    source:
      "onnxruntime/contrib_ops/cpu/quantization/matmul_nbits.cc, ComputeBUnpacked, and core/mlas/lib/q4_dq.cpp, dequantize: int32_t indices; tried with 1.30",
    check: (choice) =>
      about(
        choice,
        (encoding, t) => blockOf(encoding) > 0 && bitsOf(encoding) !== 4 && !isTable(t) && counted(t, encoding) > mostCounted,
        (names, found) => ({
          message: `${names}: ONNX Runtime crashes when it multiplies with 2- or 8-bit blocks of more than 2^31 weights; it takes 4-bit ones.`,
          remedies: remedies(
            choice.holds,
            found.map((t) => t.name),
            (name) => choice.encodingOf(name).replace(/^int\d/, "int4"),
          ),
        }),
      ),
  },
  {
    ...onnxRuntime,
    code: "matrix-size-qdq",
    source:
      "onnxruntime/core/optimizer/qdq_transformer/selectors_actions/qdq_actions.cc, TransposeDQWeightsForMatMulNBits (pull request 32007); tried with 1.30",
    check: (choice) =>
      about(
        choice,
        (encoding, t) => isFused(encoding, t) && t.elementCount >= mostCounted,
        (names) => ({
          message: `${names}: ONNX Runtime does not load DequantizeLinear before a product of 2^31 or more weights unless its graph optimizations are off; it takes 4-bit blocks of MatMulNBits.`,
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
        (encoding, t) => blockOf(encoding) > 0 && isTable(t) && !t.consumers?.includes("GatherBlockQuantized"),
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
