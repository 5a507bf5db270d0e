import * as path from "node:path";
import * as vscode from "vscode";
import type { ExportChoice, ExportResult } from "../../core/api/engine";
import type { EngineError } from "../../core/errors";
import { toEngineError } from "../../core/errors";
import type { FormatName } from "../../core/model";
import type { Recipe } from "../../core/recipe";
import type { App } from "../app";
import { exportFailed, exportNeedsTrust, nothingToExport, unknownExport } from "../errors";
import { exportName } from "../exportName";
import type { ModelDocument } from "../modelDocument";
import { viewType } from "../modelEditor";
import { proposedFolder } from "../save";
import { tell } from "../tell";
import { bitsText, bytesText, count } from "../text";
import type { Command } from "./command";
import { targetModel } from "./target";

/** For keybindings and tests: given these, nothing is asked. */
interface Answers {
  readonly encoding: string;
  readonly output: string;
}

const asAnswers = (value: unknown): Answers | undefined => {
  const answers = value as Partial<Answers> | undefined;
  return typeof answers?.encoding === "string" && typeof answers.output === "string" ? (answers as Answers) : undefined;
};

/** Returns the result, or undefined when nothing was written. */
export const exportModel: Command = {
  id: "bitlens.export",
  doing: "The export",
  async run(app, given, answersGiven): Promise<ExportResult | undefined> {
    if (!vscode.workspace.isTrusted) return void tell(exportNeedsTrust());
    const model = await targetModel(app, given);
    if (!model) return undefined;
    const { document, index } = model;
    const { engine } = await app.engine.start();
    const choices = document.choices ?? (await engine.exportChoices(document.uri.fsPath));
    if (!choices.length) return void tell(nothingToExport(document.name, index.format));
    const answers = asAnswers(answersGiven);
    const choice = answers ? choices.find((c) => c.encoding === answers.encoding) : await pickChoice(document, choices);
    if (!choice && answers)
      return void tell(
        unknownExport(
          document.name,
          answers.encoding,
          choices.map((c) => c.encoding),
        ),
      );
    const output = choice && (answers?.output ?? (await pickOutput(document, choice)));
    if (!choice || !output) return undefined;
    const result = await runExport(app, document, { label: choice.label, encoding: choice.encoding }, output);
    if (result && !answers) void tellResult(result);
    return result;
  },
};

type ChoiceItem = vscode.QuickPickItem & { readonly choice?: ExportChoice };

async function pickChoice(document: ModelDocument, choices: readonly ExportChoice[]): Promise<ExportChoice | undefined> {
  const today = document.index!.byteLength;
  const share = (choice: ExportChoice) => `${((100 * choice.byteLength) / today).toFixed(0)} %`;
  const item = (choice: ExportChoice): ChoiceItem => ({
    label: choice.label,
    description: `${bytesText(choice.byteLength)} · ${bitsText(choice.bitsPerWeight)} · ${share(choice)} of today's size`,
    detail: `${choice.description} · ${count(choice.tensorCount, "tensor")} will change`,
    choice,
  });
  const formats = [...new Set(choices.map((c) => c.format))];
  const items = formats.flatMap((format): ChoiceItem[] => [
    { label: formatLabels[format], kind: vscode.QuickPickItemKind.Separator },
    ...choices.filter((c) => c.format === format).map(item),
  ]);
  const picked = await vscode.window.showQuickPick(items, {
    title: `Export ${document.name}`,
    placeHolder: "Choose an encoding",
    matchOnDescription: true,
    matchOnDetail: true,
  });
  return picked?.choice;
}

const formatLabels: Record<FormatName, string> = { safetensors: "safetensors", gguf: "GGUF", onnx: "ONNX" };

/** The recipe's or encoding's name stands in the proposed file name. */
export async function pickOutput(
  document: ModelDocument,
  { format, label, encoding }: Pick<ExportChoice, "format" | "label" | "encoding">,
): Promise<string | undefined> {
  const name = exportName(document.uri.fsPath, format, encoding);
  const beside = proposedFolder(document.uri);
  const isFolder = format === "safetensors"; // weights, configuration and tokenizer together
  const target = await vscode.window.showSaveDialog({
    title: isFolder ? "Export to a new folder" : `Export ${label}`,
    saveLabel: "Export",
    defaultUri: vscode.Uri.joinPath(beside, name),
    filters: isFolder ? undefined : { [formatLabels[format]]: [format] },
  });
  return target?.fsPath;
}

/** Exports under a notification that can cancel it. Undefined when nothing was written; the person knows why. */
export async function runExport(
  app: App,
  document: ModelDocument,
  { label, ...what }: { readonly label: string } & ({ readonly encoding: string } | { readonly recipe: Recipe }),
  output: string,
): Promise<ExportResult | undefined> {
  const began = Date.now();
  const options = {
    location: vscode.ProgressLocation.Notification,
    title: `Exporting ${document.name} as ${label}`,
    cancellable: true,
  };
  try {
    const result = await vscode.window.withProgress(options, (progress, token) => {
      let shown = 0;
      return app.exports.run(
        { path: document.uri.fsPath, output, ...what },
        document.name,
        (p) => {
          const percent = p.bytesTotal ? (100 * p.bytesDone) / p.bytesTotal : 0;
          if (percent - shown < 1) return;
          progress.report({ message: `${bytesText(p.bytesDone)} of ${bytesText(p.bytesTotal)}`, increment: percent - shown });
          shown = percent;
        },
        token,
      );
    });
    app.log.info(
      `${document.name}: exported as ${"encoding" in what ? what.encoding : label} to ${result.output} in ${((Date.now() - began) / 1000).toFixed(1)} s.`,
    );
    for (const note of result.notes) app.log.info(`${document.name}: ${note}`);
    return result;
  } catch (error) {
    const cause: EngineError = toEngineError(error, { file: output });
    if (cause.code === "cancelled") app.log.info(`${document.name}: export cancelled.`);
    else tell(exportFailed(document.name, cause));
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
  const summary =
    `Exported ${path.basename(result.output)}: ${bytesText(result.byteLength)}, ${bitsText(result.bitsPerWeight)}, ` +
    `${count(result.tensorCount, "tensor")} quantized.${result.notes.length ? ` ${result.notes[0]}` : ""}`;
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
