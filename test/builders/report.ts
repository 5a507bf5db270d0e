import type { TensorReport } from "../../src/core/series";
import { analyseReference } from "../../src/metrics/reference";

/** A report of real values; a matrix when `columns` is given, else a vector. */
export function report(name: string, values: Float32Array, columns?: number): TensorReport {
  return analyseReference(
    values,
    columns === undefined
      ? { rows: 1, columns: values.length, columnsPerInput: 1, hasChannels: false }
      : { rows: values.length / columns, columns, columnsPerInput: 1, hasChannels: true },
    [],
    name,
  );
}
