import type { Progress } from "../../core/api/engine";
import type { CancellationToken } from "../../core/cancellation";
import { keep } from "../../core/recipe";
import type { SensitivityTable, SensitivityTensor } from "../../core/sensitivity";
import { type Keeper, openKept } from "../kept";
import { Meter } from "../meter";
import type { OpenModel } from "../openModel";
import { runWindow } from "../schedule";
import type { Pool } from "../tasks";
import { TensorSources } from "../tensorSource";
import type { RecipeTarget } from "./target";

export interface MeasureContext {
  readonly model: OpenModel;
  readonly target: RecipeTarget;
  readonly fingerprint: string;
  readonly keeper: Keeper;
  readonly pool: Pool;
  readonly token: CancellationToken;
  now(): number;
  onProgress(progress: Progress): void;
}

const tasksPerThread = 4;

/** Σ(w − ŵ)² of every quantizable tensor in every candidate encoding, in one streamed pass; "keep" costs nothing. */
export async function measureSensitivity(context: MeasureContext): Promise<SensitivityTable> {
  const { model, target, pool, token } = context;
  const { tensors } = target;
  const sources = new TensorSources(model);
  const meter = new Meter({
    tensorsTotal: tensors.length,
    bytesTotal: tensors.reduce((sum, t) => sum + t.info.byteLength, 0),
    now: context.now,
    onProgress: (progress) => void (token.isCancellationRequested || context.onProgress(progress)),
  });
  const rows = new Map<string, SensitivityTensor>();
  // The whole table is remembered beside the model when it is there; until then each row counts.
  const options = [target.format, ...tensors.map(({ info, keptBytes, candidates }) => JSON.stringify([info.name, info.role, keptBytes, candidates]))];
  const kept = await openKept({ model, what: "sensitivity", options }, context.keeper);
  const window = { parallel: Math.max(1, pool.threads) * tasksPerThread, maxHeld: Infinity, held: () => 0, token };
  await runWindow(tensors, window, async ({ info, keptBytes, candidates }) => {
    const earlier = (await kept?.recall(info.name)) as SensitivityTensor | undefined;
    if (earlier) {
      rows.set(info.name, earlier);
      return meter.remembered(info.byteLength);
    }
    const share = meter.item(info.byteLength);
    const source = await sources.of(info);
    const encodings = candidates.map((c) => c.encoding);
    const report = await pool.run({ kind: "analyse", tensor: source, encodings }, token, share.add);
    const isFinite = report.stats.nanCount + report.stats.infCount === 0;
    const errors = new Map(report.errors.map((e) => [e.encoding, e.relativeSquaredError * report.stats.sumOfSquares]));
    const measured = candidates.flatMap(({ encoding, bytes }) => {
      const squaredError = errors.get(encoding);
      const isStorable = isFinite || isFloat(encoding); // the others refuse NaN and infinities when they are written
      return squaredError === undefined || !Number.isFinite(squaredError) || !isStorable ? [] : [{ encoding, bytes, squaredError }];
    });
    const row: SensitivityTensor = {
      name: info.name,
      elementCount: info.elementCount,
      currentBytes: keptBytes,
      ...(Number.isFinite(report.stats.sumOfSquares) && { sumOfSquares: report.stats.sumOfSquares }),
      role: info.role,
      ...(info.layer !== undefined && { layer: info.layer }),
      ...(info.expert !== undefined && { expert: info.expert }),
      candidates: [...measured, { encoding: keep, bytes: keptBytes, squaredError: 0 }],
    };
    rows.set(info.name, row);
    kept?.keep(info.name, row);
    share.done();
    meter.tensorDone();
  });
  return {
    version: 1,
    model: { fingerprint: context.fingerprint, name: modelName(model) },
    target: target.format,
    fixedBytes: await fixedBytes(target),
    tensors: tensors.flatMap((t) => rows.get(t.info.name) ?? []),
  };
}

/** f32, f16 and their like, but not floats of 8 bits and less. */
export const isFloat = (encoding: string): boolean => /^b?f\d+$/.test(encoding);

const modelName = ({ index }: OpenModel) => index.path.slice(index.folder.length + 1);

/** What the output takes beside the chosen tensors: the layout of one choice less its tensors. */
async function fixedBytes({ tensors, plan, format }: RecipeTarget): Promise<number> {
  const assignments = tensors.map(({ info, candidates }) => ({ tensor: info.name, encoding: candidates[0].encoding }));
  const { weightBytes } = await plan(assignments, `model.${format}`);
  return weightBytes - tensors.reduce((sum, t) => sum + t.candidates[0].bytes, 0);
}
