import * as path from "node:path";
import { homedir } from "node:os";
import * as vscode from "vscode";

/** Folder to propose for something made from `model`: beside it, except for a model inside the extension itself. */
export function proposedFolder(model: vscode.Uri): vscode.Uri {
  const inWorkspace = vscode.workspace.getWorkspaceFolder(model);
  if (inWorkspace || !isInstalled(model.fsPath)) return vscode.Uri.file(path.dirname(model.fsPath));
  return vscode.workspace.workspaceFolders?.find((f) => f.uri.scheme === "file")?.uri ?? vscode.Uri.file(homedir());
}

/** The sample lives in the extension's folder, where nothing should be written. */
const isInstalled = (file: string) => /[\\/]media[\\/]sample[\\/]/.test(file);

/** Asks where to and writes there. */
export async function saveBytes(model: vscode.Uri, name: string, bytes: Uint8Array): Promise<void> {
  const ending = path.extname(name).slice(1);
  const target = await vscode.window.showSaveDialog({
    defaultUri: vscode.Uri.joinPath(proposedFolder(model), name),
    filters: ending ? { [ending.toUpperCase()]: [ending] } : undefined,
  });
  if (target) await vscode.workspace.fs.writeFile(target, bytes);
}
