import type { PlainError } from "../core/errors";
import type { ModelIndex } from "../core/model";
import type { TensorReport } from "../core/series";

/** Memory for the large parts of reports. A 70B model's would take several hundred megabytes; these come again in a moment. */
const maximumDetailBytes = 96 * 2 ** 20;

/** Bytes of a report's arrays, which are nearly all of it. */
export function reportBytes(report: TensorReport): number {
  const profiles = [report.output, report.input].map((p) => (p ? p.absMax.byteLength + p.rms.byteLength : 0));
  return (
    report.histogram.counts.byteLength +
    report.logHistogram.bins.byteLength +
    report.logHistogram.counts.byteLength +
    profiles[0] +
    profiles[1] +
    (report.heat?.values.byteLength ?? 0) +
    512
  );
}

/** The report without what only the layer view of this one tensor needs. */
export function light(report: TensorReport): TensorReport {
  const { output: _output, input: _input, heat: _heat, ...rest } = report;
  return rest;
}

/** The tensors without data that can be read. A file of a million broken ones is told of the first. */
export function unreadableTensors({ tensors, problems }: Pick<ModelIndex, "tensors" | "problems">): Map<string, PlainError> {
  const reasons = new Map<string, string>();
  for (const { tensor, message } of problems) if (tensor !== undefined && !reasons.has(tensor)) reasons.set(tensor, message);
  return new Map(
    tensors
      .filter((t) => !t.storage)
      .map(({ name }) => [name, { code: "malformed", message: reasons.get(name) ?? otherwise, place: { tensor: name } }]),
  );
}
const otherwise = "Its data cannot be read; the model's problems say why.";

/** What has been measured of one model: every tensor's light report, and as many whole ones as the memory allows. */
export class Results {
  readonly reports = new Map<string, TensorReport>();
  readonly failures = new Map<string, PlainError>();
  /** Tensors whose data the header does not lead to, and why: known before anything is measured, and true until the file changes. */
  unreadable: ReadonlyMap<string, PlainError> = new Map();
  readonly #details = new Map<string, TensorReport>();
  readonly #maximumDetailBytes: number;
  #detailBytes = 0;

  constructor(limit = maximumDetailBytes) {
    this.#maximumDetailBytes = limit;
  }

  add(report: TensorReport): void {
    this.failures.delete(report.name);
    this.reports.set(report.name, light(report));
    this.#forget(report.name);
    this.#details.set(report.name, report);
    this.#detailBytes += reportBytes(report);
    for (const [name] of this.#details) {
      if (this.#detailBytes <= this.#maximumDetailBytes || name === report.name) break;
      this.#forget(name);
    }
  }

  /** A report that came without its large parts: they are had by asking for the tensor. */
  addLight(report: TensorReport): void {
    this.failures.delete(report.name);
    this.reports.set(report.name, light(report));
  }

  fail(tensor: string, error: PlainError): void {
    this.failures.set(tensor, error);
  }

  /** The whole report where it is still held. Asking makes it the last to go. */
  detail(tensor: string): TensorReport | undefined {
    const report = this.#details.get(tensor);
    if (report) {
      this.#details.delete(tensor);
      this.#details.set(tensor, report);
    }
    return report;
  }

  clear(): void {
    this.reports.clear();
    this.failures.clear();
    this.#details.clear();
    this.#detailBytes = 0;
  }

  #forget(tensor: string): void {
    const report = this.#details.get(tensor);
    if (!report) return;
    this.#details.delete(tensor);
    this.#detailBytes -= reportBytes(report);
  }
}
