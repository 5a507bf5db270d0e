import type { ModelFolder } from "../core/bytes";
import type { FormatName, ModelIndex, TensorInfo } from "../core/model";

/**
 * What a format must know of encodings to size its output, passed in because formats and encodings stand on one rung and
 * do not see each other.
 */
export interface EncodingFacts {
  /** Can rows of this length be stored without padding? False for unknown names. */
  fits(encoding: string, columns: number): boolean;
  /** Bytes of each plane, in order, for a matrix of rows × columns. */
  planeBytes(encoding: string, rows: number, columns: number): readonly number[];
}

/** A tensor's new encoding in an export; tensors not listed are copied byte for byte. */
export interface Assignment {
  readonly tensor: string;
  readonly encoding: string;
}

/**
 * One stretch of an output file. Offsets and lengths are final before the first byte is written, so that workers can write
 * their rows in any order.
 */
export type Segment =
  | { readonly kind: "bytes"; readonly offset: number; readonly bytes: Uint8Array }
  | {
      readonly kind: "copy";
      readonly offset: number;
      readonly byteLength: number;
      /** Name of the source file in the model's folder. */
      readonly source: string;
      readonly sourceOffset: number;
    }
  | {
      /** One plane of an encoded tensor. */
      readonly kind: "plane";
      readonly offset: number;
      readonly byteLength: number;
      readonly tensor: string;
      readonly encoding: string;
      /** Index into the encoding's planes. */
      readonly plane: number;
      /**
       * "rows": as the encoding lays it out. Others are made from the whole plane by `arrange` in formats/arrange.ts
       * (transposed int8 codes; zero points of 4 or 8 bits packed along the output dimension).
       */
      readonly arrangement: "rows" | ArrangementName;
      /** The rows of each of so many heads are interleaved on the way: halves r and r + d/2 become neighbours (RoPE pairs). */
      readonly ropeHeads?: number;
    };

export type ArrangementName =
  | "transpose-2-bytes" | "transpose-4-bytes" | "pack-4-bit-zeros-by-group" | "pack-8-bit-zeros-by-group" | "awq-codes" | "awq-zeros"
  | "transpose-bytes" | "pack-4-bit-zeros-along-rows" | "pack-8-bit-zeros-along-rows" | "pack-4-bit-zeros-in-rows"
  | "pack-2-bit-zeros-in-rows" | "transpose-nibbles";

export interface OutputFile {
  /** Name relative to the output folder. */
  readonly name: string;
  readonly byteLength: number;
  /** Ascending by offset, without gaps or overlaps. */
  readonly segments: readonly Segment[];
}

/** Everything an export will write, known before it starts. Plain data. */
export interface WritePlan {
  readonly files: readonly OutputFile[];
  /** What a person should know: tensors kept as they are, fallbacks taken. */
  readonly notes: readonly string[];
}

/** One entry of the export quick pick: a uniform choice, before any budget. */
export interface ExportTarget {
  /** "q4_0", "int4-g32", "int8-qdq". */
  readonly name: string;
  readonly label: string;
  readonly description: string;
  /** A file in this layout holds no other layout's weights: plans that mix encodings leave it out. */
  readonly alone?: boolean;
}

export interface WriteRequest {
  readonly folder: ModelFolder;
  readonly index: ModelIndex;
  readonly assignments: readonly Assignment[];
  /** The uniform target's name, for the file's own metadata (general.file_type). */
  readonly target: string;
  /** Final name of the main output file; companions are written beside it. */
  readonly outputName: string;
  readonly facts: EncodingFacts;
}

/** A container format: how a model file is recognised, read and written. Pure: reaches files only through ModelFolder. */
export interface Format {
  readonly name: FormatName;
  readonly label: string;
  /** File name endings, lower case. */
  readonly extensions: readonly string[];
  /** Cheap and without trace: `head` is the first 64 bytes or fewer. */
  sniff(name: string, head: Uint8Array): boolean;
  /**
   * Reads headers only. Throws EngineError when nothing can be shown; otherwise says what is wrong in `problems`. Leaves
   * role "other", layer undefined and group "" to `src/graph`, which annotates every index the same way.
   */
  readIndex(folder: ModelFolder, name: string): Promise<ModelIndex>;
  readonly exportTargets: readonly ExportTarget[];
  /** What a uniform export changes, in a few words for a person whose model has none of it. */
  readonly quantizes: string;
  /** Encodings that a recipe may give to any tensor that some uniform target quantizes, beyond what the targets themselves give it. */
  readonly recipeEncodings?: readonly string[];
  /**
   * The full name of an encoding that a recipe asks for by name, as this tensor would take it ("int4-g32-bf16" for "int4-g32"
   * where scales have the weight's type); undefined where the container cannot hold it. Goes beyond what plans choose from.
   */
  recipeEncoding?(tensor: TensorInfo, encoding: string, facts: EncodingFacts): string | undefined;
  /** Why `recipeEncoding` says no, as half a sentence about the tensor; undefined where the encoding's blocks are the reason. */
  recipeRefusal?(tensor: TensorInfo, encoding: string): string | undefined;
  /** What the format's own quantizer takes where rows do not fill an encoding's blocks. */
  readonly fallbacks?: ReadonlyMap<string, string>;
  /**
   * Which tensors take which encoding under a uniform target, following the conventions of the format's own quantizer
   * (llama-quantize keeps norms, ONNX Runtime quantizes MatMul weights, compressed-tensors ignores lm_head).
   */
  assign(index: ModelIndex, target: string, facts: EncodingFacts): { assignments: Assignment[]; notes: string[] };
  /**
   * Bytes of a matrix in an encoding that the container can hold, as it stores them (zero points packed, shapes beside the
   * codes), headers aside. The planes' own bytes when absent.
   */
  storedBytes?(encoding: string, shape: { readonly rows: number; readonly columns: number }, facts: EncodingFacts): number;
  /** Lays the output out. `outputName` is the main file's final name. */
  planWrite(request: WriteRequest): Promise<WritePlan>;
}
