import type { PlainError } from "./errors";

export type FormatName = "safetensors" | "gguf" | "onnx";

export const formatLabels: Readonly<Record<FormatName, string>> = { safetensors: "safetensors", gguf: "GGUF", onnx: "ONNX" };

/** Something is wrong with the file that does not keep the rest from being shown. */
export interface Problem {
  /** Kebab-case, stable: "overlapping-tensors", "duplicate-name", "external-data-missing", … */
  readonly code: string;
  /** One sentence for a person. */
  readonly message: string;
  readonly tensor?: string;
}

/** A contiguous range of one of the model's files, or small bytes that had to be decoded while reading the header. */
export type ByteRange =
  | { readonly file: number; readonly offset: number; readonly byteLength: number }
  | { readonly inline: Uint8Array };

/**
 * How a tensor's bytes are stored. Plain data: it travels to the workers, who read the ranges themselves.
 *
 * `encoding` names a member of `src/encodings`. One byte range per plane of that encoding, in its order ("data" alone for
 * most; "codes", "scales", "zeros" for grids). Each plane holds the tensor's rows one after the other unless `transposed`.
 */
export interface TensorStorage {
  readonly encoding: string;
  readonly planes: readonly ByteRange[];
  /** The file keeps [in][out] while `TensorInfo.shape` says [out, in] (ONNX MatMul weights). Two-dimensional tensors only. */
  readonly transposed?: boolean;
  /** For `encoding: "affine"`: an integer grid with scales, as ONNX, GPTQ, AWQ and compressed-tensors store it. */
  readonly affine?: AffineLayout;
}

export type ScalarType =
  | "f64" | "f32" | "f16" | "bf16"
  | "f8_e4m3" | "f8_e4m3fnuz" | "f8_e5m2" | "f8_e5m2fnuz" | "f8_e8m0" | "f6_e2m3" | "f6_e3m2" | "f4"
  | "i64" | "i32" | "i16" | "i8" | "u64" | "u32" | "u16" | "u8" | "bool"
  | "i4" | "u4" | "i2" | "u2";

/**
 * w[r][c] = (code − zero) · scale, the general integer grid. Planes in order: codes, scales, zeros (absent: `zeroPoint`
 * for every element), groupIndex (absent: column / columnsPerScale). There is a zeros plane exactly when `zeros` is set; a plane
 * beyond those is groupIndex: one little-endian i32 per column, the number of its column group (GPTQ's g_idx).
 */
export interface AffineLayout {
  readonly bits: number;
  readonly signed: boolean;
  /** Subtracted from stored codes before use: 2^(bits−1) where signed values are stored with an offset, else 0. */
  readonly storedOffset: number;
  /**
   * How codes are packed. "lsb": dense, least significant bits first, along the stored order. "columns-in-words": AWQ
   * nibble order. `codeRowBytes`: bytes of one stored row of codes (rows may be padded).
   */
  readonly packing: "lsb" | "awq";
  /** Stored order of the codes: one stored row per output ("out-in") or per input ("in-out"), or GPTQ's words along in. */
  readonly codeOrder: "out-in" | "in-out" | "in-packed-out";
  readonly codeRowBytes: number;
  /** Rows of the logical matrix in tensors of more than two dimensions, where that is not for the reader to decide. */
  readonly rows?: number;
  /** Rows and columns of the logical matrix that share one scale; Infinity is written as 0. */
  readonly rowsPerScale: number;
  readonly columnsPerScale: number;
  readonly scaleType: ScalarType;
  /** Elements between neighbouring row groups and column groups in the scales plane. */
  readonly scaleRowStride: number;
  readonly scaleColumnStride: number;
  /** Constant zero point (in code units) where there is no zeros plane. */
  readonly zeroPoint: number;
  /** The zeros plane: bits, sign, what to add to each stored value (GPTQ v1 adds 1), how it is packed. */
  readonly zeros?: {
    readonly bits: number;
    readonly signed: boolean;
    readonly storedOffset: number;
    readonly float?: ScalarType;
    readonly packing: "lsb" | "awq";
    /** Element strides in the unpacked zeros, and bytes of one packed row of them with the elements it holds. */
    readonly rowStride: number;
    readonly columnStride: number;
    readonly packedRowElements: number;
    readonly packedRowBytes: number;
    /**
     * compressed-tensors packs zero points along the output dimension: one little-endian 32-bit word for each row block of
     * `rowsPerWord` rows (32 / bits) and column group, row r at bit `bits`·(r mod rowsPerWord). Where set, it replaces packing,
     * strides and packedRowElements; the words of one row block follow each other, row blocks stand `packedRowBytes` apart.
     */
    readonly rowsPerWord?: number;
  };
  /** Multiplies the result (a second, tensor-wide scale). */
  readonly globalScale?: number;
  /**
   * Codes are floats of this type instead of integers (FP8 weights with scales: compressed-tensors float-quantized, DeepSeek's
   * blocks): `bits` is its width, `signed`, `storedOffset` and `zeroPoint` say nothing then.
   */
  readonly codeType?: ScalarType;
}

