import type { ExportFormName, ModelIndex, TensorInfo } from "../../core/model";
import { quote } from "../text";
import type { Assignment, EncodingFacts, ExportTarget } from "../format";

interface Target extends ExportTarget {
  /** The forms it gives to weights: the first that a weight has. */
  readonly forms: readonly ExportFormName[];
  /** Rows of tables are whole blocks of so many weights. */
  readonly group?: number;
}

function blockTarget(bits: number, group: number, asymmetric: boolean): Target {
  const tables = bits === 2 ? "" : ", also for embeddings (GatherBlockQuantized)";
  return {
    name: `int${bits}-g${group}${asymmetric ? "-asym" : ""}`,
    label: `INT${bits} g${group}${asymmetric ? " asymmetric" : ""}`,
    description: `MatMulNBits: ${bits}-bit integers, a scale${asymmetric ? " and zero point" : ""} per ${group} weights${tables}`,
    // Two bits are too few for tables, whose errors nothing averages.
    forms: bits === 2 ? ["MatMulNBits"] : ["MatMulNBits", "GatherBlockQuantized"],
    group,
  };
}

const qdqTarget = (bits: number, asymmetric: boolean): Target => ({
  name: `int${bits}-qdq-g32${asymmetric ? "-asym" : ""}`,
  label: `INT${bits} g32${asymmetric ? " asymmetric" : ""} QDQ`,
  description:
    `DequantizeLinear: ${bits}-bit integers, a scale${asymmetric ? " and zero point" : ""} per 32 weights, ` +
    "for MatMul and Gemm; operator set 21",
  forms: ["BlockQDQ"],
});

const targets: readonly Target[] = [
  ...[4, 8, 2].flatMap((bits) =>
    [32, 128].flatMap((group) => [false, true].map((asymmetric) => blockTarget(bits, group, asymmetric))),
  ),
  {
    name: "int8-qdq",
    label: "INT8 per channel QDQ",
    description: "DequantizeLinear: 8-bit integers, one scale per output channel, for MatMul, Gemm and Conv",
    forms: ["QDQ"],
  },
  qdqTarget(8, false),
  qdqTarget(4, false),
  qdqTarget(4, true),
  {
    name: "f16",
    label: "F16",
    description: "Matrices, kernels and tables in half precision with a Cast behind each: the model computes in F32 as before",
    forms: ["F16"],
  },
];

/** Uniform targets in the order of the quick pick. */
export const exportTargets: readonly ExportTarget[] = targets.map(({ name, label, description }) => ({ name, label, description }));

const isQuantized = ({ consumers = [] }: TensorInfo) => consumers.some((c) => c === "MatMulNBits" || c === "GatherBlockQuantized");

/** What a reader calls blocks of "int4-g32-asym" in those operators: "INT4 g32 asym". */
const blockLabel = (target: string) => target.replace("-asym", " asym").replace("-", " ").replace("int", "INT");

/** Reasons are told for this many tensors each. */
const namedTensors = 3;

/**
 * Constant matrices of MatMul and Gemm become MatMulNBits, as onnxruntime's own quantizer does it, and tables that Gather alone
 * reads GatherBlockQuantized; for QDQ those matrices, and per channel the kernels of Conv, get a DequantizeLinear. Everything
 * else stays as it is.
 */
export function assign(index: ModelIndex, target: string, facts: EncodingFacts): { assignments: Assignment[]; notes: string[] } {
  const assignments: Assignment[] = [];
  const kept = new Map<string, TensorInfo[]>();
  const { forms = [], group = 1 } = targets.find((t) => t.name === target) ?? {};
  const hasScaleType = forms.includes("MatMulNBits");
  const keep = (why: string, tensor: TensorInfo) => void kept.set(why, [...(kept.get(why) ?? []), tensor]);
  for (const tensor of index.tensors) {
    const name = forms.find((f) => tensor.exportForms?.[f]);
    const form = name && tensor.exportForms?.[name];
    if (!form) {
      const isMatrix = tensor.storage?.encoding === "affine" && tensor.shape.length > 1;
      if (isMatrix && !forms.includes("F16")) keep(`${tensor.consumers?.[0] ?? "its operator"} computes with its codes`, tensor);
      continue;
    }
    const columns = tensor.elementCount / tensor.shape[0];
    const isTable = name === "GatherBlockQuantized";
    const isSame = isQuantized(tensor) && tensor.encodingLabel === blockLabel(target);
    const why = "kept" in form ? form.kept
      : isTable && columns % group ? `its rows are not whole blocks of ${group}`
      : isSame ? "it is stored so already" : undefined;
    if ("kept" in form || why !== undefined) {
      keep(why!, tensor);
      continue;
    }
    const encoding = hasScaleType && form.scaleType !== "f32" ? `${target}-${form.scaleType}` : target;
    if (!facts.fits(encoding, columns)) continue;
    assignments.push({ tensor: tensor.name, encoding });
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
