import type { CancellationToken } from "../cancellation";
import type { PlainError } from "../errors";
import type { FormatName, ModelIndex, TensorRole } from "../model";
import type { Recipe } from "../recipe";
import type { SensitivityTable } from "../sensitivity";
import type { TensorReport } from "../series";
import type { CompareEvent, CompareRequest, CompareSummary } from "./compare";
import type { Progress } from "./progress";

export type { Progress };

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
  /** Measure each as the model's own container would store the tensor (`EncodingError.stored`). */
  readonly asStored?: boolean;
  /** Measure again what an earlier call measured. */
  readonly fresh?: boolean;
  /** Reports that an earlier call measured come without `output`, `input` and `heat`: asking for that tensor alone gives them. */
  readonly lightRemembered?: boolean;
}

export type AnalyseEvent =
  /** `remembered`: an earlier call measured it, of the same content and with the same options. */
  | { readonly kind: "report"; readonly report: TensorReport; readonly remembered?: boolean; readonly progress: Progress }
  | { readonly kind: "failed"; readonly tensor: string; readonly error: PlainError; readonly progress: Progress }
  | { readonly kind: "progress"; readonly progress: Progress };

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
  /** Tensors that go through an encoding. */
  readonly tensorCount: number;
  /**
   * By position in `ModelIndex.tensors`: what is written in another encoding than it has, and in which. A conversion may rename it
   * or move whole rows, which leaves each row's error as it is.
   */
  readonly assigned: readonly { readonly encoding: string; readonly tensors: readonly number[] }[];
  /** What a conversion does not write: a head that is the embedding, buffers that are computed anew. */
  readonly omitted?: readonly number[];
  /** One sentence, with the runtime: it would not load the result, and the export is refused. */
  readonly refused?: string;
}

/** A uniform choice, or a recipe: tensor by tensor. */
export type ExportRequest = ExportPlace &
  ({ readonly encoding: string; readonly recipe?: undefined } | { readonly recipe: Recipe; readonly encoding?: undefined });

export interface ExportPlace {
  readonly path: string;
  /** Final path: a file for GGUF and ONNX, a folder for safetensors (or a single .safetensors file). */
  readonly output: string;
  /** Start anew, even where an export that was interrupted could go on. */
  readonly fresh?: boolean;
}

/** What a person should know before an export begins: what a runtime will do with the result, what a recipe leaves undone. */
export type ExportWarning = Pick<RecipeFinding, "code" | "message" | "runtime" | "source">;

/** What an export will take, before it starts. */
export interface ExportEstimate {
  /** Exact bytes of all files together. */
  readonly byteLength: number;
  /** Of them, what is still to be written: less where an interrupted export goes on. */
  readonly bytesLeft: number;
  /** Bytes a person may still write to the disk; Infinity where the file system does not say. */
  readonly freeBytes: number;
  /** Seconds to read and encode what is left, by the speed of a sample of its own rows on all threads. Writing may take longer on a slow disk. */
  readonly seconds: number;
  readonly tensorsTotal: number;
  /** Tensors that an interrupted export has written. */
  readonly tensorsDone: number;
}

