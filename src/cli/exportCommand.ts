import { stat } from "node:fs/promises";
import * as path from "node:path";
import type { Engine, ExportEstimate, ExportRequest } from "../core/api/engine";
import type { Progress } from "../core/api/progress";
import type { CancellationToken } from "../core/cancellation";
import { EngineError } from "../core/errors";
import { describeFinding } from "../core/findings";
import type { ModelIndex } from "../core/model";
import { cacheFolder } from "../node/storage";
import { exportTarget, type TargetOptions } from "./exportTarget";
import { bytes, digits, many, seconds } from "./numbers";
import { UsageError } from "./outcome";
import { print } from "./output";
import { ProgressLine } from "./progressLine";
import { readRecipe } from "./recipeFile";
import { printable } from "./table";
import { withEngine } from "./withEngine";

export interface ExportOptions {
  readonly model: string;
  /** One of the two. */
  readonly encoding?: string;
  readonly recipe?: string;
  readonly group?: string;
  readonly asymmetric: boolean;
  readonly output: string;
  /** Say what it takes, and write nothing. */
  readonly dryRun: boolean;
  /** Start anew where an interrupted export could go on. */
  readonly fresh: boolean;
  /** Replace a file that has the output's name. */
  readonly force: boolean;
  readonly threads?: number;
}

/** `bitlens export`: writes the quantized copy. */
export async function exportCommand(options: ExportOptions): Promise<void> {
  if ((options.encoding === undefined) === (options.recipe === undefined)) {
    throw new UsageError("Say what to write: --encoding for the whole model, or --recipe (see: bitlens plan).");
  }
  if (options.recipe !== undefined && (options.group !== undefined || options.asymmetric)) {
    throw new UsageError("--group and --asymmetric go with --encoding; a recipe says both itself.");
  }
  const { threads, fresh, dryRun } = options;
  await withEngine({ threads, storage: cacheFolder() }, async (engine, token) => {
    const choice = options.recipe !== undefined
      ? { recipe: await readRecipe(options.recipe) }
      : { encoding: await encodingOf({ ...options, encoding: options.encoding! }, await engine.open(options.model, token)) };
    const request: ExportRequest = { path: options.model, output: options.output, fresh, ...choice };
    if (dryRun) {
      await warn(engine, request, token);
      return print([estimateText(await affordable(engine, request, token)) + "\n"]);
    }
    if (!options.force) await refuseExisting(options);
    await runExport(engine, request, { as: request.encoding ?? options.recipe!, token });
    const others = await engine.interruptedExports(token);
    if (others.length) process.stderr.write(`${many(others.length, "other export")} can go on after an interruption (see: bitlens interrupted).\n`);
  });
}

/** Exports under a line of progress and says what was written. */
export async function runExport(engine: Engine, request: ExportRequest, { as, token }: { as: string; token: CancellationToken }): Promise<void> {
  await warn(engine, request, token);
  const line = new ProgressLine();
  if (process.stderr.isTTY) process.stderr.write(`${estimateText(await affordable(engine, request, token))}\n`);
  let told = false;
  const onProgress = (progress: Progress) => {
    if (progress.before && !told) process.stderr.write(`Resuming: ${progress.before.tensors} of ${many(progress.tensorsTotal, "tensor")} were written before.\n`);
    told = true;
    line.update(progress);
  };
  const result = await engine.export(request, onProgress, token).finally(() => line.clear());
  const { output, files, byteLength, bitsPerWeight, tensorCount, notes } = result;
  const beside = files.map((file) => path.basename(file)).filter((name) => name !== path.basename(output));
  const isFile = files.includes(output);
  await print([
    `${output}: ${bytes(byteLength)}, ${digits(bitsPerWeight)} bits per weight, ` +
      `${tensorCount ? `${many(tensorCount, "tensor")} as ${as}` : "every tensor as it was"}\n`,
    ...(isFile && beside.length ? [`beside it: ${beside.join(", ")}\n`] : []),
    ...notes.map((note) => `note: ${note}\n`),
  ].map((text) => printable(text.trimEnd()) + "\n"));
}

/** Before anything is written, and apart from what a script reads. */
async function warn(engine: Engine, request: ExportRequest, token: CancellationToken): Promise<void> {
  for (const warning of await engine.exportWarnings(request, token)) process.stderr.write(printable(`warning: ${describeFinding(warning)}`) + "\n");
}

/** A folder must be new or empty anyway, and the model is never replaced: both are the engine's to say. */
async function refuseExisting({ model, output }: ExportOptions): Promise<void> {
  const [from, to] = await Promise.all([model, output].map((file) => stat(file).catch(() => undefined)));
  if (!to?.isFile() || (from?.ino === to.ino && from.dev === to.dev)) return;
  throw new EngineError("bad-request", "The output exists already; --force replaces it.", { file: path.resolve(output) });
}

async function affordable(engine: Engine, request: ExportRequest, token: CancellationToken): Promise<ExportEstimate> {
  const estimate = await engine.estimate(request, token);
  if (estimate.bytesLeft <= estimate.freeBytes) return estimate;
  throw new EngineError("io", `The export takes ${bytes(estimate.bytesLeft)} and the disk has ${bytes(estimate.freeBytes)} free; make room or choose another disk.`);
}

/** "Writes 4.10 GB of 120 GB free, in about 2 min (estimated from samples)." */
function estimateText({ byteLength, bytesLeft, freeBytes, seconds: time, tensorsDone, tensorsTotal }: ExportEstimate): string {
  const free = Number.isFinite(freeBytes) ? ` of ${bytes(freeBytes)} free` : "";
  const rest = tensorsDone > 0 ? `, the rest of ${bytes(byteLength)} (${tensorsDone} of ${many(tensorsTotal, "tensor")} are written already)` : "";
  return `Writes ${bytes(bytesLeft)}${free}${rest}, in about ${seconds(time)} (estimated from samples).`;
}

/** The uniform export that the options name; a Hugging Face folder can also become a GGUF. */
async function encodingOf(options: TargetOptions, { format: name }: ModelIndex): Promise<string> {
  const { formats } = await import("../formats/index");
  const format = formats.find((f) => f.name === name)!;
  const containers = name === "safetensors" ? [format, formats.find((f) => f.name === "gguf")!] : [format];
  return exportTarget(options, containers.flatMap((f) => f.exportTargets.map((t) => t.name)), format.label);
}
