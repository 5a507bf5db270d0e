import type { ExportWarning, InterruptedExport } from "../core/api/engine";
import type { EngineError } from "../core/errors";
import { type FormatName, formatLabels } from "../core/model";

/** A button of an error message: what it says and the command it runs. */
export interface ErrorAction {
  readonly title: string;
  readonly command: string;
  readonly arguments?: readonly unknown[];
}

/** An error as a person meets it: one sentence, and what to do next. */
export interface UserError {
  readonly severity: "error" | "warning" | "information";
  readonly message: string;
  readonly actions: readonly ErrorAction[];
}

const showLog: ErrorAction = { title: "Show Log", command: "bitlens.showLog" };
const restartEngine: ErrorAction = { title: "Restart Engine", command: "bitlens.restartEngine" };

const error = (message: string, ...actions: ErrorAction[]): UserError => ({ severity: "error", message, actions });
const warning = (message: string, ...actions: ErrorAction[]): UserError => ({ severity: "warning", message, actions });
const information = (message: string, ...actions: ErrorAction[]): UserError => ({ severity: "information", message, actions });

/** The document lives in a file system that has no ranged reads. */
export function notALocalFile(scheme: string): string {
  return `Bitlens reads models from disk and cannot open a "${scheme}:" document; download the file and open the copy.`;
}

export function cannotOpen(name: string, cause: EngineError): UserError {
  return error(`${name} could not be opened: ${cause.describe()}`, showLog);
}

export function analysisFailed(name: string, cause: EngineError): UserError {
  return error(`The analysis of ${name} failed: ${cause.describe()}`, showLog);
}

/** Some tensors could not be measured; the rest are shown. */
export function nothingMeasured(name: string): UserError {
  return warning(`No layer of ${name} has an outlier ranking: every tensor is one-dimensional or could not be decoded.`, showLog);
}

export function nothingToExport(name: string, format: FormatName): UserError {
  return warning(`${name} has no tensor that an export to ${formatLabels[format]} could quantize.`);
}

export function exportFailed(name: string, cause: EngineError): UserError {
  return error(`${name} was not exported: ${cause.describe()} Nothing was written under the chosen name.`, showLog);
}

/** The export goes on; the first thing to know is shown, all are in the log. `what`: "model.onnx as INT4 g32". */
export function exportWarned(what: string, warnings: readonly ExportWarning[]): UserError {
  const [{ message, runtime }, ...others] = warnings;
  const more = others.length ? ` There ${others.length === 1 ? "is 1 more thing" : `are ${others.length} more things`} to know; see the log.` : "";
  return warning(`${what}: ${message}${runtime && !message.includes(runtime) ? ` (${runtime})` : ""}${more}`, showLog);
}

/** The process that wrote it ended: what it wrote is kept until the person decides. */
export function exportInterrupted(
  name: string, { request, tensorsDone, tensorsTotal }: Pick<InterruptedExport, "request" | "tensorsDone" | "tensorsTotal">,
): UserError {
  const to = request.output.split(/[\\/]/).pop();
  return warning(
    `The export of ${name} to ${to} was interrupted at ${tensorsDone} of ${tensorsTotal} tensors.`,
    { title: "Resume", command: "bitlens.resumeExport", arguments: [request] },
    { title: "Discard", command: "bitlens.discardExport", arguments: [request] },
  );
}

export function nothingToResume(): UserError {
  return information("No export was interrupted.");
}

export function exportDiscarded(output: string): UserError {
  return information(`What had been written of ${output.split(/[\\/]/).pop()} was removed.`);
}

export function exportNeedsTrust(): UserError {
  return warning("Exporting writes files, which Restricted Mode does not allow; trust this workspace to export.", {
    title: "Manage Workspace Trust",
    command: "workbench.trust.manage",
  });
}

/** `findings`: one sentence each, the first of them shown. */
export function recipeDoesNotFit(recipe: string, model: string, findings: readonly string[]): UserError {
  const more = findings.length > 1 ? ` There ${findings.length === 2 ? "is 1 more problem" : `are ${findings.length - 1} more problems`}; see the log.` : "";
  return error(`${recipe} cannot be applied to ${model}: ${findings[0]}${more}`, showLog);
}

export function recipeUnreadable(recipe: string, cause: EngineError): UserError {
  return error(`${recipe} could not be read: ${cause.describe()}`);
}

export function unknownTensor(name: string, tensor: string): UserError {
  return warning(`${name} has no tensor named ${tensor}.`);
}

/** The panel was given a name that its format does not know. */
export function unknownExport(name: string, encoding: string, known: readonly string[]): UserError {
  return error(`${name} cannot be exported as ${encoding}; choose one of ${known.join(", ")}.`);
}

/** `reason` is the engine client's own sentence. `name`: the model whose analysis was interrupted. */
export function engineStopped(reason: string, name: string | undefined): UserError {
  const kept = name ? ` What was measured of ${name} is kept.` : "";
  const resume: ErrorAction[] = name ? [{ title: "Resume", command: "bitlens.analyze" }] : [];
  return warning(`${reason}${kept}`, ...resume, showLog);
}

export function engineCannotStart(cause: EngineError): UserError {
  return error(`The Bitlens engine did not start: ${cause.describe()}`, restartEngine, showLog);
}

export function threadsChanged(): UserError {
  return information("The number of threads changes when the Bitlens engine is restarted.", restartEngine);
}

export function fileChanged(name: string, uri: unknown): UserError {
  return information(`${name} changed on disk; the panel shows what it was.`, {
    title: "Reload",
    command: "bitlens.reload",
    arguments: [uri],
  });
}

/** `uris` of both models, in the comparison's order. */
export function comparedFilesChanged(names: readonly string[], comparison: string, uris: readonly unknown[]): UserError {
  const were = names.length > 1 ? "they were" : "it was";
  return information(`${names.join(" and ")} changed on disk; the comparison ${comparison} shows what ${were}.`, {
    title: "Compare Again",
    command: "bitlens.compare",
    arguments: [uris[0], uris],
  });
}

export function nothingToCancel(): UserError {
  return information("Bitlens is not running anything that could be cancelled.");
}

export function sampleMissing(file: string): UserError {
  return error(`The sample model is missing (${file}); reinstall the extension.`);
}

export function cannotSave(cause: EngineError): UserError {
  return error(`The file was not saved: ${cause.describe()}`);
}

/** A mistake of ours: something threw what it should not have. */
export function unexpected(doing: string, cause: EngineError): UserError {
  return error(`${doing} failed: ${cause.describe()}`, showLog);
}
