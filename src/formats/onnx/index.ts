import type { Format } from "../format";
import { assign, exportTargets } from "./assign";
import { planWrite } from "./planWrite";
import { readIndex } from "./read";
import { recipeEncoding, recipeRefusal } from "./recipeEncoding";
import { storedBytes } from "./toBlocks";

/** Tags that a ModelProto's second field can start with: all fields of it that exporters write. */
const secondTags = new Set([0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42, 0x72]);

/** Open Neural Network Exchange: a protobuf of the graph, its weights inside or in files beside it. */
export const onnx: Format = {
  name: "onnx",
  label: "ONNX",
  extensions: [".onnx"],
  // The format has no magic number. Every exporter writes the IR version first, a small number.
  sniff: (name, head) =>
    name.toLowerCase().endsWith(".onnx") || (head[0] === 0x08 && head[1] > 0 && head[1] < 64 && secondTags.has(head[2])),
  readIndex,
  exportTargets,
  quantizes: "constant weights of MatMul, Gemm, Conv and Gather",
  recipeEncoding,
  recipeRefusal,
  assign,
  storedBytes,
  planWrite,
};