/** An export whose process ended before it did; the same request goes on from there. */
export interface InterruptedExport {
  readonly request: ExportRequest;
  readonly tensorsDone: number;
  readonly tensorsTotal: number;
  /** When it started, ISO 8601. */
  readonly started: string;
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

export interface SensitivityRequest {
  readonly path: string;
  /** Container of the result: the model's own, or "gguf" for a Hugging Face folder. */
  readonly target: FormatName;
  /** Only what was measured before: "not-found" where nothing is remembered. */
  readonly rememberedOnly?: boolean;
}

/** Tensors by name pattern, by role, or both. */
export interface TensorSelector {
  readonly match?: string;
  readonly role?: TensorRole;
}

export interface PlanRequest extends SensitivityRequest {
  /** Bytes of all weight files, or their bits over the model's parameters. */
  readonly budget: { readonly fileBytes: number } | { readonly bitsPerWeight: number };
  readonly locks?: readonly (TensorSelector & { readonly encoding: string })[];
  /** Bits per weight of the chosen encoding, scales included. */
  readonly limits?: readonly (TensorSelector & { readonly minBits?: number; readonly maxBits?: number })[];
}

export interface PlanResult {
  readonly recipe: Recipe;
  /** Exact bytes of the weight files that the recipe gives. */
  readonly byteLength: number;
  readonly bitsPerWeight: number;
  /** Σ(w − ŵ)² over all quantizable tensors, and over Σw² of them. */
  readonly squaredError: number;
  /** No assignment within the budget has less error than this. */
  readonly lowerBound: number;
  readonly exact: boolean;
  readonly choices: readonly { readonly name: string; readonly encoding: string; readonly bytes: number; readonly error: number }[];
}

/** A uniform export on the plane of size and error. */
export interface UniformPoint {
  readonly name: string;
  readonly label: string;
  readonly byteLength: number;
  readonly squaredError: number;
  /** Of the best assignment of at most the same size. */
  readonly bestSquaredError: number;
  /** By position in the sensitivity table's tensors: position of the candidate that it gives. */
  readonly choices?: readonly number[];
}

/** Size against error: the best assignments of all, and the uniform exports beside them. */
export interface ParetoResult {
  readonly target: FormatName;
  /** Bytes of the weight files and Σ(w − ŵ)² at every vertex, ascending bytes. */
  readonly curve: readonly { readonly byteLength: number; readonly squaredError: number }[];
  readonly uniforms: readonly UniformPoint[];
}

export interface RecipeFinding {
  readonly severity: "error" | "warning";
  readonly code: string;
  /** One sentence that says what to change. */
  readonly message: string;
  /** Place in the recipe's JSON; empty for the whole. */
  readonly path: readonly (string | number)[];
  /** Which runtime minds, and where it says so. */
  readonly runtime?: string;
  readonly source?: string;
  /** Ways to mend it, best first. */
  readonly fixes?: readonly RecipeFix[];
}

export interface RecipeFix {
  /** What it does, for a menu: "Use q5_0". */
  readonly title: string;
  /** No place in it lies within another one. */
  readonly edits: readonly RecipeEdit[];
}

/** One change to a recipe's JSON, and nothing beside it. */
export interface RecipeEdit {
  readonly path: readonly (string | number)[];
  /** The new value; without one the entry is removed. */
  readonly value?: unknown;
  /** A new entry of the list, which goes before the present one of this number. */
  readonly insert?: boolean;
}

export interface RecipeCheck {
  readonly findings: readonly RecipeFinding[];
  /** Absent when there is an error. */
  readonly byteLength?: number;
  readonly bitsPerWeight?: number;
  readonly tensorCount?: number;
}

export interface RecipeFactsRequest {
  readonly path: string;
  readonly target: FormatName;
  /** Names to look into beyond the listed encodings ("int4-g64"). */
  readonly encodings?: readonly string[];
}

/** What a recipe can do to a model on its way into one container: sizes, from the header alone. */
export interface RecipeFacts {
  readonly target: FormatName;
  /** Every container that the model can be written as. */
  readonly targets: readonly FormatName[];
  readonly model: { readonly name: string; readonly fingerprint: string };
  readonly tensors: readonly RecipeTensorFacts[];
  /** By `RecipeTensorFacts.kind`: what a tensor can become, ascending in size. `as`: the encoding's full name for it. */
  readonly kinds: readonly (readonly { readonly encoding: string; readonly as: string; readonly bytes: number }[])[];
}

/** A tensor that a recipe may change. */
export interface RecipeTensorFacts {
  readonly name: string;
  readonly role: TensorRole;
  readonly layer?: number;
  readonly shape: readonly number[];
  readonly encodingLabel: string;
  /** Bytes in the file as it is, and in the output when nothing is done to it. */
  readonly byteLength: number;
  readonly keptBytes: number;
  /** Position in `RecipeFacts.kinds`. */
  readonly kind: number;
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
  /** Streams one event per pair of tensors that hold the same weights in two models. "bad-request" when there is none. */
  compare(request: CompareRequest, onEvent: (event: CompareEvent) => void, token?: CancellationToken): Promise<CompareSummary>;
  exportChoices(path: string, token?: CancellationToken): Promise<readonly ExportChoice[]>;
  /** Measured once per content and target, then remembered beside the model. */
  sensitivity(request: SensitivityRequest, onProgress: (progress: Progress) => void, token?: CancellationToken): Promise<SensitivityTable>;
  /** The recipe of least error within a budget. "bad-request" says the smallest budget possible. */
  plan(request: PlanRequest, onProgress: (progress: Progress) => void, token?: CancellationToken): Promise<PlanResult>;
  pareto(request: SensitivityRequest, onProgress: (progress: Progress) => void, token?: CancellationToken): Promise<ParetoResult>;
  /** Does the recipe fit the model, and will the result load? */
  check(path: string, recipe: Recipe, token?: CancellationToken): Promise<RecipeCheck>;
  /** What recipes for this container can do to the model. "bad-request" for one that it cannot become. */
  recipeFacts(request: RecipeFactsRequest, token?: CancellationToken): Promise<RecipeFacts>;
  /**
   * What a person should know before the export begins; what a runtime refuses is an error here as it is of the export itself.
   * Reads headers only.
   */
  exportWarnings(request: ExportRequest, token?: CancellationToken): Promise<readonly ExportWarning[]>;
  /** What the export would take. Encodes samples for about a second and writes nothing. */
  estimate(request: ExportRequest, token?: CancellationToken): Promise<ExportEstimate>;
  /**
   * Goes on where the same export was interrupted (the process ended, a worker died), if source and plan are the same; the
   * files are then equal to those of an uninterrupted one. Cancelling and failing remove everything unfinished.
   */
  export(request: ExportRequest, onProgress: (progress: Progress) => void, token?: CancellationToken): Promise<ExportResult>;
  /** Exports that no process works on any more and that can go on. */
  interruptedExports(token?: CancellationToken): Promise<readonly InterruptedExport[]>;
  /** Removes what an interrupted export to this place has written. Nothing happens where there is none. */
  discardExport(output: string, token?: CancellationToken): Promise<void>;
  dispose(): void;
}
