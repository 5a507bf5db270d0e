/** Messages of onnx.proto as they are kept: everything that matters for weights, and places instead of large contents. */

/** A length-delimited field occurrence in the file: where its tag starts, its content, its end, and what it lies in. */
export interface Span {
  /** Field number; 0 for the file itself. */
  readonly number: number;
  readonly start: number;
  readonly body: number;
  readonly end: number;
  readonly parent?: Span;
}

/** A stretch of the file. `bytes` where it is short enough to be kept. */
export interface Range {
  readonly offset: number;
  readonly length: number;
  readonly bytes?: Uint8Array;
}

/** Values of a repeated number: packed content, or a stretch of unpacked elements each with its tag. */
export interface Run extends Range {
  readonly packed: boolean;
}

export interface Message {
  /** First occurrence; repeated messages have exactly one. */
  span: Span;
}

export interface StringEntry extends Message {
  key: string;
  value: string;
}

export interface TensorProto extends Message {
  dims: number[];
  dataType: number;
  name: string;
  /** Present where the file holds only a piece of the tensor, which no reader supports. */
  segment?: Message;
  raw?: Range;
  floatData: Run[];
  int32Data: Run[];
  int64Data: Run[];
  doubleData: Run[];
  uint64Data: Run[];
  /** Number of strings, and bytes of them all. */
  stringData: Range[];
  externalData: StringEntry[];
  dataLocation: number;
}

export interface SparseTensorProto extends Message {
  values?: TensorProto;
  indices?: TensorProto;
  dims: number[];
}

export interface AttributeProto extends Message {
  name: string;
  refAttrName: string;
  type: number;
  f?: number;
  i?: number;
  s?: Range;
  t?: TensorProto;
  g?: GraphProto;
  sparse?: SparseTensorProto;
  floats: Run[];
  ints: Run[];
  tensors: TensorProto[];
  graphs: GraphProto[];
}

export interface NodeProto extends Message {
  input: string[];
  output: string[];
  name: string;
  opType: string;
  domain: string;
  overload: string;
  attribute: AttributeProto[];
}

export interface ValueInfoProto extends Message {
  name: string;
}

export interface GraphProto extends Message {
  name: string;
  node: NodeProto[];
  initializer: TensorProto[];
  sparseInitializer: SparseTensorProto[];
  input: ValueInfoProto[];
  output: ValueInfoProto[];
}

export interface FunctionProto extends Message {
  name: string;
  domain: string;
  overload: string;
  input: string[];
  output: string[];
  node: NodeProto[];
  opsetImport: OperatorSetIdProto[];
}

export interface OperatorSetIdProto extends Message {
  domain: string;
  version: number;
}

export interface ModelProto extends Message {
  irVersion?: number;
  producerName: string;
  producerVersion: string;
  domain: string;
  modelVersion?: number;
  docString: string;
  graph?: GraphProto;
  opsetImport: OperatorSetIdProto[];
  metadataProps: StringEntry[];
  functions: FunctionProto[];
}
