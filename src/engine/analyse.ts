import type { AnalyseEvent, AnalyseRequest, AnalyseSummary } from "../core/api/engine";
import type { CancellationToken } from "../core/cancellation";
import { EngineError, toEngineError } from "../core/errors";
import type { TensorInfo } from "../core/model";
import type { EncodingError, TensorReport } from "../core/series";
import { encodingFacts } from "../encodings/index";
import { requireEncode } from "./encodingTable";
import type { Keeper } from "./kept";
import { KeptReports } from "./keptReports";
import { Meter } from "./meter";
import type { OpenModel } from "./openModel";
import { runWindow } from "./schedule";
import type { Pool } from "./tasks";
import { TensorSources } from "./tensorSource";

/** Files read at once. */
const recallsAtOnce = 8;
/** Enough small tensors queued that no thread waits for the next message. */
const tasksPerThread = 4;

export interface AnalyseContext {
  readonly model: OpenModel;
  readonly request: AnalyseRequest;
  readonly pool: () => Pool;
  readonly keeper: Keeper;
  readonly token: CancellationToken;
  now(): number;
  onEvent(event: AnalyseEvent): void;
}

/**
 * One report or failure per tensor, as they are done: first those that earlier calls measured, then the rest. A tensor that
 * fails does not stop the others.
 */
export async function analyse(context: AnalyseContext): Promise<AnalyseSummary> {
  const { model, request, token } = context;
  const encodings = [...new Set(request.encodings.map((name) => requireEncode(name).name))];
  const tensors = chosenTensors(model, request.tensors);
  const sources = new TensorSources(model);
  const emit = (event: AnalyseEvent) => {
    if (!token.isCancellationRequested) context.onEvent(event);
  };
  const meter = new Meter({
    tensorsTotal: tensors.length,
    bytesTotal: tensors.reduce((sum, t) => sum + t.byteLength, 0),
    now: context.now,
    onProgress: (progress) => emit({ kind: "progress", progress }),
  });
  const kept = await KeptReports.open(model, [...encodings, ...(request.asStored ? ["as stored"] : [])], context.keeper);
  const missing = new Set(tensors);
  if (kept && !request.fresh) {
    await runWindow(tensors, { parallel: recallsAtOnce, maxHeld: Infinity, held: () => 0, token }, async (tensor) => {
      const report = await kept.recall(tensor.name, { light: request.lightRemembered });
      if (!report) return;
      missing.delete(tensor);
      meter.remembered(tensor.byteLength);
      emit({ kind: "report", report, remembered: true, progress: meter.progress() });
    });
  }
  let failed = 0;
  if (missing.size === 0) return { progress: meter.progress(), failed };
  const pool = context.pool();
  const window = { parallel: Math.max(1, pool.threads) * tasksPerThread, maxHeld: Infinity, held: () => 0, token };
  await runWindow([...missing], window, async (tensor) => {
    const share = meter.item(tensor.byteLength);
    try {
      const source = await sources.of(tensor);
      const fitting = encodings.filter((name) => encodingFacts.fits(name, source.columns));
      const measured = new Map(fitting.map((name) => [name, request.asStored ? storedAs(model, tensor, name) : name]));
      const task = { kind: "analyse", tensor: source, encodings: [...new Set(measured.values())] } as const;
      const report = underAskedNames(await pool.run(task, token, share.add), measured);
      kept?.keep(report);
      share.done();
      meter.tensorDone();
      emit({ kind: "report", report, progress: meter.progress() });
    } catch (error) {
      if (token.isCancellationRequested) throw error;
      failed++;
      share.done();
      meter.tensorDone();
      const { code, message, place } = toEngineError(error);
      emit({ kind: "failed", tensor: tensor.name, error: { code, message, place: { file: model.index.path, tensor: tensor.name, ...place } },
        progress: meter.progress() });
    }
  });
  await kept?.settle();
  return { progress: meter.progress(), failed };
}

/** The encoding's full name in the model's container; its own where the container does not hold the tensor in it. */
function storedAs({ format }: OpenModel, tensor: TensorInfo, encoding: string): string {
  const full = format.recipeEncoding?.(tensor, encoding, encodingFacts);
  return full !== undefined && isEncoded(full) ? full : encoding;
}

function isEncoded(encoding: string): boolean {
  try {
    return requireEncode(encoding).name === encoding;
  } catch {
    return false;
  }
}

/** Errors as they were asked for; the name of what was measured beside it where it is another. */
function underAskedNames(report: TensorReport, measured: ReadonlyMap<string, string>): TensorReport {
  const byName = new Map(report.errors.map((e) => [e.encoding, e]));
  const errors = [...measured].flatMap(([encoding, stored]): EncodingError[] => {
    const found = byName.get(stored);
    return found ? [{ ...found, encoding, ...(stored !== encoding && { stored }) }] : [];
  });
  return { ...report, errors };
}

function chosenTensors({ index }: OpenModel, names: readonly string[] | undefined): readonly TensorInfo[] {
  if (!names) return index.tensors.filter((t) => t.storage && t.elementCount > 0);
  const byName = new Map(index.tensors.map((t) => [t.name, t]));
  return [...new Set(names)].map((name) => {
    const tensor = byName.get(name);
    if (!tensor) throw new EngineError("bad-request", "The model has no tensor of this name.", { file: index.path, tensor: name });
    return tensor;
  });
}
