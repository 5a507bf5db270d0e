import type { PlainError } from "../core/errors";
import type { ModelIndex, TensorInfo } from "../core/model";
import type { TensorReport } from "../core/series";

/** What `--json` prints. Non-finite numbers appear as the strings "NaN", "Infinity" and "-Infinity". */
export interface ModelDocument {
  readonly model: object;
  readonly tensors: readonly object[];
}

/** What the command line prints of a report: the profiles of all channels of a large model would fill hundreds of megabytes. */
export type Finding = Pick<TensorReport, "stats" | "histogram" | "outliers" | "errors">;

export interface Findings {
  readonly reports: ReadonlyMap<string, Finding>;
  readonly failed: ReadonlyMap<string, PlainError>;
}

/** `findings` adds the computed parts; `tensors` are those to list, all of the model's for `info`. */
export function modelDocument(index: ModelIndex, tensors: readonly TensorInfo[], findings?: Findings): ModelDocument {
  const failures = [...(findings?.failed ?? [])].map(([tensor, error]) => ({ code: error.code, message: error.message, tensor }));
  return {
    model: {
      path: index.path,
      format: index.format,
      architecture: index.architecture,
      tensorCount: index.tensors.length,
      parameterCount: index.parameterCount,
      byteLength: index.byteLength,
      problems: [...index.problems.map(({ code, message, tensor }) => ({ code, message, tensor })), ...failures],
    },
    tensors: tensors.map((tensor) => tensorDocument(tensor, findings?.reports.get(tensor.name))),
  };
}

function tensorDocument(tensor: TensorInfo, report: Finding | undefined): object {
  const { name, shape, encodingLabel, byteLength, elementCount, bitsPerWeight } = tensor;
  return { name, shape, encoding: encodingLabel, byteLength, elementCount, bitsPerWeight, ...(report ? computed(report) : {}) };
}

function computed({ stats, histogram, outliers, errors }: Finding): object {
  const { min, max, mean, std, absMax, kurtosis, zeroCount, nanCount, infCount, sixSigmaShare, incoherence } = stats;
  return {
    stats: { min, max, mean, std, absMax, kurtosis, zeroCount, nanCount, infCount, sixSigmaShare, incoherence },
    histogram: { low: histogram.low, high: histogram.high, counts: Array.from(histogram.counts) },
    outliers: outliers && { output: outliers.output, input: outliers.input },
    errors: errors.map(({ encoding, bitsPerWeight, relativeSquaredError, sqnr }) => ({ encoding, bitsPerWeight, relativeSquaredError, sqnr })),
  };
}

/** One tensor a line, so that two documents can be compared line by line. */
export function* printDocument({ model, tensors }: ModelDocument): Generator<string> {
  yield `{"model":${stringify(model)},\n"tensors":[`;
  for (const [i, tensor] of tensors.entries()) yield `${i === 0 ? "" : ","}\n${stringify(tensor)}`;
  yield "]}\n";
}

function stringify(value: object): string {
  return JSON.stringify(value, (_, v: unknown) => (typeof v === "number" && !Number.isFinite(v) ? String(v) : v));
}
