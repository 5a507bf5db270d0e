import { bytesField, field, intField, type Piece } from "./encode";
import { attributeOf } from "./network";
import type { Amendment } from "./opsets";
import type { Output } from "./output";
import { append } from "./rewrite";

const int64 = 7;

/** Writes a node as versions from 18 on have it. */
export function amend(output: Output, amendment: Amendment): void {
  const { node } = amendment;
  if (amendment.kind === "parts") {
    const parts = field(5, [bytesField(1, "num_outputs"), intField(3, node.output.length), intField(20, 2)]);
    output.edit(append(node.span, parts));
    return;
  }
  const name = output.unique(`${node.output[0]}_axes`);
  const bytes = new Uint8Array(new BigInt64Array(amendment.axes.map(BigInt)).buffer);
  const content: Piece[] = [{ kind: "bytes", bytes }];
  // A Constant beside the node, whichever graph that is in; a repeated field's order is that of its parts.
  const tensor = [intField(1, amendment.axes.length), intField(2, int64), ...field(9, content)];
  const value = field(5, [bytesField(1, "value"), ...field(5, tensor), intField(20, 4)]);
  output.insertBeforeNode(node, field(1, [bytesField(2, name), bytesField(3, name), bytesField(4, "Constant"), ...value]));
  output.replace(attributeOf(node, "axes")!.span, []);
  output.edit(append(node.span, [bytesField(1, name)]));
}
