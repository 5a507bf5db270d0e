import type { ModelIndex, TensorInfo } from "../../core/model";
import type { Assignment, EncodingFacts } from "../format";
import { schemeOf } from "./schemes";

/** Modules that are look-up tables, not Linear, by the names they have in transformers. */
const embeddings = new RegExp(
  String.raw`(^|\.)(embed_tokens|embed_positions|embed_in|wte|wpe|word_embeddings|position_embeddings|token_type_embeddings|` +
    String.raw`shared|embeddings?|tok_embeddings|relative_attention_bias|[a-z_]*_embedding)\.weight$`,
);
/** Kept by compressed-tensors' own recipes: the head, and the routers of mixtures of experts. */
const heads = /(^|\.)(lm_head|embed_out|score|classifier|qa_outputs)\.weight$/;
const routers = /(^|\.)(mlp|block_sparse_moe|feed_forward|moe)\.(gate|router|shared_expert_gate)\.weight$/;

/**
 * What llm-compressor does with `targets: ["Linear"], ignore: ["lm_head"]`: every matrix of a Linear module takes the encoding;
 * embeddings, heads, routers, biases, norms and convolutions stay.
 */
export function assign(index: ModelIndex, target: string, facts: EncodingFacts): { assignments: Assignment[]; notes: string[] } {
  const scheme = schemeOf(target);
  const assignments: Assignment[] = [];
  const unfit: string[] = [];
  const conv1d: string[] = [];
  const quantized = new Set(index.tensors.flatMap((t) => (t.storage?.encoding === "affine" ? [t.name] : [])));
  for (const tensor of index.tensors) {
    if (!scheme || !isLinear(tensor)) continue;
    if (tensor.storage!.transposed) {
      conv1d.push(tensor.name);
      continue;
    }
    const columns = tensor.shape[1];
    const encoding = `${target}${scaleSuffix(tensor)}`;
    // A last group that is not full has no place in weight_packed.
    if (columns % (scheme.group || 1) !== 0 || !facts.fits(encoding, columns)) unfit.push(`${tensor.name} (${columns})`);
    else assignments.push({ tensor: tensor.name, encoding });
  }
  const notes: string[] = [];
  const again = assignments.filter((a) => quantized.has(a.tensor)).length;
  if (again) notes.push(`${again} matrices are quantized already and lose again; a 16-bit source gives a better result.`);
  if (unfit.length)
    notes.push(`${unfit.length} matrices keep their encoding because their rows do not divide into groups: ${some(unfit)}.`);
  if (conv1d.length)
    notes.push(
      `${conv1d.length} Conv1D matrices keep their encoding, as compressed-tensors quantizes Linear modules: ${some(conv1d)}.`,
    );
  return { assignments, notes };
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

const isFloat = (encoding: string) => encoding === "affine" || /^(b?f(16|32|64)|f8_)/.test(encoding);

/** Scales in the weight's own type, as the loader's parameter is; of already quantized weights, in the type of their scales. */
function scaleSuffix({ storage }: TensorInfo): string {
  const type = storage!.affine?.scaleType ?? storage!.encoding;
  return type === "f16" || type === "bf16" ? `-${type}` : "";
}

function some(names: readonly string[]): string {
  return names.slice(0, 3).join(", ") + (names.length > 3 ? ", …" : "");
}
