import type { RecipeFacts, RecipeFactsRequest } from "../../core/api/engine";
import { keep } from "../../core/recipe";
import { encodings } from "../../encodings/index";
import type { OpenModel } from "../openModel";
import type { QuantizableTensor, RecipeTarget } from "./target";
import { targetsOf } from "./target";

/** Names that a recipe may ask about beyond the listed ones. */
const mostAsked = 1000;

/** What recipes for this target can do to each tensor. Tensors that can become the same things share one list of them. */
export function recipeFacts(
  model: OpenModel,
  target: RecipeTarget,
  request: RecipeFactsRequest,
  fingerprint: string,
): RecipeFacts {
  const listed = encodings.filter((e) => e.encode && e.targets.includes(target.format)).map((e) => e.name);
  const names = [...new Set([...listed, ...(request.encodings ?? []).slice(0, mostAsked)])];
  const kinds: RecipeFacts["kinds"][number][] = [];
  const known = new Map<string, number>();
  const kindOf = (tensor: QuantizableTensor): number => {
    const taken = whatItTakes(tensor, names, target);
    const key = taken.map((e) => `${e.encoding} ${e.as} ${e.bytes}`).join("|");
    const found = known.get(key) ?? kinds.push(taken) - 1;
    known.set(key, found);
    return found;
  };
  return {
    target: target.format,
    targets: targetsOf(model),
    model: { name: model.name, fingerprint },
    tensors: target.tensors.map((tensor) => {
      const { name, role, layer, shape, encodingLabel, byteLength } = tensor.info;
      return {
        name,
        role,
        ...(layer !== undefined && { layer }),
        shape,
        encodingLabel,
        byteLength,
        keptBytes: tensor.keptBytes,
        kind: kindOf(tensor),
      };
    }),
    kinds,
  };
}

function whatItTakes(
  { info, keptBytes, candidates }: QuantizableTensor,
  names: readonly string[],
  { held, bytesOf }: RecipeTarget,
) {
  const sizes = new Map(candidates.map((c) => [c.encoding, c.bytes]));
  const spelled = new Map(candidates.map((c) => [c.encoding.toLowerCase(), c.encoding]));
  return names
    .concat(candidates.map((c) => c.encoding).filter((name) => !names.includes(name)))
    .flatMap((encoding) => {
      const as = spelled.get(encoding.toLowerCase()) ?? held(info, encoding);
      if (as === undefined) return [];
      return [{ encoding, as, bytes: as === keep ? keptBytes : (sizes.get(as) ?? bytesOf(info, as)) }];
    })
    .sort((a, b) => a.bytes - b.bytes);
}
