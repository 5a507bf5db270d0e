/** What an integer grid's name says. */
export interface GridOptions {
  readonly bits: 2 | 3 | 4 | 8;
  /** Neighbouring weights of a row that share a scale; 0 is the whole row. */
  readonly group: number;
  readonly asymmetric: boolean;
  readonly scaleType: "f32" | "f16" | "bf16";
  /**
   * How scales are found: "search" minimises the squared error. Symmetric: "absmax" is 2·max|x|/(2^bits − 1), as
   * compressed-tensors does; "extreme" is the signed extreme / −2^(bits−1), as ONNX Runtime and Q4_0 do. Asymmetric: "minmax"
   * is the range of the values and 0 in 2^bits − 1 steps, as all three do.
   */
  readonly rule: "search" | "absmax" | "extreme" | "minmax";
  /** Only positive scales, for runtimes that refuse others. No part of the name. */
  readonly positive?: boolean;
}

const pattern = /^int([2348])-(?:g([1-9]\d{0,5})|(channel))(-asym)?(?:-(f32|f16|bf16))?(?:-(absmax|extreme|minmax))?$/;

/** The rule of a name that says none. Asymmetric grids of more than three bits have no search. */
export function usualRule({ bits, asymmetric }: Pick<GridOptions, "bits" | "asymmetric">): GridOptions["rule"] {
  return asymmetric && bits > 3 ? "minmax" : "search";
}

/**
 * "int4-g32", "int8-channel-asym-bf16", "int2-g32-asym-minmax"; undefined for other names. A group must fill whole 32-bit words.
 * Scales are f32 unless the name says otherwise.
 */
export function parseGridName(name: string): GridOptions | undefined {
  const match = pattern.exec(name);
  if (!match) return undefined;
  const [, bits, group, , asym, scaleType, rule] = match;
  const grid = { bits: Number(bits) as GridOptions["bits"], asymmetric: asym !== undefined };
  if (rule && (rule === "minmax") !== grid.asymmetric) return undefined;
  const options: GridOptions = {
    ...grid,
    group: Number(group ?? 0),
    scaleType: (scaleType as GridOptions["scaleType"] | undefined) ?? "f32",
    rule: (rule as GridOptions["rule"] | undefined) ?? usualRule(grid),
  };
  return (options.group * options.bits) % 32 === 0 ? options : undefined;
}

/** The shortest name of these options. */
export function gridName({ bits, group, asymmetric, scaleType, rule }: GridOptions): string {
  const parts = [`int${bits}`, group ? `g${group}` : "channel"];
  if (asymmetric) parts.push("asym");
  if (scaleType !== "f32") parts.push(scaleType);
  if (rule !== usualRule({ bits, asymmetric })) parts.push(rule);
  return parts.join("-");
}
