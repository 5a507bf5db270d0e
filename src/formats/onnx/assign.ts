import type { ModelIndex, TensorInfo } from "../../core/model";
import { quote } from "../text";
import type { Assignment, EncodingFacts, ExportTarget } from "../format";

const blockTarget = (bits: number, group: number, asymmetric: boolean): ExportTarget => ({
  name: `int${bits}-g${group}${asymmetric ? "-asym" : ""}`,
  label: `INT${bits} g${group}${asymmetric ? " asymmetric" : ""}`,
  description: `MatMulNBits: ${bits}-bit integers, a scale${asymmetric ? " and zero point" : ""} per ${group} weights`,
});

/** Uniform targets in the order of the quick pick. */
export const exportTargets: readonly ExportTarget[] = [
  ...[4, 8].flatMap((bits) =>
    [32, 128].flatMap((group) => [false, true].map((asymmetric) => blockTarget(bits, group, asymmetric))),
  ),
  {
    name: "int8-qdq",
    label: "INT8 per channel QDQ",
    description: "DequantizeLinear: 8-bit integers, one scale per output channel, for MatMul, Gemm and Conv",
  },
];

/** Reasons are told for this many tensors each. */
const namedTensors = 3;

/**
 * Constant matrices of MatMul and Gemm become MatMulNBits, as onnxruntime's own quantizer does it; for "int8-qdq" those and
 * the kernels of Conv get a DequantizeLinear. Everything else stays as it is.
 */
export function assign(index: ModelIndex, target: string, facts: EncodingFacts): { assignments: Assignment[]; notes: string[] } {
  const assignments: Assignment[] = [];
  const kept = new Map<string, TensorInfo[]>();
  const isQdq = target === "int8-qdq";
  for (const tensor of index.tensors) {
    const form = tensor.exportForms?.[isQdq ? "QDQ" : "MatMulNBits"];
    if (!form) continue;
    if ("kept" in form) {
      kept.set(form.kept, [...(kept.get(form.kept) ?? []), tensor]);
      continue;
    }
    const encoding = isQdq || form.scaleType === "f32" ? target : `${target}-${form.scaleType}`;
    const columns = tensor.elementCount / tensor.shape[0];
    if (facts.fits(encoding, columns)) assignments.push({ tensor: tensor.name, encoding });
  }
  const notes = [...kept].map(([why, tensors]) => {
    const names = tensors
      .slice(0, namedTensors)
      .map((t) => quote(t.name))
      .join(", ");
    const more = tensors.length > namedTensors ? ` and ${tensors.length - namedTensors} more` : "";
    return `Kept as stored: ${names}${more}, because ${why}.`;
  });
  return { assignments, notes };
}
