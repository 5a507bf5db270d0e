import type { ExportChoice } from "../core/api/engine";
import type { CancellationToken } from "../core/cancellation";
import { checkCancelled } from "../core/cancellation";
import { EngineError, toEngineError } from "../core/errors";
import type { FormatName, ModelIndex } from "../core/model";
import { encodingFacts } from "../encodings/index";
import type { Assignment, ExportTarget, WritePlan } from "../formats/format";
import { conversionProblem, conversionTargets, prepareConversion, type PreparedConversion } from "../graph/huggingface/toGguf";
import type { OpenModel } from "./openModel";

/** An export laid out to the last byte. */
export interface PlannedExport {
  /** Container of the result. */
  readonly format: FormatName;
  readonly plan: WritePlan;
  readonly notes: readonly string[];
  /** Bytes of the files that hold weights. */
  readonly weightBytes: number;
  /** Tensors that change encoding. */
  readonly changed: number;
  /** What reads back from the result. */
  readonly tensorCount: number;
  readonly parameterCount: number;
}

/** And what becomes of each tensor. */
export interface UniformExport extends PlannedExport, Pick<ExportChoice, "assigned" | "omitted"> {}

/** A uniform export that a model can be asked for, laid out on request. */
export interface ExportOption extends ExportTarget {
  readonly format: FormatName;
  /** Throws "unsupported" when no tensor would change. */
  plan(outputName: string): Promise<UniformExport>;
}

/** The model's own container first, then GGUF for Hugging Face folders of a known architecture. */
export function exportOptions(model: OpenModel): readonly ExportOption[] {
  const native = model.format.exportTargets.map((target): ExportOption => ({
    ...target,
    format: model.format.name,
    plan: (outputName) => planNative(model, target.name, outputName),
  }));
  if (model.format.name !== "safetensors" || conversionProblem(model.index) !== undefined) return native;
  let prepared: Promise<PreparedConversion> | undefined;
  const conversions = conversionTargets.map((target): ExportOption => ({
    ...target,
    format: "gguf",
    async plan(outputName) {
      prepared ??= prepareConversion(model.folder, model.index);
      const { plan, encodedCount, written, ...rest } = (await prepared).plan(target.name, outputName, encodingFacts);
      const weightBytes = plan.files.reduce((sum, f) => sum + f.byteLength, 0);
      return { ...rest, plan, changed: encodedCount, format: "gguf", weightBytes, ...byPosition(model.index, written) };
    },
  }));
  return [...native, ...conversions];
}

/** The option of that name, or "bad-request" with the names there are. */
export function exportOption(model: OpenModel, name: string): ExportOption {
  const options = exportOptions(model);
  const found = options.find((o) => o.name === name);
  if (found) return found;
  const { format, index } = model;
  const wanted = conversionTargets.some((t) => t.name === name) && format.name === "safetensors" ? conversionProblem(index) : undefined;
  const names = options.map((o) => o.name).join(", ");
  const message = wanted ?? `A ${format.label} model cannot be exported as "${name}"; choose one of: ${names}.`;
  throw new EngineError(wanted ? "unsupported" : "bad-request", message, { file: index.path });
}

async function planNative(model: OpenModel, target: string, outputName: string): Promise<UniformExport> {
  const { format, folder, index } = model;
  const { assignments, notes } = format.assign(index, target, encodingFacts);
  if (assignments.length === 0) {
    const why = notes.length ? `. ${notes.join(" ")}` : `: ${format.label} exports change ${format.quantizes}, where they are stored otherwise.`;
    throw new EngineError("unsupported", `No tensor of this model would change under ${target}${why}`, { file: index.path });
  }
  const plan = await format.planWrite({ folder, index, assignments, target, outputName, facts: encodingFacts });
  const sized = sizedPlan(model, plan, { outputName, changed: assignments.length, notes: [...notes, ...plan.notes] });
  return { ...sized, assigned: byEncoding(index, assignments) };
}

/** A layout in the model's own container. */
export function sizedPlan(
  { format, index }: OpenModel, plan: WritePlan, { outputName, changed, notes }: { outputName: string; changed: number; notes: readonly string[] },
): PlannedExport {
  return {
    format: format.name,
    plan,
    notes: [...new Set(notes)],
    weightBytes: weightBytes(plan, index, outputName),
    changed,
    tensorCount: index.tensors.length,
    parameterCount: index.parameterCount,
  };
}

/** Why a runtime refuses an export; undefined where none does. */
export type Refusal = (model: OpenModel, planned: UniformExport) => string | undefined;

/** What the quick pick offers for this model: each uniform target that would change something. */
export async function exportChoices(model: OpenModel, refusalOf: Refusal, token: CancellationToken): Promise<readonly ExportChoice[]> {
  const choices: ExportChoice[] = [];
  let refusal: EngineError | undefined;
  for (const option of exportOptions(model)) {
    checkCancelled(token);
    try {
      const planned = await option.plan(`model.${option.format}`);
      const { weightBytes, changed, assigned, omitted } = planned;
      const refused = refusalOf(model, planned);
      choices.push({
        encoding: option.name,
        format: option.format,
        label: option.label,
        description: option.description,
        byteLength: weightBytes,
        bitsPerWeight: perWeight(weightBytes, model.index),
        tensorCount: changed,
        assigned,
        ...(omitted?.length && { omitted }),
        ...(refused !== undefined && { refused }),
      });
    } catch (error) {
      const e = toEngineError(error, { file: model.index.path });
      if (e.code !== "unsupported" && e.code !== "bad-request" && e.code !== "not-found") throw e;
      refusal ??= e;
    }
  }
  if (choices.length === 0 && refusal) throw refusal;
  return choices;
}

/** What a conversion writes in another encoding, and what it leaves out. */
function byPosition(index: ModelIndex, written: ReadonlyMap<string, string>): Pick<ExportChoice, "assigned" | "omitted"> {
  const changed = index.tensors.flatMap(({ name, storage }) => {
    const encoding = written.get(name);
    return encoding === undefined || encoding === storage?.encoding ? [] : [{ tensor: name, encoding }];
  });
  return { assigned: byEncoding(index, changed), omitted: index.tensors.flatMap((t, i) => (written.has(t.name) ? [] : [i])) };
}

/** Assignments by encoding, tensors by position: a choice is sent for every target, so names would be sent dozens of times. */
function byEncoding(index: ModelIndex, assignments: readonly Assignment[]): ExportChoice["assigned"] {
  const position = new Map(index.tensors.map((t, i) => [t.name, i]));
  const tensors = new Map<string, number[]>();
  for (const { tensor, encoding } of assignments) {
    const at = position.get(tensor);
    if (at === undefined) continue;
    const group = tensors.get(encoding);
    if (group) group.push(at);
    else tensors.set(encoding, [at]);
  }
  return [...tensors].map(([encoding, group]) => ({ encoding, tensors: group }));
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
