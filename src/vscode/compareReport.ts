import type { ChannelShare, CompareSummary, TensorComparison } from "../core/api/compare";
import { compareRemarks } from "../core/compareRemarks";
import type { LogHistogram } from "../core/series";
import { byDamage } from "../metrics/compare";
import { bytesText, count, digits, shapeText } from "./text";

export interface CompareFailure {
  readonly a: string;
  readonly b: string;
  readonly message: string;
}

/** So many of the worst are drawn. */
const drawn = 8;

/** As a text document: the models, the pairs from the most damaged on, distributions of the worst, what was left out. */
export function compareReport(done: CompareSummary, pairs: readonly TensorComparison[], failed: readonly CompareFailure[]): string {
  const ranked = byDamage(pairs);
  const equal = ranked.filter((c) => c.sqnr === Infinity).length;
  const models = ([["A", done.a], ["B", done.b]] as const).map(([letter, m]) =>
    `${letter}  ${m.path}\n   ${m.format}, ${m.architecture}, ${count(m.tensorCount, "tensor")}, ${bytesText(m.byteLength)}`);
  const damaged = ranked.filter((c) => c.sqnr < Infinity).slice(0, drawn);
  return [
    ...models,
    "",
    `${count(ranked.length, "pair")} of tensors, ${equal} equal; SQNR over all ${decibels(done.sqnr)}.`,
    ...failed.map((f) => `Failed: ${plain(f.a)}: ${plain(f.message)}`),
    "",
    "Most damaged first. SQNR: B against A as signal to quantization noise, higher is better. Error: Σ(a − b)² / Σa².",
    "Worst channels: the one with the largest share of the tensor's error.",
    "",
    ...table(titles, ranked.map(cells)),
    ...(damaged.length ? ["", "Distribution of |w| of the most damaged, one column per power of two:", ""] : []),
    ...damaged.flatMap((c) => [...overlay(c), ""]),
    ...(done.unmatched.length ? [`Not compared (${done.unmatched.length}):`] : []),
    ...done.unmatched.map((u) => `  ${plain(u.message)}`),
  ].join("\n").trimEnd() + "\n";
}

const titles = ["tensor", "counterpart", "shape", "encodings", "SQNR", "error", "max |Δ|", "worst output", "worst input", ""];

function cells(comparison: TensorComparison): string[] {
  const { a, b, sqnr, relativeSquaredError, maxDifference, worstOutputs, worstInputs } = comparison;
  return [
    plain(a.name), a.name === b.name ? "" : plain(b.name), shapeText(a.shape), `${a.encodingLabel} → ${b.encodingLabel}`, decibels(sqnr),
    small(relativeSquaredError), small(maxDifference), worst(worstOutputs), worst(worstInputs),
    plain(compareRemarks(comparison).join(", ")),
  ];
}

const decibels = (sqnr: number) => (Number.isFinite(sqnr) ? `${digits(sqnr)} dB` : Number.isNaN(sqnr) ? "-" : sqnr > 0 ? "∞" : "-∞");
const small = (x: number) => (!Number.isFinite(x) ? "∞" : x !== 0 && Math.abs(x) < 1e-3 ? x.toExponential(2) : digits(x));
const worst = (channels: readonly ChannelShare[] | undefined) =>
  channels?.length ? `${channels[0].index} (${digits(100 * channels[0].share)} %)` : "-";

/** Names come from files: no control characters reach the editor. */
const plain = (text: string) => text.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, "\ufffd");

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const lines = [head, ...rows];
  const widths = head.map((_, i) => lines.reduce((width, line) => Math.max(width, line[i].length), 0));
  // A column that says nothing takes no place.
  const used = head.flatMap((_, i) => (rows.some((row) => row[i]) ? [i] : []));
  const isNumber = (i: number) => i >= 4 && i <= 8;
  const cell = (line: readonly string[], i: number) => (isNumber(i) ? line[i].padStart(widths[i]) : line[i].padEnd(widths[i]));
  return lines.map((line) => used.map((i) => cell(line, i)).join("  ").trimEnd());
}

/** Both histograms over the same powers of two. */
function overlay({ a, logHistogramA, logHistogramB }: TensorComparison): string[] {
  const [ofA, ofB] = [byExponent(logHistogramA), byExponent(logHistogramB)];
  const exponents = [...ofA.keys(), ...ofB.keys()].filter((e) => e > 0);
  if (exponents.length === 0) return [plain(a.name), "  zeros only"];
  const high = Math.max(...exponents);
  const low = Math.max(Math.min(...exponents), high - 31);
  const most = Math.max(1, ...[...ofA, ...ofB].flatMap(([e, n]) => (e >= low ? [n] : [])));
  const line = (counts: ReadonlyMap<number, number>) => {
    let text = "";
    for (let e = low; e <= high; e++) text += bars[Math.ceil(((counts.get(e) ?? 0) / most) * (bars.length - 1))];
    return text;
  };
  const zeros = (counts: ReadonlyMap<number, number>) => `${(counts.get(0) ?? 0).toLocaleString("en-US")} at 0`;
  return [
    `${plain(a.name)}, 2^${low - 127} to 2^${high - 126}`,
    `  A |${line(ofA)}| ${zeros(ofA)}`,
    `  B |${line(ofB)}| ${zeros(ofB)}`,
  ];
}

const bars = " ▁▂▃▄▅▆▇█";

/** Elements by biased exponent of their f32; 0 holds zeros and denormals. */
function byExponent({ bins, counts }: LogHistogram): Map<number, number> {
  const found = new Map<number, number>();
  bins.forEach((bin, i) => {
    const exponent = (bin >>> 3) & 0xff;
    found.set(exponent, (found.get(exponent) ?? 0) + counts[i]);
  });
  return found;
}
