import type { Located } from "./constants";
import type { Consumer } from "./consumers";
import type { ModelFiles } from "./files";
import type { GraphNode, Network, Value } from "./network";
import type { OpsetChange } from "./opsets";
import type { ModelProto } from "./proto";
import type { DequantizedView, Viewed } from "./view";

/** Everything read from a model's files, short of the weights' values. */
export interface OnnxModel {
  readonly proto: ModelProto;
  readonly network: Network;
  readonly files: ModelFiles;
  /** All constants of the file, weights or not. */
  readonly located: readonly Located[];
  readonly views: ReadonlyMap<Value, Viewed>;
  readonly disagreeing: ReadonlySet<Value>;
  /** What DequantizeLinear per block needs of the operator set. */
  readonly blockOpset: OpsetChange;
  /** Operators that compute with a constant, in graph order. */
  consumers(value: Value): readonly Consumer[];
}

/** A constant that is shown as a tensor. */
export interface Weight {
  readonly located: Located;
  readonly view?: DequantizedView;
  readonly consumers: readonly Consumer[];
  /** Counted among the model's parameters: floats, and integers that operators take as weights. */
  readonly isParameter: boolean;
  /** Of a quantized weight that is seen as the floats it stands for: what goes when it is quantized again. */
  readonly replaced?: Replaced;
}

/** What goes when a quantized weight takes another form. */
export interface Replaced {
  /** The DequantizeLinear behind the codes, or the operators that take them as they are. */
  readonly nodes: readonly GraphNode[];
  readonly codes: Value;
  /** Its scales and zero points. */
  readonly parameters: readonly Value[];
}
