import * as ort from "onnxruntime-node";
import { EngineError } from "../../core/errors";

/** Element types that go in and out; "float16" and "bfloat16" as their 16-bit patterns. */
export type OrtType = "float32" | "float64" | "float16" | "int8" | "uint8" | "int32" | "int64" | "bool";

/** A value of a graph, row-major. `data` may be a view, but not over shared memory: the runtime refuses that. */
export interface OrtValue {
  readonly type: OrtType;
  readonly dims: readonly number[];
  readonly data: Float32Array | Float64Array | Uint16Array | Int8Array | Uint8Array | Int32Array | BigInt64Array;
}

export interface SessionOptions {
  /** Threads inside an operator; the runtime's own choice when absent. */
  readonly threads?: number;
  /** Folder of external data, for a model given as bytes. */
  readonly externalDataFolder?: string;
  /** "none" keeps the graph as written, for comparing operators with their definition. */
  readonly optimization?: "none" | "all";
}

/**
 * A model loaded by ONNX Runtime on the CPU. `run` blocks its thread, so sessions belong in a thread of their own and never
 * in the extension host.
 */
export interface OrtSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /** All outputs by name. Throws EngineError "bad-request" for feeds that do not fit the graph. */
  run(feeds: Readonly<Record<string, OrtValue>>): Promise<Record<string, OrtValue>>;
  dispose(): Promise<void>;
}

/**
 * Loads a model from a path or from its bytes. Throws EngineError "unsupported" with the runtime's own reason when it does
 * not take the model.
 */
export async function createSession(model: string | Uint8Array, options: SessionOptions = {}): Promise<OrtSession> {
  const file = typeof model === "string" ? model : undefined;
  const session: Record<string, string> = {
    // Weights in integer blocks are otherwise multiplied with activations rounded to 8 bits, behind the model's back.
    qdq_matmulnbits_accuracy_level: "1",
  };
  if (options.externalDataFolder) session.model_external_initializers_file_folder_path = options.externalDataFolder;
  const settings: ort.InferenceSession.SessionOptions = {
    executionProviders: ["cpu"],
    graphOptimizationLevel: options.optimization === "none" ? "disabled" : "all",
    logSeverityLevel: 4,
    extra: { session },
    ...(options.threads ? { intraOpNumThreads: options.threads } : {}),
  };
  try {
    const made =
      typeof model === "string"
        ? await ort.InferenceSession.create(model, settings)
        : await ort.InferenceSession.create(model, settings);
    return new Session(made, file);
  } catch (error) {
    throw new EngineError("unsupported", `ONNX Runtime cannot load the model: ${reason(error)}`, { file });
  }
}

class Session implements OrtSession {
  constructor(
    readonly session: ort.InferenceSession,
    readonly file: string | undefined,
  ) {}

  get inputNames(): readonly string[] {
    return this.session.inputNames;
  }

  get outputNames(): readonly string[] {
    return this.session.outputNames;
  }

  async run(feeds: Readonly<Record<string, OrtValue>>): Promise<Record<string, OrtValue>> {
    try {
      const given = Object.entries(feeds).map(
        ([name, { type, data, dims }]) => [name, new ort.Tensor(type as "float32", data as Float32Array, dims)] as const,
      );
      const results = await this.session.run(Object.fromEntries(given));
      return Object.fromEntries(
        Object.entries(results).map(([name, { type, dims, data }]) => [
          name,
          { type: type as OrtType, dims, data: data as OrtValue["data"] },
        ]),
      );
    } catch (error) {
      throw new EngineError("bad-request", `ONNX Runtime cannot run the model: ${reason(error)}`, { file: this.file });
    }
  }

  async dispose(): Promise<void> {
    await this.session.release();
  }
}

const reason = (error: unknown) => (error instanceof Error ? error.message : String(error)).slice(0, 500);
