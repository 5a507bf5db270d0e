import { about, type LoadRule } from "./rule";

const llamaCpp = { format: "gguf", severity: "warning", runtime: "llama.cpp" } as const;

export const ggufRules: readonly LoadRule[] = [
  {
    ...llamaCpp,
    code: "small-head",
    source: "src/llama-quant.cpp: llama-quantize keeps output.weight, or the embedding that doubles as one, at 6 bits or more",
    check({ tensors, encodingOf, holds }) {
      const untied = tensors.some((t) => t.role === "head");
      const heads = tensors.filter(
        (t) => t.role === (untied ? "head" : "embedding") && /^(q[1-5]_|iq|tq|mxfp4|nvfp4)/.test(encodingOf(t.name)),
      );
      return heads.map(({ name }) => ({
        message: `${name} becomes ${encodingOf(name)}; llama.cpp keeps the output projection at Q6_K or more, because its error reaches every token.`,
        tensors: [name],
        remedies: ["q6_K", "q8_0"].filter((e) => holds(name, e)).map((encoding) => ({ tensors: [name], encoding })),
      }));
    },
  },
  {
    ...llamaCpp,
    code: "cpu-only",
    source: "ggml/src/ggml-cuda/ggml-cuda.cu, supports_op: MUL_MAT takes neither GGML_TYPE_TQ1_0 nor GGML_TYPE_TQ2_0",
    check: (choice) =>
      about(
        choice,
        (encoding) => encoding.startsWith("tq"),
        (names) => ({
          message: `${names}: llama.cpp multiplies ternary blocks on the CPU only, so layers on a GPU come back for them.`,
        }),
      ),
  },
  {
    ...llamaCpp,
    code: "young-type",
    source: "ggml/include/ggml.h: GGML_TYPE_NVFP4 = 40, GGML_TYPE_Q1_0 = 41, GGML_TYPE_Q2_0 = 42",
    check: (choice) =>
      about(
        choice,
        (encoding) => /^(q[12]_0|nvfp4)$/.test(encoding),
        (names) => ({
          message: `${names}: a llama.cpp from before this type refuses the whole file; use one that is up to date.`,
        }),
      ),
  },
];
