import type { ComparedModel, CompareSummary, TensorComparison, UnmatchedTensor } from "../core/api/compare";
import { compareRemarks } from "../core/compareRemarks";
import type { PlainError } from "../core/errors";
import type { LogHistogram } from "../core/series";
import { byDamage } from "../metrics/compare";
import { bytes, digits, many, percent, seconds } from "./numbers";
import { print } from "./output";
import { ProgressLine } from "./progressLine";
import type { Column } from "./table";
import { printable, table } from "./table";
import { withEngine } from "./withEngine";

export interface CompareOptions {
  readonly a: string;
  readonly b: string;
  readonly json: boolean;
  readonly threads?: number;
}

interface Failure {
  readonly a: string;
  readonly b: string;
  readonly error: PlainError;
}

/** `bitlens compare`: what one model lost against another, tensor by tensor, the most damaged first. */
export async function compare({ a, b, json, threads }: CompareOptions): Promise<void> {
  await withEngine({ threads }, async (engine, token) => {
    const found: TensorComparison[] = [];
    const failed: Failure[] = [];
    const line = new ProgressLine();
    const done = await engine.compare({ pathA: a, pathB: b }, (event) => {
      if (event.kind === "pair") found.push(event.comparison);
      if (event.kind === "failed") failed.push(event);
      line.update(event.progress);
    }, token).finally(() => line.clear());
    const ranked = byDamage(found);
    await print(json ? documentOf(done, ranked, failed) : report(done, ranked, failed));
    if (ranked.length === 0 && failed.length > 0) throw failed[0].error;
  });
}

function report(done: CompareSummary, ranked: readonly TensorComparison[], failed: readonly Failure[]): string[] {
  const renamed = ranked.some(({ a, b }) => a.name !== b.name);
  const columns: readonly Column<TensorComparison>[] = [
    { title: "tensor", text: ({ a }) => a.name },
    ...(renamed ? [{ title: "counterpart", text: ({ a, b }: TensorComparison) => (a.name === b.name ? "" : b.name) }] : []),
    { title: "shape", text: ({ a }) => a.shape.join("×") || "scalar" },
    { title: "encodings", text: ({ a, b }) => `${a.encodingLabel} → ${b.encodingLabel}` },
    { title: "SQNR dB", align: "right", text: ({ sqnr }) => digits(sqnr) },
    { title: "error", align: "right", text: ({ relativeSquaredError }) => digits(relativeSquaredError) },
    { title: "max |Δ|", align: "right", text: ({ maxDifference }) => digits(maxDifference) },
    { title: "worst out", align: "right", text: ({ worstOutputs }) => worst(worstOutputs) },
    { title: "worst in", align: "right", text: ({ worstInputs }) => worst(worstInputs) },
    ...(ranked.some((c) => c.nonFinite || c.undone.length) ? [{ title: "", text: (c: TensorComparison) => compareRemarks(c).join(", ") }] : []),
  ];
  const equal = ranked.filter((c) => c.sqnr === Infinity).length;
  return [
    modelLine("A", done.a),
    modelLine("B", done.b),
    `${many(ranked.length, "pair")} of tensors, ${equal} equal; SQNR over all ${digits(done.sqnr)} dB; ` +
      `${bytes(done.progress.bytesTotal)} in ${seconds(done.progress.seconds)}\n`,
    ...failed.map(({ a, error }) => printable(`failed: ${a}: ${error.message}`) + "\n"),
    ...(ranked.length
      ? [
        "\nMost damaged first: B against A as signal to quantization noise in dB, higher is better; the channel with the largest " +
          "share of the error.\n",
        table(columns, ranked),
      ]
      : []),
    ...unmatchedLines(done.unmatched),
  ];
}

function modelLine(letter: string, { path, format, architecture, tensorCount, byteLength }: ComparedModel): string {
  return printable(`${letter}  ${path}: ${format}, ${architecture}, ${many(tensorCount, "tensor")}, ${bytes(byteLength)}`) + "\n";
}

function worst(channels: TensorComparison["worstOutputs"]): string {
  if (!channels?.length) return "-";
  return `${channels[0].index} (${percent(channels[0].share)})`;
}

function unmatchedLines(unmatched: readonly UnmatchedTensor[]): string[] {
  if (unmatched.length === 0) return [];
  return [`\nNot compared (${unmatched.length}):\n`, ...unmatched.map(({ message }) => printable(message) + "\n")];
}

/** One tensor a line. Non-finite numbers appear as the strings "NaN", "Infinity" and "-Infinity". */
function* documentOf(done: CompareSummary, ranked: readonly TensorComparison[], failed: readonly Failure[]): Generator<string> {
  const { a, b, squaredError, relativeSquaredError, sqnr, unmatched } = done;
  const failures = failed.map(({ a, b, error }) => ({ a, b, code: error.code, message: error.message }));
  const total = { squaredError, relativeSquaredError, sqnr };
  yield `{"a":${stringify(a)},\n"b":${stringify(b)},\n"total":${stringify(total)},\n"tensors":[`;
  for (const [i, comparison] of ranked.entries()) yield `${i === 0 ? "" : ","}\n${stringify(plain(comparison))}`;
  yield `],\n"unmatched":${stringify(unmatched)},\n"failed":${stringify(failures)}}\n`;
}

function plain(comparison: TensorComparison): object {
  const { a, b, logHistogramA, logHistogramB, ...rest } = comparison;
  const renamed = ({ name, shape, encodingLabel }: typeof a) => ({ name, shape, encoding: encodingLabel });
  const histograms = { logHistogramA: histogram(logHistogramA), logHistogramB: histogram(logHistogramB) };
  return { a: renamed(a), b: renamed(b), ...rest, ...histograms };
}

const histogram = ({ bins, counts }: LogHistogram) => ({ bins: Array.from(bins), counts: Array.from(counts) });

function stringify(value: unknown): string {
  return JSON.stringify(value, (_, v: unknown) => (typeof v === "number" && !Number.isFinite(v) ? String(v) : v));
}
