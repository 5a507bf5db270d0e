import type { ModelIndex, TensorInfo } from "../../core/model";
import type { Assignment, EncodingFacts } from "../format";
import { counted, inNaturalOrder } from "../text";
import { misfit } from "./quantized/parts";
import { isPlaneEncoding } from "./quantized/planeNames";
import { encodingUnder, schemeOf } from "./schemes";

/** Modules that are look-up tables, not Linear, by the names they have in transformers. */
const embeddings = new RegExp(
  String.raw`(^|\.)(embed_tokens|embed_positions|embed_in|wte|wpe|word_embeddings|position_embeddings|token_type_embeddings|` +
    String.raw`shared|embeddings?|tok_embeddings|relative_attention_bias|[a-z_]*_embedding)\.weight$`,
);
/** Kept by compressed-tensors' own recipes: the head, and the routers of mixtures of experts. */
const heads = /(^|\.)(lm_head|embed_out|score|classifier|qa_outputs)\.weight$/;
const routers = /(^|\.)(mlp|block_sparse_moe|feed_forward|moe)\.(gate|router|shared_expert_gate)\.weight$/;

/**
 * What llm-compressor does with `targets: ["Linear"], ignore: ["lm_head"]`, and the tools of GPTQ and AWQ likewise: every matrix
 * of a Linear module takes the encoding; embeddings, heads, routers, biases, norms and convolutions stay.
 */
export function assign(index: ModelIndex, target: string, facts: EncodingFacts): { assignments: Assignment[]; notes: string[] } {
  const scheme = schemeOf(target);
  const assignments: Assignment[] = [];
  const unfit: string[] = [];
  const unfilled: string[] = [];
  const conv1d: string[] = [];
  for (const tensor of index.tensors) {
    if (!scheme || !isLinear(tensor)) continue;
    if (tensor.storage!.transposed) {
      conv1d.push(tensor.name);
      continue;
    }
    const [rows, columns] = tensor.shape;
    const encoding = encodingUnder(target, scaleType(tensor));
    if (misfit({ ...scheme, layout: "packed" }, rows, columns) || !facts.fits(encoding, columns))
      unfit.push(`${tensor.name} (${columns})`);
    else if (misfit(scheme, rows, columns)) unfilled.push(`${tensor.name} (${rows} × ${columns})`);
    else assignments.push({ tensor: tensor.name, encoding });
  }
  const notes: string[] = [];
  const keep = (names: readonly string[], kind = "") => counted(names.length, `${kind}matrix keeps its encoding`, `${kind}matrices keep their encoding`);
  if (unfit.length) notes.push(`${keep(unfit)} because the rows do not divide into groups: ${some(unfit)}.`);
  if (unfilled.length) notes.push(`${keep(unfilled)} because the sizes do not fill whole 32-bit words: ${some(unfilled)}.`);
  if (conv1d.length) notes.push(`${keep(conv1d, "Conv1D ")}, as the layout is one of Linear modules: ${some(conv1d)}.`);
  return { assignments, notes };
}

/** Any name of the layouts' families, with the scales' type that the weight calls for where the name leaves it open. */
export function recipeEncoding(tensor: TensorInfo, encoding: string, facts: EncodingFacts): string | undefined {
  const scheme = schemeOf(encoding.toLowerCase());
  if (!scheme || !isLinear(tensor) || tensor.storage!.transposed) return undefined;
  const [rows, columns] = tensor.shape;
  const name = encodingUnder(encoding.toLowerCase(), scaleType(tensor));
  return !misfit(scheme, rows, columns) && facts.fits(name, columns) ? name : undefined;
}

export function recipeRefusal(tensor: TensorInfo, encoding: string): string | undefined {
  const scheme = schemeOf(encoding.toLowerCase());
  if (/^b?f(16|32|64)$/i.test(encoding)) return "exports to safetensors leave float types as they are";
  if (!scheme) return "no layout of safetensors that a runtime reads holds it";
  if (!isLinear(tensor)) return "only matrices of Linear modules in the blocks are quantized in safetensors";
  if (tensor.storage!.transposed) return "its layout is one of Linear modules, and this is a Conv1D";
  return misfit(scheme, tensor.shape[0], tensor.shape[1]);
}

function isLinear({ name, shape, storage, role }: TensorInfo): boolean {
  return (
    storage !== undefined &&
    shape.length === 2 &&
    shape[0] > 0 &&
    shape[1] > 0 &&
    name.endsWith(".weight") &&
    isFloat(storage.encoding) &&
    role !== "embedding" &&
    role !== "head" &&
    role !== "router" &&
    !embeddings.test(name) &&
    !heads.test(name) &&
    !routers.test(name)
  );
}

/** Stored as codes and scales already. */
export const isQuantized = (encoding: string | undefined) =>
  encoding !== undefined && (encoding === "affine" || isPlaneEncoding(encoding));

const isFloat = (encoding: string) => isQuantized(encoding) || /^(b?f(16|32|64)|f8_)/.test(encoding);

/** The weight's own type, as the loader's parameter is; of already quantized weights, the type of their scales. */
function scaleType({ storage }: TensorInfo): string {
  return storage!.affine?.scaleType ?? storage!.encoding;
}

/** Modules whose matrix is not among the encoded. Embeddings among the ignored do no harm: only Linear modules are looked up. */
export function keptModules(index: ModelIndex, encoded: ReadonlySet<string>): { kept: string[]; keptLinear: string[] } {
  const names = index.tensors
    .filter((t) => t.shape.length === 2 && t.name.endsWith(".weight"))
    .map((t) => t.name.slice(0, -".weight".length))
    .filter((module) => !encoded.has(module));
  const kept = inNaturalOrder([...new Set(["lm_head", ...names])], (name) => name);
  return { kept, keptLinear: kept.filter((module) => !embeddings.test(`${module}.weight`) && !heads.test(`${module}.weight`)) };
}

function some(names: readonly string[]): string {
  return names.slice(0, 3).join(", ") + (names.length > 3 ? ", …" : "");
}
