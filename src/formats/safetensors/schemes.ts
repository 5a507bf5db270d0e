import type { ExportTarget } from "../format";
import { isPlaneEncoding } from "./quantized/planeNames";

/** Who reads the weights; one model has one, as its configuration names one. */
export type QuantMethod = "compressed-tensors" | "gptq" | "gptq_v2" | "awq" | "bitlens";

/** How a weight's module is stored: what the name of its encoding says. */
export interface Scheme {
  readonly method: QuantMethod;
  /** "packed", "integer" and "float" are compressed-tensors' pack-quantized, int-quantized and float-quantized. */
  readonly layout: "packed" | "integer" | "float" | "gptq" | "awq" | "planes";
  readonly bits: number;
  /** Weights of a row that share a scale; 0 is the whole row. Rows of other lengths than its multiples cannot be stored. */
  readonly group: number;
  readonly asymmetric: boolean;
  readonly scaleDtype: "F32" | "F16" | "BF16";
}

/** Weights of one scheme. */
export interface SchemeGroup {
  readonly scheme: Scheme;
  /** Module names ("model.layers.0.mlp.up_proj"). */
  readonly modules: readonly string[];
}

const grid = /^int([48])-(?:g([1-9]\d{0,5})|channel)(-asym)?(?:-(f32|f16|bf16))?(?:-[a-z]+)?$/;
const rowScaled = /^(int8-qdq|f8-channel)(?:-(f32|f16|bf16))?$/;
const words = /^(gptq|gptq_v2|awq)-([48])bit-(?:g([1-9]\d{0,5})|channel)(-asym)?$/;

/** The scheme of an encoding's name ("int4-g128-asym-bf16"); undefined for names that no layout here stores. */
export function schemeOf(encoding: string): Scheme | undefined {
  const scale = (name: string | undefined) => (name?.toUpperCase() ?? "F32") as Scheme["scaleDtype"];
  let match = grid.exec(encoding);
  if (match) {
    const [, bits, group, asymmetric, type] = match;
    return {
      method: "compressed-tensors",
      layout: "packed",
      bits: Number(bits),
      group: Number(group ?? 0),
      asymmetric: asymmetric !== undefined,
      scaleDtype: scale(type),
    };
  }
  match = rowScaled.exec(encoding);
  if (match) {
    const layout = match[1] === "int8-qdq" ? "integer" : "float";
    return { method: "compressed-tensors", layout, bits: 8, group: 0, asymmetric: false, scaleDtype: scale(match[2]) };
  }
  match = words.exec(encoding);
  if (match) {
    const [, method, bits, group, asymmetric] = match;
    return {
      method: method as QuantMethod,
      layout: method === "awq" ? "awq" : "gptq",
      bits: Number(bits),
      group: Number(group ?? 0),
      asymmetric: method === "awq" || asymmetric !== undefined,
      scaleDtype: "F16",
    };
  }
  if (isPlaneEncoding(encoding))
    return { method: "bitlens", layout: "planes", bits: 0, group: 0, asymmetric: false, scaleDtype: "F32" };
  return undefined;
}

/** 4 and 8 bits, per 128 or 32 weights or per channel, symmetric and not. Scales take each weight's own type. */
const packed: readonly ExportTarget[] = ([4, 8] as const).flatMap((bits) =>
  [128, 32, 0].flatMap((group) =>
    [false, true].map((asymmetric) => ({
      name: `int${bits}-${group ? `g${group}` : "channel"}${asymmetric ? "-asym" : ""}`,
      label: `INT${bits} ${group ? `g${group}` : "per channel"}${asymmetric ? " asymmetric" : ""}`,
      description: `compressed-tensors: ${bits}-bit integers, one scale${asymmetric ? " and zero point" : ""} per ${
        group ? `${group} weights` : "output channel"
      }; loads in vLLM and transformers`,
    })),
  ),
);

const gptqTarget = (version: "gptq" | "gptq_v2", bits: number, group: number, asymmetric = false): ExportTarget => ({
  name: `${version}-${bits}bit-g${group}${asymmetric ? "-asym" : ""}`,
  label: `GPTQ${version === "gptq_v2" ? " v2" : ""} layout INT${bits} g${group}${asymmetric ? " asymmetric" : ""}`,
  description:
    `${bits}-bit integers as GPTQ files hold them${version === "gptq_v2" ? ", zero points as they are" : ""}, one F16 scale` +
    `${asymmetric ? " and zero point" : ""} per ${group} weights, rounded to nearest; ` +
    (asymmetric ? "loads in GPTQModel" : "loads in vLLM and, with GPTQModel, in transformers"),
  alone: true,
});

/** Everything that a model can be exported as, in the order of the quick pick. */
export const exportTargets: readonly ExportTarget[] = [
  ...packed,
  {
    name: "int8-qdq",
    label: "INT8 per channel W8A8",
    description:
      "compressed-tensors int-quantized: 8-bit integers, one scale per output channel, inputs rounded to 8 bits per token " +
      "while running; loads in vLLM and transformers",
  },
  {
    name: "f8-channel",
    label: "FP8 E4M3 per channel",
    description:
      "compressed-tensors float-quantized: 8-bit floats, one scale per output channel; loads in vLLM and transformers",
  },
  gptqTarget("gptq", 4, 128),
  gptqTarget("gptq", 4, 32),
  gptqTarget("gptq", 8, 128),
  gptqTarget("gptq_v2", 4, 128),
  gptqTarget("gptq_v2", 4, 128, true),
  {
    name: "awq-4bit-g128",
    label: "AWQ layout INT4 g128",
    description:
      "4-bit integers as AWQ (GEMM) files hold them, one F16 scale and zero point per 128 weights, rounded to nearest; " +
      "loads in vLLM and, with GPTQModel, in transformers",
    alone: true,
  },
  {
    name: "lsbq2-g128",
    label: "Least-squares binary 2 bit g128",
    description: "Research layout, read by Bitlens only: two sign planes and two F16 scalars per 128 weights, exact",
    alone: true,
  },
  {
    name: "ternary-g128",
    label: "Least-squares ternary g128",
    description: "Research layout, read by Bitlens only: −, 0 or + and one F16 level per 128 weights, exact",
    alone: true,
  },
  {
    name: "pvq-g16-k27-b4",
    label: "PVQ 3.25 bit (reconstruction)",
    description: "Research layout, read by Bitlens only: pyramid vectors of 16 weights, 27 pulses, 4-bit gains",
    alone: true,
  },
];

/** The encoding that a name gives to a weight of this type: compressed-tensors' scales have the weight's own unless it says. */
export function encodingUnder(name: string, type: string): string {
  if (schemeOf(name)?.method !== "compressed-tensors" || (type !== "f16" && type !== "bf16")) return name;
  if (/-(f32|f16|bf16)(-|$)/.test(name)) return name;
  // The rule for finding scales comes last.
  return name.replace(/(-(?:absmax|extreme|minmax))?$/, `-${type}$1`);
}
