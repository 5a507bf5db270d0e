import * as vscode from "vscode";
import { EngineError } from "../../core/errors";
import type { ModelIndex } from "../../core/model";
import type { App } from "../app";
import type { ModelDocument } from "../modelDocument";
import { modelEndings, viewType } from "../modelEditor";

export interface LoadedModel {
  readonly document: ModelDocument;
  readonly index: ModelIndex;
}

/**
 * The model a command is meant for: the one given (explorer, title bar, panel), else the one in the active panel, else one
 * that the person picks. It is shown in a panel and its header has been read. Undefined when the person picks none.
 */
export async function targetModel(app: App, given: unknown): Promise<LoadedModel | undefined> {
  const uri = given instanceof vscode.Uri ? given : (app.documents.active?.uri ?? (await pickModel(app)));
  return uri && loadModel(app, uri);
}

/** Opens the file in a panel, or brings its panel to the front, and waits for the header. Rejects when it cannot be opened. */
export async function loadModel(app: App, uri: vscode.Uri): Promise<LoadedModel> {
  await vscode.commands.executeCommand("vscode.openWith", uri, viewType);
  const document = app.documents.get(uri);
  if (!document) throw new EngineError("not-found", "The file could not be shown in the editor.", { file: uri.fsPath });
  // What kept it from opening may have been mended since.
  const index = await document.loaded().catch(() => document.reload());
  return { document, index };
}

const browse = "Browse…";
const sample = "Open the sample model";

export async function pickModel(app: App, placeHolder = "Choose a model file: safetensors, GGUF or ONNX"): Promise<vscode.Uri | undefined> {
  const found = await vscode.workspace.findFiles(`**/*.{${modelEndings.join(",")}}`, "**/node_modules/**", 200);
  const items = found.map((uri) => ({
    label: vscode.workspace.asRelativePath(uri),
    iconPath: new vscode.ThemeIcon("file-binary"),
    uri,
  }));
  const picked = await vscode.window.showQuickPick<vscode.QuickPickItem & { uri?: vscode.Uri }>(
    [
      ...items.sort((a, b) => a.label.localeCompare(b.label)),
      { label: "", kind: vscode.QuickPickItemKind.Separator },
      { label: browse, iconPath: new vscode.ThemeIcon("folder-opened") },
      { label: sample, iconPath: new vscode.ThemeIcon("beaker") },
    ],
    { title: "Bitlens", placeHolder },
  );
  if (picked?.label === sample && !picked.uri) return sampleUri(app);
  if (picked?.label !== browse || picked.uri) return picked?.uri;
  const chosen = await vscode.window.showOpenDialog({
    title: "Choose a model file",
    canSelectMany: false,
    filters: { Models: ["safetensors", "gguf", "onnx", "json"], "All files": ["*"] },
  });
  return chosen?.[0];
}

export const sampleUri = (app: App) => vscode.Uri.joinPath(app.extensionUri, "media/sample/model.safetensors");
