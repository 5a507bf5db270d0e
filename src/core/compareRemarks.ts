import type { TensorComparison } from "./api/compare";

const words = { rope: "RoPE order undone", alternating: "alternating q, k, v undone", "norm-offset": "1 + w undone", "tied-head": "head is the embedding" } as const;

/** What a person should know of a pair besides its numbers. */
export function compareRemarks({ undone, nonFinite, part, a, b }: Pick<TensorComparison, "undone" | "nonFinite" | "part" | "a" | "b">): string[] {
  const { shape } = part?.side === "b" ? b : a;
  return [
    ...(nonFinite ? [`${nonFinite} not finite`] : []),
    ...(part ? [`${shape.length < 2 ? "elements" : "rows"} ${part.first} to ${part.first + part.rows - 1} of ${part.every ? `every ${part.every.rows} of ` : ""}${part.side.toUpperCase()}`] : []),
    ...undone.flatMap((one) => (one === "fused" ? [] : [words[one]])),
  ];
}
