/** What an integer grid's name says. */
export interface GridOptions {
  readonly bits: 2 | 3 | 4 | 8;
  /** Neighbouring weights of a row that share a scale; 0 is the whole row. */
  readonly group: number;
  readonly asymmetric: boolean;
  readonly scaleType: "f32" | "f16" | "bf16";
  /**
   * How a symmetric scale is found: "search" minimises the squared error; "absmax" is 2·max|x|/(2^bits − 1), as
   * compressed-tensors does; "extreme" is the signed extreme / −2^(bits−1), as ONNX Runtime and Q4_0 do.
   */
  readonly rule: "search" | "absmax" | "extreme";
  /** Only positive scales, for runtimes that refuse others. No part of the name. */
  readonly positive?: boolean;
}

const pattern = /^int([2348])-(?:g([1-9]\d{0,5})|(channel))(-asym)?(?:-(f32|f16|bf16))?(?:-(absmax|extreme))?$/;

/**
 * "int4-g32", "int8-channel-asym-bf16"; undefined for other names. A group must fill whole 32-bit words. Scales are f32 and
 * searched unless the name says otherwise.
 */
export function parseGridName(name: string): GridOptions | undefined {
  const match = pattern.exec(name);
  if (!match) return undefined;
  const [, bits, group, , asym, scaleType, rule] = match;
  const options: GridOptions = {
    bits: Number(bits) as GridOptions["bits"],
    group: Number(group ?? 0),
    asymmetric: asym !== undefined,
    scaleType: (scaleType as GridOptions["scaleType"] | undefined) ?? "f32",
    rule: (rule as GridOptions["rule"] | undefined) ?? "search",
  };
  if ((options.group * options.bits) % 32 !== 0) return undefined;
  if (options.asymmetric && options.rule !== "search") return undefined;
  return options;
}

/** The shortest name of these options. */
export function gridName({ bits, group, asymmetric, scaleType, rule }: GridOptions): string {
  const parts = [`int${bits}`, group ? `g${group}` : "channel"];
  if (asymmetric) parts.push("asym");
  if (scaleType !== "f32") parts.push(scaleType);
  if (rule !== "search") parts.push(rule);
  return parts.join("-");
}
