import { maximumDimension, maximumPulses } from "../../../core/math/pvq/codebook";

/** Key of `__metadata__` for weights in Bitlens' own layout, and `quant_method` of config.json. */
export const planesKey = "bitlens";

/** What a file says of one weight. */
export interface PlanesStatement {
  readonly encoding: string;
  readonly shape: readonly [rows: number, columns: number];
}

/** Least-squares binary (bits absent: ternary) by group or row. */
export const binaryName = /^(?:lsbq([1-6])|ternary)-(?:g([1-9]\d{0,5})|row)$/;
/** Pyramid vectors: group, pulses, bits of the gain, seed of a rotation. */
export const pyramidName = /^pvq-g([1-9]\d{0,2})-k([1-9]\d{0,3})-b([0-8])(?:-r(0|[1-9]\d{0,14}))?$/;

export function isPlaneEncoding(encoding: string): boolean {
  const [, group, pulses] = pyramidName.exec(encoding)?.map(Number) ?? [];
  return binaryName.test(encoding) || (group >= 2 && group <= maximumDimension && pulses <= maximumPulses);
}
