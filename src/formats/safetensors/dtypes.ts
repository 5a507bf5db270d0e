/** One element type of the format. */
export interface Dtype {
  readonly bits: number;
  /** The encoding that decodes it; absent for complex numbers, which have no single value to show. */
  readonly encoding?: string;
}

/**
 * Every dtype of the safetensors library (0.8), by the name its header uses. Sub-byte types are packed densely over the whole
 * tensor, which must fill whole bytes.
 */
export const dtypes: ReadonlyMap<string, Dtype> = new Map<string, Dtype>([
  ["BOOL", { bits: 8, encoding: "bool" }],
  ["F4", { bits: 4, encoding: "f4" }],
  ["F6_E2M3", { bits: 6, encoding: "f6_e2m3" }],
  ["F6_E3M2", { bits: 6, encoding: "f6_e3m2" }],
  ["U8", { bits: 8, encoding: "u8" }],
  ["I8", { bits: 8, encoding: "i8" }],
  ["F8_E5M2", { bits: 8, encoding: "f8_e5m2" }],
  ["F8_E4M3", { bits: 8, encoding: "f8_e4m3" }],
  ["F8_E8M0", { bits: 8, encoding: "f8_e8m0" }],
  ["F8_E4M3FNUZ", { bits: 8, encoding: "f8_e4m3fnuz" }],
  ["F8_E5M2FNUZ", { bits: 8, encoding: "f8_e5m2fnuz" }],
  ["I16", { bits: 16, encoding: "i16" }],
  ["U16", { bits: 16, encoding: "u16" }],
  ["F16", { bits: 16, encoding: "f16" }],
  ["BF16", { bits: 16, encoding: "bf16" }],
  ["I32", { bits: 32, encoding: "i32" }],
  ["U32", { bits: 32, encoding: "u32" }],
  ["F32", { bits: 32, encoding: "f32" }],
  ["C64", { bits: 64 }],
  ["F64", { bits: 64, encoding: "f64" }],
  ["I64", { bits: 64, encoding: "i64" }],
  ["U64", { bits: 64, encoding: "u64" }],
]);
