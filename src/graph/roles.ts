import { type ModelIndex, type TensorInfo, type TensorRole, tensorRoles } from "../core/model";
import { type PlaceInName, placeInName } from "./names";
import { blockRole, outerRole } from "./roleNames";

/**
 * Gives every tensor its role, block, expert and group, told by name and shape, and counts the blocks. Tensors of safetensors and
 * GGUF models come in the order of the network: embeddings, blocks, final norm, head. Where names say nothing, roles are "other",
 * the order stays, and `group` is the module's path.
 */
export function annotate(index: ModelIndex): ModelIndex {
  // A format that knows better than the tensor's name (ONNX exporters make some up) has set the group already.
  const places = index.tensors.map((t) => placeInName(t.group || t.name));
  const numbering = numberBlocks(places);
  const traits: Traits = {
    // Gemma 2 has four norms in a block; there the one after attention does not belong to the feed-forward.
    hasPreFeedforwardNorm: places.some((p) => p.inBlock === "pre_feedforward_layernorm"),
  };
  const tensors = index.tensors.map((tensor, i): TensorInfo => {
    const place = places[i];
    const layer = place.stack === undefined ? undefined : numbering.layers.get(blockKey(place));
    return {
      ...tensor,
      role: roleOf(tensor, place, traits),
      group: tensor.group || place.module,
      ...(layer !== undefined && { layer }),
      ...(place.expert !== undefined && { expert: place.expert }),
    };
  });
  const ordered = index.format === "onnx" || numbering.count === 0 ? tensors : inNetworkOrder(tensors);
  return { ...index, layerCount: numbering.count, tensors: ordered };
}

interface Traits {
  readonly hasPreFeedforwardNorm: boolean;
}

const blockKey = ({ stack, block }: PlaceInName): string => `${stack}|${block!.join("|")}`;

/**
 * Blocks of several stacks (encoder and decoder, vision and language) are numbered through, encoders first. Within a stack the
 * file's own numbers stay, unless blocks are nested in stages.
 */
function numberBlocks(places: readonly PlaceInName[]): { layers: ReadonlyMap<string, number>; count: number } {
  const stacks = new Map<string, Map<string, readonly number[]>>();
  for (const place of places) {
    if (place.stack === undefined) continue;
    const blocks = stacks.get(place.stack) ?? new Map<string, readonly number[]>();
    blocks.set(blockKey(place), place.block!);
    stacks.set(place.stack, blocks);
  }
  const isFirst = (stack: string) => (/encoder|vision|visual|audio/i.test(stack) && !/decoder/i.test(stack) ? 0 : 1);
  const order = [...stacks].sort(([a], [b]) => isFirst(a) - isFirst(b));
  const layers = new Map<string, number>();
  let count = 0;
  for (const [, blocks] of order) {
    const sorted = [...blocks].sort(([, a], [, b]) => a[0] - b[0] || (a[1] ?? 0) - (b[1] ?? 0));
    // Numbers with large holes (one part of a large model, or a hostile name) would make mostly empty maps: count instead.
    const isSparse = sorted[sorted.length - 1][1][0] >= 4 * sorted.length + 64;
    const isCounted = isSparse || sorted.some(([, numbers]) => numbers.length > 1);
    let next = count;
    for (const [i, [key, numbers]] of sorted.entries()) {
      const layer = count + (isCounted ? i : numbers[0]);
      layers.set(key, layer);
      next = Math.max(next, layer + 1);
    }
    count = next;
  }
  return { layers, count };
}

/** The role of a tensor's module, of biases too. */
export function moduleRole(tensor: TensorInfo): TensorRole | undefined {
  return tensor.role !== "bias" ? tensor.role : blockRole(placeInName(tensor.group || tensor.name).inBlock);
}

function roleOf(tensor: TensorInfo, place: PlaceInName, traits: Traits): TensorRole {
  const { parameter, module } = place;
  const dimensions = tensor.shape.length;
  const isVector = tensor.shape.every((n) => n === 1 || n === tensor.elementCount);
  if (/^(bias|beta|b)$|bias_?(ih|hh)?/i.test(parameter) || (isVector && /(^|[._])bias$/i.test(tensor.name))) return "bias";
  const path = place.inBlock || module;
  const role = place.stack === undefined ? outerRole(path) : blockRole(path);
  // Any matrix may have any name; only vectors are norms and only matrices are projections.
  if (role && fits(role, dimensions)) {
    return traits.hasPreFeedforwardNorm && /(^|\.)post_attention_layernorm$/.test(path) ? "norm" : role;
  }
  if (place.stack === undefined && dimensions >= 2) {
    const inner = blockRole(path);
    if (inner && /^(q|k|v|qkv|o)$/.test(inner) && path.includes("attn")) return inner;
  }
  if (dimensions <= 1 && /norm|(^|[._])(ln|bn|ln_f|gamma|scale)([._]|\d|$)/i.test(`${path}.${parameter}`)) return "norm";
  const isConvolved = tensor.consumers?.some((c) => /^(Q?Linear)?Conv/.test(c));
  if (dimensions >= 3 && (isConvolved || /conv/i.test(path))) return "conv";
  if (dimensions >= 2 && (isConvolved || /(^|[._])conv(1d|2d)?\d*$|ssm_conv1d$/i.test(path))) return "conv";
  if (
    place.stack === undefined &&
    dimensions === 2 &&
    tensor.consumers?.every((c) => c.startsWith("Gather")) &&
    tensor.consumers.length
  )
    return "embedding";
  return dimensions >= 4 ? "conv" : "other";
}

function fits(role: TensorRole, dimensions: number): boolean {
  if (role === "attn_norm" || role === "ffn_norm" || role === "norm") return dimensions <= 1;
  return dimensions >= 2;
}

/** Embeddings and what stands before the blocks, the blocks, then norms and heads outside them. */
function inNetworkOrder(tensors: readonly TensorInfo[]): TensorInfo[] {
  const rank = new Map(tensorRoles.map((role, i) => [role, i]));
  const section = (t: TensorInfo) =>
    t.layer !== undefined ? 1 : t.role === "norm" || t.role === "head" || isAfter(t.name) ? 2 : 0;
  const keyed = tensors.map((tensor, position) => ({ tensor, position, section: section(tensor) }));
  keyed.sort(
    (a, b) =>
      a.section - b.section ||
      (a.tensor.layer ?? 0) - (b.tensor.layer ?? 0) ||
      (a.tensor.expert ?? -1) - (b.tensor.expert ?? -1) ||
      rank.get(a.tensor.role)! - rank.get(b.tensor.role)! ||
      a.position - b.position,
  );
  return keyed.map((k) => k.tensor);
}

/** Biases of final norms and heads stay beside them. */
function isAfter(name: string): boolean {
  return /(^|\.)(ln_f|(output_|final_layer_?)?norm|lm_head|output|score|classifier|pooler|cls)\.(bias|weight)$/.test(name);
}
