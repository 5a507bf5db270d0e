import type { CancellationToken } from "../cancellation";
import type { PlainError } from "../errors";
import type { FormatName, ModelIndex } from "../model";
import type { TensorReport } from "../series";

/** What computes, for the status bar. */
export interface DeviceInfo {
  /** "CPU". */
  readonly name: string;
  readonly threads: number;
  readonly simd: boolean;
}

export interface AnalyseRequest {
  readonly path: string;
  /** Exact names; all decodable tensors when absent. In this order. */
  readonly tensors?: readonly string[];
  /** Encodings to measure the error of. */
  readonly encodings: readonly string[];
}

export type AnalyseEvent =
  | { readonly kind: "report"; readonly report: TensorReport; readonly progress: Progress }
  | { readonly kind: "failed"; readonly tensor: string; readonly error: PlainError; readonly progress: Progress }
  | { readonly kind: "progress"; readonly progress: Progress };

export interface Progress {
  readonly tensorsDone: number;
  readonly tensorsTotal: number;
  readonly bytesDone: number;
  readonly bytesTotal: number;
  /** Since the call started. */
  readonly seconds: number;
}

export interface AnalyseSummary {
  readonly progress: Progress;
  readonly failed: number;
}

/** One row of the export quick pick. */
export interface ExportChoice {
  readonly encoding: string;
  /** Container of the result: the model's own, or GGUF from a Hugging Face folder. */
  readonly format: FormatName;
  readonly label: string;
  readonly description: string;
  /** Predicted bytes of all written weight files. */
  readonly byteLength: number;
  readonly bitsPerWeight: number;
  /** Tensors that change encoding. */
  readonly tensorCount: number;
  /** Which they are and into what, by position in `ModelIndex.tensors`; absent where a conversion renames tensors. */
  readonly assigned?: readonly { readonly encoding: string; readonly tensors: readonly number[] }[];
}

export interface ExportRequest {
  readonly path: string;
  /** One of `exportChoices` for the model's format. */
  readonly encoding: string;
  /** Final path: a file for GGUF and ONNX, a folder for safetensors (or a single .safetensors file). */
  readonly output: string;
}

export interface ExportResult {
  readonly output: string;
  readonly files: readonly string[];
  readonly byteLength: number;
  readonly bitsPerWeight: number;
  readonly tensorCount: number;
  /** What a person should know: tensors kept, fallbacks. */
  readonly notes: readonly string[];
}

export interface EncodingInfo {
  readonly name: string;
  readonly label: string;
  /** Bits per weight of a long row. */
  readonly bitsPerWeight: number;
  readonly blockElements: number;
  /** Formats it can be exported to. */
  readonly targets: readonly FormatName[];
  readonly description: string;
}

/**
 * The one contract of the extension, the command line and the tests. Every call resolves or rejects with an EngineError;
 * nothing stays pending. All data is plain.
 */
export interface Engine {
  device(): Promise<DeviceInfo>;
  encodings(): Promise<readonly EncodingInfo[]>;
  /** Reads the header only. A folder with safetensors inside is accepted. */
  open(path: string, token?: CancellationToken): Promise<ModelIndex>;
  /** Streams one event per tensor as it is done; cancelling rejects with code "cancelled" at once. */
  analyse(request: AnalyseRequest, onEvent: (event: AnalyseEvent) => void, token?: CancellationToken): Promise<AnalyseSummary>;
  exportChoices(path: string, token?: CancellationToken): Promise<readonly ExportChoice[]>;
  export(request: ExportRequest, onProgress: (progress: Progress) => void, token?: CancellationToken): Promise<ExportResult>;
  dispose(): void;
}
