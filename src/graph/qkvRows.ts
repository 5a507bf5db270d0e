import type { ModelIndex, TensorInfo } from "../core/model";
import { alternatingParts, type HeadCounts, partOrder, type RowOrder } from "../core/rowOrder";
import { ggufHeads, keepsHeadsInPairs } from "./conventions";
import { sharedHeads } from "./huggingface/sharedHeads";
import { placeInName } from "./names";
import { moduleRole } from "./roles";

/** How a matrix that holds q, k and v (or its bias) keeps their rows. */
export interface QkvRows {
  /** q above k above v; by groups of heads, as in core/rowOrder.ts; or nothing tells which. */
  readonly kind: "stacked" | "alternating" | "unknown";
  /** By the model's own metadata, where they fit the rows. Of a sorted matrix: how its rows alternated before. */
  readonly counts?: HeadCounts;
  /** What llama.cpp's converter did to the rows of a GGUF's matrix. */
  readonly converted?: "kept" | "sorted";
}

/** Last parts of modules whose matrix is q above k above v, unless the family says otherwise. */
const stacked: ReadonlySet<string> = new Set(["qkv_proj", "qkv", "c_attn", "in_proj", "in_proj_weight", "in_proj_bias", "w_pack"]);
/** Here the family alone tells. */
const various: ReadonlySet<string> = new Set(["query_key_value", "wqkv"]);
/** GGUF architectures whose converter makes alternating rows stacked (GPTNeoXModel, BloomModel, FalconModel). */
const sorted: ReadonlySet<string> = new Set(["gptneox", "bloom", "falcon"]);

/** Tells of each tensor of a model how it keeps rows of q, k and v; undefined for one that is not known to hold all three. */
export function qkvRowsOf(index: ModelIndex): (tensor: TensorInfo) => QkvRows | undefined {
  const { format, architecture } = index;
  if (format === "gguf") {
    const { heads, keyValueHeads, headSize } = ggufHeads(index);
    return (tensor) => {
      // Heads in pairs would have an order of their own within the matrix.
      if (!isQkv(tensor) || moduleOf(tensor) !== "attn_qkv" || keepsHeadsInPairs(format, architecture)) return undefined;
      if (!sorted.has(architecture)) return { kind: "stacked", converted: "kept" };
      return { kind: "stacked", converted: "sorted", ...fitting(tensor, heads, keyValueHeads, headSize) };
    };
  }
  const family = sharedHeads(index);
  return (tensor) => {
    const module = moduleOf(tensor);
    if (!isQkv(tensor) || !(stacked.has(module) || various.has(module))) return undefined;
    if (family?.module !== module) return { kind: stacked.has(module) ? "stacked" : "unknown" };
    if (!family.alternating) return { kind: "stacked" };
    const { heads, groups, headSize } = family.alternating;
    return { kind: "alternating", ...fitting(tensor, heads, groups, headSize) };
  };
}

/**
 * What puts two whole matrices in one order: that side's rows as q above k above v, or `order` undefined where its heads are not
 * known. Undefined where both are alike, or nothing says that they are not.
 */
export function sorting(a: QkvRows | undefined, b: QkvRows | undefined, rows: number): { readonly side: "a" | "b"; readonly order?: RowOrder } | undefined {
  if (!a || !b || (a.kind === "stacked") === (b.kind === "stacked")) return undefined;
  const side = a.kind === "stacked" ? "b" : "a";
  const [sorted, other] = side === "b" ? [a, b] : [b, a];
  // Whatever order the network has, this converter left it.
  if (other.kind === "unknown" && sorted.converted === "kept") return undefined;
  const counts = other.counts ?? sorted.counts;
  return { side, ...(counts && explains(counts, rows) && { order: alternatingParts(rows, counts).flatMap(partOrder) }) };
}

const isQkv = (tensor: TensorInfo): boolean => moduleRole(tensor) === "qkv";

const moduleOf = (tensor: TensorInfo): string => placeInName(tensor.group || tensor.name).module.split(".").pop()!.toLowerCase();

const explains = ({ heads, groups }: HeadCounts, rows: number): boolean => heads % groups === 0 && rows % (heads + 2 * groups) === 0;

/** Counts that explain the rows; none where something is not said or does not fit. */
function fitting(
  { shape }: TensorInfo, heads: number | undefined, groups: number | undefined, headSize: number | undefined,
): { readonly counts?: HeadCounts } {
  if (!heads || !groups || !explains({ heads, groups }, shape[0])) return {};
  const size = shape[0] / (heads + 2 * groups);
  return size === (headSize ?? size) ? { counts: { heads, groups } } : {};
}
