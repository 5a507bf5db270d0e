import type { AnalyseSummary } from "../core/api/engine";
import type { PlainError } from "../core/errors";
import type { TensorInfo } from "../core/model";
import type { Finding } from "./document";
import { modelDocument, printDocument } from "./document";
import { bytes, digits, many, percent, seconds } from "./numbers";
import { asUsage, UsageError } from "./outcome";
import { print } from "./output";
import { ProgressLine } from "./progressLine";
import { summary } from "./summary";
import type { Column } from "./table";
import { printable, table } from "./table";
import { matchTensors } from "./tensorGlobs";
import { withEngine } from "./withEngine";

export interface AnalyzeOptions {
  readonly model: string;
  readonly globs: readonly string[];
  readonly encodings: readonly string[];
  readonly json: boolean;
  readonly threads?: number;
}

interface Row {
  readonly tensor: TensorInfo;
  readonly report: Finding;
}

/** `bitlens analyze`: reads the weights and prints what resists quantization. */
export async function analyze({ model, globs, encodings, json, threads }: AnalyzeOptions): Promise<void> {
  await withEngine({ threads }, async (engine, token) => {
    const names = await encodingNames(encodings);
    const index = await engine.open(model, token);
    const chosen = globs.length ? matchTensors(index, globs) : index.tensors.filter((t) => t.storage && t.elementCount > 0);
    const reports = new Map<string, Finding>();
    const failed = new Map<string, PlainError>();
    const line = new ProgressLine();
    let done: AnalyseSummary;
    try {
      done = await engine.analyse({ path: model, tensors: chosen.map((t) => t.name), encodings: names }, (event) => {
        if (event.kind === "report") {
          const { name, stats, histogram, outliers, errors } = event.report;
          reports.set(name, { stats, histogram, outliers, errors });
        }
        if (event.kind === "failed") failed.set(event.tensor, event.error);
        line.update(event.progress);
      }, token);
    } finally {
      line.clear();
    }
    if (json) {
      await print(printDocument(modelDocument(index, chosen, { reports, failed })));
    } else {
      const rows = chosen.flatMap((tensor) => (reports.has(tensor.name) ? [{ tensor, report: reports.get(tensor.name)! }] : []));
      const { progress } = done;
      await print([
        summary(index),
        `${many(rows.length, "tensor")}, ${bytes(progress.bytesTotal)} in ${seconds(progress.seconds)}\n`,
        ...[...failed].map(([tensor, error]) => printable(`failed: ${tensor}: ${error.message}`) + "\n"),
        ...ranking(rows, names),
      ]);
    }
    if (failed.size > 0 && reports.size === 0) throw [...failed.values()][0];
  });
}

/** Layers by outlier ratio, then what has no channels. */
function ranking(rows: readonly Row[], encodings: readonly string[]): readonly string[] {
  const layers = rows.filter((r) => r.report.outliers).sort((a, b) => worst(b) - worst(a));
  const vectors = rows.filter((r) => !r.report.outliers);
  const shared: readonly Column<Row>[] = [
    { title: "tensor", text: (r) => r.tensor.name },
    { title: "shape", text: (r) => r.tensor.shape.join("×") || "scalar" },
    { title: "encoding", text: (r) => r.tensor.encodingLabel },
  ];
  const measured: readonly Column<Row>[] = [
    { title: "abs max", align: "right", text: ({ report }) => digits(report.stats.absMax) },
    { title: "std", align: "right", text: ({ report }) => digits(report.stats.std) },
    { title: "kurtosis", align: "right", text: ({ report }) => digits(report.stats.kurtosis) },
    { title: ">6σ", align: "right", text: ({ report }) => percent(report.stats.sixSigmaShare) },
    { title: "μ", align: "right", text: ({ report }) => digits(report.stats.incoherence) },
    ...encodings.map((name): Column<Row> => ({
      title: `${name} dB`,
      align: "right",
      text: ({ report }) => sqnr(report, name),
    })),
  ];
  const outliers: readonly Column<Row>[] = [
    { title: "outlier out", align: "right", text: ({ report }) => ratio(report.outliers?.output.channels[0]?.ratio) },
    { title: "outlier in", align: "right", text: ({ report }) => ratio(report.outliers?.input.channels[0]?.ratio) },
  ];
  const parts: string[] = [];
  if (layers.length) {
    parts.push("\nLayers by outlier ratio: a channel's largest weight against the median over channels, of output and of input channels;\n" +
      "the error of an encoding as signal to quantization noise in dB, higher is better.\n");
    parts.push(table([...shared, ...outliers, ...measured], layers));
  }
  if (vectors.length) parts.push("\nWithout channels:\n", table([...shared, ...measured], vectors));
  return parts;
}

function worst({ report }: Row): number {
  const ratios = [report.outliers?.output, report.outliers?.input].map((o) => o?.channels[0]?.ratio ?? 0);
  return Math.max(...ratios.map((r) => (Number.isNaN(r) ? 0 : r)));
}

function ratio(value: number | undefined): string {
  return value === undefined ? "-" : `${digits(value)}×`;
}

function sqnr(report: Finding, encoding: string): string {
  const error = report.errors.find((e) => e.encoding === encoding);
  return error ? digits(error.sqnr) : "-";
}

/** As the reports will name them. An unknown one is wrong usage. */
async function encodingNames(given: readonly string[]): Promise<readonly string[]> {
  if (given.length === 0) return [];
  const { requireEncode } = await import("../engine/encodingTable");
  try {
    return [...new Set(given.map((name) => requireEncode(name).name))];
  } catch (error) {
    const usage = asUsage(error);
    throw usage instanceof UsageError ? new UsageError(`${usage.message} (all names: bitlens encodings)`) : usage;
  }
}
