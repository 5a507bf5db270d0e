import * as path from "node:path";
import type { ExportEstimate, ExportResult, Progress } from "../core/api/engine";
import { secondsLeft } from "../core/pace";
import { bitsText, bytesText, count, durationText } from "./text";

/** "1.20 GB to write, 80.0 GB free, about 3 min". */
export function estimateText({ bytesLeft, freeBytes, seconds }: ExportEstimate): string {
  const free = Number.isFinite(freeBytes) ? `, ${bytesText(freeBytes)} free` : "";
  return `${bytesText(bytesLeft)} to write${free}, ${durationText(seconds)}`;
}

/** "0.40 GB of 1.20 GB, about 2 min left". */
export function progressText(p: Progress): string {
  const left = secondsLeft(p);
  return `${bytesText(p.bytesDone)} of ${bytesText(p.bytesTotal)}${left === undefined ? "" : `, ${durationText(left)} left`}`;
}

/** What was written, and the first thing to know of it. The size is that of all files, configuration and tokenizer too. */
export function resultText({ output, files, byteLength, bitsPerWeight, tensorCount, notes }: ExportResult): string {
  const size = `${bytesText(byteLength)}${files.length > 1 ? ` in ${count(files.length, "file")}` : ""}`;
  const what = `Exported ${path.basename(output)}: ${size}, ${bitsText(bitsPerWeight)}, ${count(tensorCount, "tensor")} quantized.`;
  return notes.length ? `${what} ${notes[0]}` : what;
}

/** What an export is made with, where it is no file of that name. */
export const planName = "the current plan";

/** A recipe's name where a sentence begins: a file's stays as it is written. */
export const atStart = (recipe: string): string => (recipe === planName ? `T${planName.slice(1)}` : recipe);

/** Asked before a recipe with warnings is exported. */
export function warnedQuestion(recipe: string, model: string, warnings: number): string {
  return `${atStart(recipe)} fits ${model}, with ${warnings === 1 ? "one thing" : `${warnings} things`} to know.`;
}
