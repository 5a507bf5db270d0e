import type { ExportFormName, ExportForms, TensorInfo } from "../../core/model";
import type { EncodingFacts } from "../format";
import { parseBlocks } from "./toBlocks";
import { parseBlockQdq } from "./toQdq";

/** The form that an encoding takes in a weight's operators; undefined where ONNX has none. */
export function formFor(encoding: string, forms: ExportForms): ExportFormName | undefined {
  if (encoding === "int8-qdq") return "QDQ";
  if (encoding === "f16") return "F16";
  if (parseBlockQdq(encoding)) return "BlockQDQ";
  if (parseBlocks(encoding)) return forms.GatherBlockQuantized ? "GatherBlockQuantized" : "MatMulNBits";
  return undefined;
}

/** The scale's type stands before the rule: "int4-g32-asym" → "int4-g32-asym-bf16", "int4-g32-extreme" → "int4-g32-bf16-extreme". */
const withScaleType = (encoding: string, type: string) => encoding.replace(/^(int\d-g\d+(?:-asym)?)/, `$1-${type}`);

/** The encoding as this tensor would take it: scales have the type that its operators compute in. Undefined where it cannot. */
export function recipeEncoding(tensor: TensorInfo, encoding: string, facts: EncodingFacts): string | undefined {
  const wanted = encoding.toLowerCase();
  const forms = tensor.exportForms ?? {};
  const name = formFor(wanted, forms);
  const form = name && forms[name];
  if (!form || "kept" in form) return undefined;
  const columns = tensor.elementCount / tensor.shape[0];
  const blocks = parseBlocks(wanted);
  if (name === "GatherBlockQuantized" && columns % blocks!.block) return undefined;
  const saysType = /-(f32|f16|bf16)\b/.test(wanted);
  if (blocks && saysType && blocks.scaleType !== form.scaleType) return undefined;
  const full = blocks && !saysType && form.scaleType !== "f32" ? withScaleType(wanted, form.scaleType) : wanted;
  return facts.fits(full, columns) ? full : undefined;
}

/** Why this tensor cannot take the encoding; undefined where its rows are the reason. */
export function recipeRefusal({ exportForms }: TensorInfo, encoding: string): string | undefined {
  const wanted = encoding.toLowerCase();
  const forms = exportForms ?? {};
  const name = formFor(wanted, forms);
  if (!name) {
    const block = /^int[248]-g(\d+)/.exec(wanted);
    return block ? "blocks of ONNX are a power of two of at least 16" : "ONNX has no operator for it";
  }
  const form = forms[name];
  if (!form) return `the operators that use it have no ${name} form`;
  if ("kept" in form) return form.kept;
  const blocks = parseBlocks(wanted);
  if (blocks && /-(f32|f16|bf16)\b/.test(wanted) && blocks.scaleType !== form.scaleType) return `its products are computed in ${form.scaleType}`;
  return name === "GatherBlockQuantized" ? "its rows do not divide into the blocks" : undefined;
}
