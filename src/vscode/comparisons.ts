import * as vscode from "vscode";

const scheme = "bitlens-compare";

/** Finished comparisons, as read-only text documents for as long as they are open. */
export class Comparisons implements vscode.Disposable {
  readonly #texts = new Map<string, string>();
  readonly #registered = vscode.Disposable.from(
    vscode.workspace.registerTextDocumentContentProvider(scheme, { provideTextDocumentContent: (uri) => this.#texts.get(uri.toString()) }),
    vscode.workspace.onDidCloseTextDocument((document) => void this.#texts.delete(document.uri.toString())),
  );
  #count = 0;

  /** Opens the text beside nothing: as an editor of its own. */
  async show(title: string, text: string): Promise<vscode.TextDocument> {
    // Each comparison is a document of its own: an earlier one of the same files stays as it was.
    const uri = vscode.Uri.from({ scheme, path: `/${title.replace(/[\\/]/g, "_")}.txt`, query: String(++this.#count) });
    this.#texts.set(uri.toString(), text);
    const document = await vscode.workspace.openTextDocument(uri);
    await vscode.window.showTextDocument(document, { preview: false });
    return document;
  }

  dispose(): void {
    this.#registered.dispose();
    this.#texts.clear();
  }
}
