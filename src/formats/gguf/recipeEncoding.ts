import type { TensorInfo } from "../../core/model";
import type { EncodingFacts } from "../format";
import { ggmlTypes, type GgmlType } from "./types";

const byName = new Map(ggmlTypes.map((type) => [type.encoding.toLowerCase(), type]));

/** Weights, that is: the integer types hold indices. */
const holdsWeights = (type: GgmlType | undefined) => type !== undefined && !/^(i\d+|f64)$/.test(type.encoding);

/** Every ggml type whose blocks the rows fill. */
export function recipeEncoding({ shape }: TensorInfo, encoding: string, facts: EncodingFacts): string | undefined {
  const type = byName.get(encoding.toLowerCase());
  return holdsWeights(type) && facts.fits(type!.encoding, shape[shape.length - 1]) ? type!.encoding : undefined;
}

export function recipeRefusal(_tensor: TensorInfo, encoding: string): string | undefined {
  return holdsWeights(byName.get(encoding.toLowerCase())) ? undefined : "GGUF has no tensor type for it";
}
