import { bitsPerWeight, encoding as encodingNamed } from "../../encodings/index";
import { keep } from "../../core/recipe";
import { heldAs, type RecipeTensor } from "../../budget/apply";
import type { QuantizableTensor, RecipeTarget } from "./target";

/** A long row and a tall matrix, in which scales per row do not count. */
const typical = 4096;

/** As the recipe's rules see the target's tensors. */
export function recipeTensors({ tensors, held, refusal }: RecipeTarget): RecipeTensor[] {
  return tensors.map(({ info, candidates }) => ({
    name: info.name,
    role: info.role,
    candidates: candidates.map((c) => c.encoding),
    held: (encoding) => held(info, encoding),
    refusal: (encoding) => refusal(info, encoding),
  }));
}

/**
 * Encodings that all of the tensors can take instead of the wanted one, best first: what the format's own quantizer falls back
 * to, then the same with another type of scales, then those whose codes have as many bits (K-quants first, whose error is the
 * least), then more bits, then fewer. At most `limit`.
 */
export function alternatives(wanted: string, tensors: readonly QuantizableTensor[], target: RecipeTarget, limit = 3): string[] {
  if (tensors.length === 0) return [];
  const common = tensors
    .map(({ candidates }) => new Set(candidates.map((c) => c.encoding)))
    .reduce((a, b) => new Set([...a].filter((name) => b.has(name))));
  const rank = (name: string) => {
    const more = codeBits(name) - codeBits(wanted);
    return [
      schemeOf(name) === schemeOf(encodingNamed(wanted).name) ? 0 : 1,
      more < 0 ? 100 - more : more,
      /_K$/.test(name) ? 0 : 1,
      Math.abs(bitsOf(name) - bitsOf(wanted)),
    ];
  };
  const order = [...common].sort((a, b) => compare(rank(a), rank(b)));
  const usual = target.fallbacks.get(encodingNamed(wanted).name);
  const all = usual !== undefined && common.has(usual) ? [usual, ...order.filter((name) => name !== usual)] : order;
  return [...new Set(all.map((name) => shortName(name, tensors, target)))].slice(0, limit);
}

const bitsOf = (name: string) => bitsPerWeight(encodingNamed(name), typical, typical);

/** All but the type of the scales. */
const schemeOf = (name: string) => name.replace(/-(f32|f16|bf16)(?=-|$)/, "");

/** Bits of a code, which the names of most encodings begin with; else all bits per weight, rounded. */
const codeBits = (name: string) =>
  Number(/^(?:i?q|tq|int|b?f|lsbq|gptq-|gptq_v2-|awq-)(\d+)/.exec(name)?.[1] ?? Math.round(bitsOf(name)));

const compare = (a: readonly number[], b: readonly number[]) => a.map((x, i) => x - b[i]).find((d) => d !== 0) ?? 0;

/** Without the scales' type where that is the one that the tensors take anyway. */
export function shortName(name: string, tensors: readonly QuantizableTensor[], { held }: RecipeTarget): string {
  const short = schemeOf(name);
  return short !== name && tensors.every(({ info }) => held(info, short) === name) ? short : name;
}

/** Can every one of the tensors take it? */
export const allHold = (encoding: string, tensors: readonly RecipeTensor[]) =>
  encoding === keep || tensors.every((t) => heldAs(t, encoding) !== undefined);
