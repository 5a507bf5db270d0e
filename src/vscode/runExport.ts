import * as path from "node:path";
import * as vscode from "vscode";
import type { ExportEstimate, ExportRequest, ExportResult, ExportWarning, InterruptedExport } from "../core/api/engine";
import type { Progress } from "../core/api/progress";
import { toEngineError } from "../core/errors";
import { describeFinding } from "../core/findings";
import type { App } from "./app";
import { exportFailed, exportInterrupted, exportWarned } from "./errors";
import { estimateText, progressText, resultText } from "./exportText";
import { viewType } from "./modelEditor";
import { tell } from "./tell";
import { count } from "./text";

export interface NamedExport {
  /** The model's. */
  readonly name: string;
  /** The rest of "Exporting model.onnx …": "as INT4 g32", "with phone.bitlens.json". */
  readonly how: string;
  readonly request: ExportRequest;
  /** The person knows already what there is to know of it. */
  readonly warned?: boolean;
}

/** Exports under a notification that can cancel it. Undefined when nothing was written; the person knows why. */
export async function runExport(app: App, { name, how, request, warned }: NamedExport): Promise<ExportResult | undefined> {
  const began = Date.now();
  const options = { location: vscode.ProgressLocation.Notification, title: `Exporting ${name} ${how}`, cancellable: true };
  let last: Progress | undefined;
  try {
    const result = await vscode.window.withProgress(options, (progress, token) => {
      progress.report({ message: "estimating…" });
      const onWarnings = (warnings: readonly ExportWarning[]) => {
        if (warned) return;
        for (const warning of warnings) app.log.warn(`${name}: ${describeFinding(warning)}`);
        tell(exportWarned(`${name} ${how}`, warnings));
      };
      const onEstimate = (estimate: ExportEstimate) => {
        app.log.info(`${name}: ${estimateText(estimate)}.`);
        progress.report({ message: estimateText(estimate) });
      };
      let shown = 0;
      const onProgress = (p: Progress) => {
        if (!last && p.before) app.log.info(`${name}: the export goes on; ${p.before.tensors} of ${count(p.tensorsTotal, "tensor")} were written before.`);
        last = p;
        const percent = p.bytesTotal ? (100 * p.bytesDone) / p.bytesTotal : 0;
        if (percent - shown < 1) return;
        progress.report({ message: progressText(p), increment: percent - shown });
        shown = percent;
      };
      return app.exports.run(request, name, { onWarnings, onEstimate, onProgress }, token);
    });
    app.log.info(`${name}: exported ${request.encoding === undefined ? how : `as ${request.encoding}`} to ${result.output} in ${((Date.now() - began) / 1000).toFixed(1)} s.`);
    for (const note of result.notes) app.log.info(`${name}: ${note}`);
    return result;
  } catch (error) {
    const cause = toEngineError(error, { file: request.output });
    if (cause.code === "cancelled") app.log.info(`${name}: export cancelled.`);
    else {
      const left = cause.code === "engine-gone" ? await interruptedTo(app, request.output) : undefined;
      // An engine that is still leaving keeps its export to itself for a moment.
      const interrupted = left ?? (cause.code === "engine-gone" && last ? { ...last, request } : undefined);
      tell(interrupted ? exportInterrupted(name, interrupted) : exportFailed(name, cause));
    }
    return undefined;
  }
}

/** What the new engine knows of an export that the old one left; undefined where it cannot be asked. */
async function interruptedTo(app: App, output: string): Promise<InterruptedExport | undefined> {
  try {
    const { engine } = await app.engine.start();
    return (await engine.interruptedExports()).find(({ request }) => path.resolve(request.output) === path.resolve(output));
  } catch {
    return undefined;
  }
}

/** Says what was written and offers to look at it. */
export async function tellResult(result: ExportResult): Promise<void> {
  const open = "Open";
  const reveal = "Show in Explorer";
  const notes = "Notes";
  const uri = vscode.Uri.file(result.output);
  const inside = vscode.workspace.getWorkspaceFolder(uri) !== undefined;
  const summary = resultText(result);
  const more = result.notes.length > 1 ? [notes] : [];
  const pressed = await vscode.window.showInformationMessage(summary, open, ...(inside ? [reveal] : []), ...more);
  if (pressed === open) {
    const absolute = result.files.map((file) => path.resolve(result.output, file));
    const weights = [result.output, ...absolute, ...result.files].find((file) =>
      /\.(safetensors|gguf|onnx|safetensors\.index\.json)$/.test(file),
    );
    await vscode.commands.executeCommand("vscode.openWith", vscode.Uri.file(weights ?? result.output), viewType);
  } else if (pressed === reveal) await vscode.commands.executeCommand("revealInExplorer", uri);
  else if (pressed === notes)
    await vscode.window.showInformationMessage(summary, { modal: true, detail: result.notes.join("\n") });
}
