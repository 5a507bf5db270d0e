import { EngineError, toEngineError } from "../core/errors";
import type { TensorReport } from "../core/series";
import { bitsPerWeight, encoding as encodingNamed } from "../encodings";
import {
  type Band, type ComparePartial, type FirstPartial, type MatrixShape, type Measured, scaleAfter, type Scale, type SecondPartial, tensorReport,
} from "../metrics";
import { compareBand } from "./passCompare";
import { checkPass, type PassContext } from "./passContext";
import { SecondTally } from "./passDistribution";
import { encodeBand } from "./passEncode";
import { ErrorTally } from "./passErrors";
import { eachMatrixTile } from "./passMatrix";
import type { TileReader } from "./passReader";
import { tileReader } from "./passSource";
import { firstReading } from "./passStatistics";
import { eachStoredTile } from "./passTiles";
import type { AnalyseTask, CompareTask, CopyTask, EncodeTask, TensorSource } from "./tasks";

/**
 * The one loop: source → tile → decode → metrics, or → encode → planes. Everything here runs inside a worker on one band of one
 * tensor and holds a few tiles, whatever the tensor's size.
 */

/** A piece of a task for one worker. */
export type Job =
  /** A whole tensor, both readings. */
  | { readonly kind: "analyse"; readonly task: AnalyseTask }
  | { readonly kind: "first"; readonly tensor: TensorSource; readonly band: Band }
  | { readonly kind: "second"; readonly tensor: TensorSource; readonly band: Band; readonly after: After; readonly encodings: readonly string[] }
  | { readonly kind: "encode"; readonly task: EncodeTask; readonly band: Band }
  | { readonly kind: "compare"; readonly task: CompareTask; readonly band: Band }
  | { readonly kind: "copy"; readonly task: CopyTask };

/** What the second reading must know of the first. */
export interface After {
  readonly scale: Scale;
  /** The tensor holds NaNs or infinities. */
  readonly nonFinite: boolean;
}

export type JobResult<J extends Job> = J extends { kind: "analyse" } ? TensorReport
  : J extends { kind: "first" } ? FirstPartial
  : J extends { kind: "second" } ? SecondPartial
  : J extends { kind: "encode" } ? (Uint8Array | undefined)[]
  : J extends { kind: "compare" } ? ComparePartial
  : void;

export function runPass<J extends Job>(context: PassContext, job: J): JobResult<J>;
export function runPass(context: PassContext, job: Job): unknown {
  if (job.kind === "copy") return copy(context, job.task);
  if (job.kind === "compare") return compareBand(context, job.task, job.band);
  const tensor = job.kind === "analyse" || job.kind === "encode" ? job.task.tensor : job.tensor;
  try {
    if (job.kind === "encode") return encodeBand(context, job.task, job.band);
    const reader = tileReader(context, tensor);
    if (job.kind === "first") return firstReading(context, reader, tensor, job.band);
    if (job.kind === "second") return secondReading(context, reader, job);
    const band = wholeOf(tensor);
    const first = firstReading(context, reader, tensor, band);
    const second = secondReading(context, reader, { tensor, band, after: afterFirst(first), encodings: job.task.encodings });
    return reportOf(tensor, first, second, job.task.encodings);
  } catch (error) {
    const e = toEngineError(error, { tensor: tensor.name });
    throw e.place.tensor ? e : new EngineError(e.code, e.message, { ...e.place, tensor: tensor.name });
  }
}

export function wholeOf(shape: MatrixShape): Band {
  return { row: 0, rows: shape.rows, column: 0, columns: shape.columns };
}

export function afterFirst(first: FirstPartial): After {
  return { scale: scaleAfter(first), nonFinite: first.nanCount + first.infCount > 0 };
}

/** The report of a whole tensor from its merged readings. */
export function reportOf(tensor: TensorSource, first: FirstPartial, second: SecondPartial, encodings: readonly string[]): TensorReport {
  const measured = encodings.map((name): Measured => {
    const member = encodingNamed(name);
    return { encoding: member.name, bitsPerWeight: bitsPerWeight(member, tensor.rows, tensor.columns) };
  });
  return tensorReport(tensor.name, tensor, first, second, measured);
}

interface SecondJob {
  readonly tensor: TensorSource;
  readonly band: Band;
  readonly after: After;
  readonly encodings: readonly string[];
}

function secondReading(context: PassContext, reader: TileReader, { tensor, band, after, encodings }: SecondJob): SecondPartial {
  const tally = new SecondTally(context, after.scale, after.nonFinite);
  const errors = new ErrorTally(context, reader, tensor, encodings);
  const half = reader.bytesPerElement / 2;
  if (tensor.storage.transposed) {
    const stored = { row: band.column, rows: band.columns, column: band.row, columns: band.rows };
    eachStoredTile(context, reader, stored, {}, ({ x, rows, columns }) => {
      tally.add(x, rows * columns);
      context.io.progress(rows * columns * half);
    });
    if (!errors.idle) {
      eachMatrixTile(context, reader, tensor, band, {}, (tile) => {
        errors.add({ ...tile, x: clean(context, tile.x, tile.rows * tile.columns, after) });
      });
    }
  } else {
    eachStoredTile(context, reader, band, { wholeRows: errors.wholeRows }, (tile) => {
      const x = tally.add(tile.x, tile.rows * tile.columns);
      errors.add({ ...tile, x });
      context.io.progress(tile.rows * tile.columns * half);
    });
  }
  tally.finish();
  return { counts: tally.counts, far: tally.far, squaredErrors: errors.squaredErrors };
}

/** The tile with zeros in place of what is not finite. */
function clean({ kernels, arena }: PassContext, x: number, count: number, after: After): number {
  if (!after.nonFinite) return x;
  kernels.scrub(x, count, arena.clean, 0, arena.out);
  return arena.clean;
}

/** Copies a byte range through the arena, a few megabytes at a time. */
function copy(context: PassContext, { source, target, byteLength }: CopyTask): void {
  const { io, arena, u8 } = context;
  const step = Math.min(arena.rawBytes, 4 << 20);
  for (let at = 0; at < byteLength; at += step) {
    checkPass(io);
    const bytes = u8.subarray(arena.raw, arena.raw + Math.min(step, byteLength - at));
    io.readInto(source.path, source.offset + at, bytes);
    io.write(target.path, target.offset + at, bytes);
    io.progress(bytes.length);
  }
}
