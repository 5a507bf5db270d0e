import type { ExportEstimate } from "../core/api/engine";
import type { CancellationToken } from "../core/cancellation";
import { checkCancelled } from "../core/cancellation";
import { encoding as encodingNamed, rowAlignment } from "../encodings/index";
import type { OutputFile } from "../formats/format";
import type { ExportJob } from "./exportJobs";
import type { ExportContext } from "./exportModel";
import type { OpenModel } from "./openModel";
import { folderOf } from "./outputPlace";
import { prepareExport } from "./preparedExport";
import { bytesDone, interruptedRecord } from "./resumeExport";
import type { Pool } from "./tasks";

type EncodeJob = Extract<ExportJob, { kind: "encode" }>;
export type EstimateContext = Omit<ExportContext, "isStopped" | "onProgress">;

/** Elements that each thread encodes in a first sample, and how long the later ones should take. */
const firstSample = 2 ** 14;
const sampleSeconds = 0.1;
/** For each pair of encodings, however little its samples agree. */
const mostSeconds = 0.6;
/** A sample that is faster than the one before by more than this shows that the start still counted. */
const agreeing = 1.2;
/** So many pairs of source and target encoding are timed; rarer ones count as the mean of these. */
const mostSamples = 8;
const copySample = 8 * 1024 * 1024;

/** What an export, or the rest of an interrupted one, will take. Writes nothing. */
export async function estimateExport(context: EstimateContext): Promise<ExportEstimate> {
  const { request, files, token } = context;
  const prepared = await prepareExport(request, context);
  const record = request.fresh ? undefined : await interruptedRecord(prepared, context);
  checkCancelled(token);
  const { jobs, byteLength, place, model, outputs } = prepared;
  const done = record?.done ?? new Set<number>();
  const left = jobs.filter((_, i) => !done.has(i));
  return {
    byteLength,
    bytesLeft: byteLength - bytesDone(jobs, done),
    freeBytes: await files.freeBytes(folderOf(files, place)),
    seconds: (await encodeSeconds(left, context)) + (await copySeconds(left, { model, outputs, now: context.now })),
    tensorsTotal: jobs.filter((j) => j.kind === "encode").length,
    tensorsDone: record?.tensorsDone ?? 0,
  };
}

interface Group {
  /** The largest tensor of the group. */
  readonly job: EncodeJob;
  elements: number;
}

/** By rows of the largest tensor of each kind, encoded on all threads at once as the export will. */
async function encodeSeconds(jobs: readonly ExportJob[], { pool, token, now }: EstimateContext): Promise<number> {
  const groups = new Map<string, Group>();
  for (const job of jobs) {
    if (job.kind !== "encode" || job.tensor.columns === 0) continue;
    const { encoding, transposed } = job.tensor.storage;
    const key = [encoding, transposed === true, job.encoding, JSON.stringify(job.method)].join();
    const elements = job.tensor.rows * job.tensor.columns;
    const group = groups.get(key);
    if (group) group.elements += elements;
    else groups.set(key, { job, elements });
  }
  const largest = [...groups.values()].sort((a, b) => b.elements - a.elements);
  if (largest.length === 0) return 0;
  const workers = pool();
  // Threads start and compile their kernels with the first sample.
  await timeRows(largest[0].job, 1, { pool: workers, token, now });
  let timed = 0;
  let seconds = 0;
  for (const { job, elements } of largest.slice(0, mostSamples)) {
    const rate = await elementsPerSecond(job, { pool: workers, token, now });
    timed += elements;
    seconds += elements / rate;
  }
  const rest = largest.slice(mostSamples).reduce((sum, g) => sum + g.elements, 0);
  return seconds * (1 + rest / timed);
}

interface Clock {
  readonly pool: Pool;
  readonly token: CancellationToken;
  now(): number;
}

/**
 * Samples grow until two agree: the first ones also pay for tables that an encoding makes once, and for code that is compiled
 * while it runs.
 */
async function elementsPerSecond(job: EncodeJob, clock: Clock): Promise<number> {
  let rowsEach = Math.ceil(firstSample / job.tensor.columns);
  let spent = 0;
  let rate = 0;
  for (;;) {
    const sample = await timeRows(job, rowsEach, clock);
    const before = rate;
    rate = sample.elements / sample.seconds;
    spent += sample.seconds;
    const isLong = sample.seconds >= sampleSeconds / 2 || sample.isWhole;
    if (spent >= mostSeconds || (isLong && rate < agreeing * before)) return rate;
    rowsEach = Math.ceil(sample.rowsEach * Math.max(1, Math.min(32, sampleSeconds / sample.seconds)));
  }
}

/** Encodes `rowsEach` rows for every thread, from all over the tensor. */
async function timeRows({ tensor, encoding, method }: EncodeJob, rowsEach: number, { pool, token, now }: Clock) {
  const { rows, columns } = tensor;
  const target = encodingNamed(encoding);
  const step = Math.max(8, rowAlignment(target, columns));
  const threads = Math.max(1, pool.threads);
  const each = Math.min(rows, rowsEach);
  const starts = Array.from({ length: threads }, (_, i) => Math.floor(((rows - each) * i) / threads / step) * step);
  const planes = target.planes.map(() => ({ collect: true as const }));
  const began = now();
  await Promise.all(starts.map((row) => pool.run({ kind: "encode", tensor, encoding, method, planes, sample: { row, rows: each } }, token)));
  // A clock of coarse steps must not make it infinitely fast.
  return { seconds: Math.max(now() - began, 1e-4), elements: threads * each * columns, rowsEach: each, isWhole: each === rows };
}

/** By reading a stretch of what is copied. */
async function copySeconds(
  jobs: readonly ExportJob[], { model, outputs, now }: { model: OpenModel; outputs: readonly OutputFile[]; now(): number },
): Promise<number> {
  const bytes = jobs.reduce((sum, job) => sum + (job.kind === "copy" ? job.byteLength : 0), 0);
  const copies = outputs.flatMap((o) => o.segments.flatMap((s) => (s.kind === "copy" ? [s] : [])));
  if (bytes === 0 || copies.length === 0) return 0;
  const longest = copies.reduce((a, b) => (b.byteLength > a.byteLength ? b : a));
  const length = Math.min(copySample, longest.byteLength);
  const source = await model.folder.open(longest.source);
  try {
    const began = now();
    await source.read(longest.sourceOffset, length);
    return (bytes / length) * Math.max(now() - began, 1e-6);
  } finally {
    await source.close();
  }
}
