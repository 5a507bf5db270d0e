import type { RecipeFacts } from "../../core/api/engine";
import { keep } from "../../core/recipe";
import { bitsPerWeight, type Encoding, encoding as encodingNamed } from "../../encodings/index";
import { bitsText, bytesText, count, digits } from "../text";
import type { MeasuredError, Outcome } from "./reach";

type Tensor = RecipeFacts["tensors"][number];

/** A long row and a tall matrix, in which what is stored once per row does not count. */
const typical = 4096;
const shownNames = 3;

/** The encoding of this name; undefined for "keep" and for names that there are not. */
export function known(name: string): Encoding | undefined {
  try {
    return name === keep ? undefined : encodingNamed(name);
  } catch {
    return undefined;
  }
}

export const bitsOf = (encoding: Encoding) => bitsPerWeight(encoding, typical, typical);

/** Text from a file as code in Markdown, where it can be neither a link nor markup. */
export const code = (text: string) => `\`${text.replace(/[`\r\n\t]/g, " ").slice(0, 300) || " "}\``;

/** "`a`, `b`, `c` and 9 more". */
export function nameList(tensors: readonly Tensor[]): string {
  const more = tensors.length - shownNames;
  return (
    tensors
      .slice(0, shownNames)
      .map((t) => code(t.name))
      .join(", ") + (more > 0 ? ` and ${count(more, "more", "more")}` : "")
  );
}

/** "in blocks 0–3": nothing for tensors outside the blocks. */
export function blockList(tensors: readonly Tensor[]): string {
  const layers = [...new Set(tensors.flatMap((t) => t.layer ?? []))].sort((a, b) => a - b);
  if (layers.length === 0) return "";
  const runs: [number, number][] = [];
  for (const n of layers) {
    const last = runs.at(-1);
    if (last && n === last[1] + 1) last[1] = n;
    else runs.push([n, n]);
  }
  const text = runs
    .slice(0, 5)
    .map(([a, b]) => (a === b ? `${a}` : b === a + 1 ? `${a}, ${b}` : `${a}–${b}`))
    .join(", ");
  return ` in ${layers.length === 1 ? "block" : "blocks"} ${text}${runs.length > 5 ? ", …" : ""}`;
}

/** "relative squared error 0.00521, 22.8 dB SQNR". */
export function errorText({ relative, missing }: MeasuredError, tensors: number): string {
  if (relative === undefined) return "error not measured yet";
  const ratio = relative > 0 ? `, ${decibels(relative)} SQNR` : "";
  const gap = missing > 0 ? ` (${missing} of ${count(tensors, "tensor")} not measured yet)` : "";
  return relative === 0 && missing === 0 ? "no error" : `relative squared error ${small(relative)}${ratio}${gap}`;
}

export const decibels = (relative: number) => `${(-10 * Math.log10(relative)).toFixed(1)} dB`;
const small = (value: number) => (value !== 0 && value < 1e-4 ? value.toExponential(2) : digits(value));

/** "3.41 MB → 959 kB, 4.5 bpw". */
export const sizeText = ({ bytesBefore, bytes, elements }: Outcome) =>
  `${bytesText(bytesBefore)} → ${bytesText(bytes)}, ${bitsText((8 * bytes) / Math.max(1, elements))}`;
