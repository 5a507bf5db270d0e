import type { ExportTarget } from "../format";

/** How compressed-tensors stores a group of weights: what an integer grid's name says. */
export interface Scheme {
  readonly bits: 4 | 8;
  /** Weights of a row that share a scale; 0 is the whole row. */
  readonly group: number;
  readonly asymmetric: boolean;
  readonly scaleDtype: "F32" | "F16" | "BF16";
}

const grid = /^int([48])-(?:g([1-9]\d{0,5})|channel)(-asym)?(?:-(f32|f16|bf16))?(?:-[a-z]+)?$/;

/** The scheme of an encoding's name ("int4-g128-asym-bf16"); undefined for names that pack-quantized cannot store. */
export function schemeOf(encoding: string): Scheme | undefined {
  const match = grid.exec(encoding);
  if (!match) return undefined;
  const [, bits, group, asymmetric, scale] = match;
  return {
    bits: Number(bits) as 4 | 8,
    group: Number(group ?? 0),
    asymmetric: asymmetric !== undefined,
    scaleDtype: (scale?.toUpperCase() ?? "F32") as Scheme["scaleDtype"],
  };
}

/** 4 and 8 bits, per 128 or 32 weights or per channel, symmetric and not. Scales take each weight's own type. */
export const exportTargets: readonly ExportTarget[] = ([4, 8] as const).flatMap((bits) =>
  [128, 32, 0].flatMap((group) =>
    [false, true].map((asymmetric) => ({
      name: `int${bits}-${group ? `g${group}` : "channel"}${asymmetric ? "-asym" : ""}`,
      label: `INT${bits} ${group ? `g${group}` : "per channel"}${asymmetric ? " asymmetric" : ""}`,
      description: `compressed-tensors: ${bits}-bit integers, one scale${asymmetric ? " and zero point" : ""} per ${
        group ? `${group} weights` : "output channel"
      }; loads in vLLM and transformers`,
    })),
  ),
);