/** What a tensor does in its network, in the field's words and in the order in which people read a block. */
export const tensorRoles = [
  "embedding", "attn_norm", "q", "k", "v", "qkv", "o", "ffn_norm", "router", "gate", "up", "gate_up", "down",
  "conv", "norm", "bias", "other", "head",
] as const;
export type TensorRole = (typeof tensorRoles)[number];

export interface TensorInfo {
  readonly name: string;
  /** Row-major [out, in, …], whatever order the file uses. */
  readonly shape: readonly number[];
  readonly elementCount: number;
  /** What a person calls the stored form: "BF16", "Q4_K", "INT4 g32", "FLOAT". */
  readonly encodingLabel: string;
  /** All bytes the tensor takes in the file, scales and zero points included. */
  readonly byteLength: number;
  /** 8 · byteLength / elementCount; 0 for an empty tensor. */
  readonly bitsPerWeight: number;
  /** Absent when the values cannot be decoded; a Problem says why. */
  readonly storage?: TensorStorage;
  readonly role: TensorRole;
  /** Block number in the network, or undefined outside the blocks. */
  readonly layer?: number;
  /** Expert number in a mixture of experts stored one tensor per expert. */
  readonly expert?: number;
  /** Module path for grouping where there are no roles ("encoder.conv1"). */
  readonly group: string;
  /** ONNX: operators that consume it ("MatMul", "Conv"); used to decide what may be quantized. */
  readonly consumers?: readonly string[];
  /** ONNX: the name of the first node that consumes it ("/layers.0/mlp/MatMul"), where the tensor's own name says nothing. */
  readonly consumerName?: string;
  /** ONNX: whether an export can rewrite the operators that use this weight, by the form it would take; absent for other tensors. */
  readonly exportForms?: ExportForms;
}

/**
 * Forms an ONNX weight can take: blocks inside a product or a table look-up, DequantizeLinear per channel or per block, half
 * precision behind a Cast.
 */
export type ExportFormName = "MatMulNBits" | "GatherBlockQuantized" | "QDQ" | "BlockQDQ" | "F16";
export type ExportForms = Readonly<Partial<Record<ExportFormName, ExportForm>>>;

/** `kept`: why the tensor stays as it is in this form. `scaleType`: the type its products are computed in. */
export type ExportForm = { readonly kept: string } | { readonly scaleType: "f32" | "f16" | "bf16" };

/** What the header alone tells. Plain data. */
export interface ModelIndex {
  readonly format: FormatName;
  /** Absolute path that was opened. */
  readonly path: string;
  /** Absolute folder that bounds every file of the model. */
  readonly folder: string;
  /** Names relative to `folder`; ByteRange.file counts in this list. */
  readonly files: readonly string[];
  /** Total bytes of `files`. */
  readonly byteLength: number;
  /** "LlamaForCausalLM", "llama", the ONNX graph's name; "unknown" when the file does not say. */
  readonly architecture: string;
  /** Number of blocks found. */
  readonly layerCount: number;
  readonly parameterCount: number;
  readonly tensors: readonly TensorInfo[];
  /** The file's own metadata, as text for display; long values are cut. */
  readonly metadata: readonly (readonly [key: string, value: string])[];
  readonly problems: readonly Problem[];
}

export interface ResultProblem {
  readonly tensor: string;
  readonly error: PlainError;
}
