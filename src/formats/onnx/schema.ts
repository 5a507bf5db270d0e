/** Field numbers of onnx.proto (onnx 1.23, IR version 14), as far as they are read, and what becomes of each field. */
import type {
  AttributeProto,
  FunctionProto,
  GraphProto,
  Message,
  ModelProto,
  NodeProto,
  OperatorSetIdProto,
  Span,
  SparseTensorProto,
  StringEntry,
  TensorProto,
  ValueInfoProto,
} from "./proto";

/**
 * What is done with a field. "int": varint, kept; "enum": kept when inside `values`, as closed enums are; "text": kept whole,
 * so limited; "longText": kept cut; "range": kept as its place; "varints" and "fixed": repeated numbers kept as places (`size`
 * bytes each where fixed); "ints": a short list read at once; a schema: a message, parsed for validity only where `drop`.
 */
export type Kind = "int" | "int32" | "enum" | "float" | "text" | "longText" | "range" | "varints" | "fixed" | "ints" | Schema;

export interface Field {
  readonly key: string;
  readonly kind: Kind;
  readonly repeated?: boolean;
  readonly drop?: boolean;
  /** Enum: number of values, from 0. Fixed: bytes of an element. */
  readonly size?: number;
}

export interface Schema {
  readonly name: string;
  readonly fields: Map<number, Field>;
  create(span: Span): Message;
}

const schema = (name: string, create: (span: Span) => Message): Schema => ({ name, fields: new Map(), create });
const one = (key: string, kind: Kind, size?: number): Field => ({ key, kind, size });
const many = (key: string, kind: Kind, size?: number): Field => ({ key, kind, repeated: true, size });
/** Parsed, because a damaged one makes the file invalid, but not kept. */
const unused = (kind: Schema): Field => ({ key: "", kind, drop: true });

/** Lists start out as this one, which is replaced by the first element: most messages leave most lists empty. */
export const noElements: never[] = [];

function define(target: Schema, fields: Record<number, Field>): void {
  for (const [number, field] of Object.entries(fields)) target.fields.set(Number(number), field);
}

const none = (name: string) => schema(name, (span) => ({ span }));
const entry = schema("StringStringEntryProto", (span): StringEntry => ({ span, key: "", value: "" }));
const segment = none("TensorProto.Segment");
const tensor = schema("TensorProto", (span): TensorProto => ({
  span,
  dims: noElements,
  dataType: 0,
  name: "",
  floatData: noElements,
  int32Data: noElements,
  int64Data: noElements,
  doubleData: noElements,
  uint64Data: noElements,
  stringData: noElements,
  externalData: noElements,
  dataLocation: 0,
}));
const sparse = schema("SparseTensorProto", (span): SparseTensorProto => ({ span, dims: noElements }));
const attribute = schema("AttributeProto", (span): AttributeProto => ({
  span,
  name: "",
  refAttrName: "",
  type: 0,
  floats: noElements,
  ints: noElements,
  tensors: noElements,
  graphs: noElements,
}));
const node = schema("NodeProto", (span): NodeProto => ({
  span,
  input: noElements,
  output: noElements,
  name: "",
  opType: "",
  domain: "",
  overload: "",
  attribute: noElements,
}));
const valueInfo = schema("ValueInfoProto", (span): ValueInfoProto => ({ span, name: "" }));
const graph = schema("GraphProto", (span): GraphProto => ({
  span,
  name: "",
  node: noElements,
  initializer: noElements,
  sparseInitializer: noElements,
  input: noElements,
  output: noElements,
}));
const opset = schema("OperatorSetIdProto", (span): OperatorSetIdProto => ({ span, domain: "", version: 0 }));
const fn = schema("FunctionProto", (span): FunctionProto => ({
  span,
  name: "",
  domain: "",
  overload: "",
  input: noElements,
  output: noElements,
  node: noElements,
  opsetImport: noElements,
}));
const [type, typeTensor, typeElement, typeMap, shape, dimension, opaque] = [
  "TypeProto",
  "TypeProto.Tensor",
  "TypeProto.Sequence",
  "TypeProto.Map",
  "TensorShapeProto",
  "TensorShapeProto.Dimension",
  "TypeProto.Opaque",
].map(none);
const [annotation, training, device, sharding, intList, shardedDim, simpleSharding, deviceConfiguration] = [
  "TensorAnnotation",
  "TrainingInfoProto",
  "NodeDeviceConfigurationProto",
  "ShardingSpecProto",
  "IntIntListEntryProto",
  "ShardedDimProto",
  "SimpleShardedDimProto",
  "DeviceConfigurationProto",
].map(none);

