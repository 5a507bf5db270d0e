import { encoding } from "../encodings";
import { AffineReader } from "./passAffine";
import type { PassContext } from "./passContext";
import { PlainReader } from "./passPlain";
import type { TileReader } from "./passReader";
import type { TensorSource } from "./tasks";

export function tileReader(context: PassContext, tensor: TensorSource): TileReader {
  if (tensor.storage.encoding === "affine") return new AffineReader(context, tensor);
  return new PlainReader(context, tensor, encoding(tensor.storage.encoding));
}
