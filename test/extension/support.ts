import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import * as vscode from "vscode";
import type { BitlensApi } from "../../src/vscode/extension";
import type { ModelDocument } from "../../src/vscode/modelDocument";

export async function activated(): Promise<BitlensApi> {
  const extension = vscode.extensions.getExtension<BitlensApi>("bitlens.bitlens");
  if (!extension) throw new Error("the extension is not installed in this host");
  return extension.activate();
}

export const sampleUri = () =>
  vscode.Uri.joinPath(vscode.extensions.getExtension("bitlens.bitlens")!.extensionUri, "media/sample/model.safetensors");

/** The sample's folder without what was ever measured of it. */
export function copySample(to: string): void {
  const filter = (file: string) => path.basename(file) !== ".bitlens";
  fs.cpSync(path.dirname(sampleUri().fsPath), to, { recursive: true, filter });
}

/** A folder that disappears after the tests of the calling `describe`. */
export function temporaryFolder(): { readonly path: string } {
  const folder = { path: "" };
  before(() => void (folder.path = fs.mkdtempSync(path.join(os.tmpdir(), "bitlens-extension-"))));
  after(() => fs.rmSync(folder.path, { recursive: true, force: true }));
  return folder;
}

/** Opens a file as a double-click does and returns its document, without waiting for the header. */
export async function open(file: string | vscode.Uri): Promise<ModelDocument> {
  const { app } = await activated();
  const uri = typeof file === "string" ? vscode.Uri.file(file) : file;
  await vscode.commands.executeCommand("vscode.open", uri);
  return until(`a panel for ${uri.path}`, () => app.documents.get(uri));
}

export async function closeAll(): Promise<void> {
  const { app } = await activated();
  await vscode.commands.executeCommand("workbench.action.closeAllEditors");
  await until("no open documents", () => (app.documents.all.length === 0 && app.comparisons.all.length === 0) || undefined);
}

/** Asks again and again until there is an answer. */
export async function until<T>(what: string, ask: () => T | undefined, timeout = 40_000): Promise<T> {
  const end = Date.now() + timeout;
  for (;;) {
    const answer = ask();
    if (answer !== undefined) return answer;
    if (Date.now() > end) throw new Error(`waited ${timeout / 1000} s in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export const status = (document: ModelDocument, kind: ModelDocument["status"]["kind"]) =>
  until(`${document.name} to be ${kind} (it is ${JSON.stringify(document.status).slice(0, 200)})`, () =>
    document.status.kind === kind ? document.status : undefined,
  );

/** Changes a setting for the tests of the calling `describe`. */
export function withSetting(key: string, value: unknown): void {
  before(() => vscode.workspace.getConfiguration("bitlens").update(key, value, vscode.ConfigurationTarget.Global));
  after(() => vscode.workspace.getConfiguration("bitlens").update(key, undefined, vscode.ConfigurationTarget.Global));
}
