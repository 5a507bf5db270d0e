import type { EncodingError, TensorReport } from "../src/core/series";
import { bits, bytes, decibels, percent, ratio, score, significant } from "./format";
import type { Entry, PanelTensor } from "./state";

/** One number per tensor that a map can colour and a list can sort by. */
export interface Measure {
  readonly id: string;
  readonly name: string;
  /** For column heads and legends, a few letters. */
  readonly short: string;
  /** One sentence: what it says about compression. */
  readonly help: string;
  readonly unit: string;
  /** Which end resists compression. */
  readonly harder: "high" | "low" | "neutral";
  readonly scale: "linear" | "log" | "symlog";
  /** Natural low end of the scale, if there is one. */
  readonly floor?: number;
  /** Known from the header, before anything is computed. */
  readonly fromHeader?: boolean;
  /** Depends on the chosen encoding. */
  readonly perEncoding?: boolean;
  format(value: number): string;
  /** NaN where it does not apply or is not known yet. */
  of(tensor: PanelTensor, report: TensorReport | undefined, encoding: string): number;
}

const errorOf = (report: TensorReport | undefined, encoding: string): EncodingError | undefined =>
  report?.errors.find((e) => e.encoding === encoding);

/** Signal to noise of a Gaussian at the rate–distortion limit, dB: 20·log10(2)·bits. */
export const gaussianBound = (bitsPerWeight: number): number => 20 * Math.log10(2) * bitsPerWeight;

export const measures: readonly Measure[] = [
  {
    id: "outlier",
    name: "Outlier ratio",
    short: "outlier",
    unit: "×",
    harder: "high",
    scale: "log",
    floor: 1,
    format: ratio,
    help: "Loudest channel over the median channel, in the worse of both directions. Loud channels stretch shared scales.",
    of: (_, r) =>
      r?.outliers ? Math.max(r.outliers.output.channels[0]?.ratio ?? NaN, r.outliers.input.channels[0]?.ratio ?? NaN) : NaN,
  },
  {
    id: "outlierOut",
    name: "Outlier ratio, output",
    short: "outlier out",
    unit: "×",
    harder: "high",
    scale: "log",
    floor: 1,
    format: ratio,
    help: "Largest output channel's absolute maximum over the median channel's. One loud row stretches every shared scale.",
    of: (_, r) => r?.outliers?.output.channels[0]?.ratio ?? NaN,
  },
  {
    id: "outlierIn",
    name: "Outlier ratio, input",
    short: "outlier in",
    unit: "×",
    harder: "high",
    scale: "log",
    floor: 1,
    format: ratio,
    help: "Largest input channel's absolute maximum over the median channel's. It stretches every scale it falls under.",
    of: (_, r) => r?.outliers?.input.channels[0]?.ratio ?? NaN,
  },
  {
    id: "kurtosis",
    name: "Excess kurtosis",
    short: "kurtosis",
    unit: "",
    harder: "high",
    scale: "symlog",
    format: score,
    help: "Weight of the tails: 0 for a Gaussian, higher when a few weights are far from the rest.",
    of: (_, r) => r?.stats.kurtosis ?? NaN,
  },
  {
    id: "incoherence",
    name: "Incoherence μ",
    short: "μ",
    unit: "",
    harder: "high",
    scale: "log",
    floor: 1,
    format: significant,
    help: "Absolute maximum over root mean square: 1 is perfectly flat.",
    of: (_, r) => r?.stats.incoherence ?? NaN,
  },
  {
    id: "sqnr",
    name: "SQNR",
    short: "SQNR",
    unit: "dB",
    harder: "low",
    scale: "linear",
    format: decibels,
    perEncoding: true,
    help: "Signal to quantization noise at the chosen encoding; 6.02 dB are worth one bit.",
    of: (_, r, encoding) => errorOf(r, encoding)?.sqnr ?? NaN,
  },
  {
    id: "gap",
    name: "Gap to the Gaussian bound",
    short: "gap",
    unit: "dB",
    harder: "high",
    scale: "linear",
    format: decibels,
    perEncoding: true,
    help: "How far the chosen encoding stays below 6.02 dB per bit; a better method or encoding could win at most about this.",
    of: (_, r, encoding) => {
      const e = errorOf(r, encoding);
      return e && Number.isFinite(e.sqnr) ? gaussianBound(e.bitsPerWeight) - e.sqnr : NaN;
    },
  },
  {
    id: "sixSigma",
    name: "Share beyond 6σ",
    short: "> 6σ",
    unit: "",
    harder: "high",
    scale: "symlog",
    floor: 0,
    format: percent,
    help: "Share of weights further than six standard deviations from the mean; a Gaussian has 2 in a billion.",
    of: (_, r) => r?.stats.sixSigmaShare ?? NaN,
  },
  {
    id: "std",
    name: "Standard deviation",
    short: "σ",
    unit: "",
    harder: "neutral",
    scale: "log",
    format: significant,
    help: "Population standard deviation of the weights.",
    of: (_, r) => r?.stats.std ?? NaN,
  },
  {
    id: "absMax",
    name: "Absolute maximum",
    short: "|w| max",
    unit: "",
    harder: "neutral",
    scale: "log",
    format: significant,
    help: "Largest magnitude in the tensor.",
    of: (_, r) => r?.stats.absMax ?? NaN,
  },
  {
    id: "bytes",
    name: "Bytes",
    short: "bytes",
    unit: "",
    harder: "neutral",
    scale: "log",
    format: bytes,
    fromHeader: true,
    help: "Bytes the tensor takes in the file, scales included.",
    of: (t) => t.byteLength,
  },
  {
    id: "bpw",
    name: "Bits per weight",
    short: "bpw",
    unit: "bpw",
    harder: "neutral",
    scale: "linear",
    format: bits,
    floor: 0,
    fromHeader: true,
    help: "Bits stored per weight today.",
    of: (t) => t.bitsPerWeight,
  },
];

export const measureById = (id: string): Measure => measures.find((m) => m.id === id) ?? measures[0];

/** The measure for every entry, NaN where unknown. */
export function measureAll(measure: Measure, entries: readonly Entry[], encoding: string): Float64Array {
  return Float64Array.from(entries, (e) => measure.of(e.tensor, e.report, encoding));
}
