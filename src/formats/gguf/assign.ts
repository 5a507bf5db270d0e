import type { ModelIndex, TensorInfo } from "../../core/model";
import type { Assignment, EncodingFacts } from "../format";
import { counted } from "../text";
import { type Category, choose, fallbacks, mixes, type Mix, type RuleContext } from "./mixes";
import { typeOfEncoding } from "./types";

/** Parts of names that tensor_allows_quantization keeps as they are. */
const keptNames = [
  "_norm.weight",
  "ffn_gate_inp.weight",
  "ffn_gate_tid2eid.weight",
  "altup",
  "laurel",
  "per_layer_model_proj",
  "ssm_conv1d",
  "shortconv.conv.weight",
  "indexer.k_proj.weight",
  "indexer.q_proj.weight",
  "time_mix_first.weight",
  "time_mix_w0.weight",
  "time_mix_w1.weight",
  "time_mix_w2.weight",
  "time_mix_v0.weight",
  "time_mix_v1.weight",
  "time_mix_v2.weight",
  "time_mix_a0.weight",
  "time_mix_a1.weight",
  "time_mix_a2.weight",
  "time_mix_g1.weight",
  "time_mix_g2.weight",
  "time_mix_decay_w1.weight",
  "time_mix_decay_w2.weight",
  "time_mix_lerp_fused.weight",
  "attn_rel_b.weight",
  ".position_embd",
  "sam.pos_embd",
  "sam.neck.",
  "sam.net_",
  ".rel_pos",
  ".patch_embd",
  ".patch_merger",
  "a.rvq.codebook",
  "mm.a.code_embd",
];
const keptWholeNames = new Set(["position_embd.weight", "token_types.weight"]);
const scalarTypes = /^(b?f(16|32|64)|q|iq|tq|mxfp4|nvfp4)/;

/** llama-quantize's choice for every tensor (src/llama-quant.cpp, without an importance matrix). */
export function assign(index: ModelIndex, target: string, facts: EncodingFacts): { assignments: Assignment[]; notes: string[] } {
  const mix = mixes.find((m) => m.name === target);
  if (!mix) return { assignments: [], notes: [] };
  const assignments: Assignment[] = [];
  const fallen: string[] = [];
  const again: string[] = [];
  const rules = new Rules(index, mix);
  const sorted = [...index.tensors].sort(byLayer);
  for (const tensor of sorted) {
    if (!allowsQuantization(tensor)) continue;
    const wanted = rules.choose(tensor);
    const encoding = fitting(wanted, tensor, facts);
    if (encoding !== wanted) fallen.push(`${tensor.name} to ${encoding}`);
    if (!tensor.storage || tensor.storage.encoding === encoding) continue;
    if (typeOfEncoding(tensor.storage.encoding)?.quantized) again.push(tensor.name);
    assignments.push({ tensor: tensor.name, encoding });
  }
  const notes: string[] = [];
  if (fallen.length) {
    const who = counted(fallen.length, "tensor falls back because its rows", "tensors fall back because their rows");
    notes.push(`${who} do not fill the blocks: ${some(fallen)}.`);
  }
  if (again.length) {
    const who = counted(again.length, "tensor is quantized already and loses", "tensors are quantized already and lose");
    notes.push(`${who} again; a 16-bit source gives a better result.`);
  }
  return { assignments, notes };
}

function some(items: readonly string[]): string {
  return items.slice(0, 3).join(", ") + (items.length > 3 ? ", …" : "");
}

/** Matrices and stacks of them whose name ends in "weight", but for the small and the sensitive ones. */
function allowsQuantization({ name, shape, storage }: TensorInfo): boolean {
  const dimensions = shape.length - leadingOnes(shape);
  return (
    dimensions >= 2 &&
    storage !== undefined &&
    scalarTypes.test(storage.encoding) &&
    name.endsWith("weight") &&
    !keptWholeNames.has(name) &&
    !keptNames.some((part) => name.includes(part))
  );
}

/** ggml_n_dims does not count the outermost dimensions of 1. */
function leadingOnes(shape: readonly number[]): number {
  const first = shape.findIndex((n) => n !== 1);
  return first < 0 ? shape.length : first;
}

/** llama.cpp goes through the tensors by block, then by name; some rules count along. */
function byLayer(a: TensorInfo, b: TensorInfo): number {
  return blockOf(a.name) - blockOf(b.name) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
}

function blockOf(name: string): number {
  return Number(/^blk\.(\d+)\./.exec(name)?.[1] ?? -1);
}