/** The root of an ONNX file. */
export const model = schema("ModelProto", (span): ModelProto => ({
  span,
  producerName: "",
  producerVersion: "",
  domain: "",
  docString: "",
  opsetImport: noElements,
  metadataProps: noElements,
  functions: noElements,
}));

define(entry, { 1: one("key", "text"), 2: one("value", "longText") });
define(tensor, {
  1: many("dims", "ints"),
  2: one("dataType", "int32"),
  3: one("segment", segment),
  4: many("floatData", "fixed", 4),
  5: many("int32Data", "varints"),
  6: many("stringData", "range"),
  7: many("int64Data", "varints"),
  8: one("name", "text"),
  9: one("raw", "range"),
  10: many("doubleData", "fixed", 8),
  11: many("uint64Data", "varints"),
  13: many("externalData", entry),
  14: one("dataLocation", "enum", 2),
  16: unused(entry),
});
define(sparse, { 1: one("values", tensor), 2: one("indices", tensor), 3: many("dims", "ints") });
define(attribute, {
  1: one("name", "text"),
  2: one("f", "float"),
  3: one("i", "int"),
  4: one("s", "range"),
  5: one("t", tensor),
  6: one("g", graph),
  7: many("floats", "fixed", 4),
  8: many("ints", "varints"),
  10: many("tensors", tensor),
  11: many("graphs", graph),
  14: unused(type),
  15: unused(type),
  20: one("type", "enum", 15),
  21: one("refAttrName", "text"),
  22: one("sparse", sparse),
  23: unused(sparse),
});
define(node, {
  1: many("input", "text"),
  2: many("output", "text"),
  3: one("name", "text"),
  4: one("opType", "text"),
  5: many("attribute", attribute),
  7: one("domain", "text"),
  8: one("overload", "text"),
  9: unused(entry),
  10: unused(device),
});
define(graph, {
  1: many("node", node),
  2: one("name", "text"),
  5: many("initializer", tensor),
  11: many("input", valueInfo),
  12: many("output", valueInfo),
  13: unused(valueInfo),
  14: unused(annotation),
  15: many("sparseInitializer", sparse),
  16: unused(entry),
});
define(valueInfo, { 1: one("name", "text"), 2: unused(type), 4: unused(entry) });
define(opset, { 1: one("domain", "text"), 2: one("version", "int") });
define(fn, {
  1: one("name", "text"),
  4: many("input", "text"),
  5: many("output", "text"),
  7: many("node", node),
  9: many("opsetImport", opset),
  10: one("domain", "text"),
  11: unused(attribute),
  12: unused(valueInfo),
  13: one("overload", "text"),
  14: unused(entry),
});
define(model, {
  1: one("irVersion", "int"),
  2: one("producerName", "text"),
  3: one("producerVersion", "text"),
  4: one("domain", "text"),
  5: one("modelVersion", "int"),
  6: one("docString", "longText"),
  7: one("graph", graph),
  8: many("opsetImport", opset),
  14: many("metadataProps", entry),
  20: unused(training),
  25: many("functions", fn),
  26: unused(deviceConfiguration),
});
define(type, {
  1: unused(typeTensor),
  4: unused(typeElement),
  5: unused(typeMap),
  7: unused(opaque),
  8: unused(typeTensor),
  9: unused(typeElement),
});
define(typeTensor, { 2: unused(shape) });
define(typeElement, { 1: unused(type) });
define(typeMap, { 2: unused(type) });
define(shape, { 1: unused(dimension) });
define(annotation, { 2: unused(entry) });
define(training, { 1: unused(graph), 2: unused(graph), 3: unused(entry), 4: unused(entry) });
define(device, { 2: unused(sharding) });
define(sharding, { 3: unused(intList), 4: unused(shardedDim) });
define(shardedDim, { 2: unused(simpleSharding) });
