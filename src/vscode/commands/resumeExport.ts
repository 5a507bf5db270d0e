import * as path from "node:path";
import * as vscode from "vscode";
import type { ExportRequest, ExportResult } from "../../core/api/engine";
import type { App } from "../app";
import { exportDiscarded, exportNeedsTrust, nothingToResume } from "../errors";
import { runExport, tellResult } from "../runExport";
import { tell } from "../tell";
import { count } from "../text";
import type { Command } from "./command";

/** Goes on with an export that was interrupted: the one given, the only one, or one that the person picks. */
export const resumeExport: Command = {
  id: "bitlens.resumeExport",
  doing: "The export",
  async run(app, given): Promise<ExportResult | undefined> {
    if (!vscode.workspace.isTrusted) return void tell(exportNeedsTrust());
    const request = asRequest(given) ?? (await pickInterrupted(app, "Resume an export"));
    if (!request) return undefined;
    const how = request.encoding === undefined ? "with its recipe" : `as ${request.encoding}`;
    const result = await runExport(app, { name: path.basename(request.path), how, request, warned: true });
    if (result) void tellResult(result);
    return result;
  },
};

/** Removes what an interrupted export had written. */
export const discardExport: Command = {
  id: "bitlens.discardExport",
  doing: "Removing the unfinished export",
  async run(app, given) {
    if (!vscode.workspace.isTrusted) return tell(exportNeedsTrust());
    const request = asRequest(given) ?? (await pickInterrupted(app, "Discard an export"));
    if (!request) return;
    const { engine } = await app.engine.start();
    await engine.discardExport(request.output);
    tell(exportDiscarded(request.output));
  },
};

function asRequest(value: unknown): ExportRequest | undefined {
  const request = value as Partial<ExportRequest> | undefined;
  const isWhole = typeof request?.path === "string" && typeof request.output === "string" && (typeof request.encoding === "string" || request.recipe);
  return isWhole ? (request as ExportRequest) : undefined;
}

async function pickInterrupted(app: App, title: string): Promise<ExportRequest | undefined> {
  const { engine } = await app.engine.start();
  const found = await engine.interruptedExports();
  if (found.length === 0) return void tell(nothingToResume());
  const items = found.map(({ request, tensorsDone, tensorsTotal }) => ({
    label: path.basename(request.output),
    description: `${tensorsDone} of ${count(tensorsTotal, "tensor")} written`,
    detail: `${request.path} ${request.encoding === undefined ? "with a recipe" : `as ${request.encoding}`}, to ${request.output}`,
    request,
  }));
  return (await vscode.window.showQuickPick(items, { title, placeHolder: "Choose an export that was interrupted" }))?.request;
}
