import type { AffineLayout, ByteRange, Problem } from "../../core/model";
import type { Located, ValueReader } from "./constants";
import type { GraphNode, Network, Value } from "./network";

/** Codes with their scales, seen as the weights they stand for. */
export interface DequantizedView {
  /** In the file's order of the codes. */
  readonly dims: readonly number[];
  readonly label: string;
  readonly byteLength: number;
  readonly planes: readonly ByteRange[];
  readonly layout: AffineLayout;
  /** Scales and zero points that belong to it. */
  readonly parameters: readonly Value[];
}

export interface ViewContext {
  readonly network: Network;
  readonly values: ValueReader;
  located(value: Value): Located | undefined;
  /** Two dimensions: does the file store [in, out]? More: are the dimensions after the first taken together? */
  transposed(value: Value): boolean;
  convolution(value: Value): boolean;
}

type Refusal = { readonly problem: Omit<Problem, "tensor"> };
export type Viewed = DequantizedView | Refusal;

/** Codes of one operator that cannot be shown as weights. */
export const refuse = (node: GraphNode, why: string): Refusal => ({
  problem: { code: "quantization-not-shown", message: `${node.proto.opType}: ${why}; the stored codes are shown instead.` },
});
