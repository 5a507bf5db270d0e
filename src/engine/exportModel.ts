import type { ExportRequest, ExportResult } from "../core/api/engine";
import type { Progress } from "../core/api/progress";
import type { CancellationToken } from "../core/cancellation";
import { CancellationSource, checkCancelled } from "../core/cancellation";
import { EngineError, toEngineError } from "../core/errors";
import { Checkpoint } from "./checkpoint";
import type { EngineDeps, OutputPlace, StagedFile } from "./deps";
import { perWeight } from "./exportChoices";
import { journalName } from "./exportIdentity";
import type { ExportJob } from "./exportJobs";
import { Meter } from "./meter";
import type { ModelOpener } from "./openModel";
import { prepareExport, type PreparedExport } from "./preparedExport";
import { readBack } from "./readBack";
import { beginExport } from "./resumeExport";
import { runJob } from "./runJob";
import { runWindow } from "./schedule";
import type { Journal } from "./stores";
import type { Pool } from "./tasks";

/** Whole planes that wait in memory to be rearranged, together. */
const maxCollectedBytes = 256 * 1024 * 1024;
const jobsPerThread = 3;

export interface ExportContext extends Pick<EngineDeps, "files" | "build" | "digest" | "journals" | "now"> {
  readonly request: ExportRequest;
  readonly opener: ModelOpener;
  readonly pool: () => Pool;
  readonly token: CancellationToken;
  /** The engine is ending, which is not the person's wish: what was written is left to go on from. */
  isStopped(): boolean;
  onProgress(progress: Progress): void;
}

/**
 * Writes the model in another encoding: everything out of sight first, read back by our own reader, then renamed into place.
 * Whatever goes wrong, nothing stands under the final name and the source is untouched. When the engine or a worker ends
 * under way, the same request goes on with what is missing.
 */
export async function exportModel(context: ExportContext): Promise<ExportResult> {
  const prepared = await prepareExport(context.request, context);
  checkCancelled(context.token);
  const journal = await holdJournal(context, prepared.place);
  try {
    await write(context, prepared, journal);
  } finally {
    await journal?.release();
  }
  const { model, place, planned, outputs, byteLength } = prepared;
  return {
    output: place.path,
    files: outputs.map((f) => context.files.join(place.kind === "file" ? place.folder : place.path, f.name)),
    byteLength,
    bitsPerWeight: perWeight(planned.weightBytes, model.index),
    tensorCount: planned.changed,
    notes: planned.notes,
  };
}

/** Undefined where nothing can be written down: the export is made all the same. */
async function holdJournal({ journals, digest }: ExportContext, place: OutputPlace): Promise<Journal | undefined> {
  if (!journals) return undefined;
  let journal: Journal | undefined;
  try {
    journal = await journals.hold(journalName(place.path, { digest }));
  } catch {
    return undefined;
  }
  if (journal) return journal;
  throw new EngineError("bad-request", "Another export to this place is under way; wait until it has ended, or choose another name.", { file: place.path });
}

async function write(context: ExportContext, prepared: PreparedExport, journal: Journal | undefined): Promise<void> {
  const { opener, token } = context;
  const { model, place, planned, outputs, jobs } = prepared;
  const { staging, done, noted } = await beginExport(context, prepared, journal);
  const checkpoint = journal && noted ? new Checkpoint(journal, staging, jobs, context.now) : undefined;
  try {
    await runAll(context, jobs, { done, files: staging.files, checkpoint });
    await staging.seal();
    checkCancelled(token);
    await readBack({ opener, staging, outputs, model, planned, main: mainName(place, outputs.map((f) => f.name)) });
    if (!(await opener.isUnchanged(model))) {
      throw new EngineError("io", "The model changed on disk while it was exported; try again.", { file: model.index.path });
    }
    checkCancelled(token);
    await staging.publish();
  } catch (error) {
    if (checkpoint && (context.isStopped() || toEngineError(error).code === "engine-gone")) {
      await checkpoint.settle();
      if (checkpoint.isSound) {
        await staging.release();
        throw error;
      }
    }
    await staging.discard();
    await forget(journal);
    throw error;
  }
  await staging.discard();
  await forget(journal);
}

/** A journal that stays behind leads nowhere and is removed by whoever finds it next. */
async function forget(journal: Journal | undefined): Promise<void> {
  await journal?.remove().catch(() => {});
}

interface Run {
  /** Jobs by position that need not be done again. */
  readonly done: ReadonlySet<number>;
  readonly files: readonly StagedFile[];
  readonly checkpoint?: Checkpoint;
}

async function runAll(context: ExportContext, jobs: readonly ExportJob[], { done, files, checkpoint }: Run): Promise<void> {
  const pool = context.pool();
  const before = jobs.filter((_, i) => done.has(i));
  const meter = new Meter({
    tensorsTotal: tensorsIn(jobs),
    bytesTotal: bytesIn(jobs),
    ...(done.size && { before: { tensors: tensorsIn(before), bytes: bytesIn(before) } }),
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
    held: ({ job }: Numbered) => (job.kind === "encode" ? job.heldBytes : 0),
    token: others.token,
  };
  const missing = jobs.map((job, number): Numbered => ({ job, number })).filter(({ number }) => !done.has(number));
  try {
    await runWindow(missing, window, async ({ job, number }) => {
      const share = meter.item(job.readBytes);
      try {
        await runJob(job, { pool, files, token: others.token, onBytes: share.add });
      } catch (error) {
        others.cancel();
        throw error;
      }
      share.done();
      checkpoint?.done(number);
      if (job.kind === "encode") meter.tensorDone();
    });
  } finally {
    listener.dispose();
    await checkpoint?.pause();
  }
  context.onProgress(meter.progress());
}

interface Numbered {
  readonly job: ExportJob;
  readonly number: number;
}

const tensorsIn = (jobs: readonly ExportJob[]) => jobs.filter((j) => j.kind === "encode").length;
const bytesIn = (jobs: readonly ExportJob[]) => jobs.reduce((sum, j) => sum + j.readBytes, 0);

/** What to open in order to read the output back: its index of shards where it has one. */
function mainName(place: OutputPlace, names: readonly string[]): string {
  const index = names.find((n) => n.endsWith(".safetensors.index.json"));
  return place.kind === "folder" && index !== undefined ? index : names[0];
}