function categoryOf(name: string): Category {
  if (name === "output.weight") return "output";
  if (name === "token_embd.weight" || name === "per_layer_token_embd.weight") return "embedding";
  if (/attn_(qkv|kv_b|v)\.weight/.test(name)) return "v";
  if (name.includes("attn_k.weight")) return "k";
  if (name.includes("attn_q.weight")) return "q";
  if (name.includes("attn_output.weight")) return "o";
  if (name.includes("ffn_up")) return "up";
  if (name.includes("ffn_gate")) return "gate";
  if (name.includes("ffn_down")) return "down";
  return "other";
}

/** The rules with their counters; ask tensor by tensor in llama.cpp's order. */
class Rules {
  readonly #model: Pick<RuleContext, "architecture" | "groupedQueries" | "experts">;
  readonly #is70B: boolean;
  readonly #isTied: boolean;
  readonly #blocks: number;
  readonly #values: number;
  #valuesSeen = 0;
  #downsSeen = 0;

  constructor(
    index: ModelIndex,
    readonly mix: Mix,
  ) {
    const metadata = new Map(index.metadata);
    const { architecture } = index;
    const number = (key: string) => firstNumber(metadata.get(`${architecture}.${key}`));
    const heads = number("attention.head_count") ?? 1;
    const keyValueHeads = number("attention.head_count_kv") ?? heads;
    this.#blocks = number("block_count") ?? 1 + Math.max(-1, ...index.tensors.map((t) => blockOf(t.name)));
    this.#is70B = architecture === "llama" && this.#blocks === 80 && heads !== keyValueHeads;
    this.#isTied = !index.tensors.some((t) => t.name === "output.weight");
    this.#values = index.tensors.filter((t) => categoryOf(t.name) === "v").length;
    const groupedQueries = keyValueHeads > 0 ? Math.trunc(heads / keyValueHeads) : 0;
    this.#model = { architecture, groupedQueries, experts: Math.max(1, number("expert_count") ?? 0) };
  }

  choose(tensor: TensorInfo): string {
    const { mix } = this;
    if (!typeOfEncoding(mix.base)!.quantized) return mix.base;
    const category = categoryOf(tensor.name);
    if (category === "output" || (category === "embedding" && this.#isTied)) return this.#head(tensor);
    if (mix.besideExperts !== undefined) return tensor.shape.length > 2 && tensor.shape[0] > 1 ? mix.base : mix.besideExperts;
    if (category === "embedding") return mix.embedding ?? mix.base;
    if (category === "v") return this.#value();
    if (category === "k") return this.#model.experts === 8 ? "q8_0" : mix.base;
    if (category === "down") return choose(mix.down, this.#downContext(tensor)) ?? mix.base;
    if (category === "o") {
      const eight = this.#model.experts === 8 && this.#model.architecture !== "falcon";
      const context = { ...this.#model, position: 0, count: 1 };
      return (eight ? mix.oOfEight : choose(mix.o, context)) ?? mix.base;
    }
    return mix.base;
  }

  /** The output projection, and an embedding that doubles as one, keep more bits. */
  #head(tensor: TensorInfo): string {
    const { base, besideExperts } = this.mix;
    const columns = tensor.shape[tensor.shape.length - 1];
    if (besideExperts !== undefined) return "q8_0";
    if (this.#model.architecture === "falcon" || columns % typeOfEncoding(base)!.block !== 0) return "q8_0";
    return base === "q8_0" ? base : "q6_K";
  }

  #value(): string {
    const context = { ...this.#model, position: this.#valuesSeen++, count: this.#values };
    const chosen = choose(this.mix.v, context) ?? this.mix.base;
    if (this.#model.experts === 8) return "q8_0";
    return this.#is70B && (chosen === "q3_K" || chosen === "q4_K") ? "q5_K" : chosen;
  }

  /** Experts do not come in order, so their block counts; elsewhere the tensors are counted as they come. */
  #downContext(tensor: TensorInfo): RuleContext {
    const seen = this.#downsSeen++;
    const position = this.#model.experts > 1 ? Math.max(0, blockOf(tensor.name)) : seen;
    return { ...this.#model, position, count: this.#blocks };
  }
}

/** "32" or the first of "[32, 16, …]". */
function firstNumber(text: string | undefined): number | undefined {
  const match = /^\[?(\d+)/.exec(text ?? "");
  return match ? Number(match[1]) : undefined;
}

/** llama-quantize gives up where it knows no fallback; F16 takes any row. */
function fitting(encoding: string, { shape }: TensorInfo, facts: EncodingFacts): string {
  const columns = shape[shape.length - 1];
  if (facts.fits(encoding, columns)) return encoding;
  const other = fallbacks.get(encoding);
  return other !== undefined && facts.fits(other, columns) ? other : "f16";
}
