import type { ExportChoice } from "../core/api/engine";
import type { CancellationToken } from "../core/cancellation";
import { checkCancelled } from "../core/cancellation";
import { EngineError, toEngineError } from "../core/errors";
import type { ModelIndex } from "../core/model";
import { encodingFacts } from "../encodings/index";
import type { Assignment, WritePlan } from "../formats/format";
import type { OpenModel } from "./openModel";

/** An export laid out to the last byte. */
export interface PlannedExport {
  readonly assignments: readonly Assignment[];
  readonly plan: WritePlan;
  readonly notes: readonly string[];
  /** Bytes of the files that hold weights. */
  readonly weightBytes: number;
}

/** Lays out a uniform export. Throws "unsupported" when no tensor would change. */
export async function planExport(model: OpenModel, target: string, outputName: string): Promise<PlannedExport> {
  const { format, folder, index } = model;
  const { assignments, notes } = format.assign(index, target, encodingFacts);
  if (assignments.length === 0) {
    const why = notes.length ? ` ${notes.join(" ")}` : "";
    throw new EngineError("unsupported", `No tensor of this model would change under ${target}.${why}`, { file: index.path });
  }
  const plan = await format.planWrite({ folder, index, assignments, target, outputName, facts: encodingFacts });
  return { assignments, plan, notes: [...new Set([...notes, ...plan.notes])], weightBytes: weightBytes(plan, index, outputName) };
}

/** What the quick pick offers for this model: each uniform target that would change something. */
export async function exportChoices(model: OpenModel, token: CancellationToken): Promise<readonly ExportChoice[]> {
  const choices: ExportChoice[] = [];
  let refusal: EngineError | undefined;
  for (const target of model.format.exportTargets) {
    checkCancelled(token);
    try {
      const { assignments, weightBytes } = await planExport(model, target.name, `model${model.format.extensions[0]}`);
      choices.push({
        encoding: target.name,
        label: target.label,
        description: target.description,
        byteLength: weightBytes,
        bitsPerWeight: perWeight(weightBytes, model.index),
        tensorCount: assignments.length,
      });
    } catch (error) {
      const e = toEngineError(error, { file: model.index.path });
      if (e.code !== "unsupported" && e.code !== "bad-request") throw e;
      refusal ??= e;
    }
  }
  if (choices.length === 0 && refusal) throw refusal;
  return choices;
}

export function perWeight(bytes: number, index: ModelIndex): number {
  return index.parameterCount > 0 ? (8 * bytes) / index.parameterCount : 0;
}

/** Configuration and tokenizer files that are carried along do not count. */
function weightBytes(plan: WritePlan, index: ModelIndex, outputName: string): number {
  const sources = new Set(index.files);
  return plan.files
    .filter((f) => f.name === outputName || f.segments.some((s) => s.kind === "plane" || (s.kind === "copy" && sources.has(s.source))))
    .reduce((sum, f) => sum + f.byteLength, 0);
}
