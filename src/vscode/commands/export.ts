import * as vscode from "vscode";
import type { ExportChoice, ExportResult } from "../../core/api/engine";
import { formatLabels } from "../../core/model";
import { exportNeedsTrust, nothingToExport, unknownExport } from "../errors";
import { exportName } from "../exportName";
import type { ModelDocument } from "../modelDocument";
import { type NamedExport, runExport, tellResult } from "../runExport";
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
    if (!index.tensors.length) return void tell(nothingToExport(document.name, index.format));
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
    const how = `as ${choice?.label}`;
    const output = choice && (answers?.output ?? (await pickOutput(document, { ...choice, how })));
    if (!choice || !output) return undefined;
    const request = { path: document.uri.fsPath, encoding: choice.encoding, output };
    const result = await runExport(app, { name: document.name, how, request });
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
    detail: choice.refused === undefined
      ? `${choice.description} · ${count(choice.tensorCount, "tensor")} will change`
      : `$(error) Cannot be loaded: ${choice.refused}`,
    choice,
  });
  const formats = [...new Set(choices.map((c) => c.format))];
  const items = formats.flatMap((format): ChoiceItem[] => [
    { label: formatLabels[format], kind: vscode.QuickPickItemKind.Separator },
    // What loads stands first.
    ...[false, true].flatMap((refused) => choices.filter((c) => c.format === format && (c.refused !== undefined) === refused).map(item)),
  ]);
  const picked = await vscode.window.showQuickPick(items, {
    title: `Export ${document.name}`,
    placeHolder: "Choose an encoding",
    matchOnDescription: true,
    matchOnDetail: true,
  });
  return picked?.choice;
}

/** The recipe's or encoding's name stands in the proposed file name. */
export async function pickOutput(
  document: ModelDocument,
  { format, how, encoding }: Pick<ExportChoice, "format" | "encoding"> & Pick<NamedExport, "how">,
): Promise<string | undefined> {
  const name = exportName(document.uri.fsPath, format, encoding);
  const beside = proposedFolder(document.uri);
  const isFolder = format === "safetensors"; // weights, configuration and tokenizer together
  const target = await vscode.window.showSaveDialog({
    title: `Export ${document.name} ${how}${isFolder ? " to a new folder" : ""}`,
    saveLabel: "Export",
    defaultUri: vscode.Uri.joinPath(beside, name),
    filters: isFolder ? undefined : { [formatLabels[format]]: [format] },
  });
  return target?.fsPath;
}
