import type { ExportRequest, ExportResult, Progress } from "../core/api/engine";
import type { ByteSink } from "../core/bytes";
import type { CancellationToken } from "../core/cancellation";
import { CancellationSource, checkCancelled } from "../core/cancellation";
import { EngineError } from "../core/errors";
import type { Recipe } from "../core/recipe";
import type { EngineFiles, OutputPlace } from "./deps";
import { type ExportOption, exportOption, perWeight } from "./exportChoices";
import type { ExportJob } from "./exportJobs";
import { exportJobs } from "./exportJobs";
import { Meter } from "./meter";
import type { ModelOpener, OpenModel } from "./openModel";
import { outputPlace, refuseOverwriting, requireSpace } from "./outputPlace";
import { readBack } from "./readBack";
import { checkRecipe } from "./recipes/check";
import { fingerprintOf } from "./recipes/fingerprint";
import { recipeTarget } from "./recipes/target";
import { runJob } from "./runJob";
import { runWindow } from "./schedule";
import type { Pool } from "./tasks";
import { TensorSources } from "./tensorSource";

/** Whole planes that wait in memory to be rearranged, together. */
const maxCollectedBytes = 256 * 1024 * 1024;
const jobsPerThread = 3;

export interface ExportContext {
  readonly request: ExportRequest;
  readonly opener: ModelOpener;
  readonly files: EngineFiles;
  readonly pool: () => Pool;
  readonly token: CancellationToken;
  now(): number;
  onProgress(progress: Progress): void;
}

/**
 * Writes the model in another encoding: everything out of sight first, read back by our own reader, then renamed into place.
 * Whatever goes wrong, nothing stands under the final name and the source is untouched.
 */
export async function exportModel(context: ExportContext): Promise<ExportResult> {
  const { request, opener, files, token } = context;
  const model = await opener.open(request.path);
  const option = request.recipe ? await recipeOption(model, request.recipe) : exportOption(model, request.encoding);
  const format = opener.deps.formats.find((f) => f.name === option.format) ?? model.format;
  const place = await outputPlace(files, model, format, request.output);
  const outputName = place.kind === "file" ? place.name : `model${format.extensions[0]}`;
  const planned = await option.plan(outputName);
  const { plan } = planned;
  const names = [outputName, ...plan.files.map((f) => f.name).filter((n) => n !== outputName)];
  const outputs = names.flatMap((name) => plan.files.filter((f) => f.name === name));
  await refuseOverwriting(files, model, place, outputs);
  const byteLength = outputs.reduce((sum, f) => sum + f.byteLength, 0);
  await requireSpace(files, place, byteLength);
  checkCancelled(token);

  const staging = await files.stage(place, outputs.map((f) => f.name));
  try {
    const jobs = await exportJobs(outputs, new TensorSources(model));
    await runAll(context, jobs, staging.sinks);
    await staging.seal();
    checkCancelled(token);
    await readBack({ opener, staging, outputs, model, planned, main: mainName(place, outputs.map((f) => f.name)) });
    if (!(await opener.isUnchanged(model))) {
      throw new EngineError("io", "The model changed on disk while it was exported; try again.", { file: model.index.path });
    }
    checkCancelled(token);
    await staging.publish();
  } finally {
    await staging.discard();
  }
  return {
    output: place.path,
    files: outputs.map((f) => files.join(place.kind === "file" ? place.folder : place.path, f.name)),
    byteLength,
    bitsPerWeight: perWeight(planned.weightBytes, model.index),
    tensorCount: planned.changed,
    notes: planned.notes,
  };
}

/** A recipe as an export that can be laid out; its first error is thrown. */
async function recipeOption(model: OpenModel, recipe: Recipe): Promise<Pick<ExportOption, "format" | "plan">> {
  const target = await recipeTarget(model, recipe.target);
  const { check, assignments } = await checkRecipe(model, target, recipe, await fingerprintOf(model));
  const error = check.findings.find((f) => f.severity === "error");
  if (error) throw new EngineError("bad-request", error.message, { file: model.index.path });
  const warnings = check.findings.map((f) => f.message);
  return {
    format: target.format,
    async plan(outputName) {
      const planned = await target.plan(assignments, outputName);
      return { ...planned, notes: [...warnings, ...planned.notes] };
    },
  };
}

async function runAll(context: ExportContext, jobs: readonly ExportJob[], sinks: readonly ByteSink[]): Promise<void> {
  const pool = context.pool();
  const meter = new Meter({
    tensorsTotal: jobs.filter((j) => j.kind === "encode").length,
    bytesTotal: jobs.reduce((sum, j) => sum + j.readBytes, 0),
    now: context.now,
    onProgress: (progress) => void (context.token.isCancellationRequested || context.onProgress(progress)),
  });
  context.onProgress(meter.progress());
  // The first failure stops the others instead of letting them write on.
  const others = new CancellationSource();
  const listener = context.token.onCancellationRequested(() => others.cancel());
  const window = {
    parallel: Math.max(1, pool.threads) * jobsPerThread,
    maxHeld: maxCollectedBytes,
    held: (job: ExportJob) => (job.kind === "encode" ? job.heldBytes : 0),
    token: others.token,
  };
  try {
    await runWindow(jobs, window, async (job) => {
      const share = meter.item(job.readBytes);
      try {
        await runJob(job, { pool, sinks, token: others.token, onBytes: share.add });
      } catch (error) {
        others.cancel();
        throw error;
      }
      share.done();
      if (job.kind === "encode") meter.tensorDone();
    });
  } finally {
    listener.dispose();
  }
  context.onProgress(meter.progress());
}

/** What to open in order to read the output back: its index of shards where it has one. */
function mainName(place: OutputPlace, names: readonly string[]): string {
  const index = names.find((n) => n.endsWith(".safetensors.index.json"));
  return place.kind === "folder" && index !== undefined ? index : names[0];
}

