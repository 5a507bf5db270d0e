import type { ScalarType } from "../../core/model";

/** One of TensorProto.DataType's values. */
export interface DataType {
  readonly id: number;
  /** As onnx.proto spells it. */
  readonly name: string;
  readonly kind: "float" | "integer" | "bool" | "string" | "complex";
  readonly bits: number;
  /** Absent for what has no numbers to show. */
  readonly scalar?: ScalarType;
  /** The typed field that holds the values when raw_data does not. */
  readonly field: "floatData" | "int32Data" | "int64Data" | "doubleData" | "uint64Data" | "stringData";
  readonly signed: boolean;
}

const rows: readonly [number, string, DataType["kind"], number, ScalarType | undefined, DataType["field"]][] = [
  [1, "FLOAT", "float", 32, "f32", "floatData"],
  [2, "UINT8", "integer", 8, "u8", "int32Data"],
  [3, "INT8", "integer", 8, "i8", "int32Data"],
  [4, "UINT16", "integer", 16, "u16", "int32Data"],
  [5, "INT16", "integer", 16, "i16", "int32Data"],
  [6, "INT32", "integer", 32, "i32", "int32Data"],
  [7, "INT64", "integer", 64, "i64", "int64Data"],
  [8, "STRING", "string", 0, undefined, "stringData"],
  [9, "BOOL", "bool", 8, "bool", "int32Data"],
  [10, "FLOAT16", "float", 16, "f16", "int32Data"],
  [11, "DOUBLE", "float", 64, "f64", "doubleData"],
  [12, "UINT32", "integer", 32, "u32", "uint64Data"],
  [13, "UINT64", "integer", 64, "u64", "uint64Data"],
  [14, "COMPLEX64", "complex", 64, undefined, "floatData"],
  [15, "COMPLEX128", "complex", 128, undefined, "doubleData"],
  [16, "BFLOAT16", "float", 16, "bf16", "int32Data"],
  [17, "FLOAT8E4M3FN", "float", 8, "f8_e4m3", "int32Data"],
  [18, "FLOAT8E4M3FNUZ", "float", 8, "f8_e4m3fnuz", "int32Data"],
  [19, "FLOAT8E5M2", "float", 8, "f8_e5m2", "int32Data"],
  [20, "FLOAT8E5M2FNUZ", "float", 8, "f8_e5m2fnuz", "int32Data"],
  [21, "UINT4", "integer", 4, "u4", "int32Data"],
  [22, "INT4", "integer", 4, "i4", "int32Data"],
  [23, "FLOAT4E2M1", "float", 4, "f4", "int32Data"],
  [24, "FLOAT8E8M0", "float", 8, "f8_e8m0", "int32Data"],
  [25, "UINT2", "integer", 2, "u2", "int32Data"],
  [26, "INT2", "integer", 2, "i2", "int32Data"],
  [27, "FLOAT6E2M3", "float", 6, "f6_e2m3", "int32Data"],
  [28, "FLOAT6E3M2", "float", 6, "f6_e3m2", "int32Data"],
];

export const dataTypes: ReadonlyMap<number, DataType> = new Map(
  rows.map(([id, name, kind, bits, scalar, field]) => [
    id,
    { id, name, kind, bits, scalar, field, signed: name.startsWith("INT") },
  ]),
);

/** Bytes of `count` values in raw_data or a file: dense, the last byte filled up. */
export const rawBytes = (type: DataType, count: number): number => Math.ceil((count * type.bits) / 8);
