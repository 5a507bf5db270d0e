import * as path from "node:path";
import * as vscode from "vscode";
import type { Documents } from "./documents";
import { fileChanged } from "./errors";
import type { ModelDocument } from "./modelDocument";
import { tell } from "./tell";

/** A file being written changes many times; one message after it has been quiet for so long is enough. */
const quietMilliseconds = 1500;

/** Says when an open model's file changes on disk, and offers to reload. */
export function watchFiles(documents: Documents): vscode.Disposable {
  return documents.onDidOpen((document) => {
    if (document.uri.scheme !== "file") return;
    const watcher = watch(document);
    document.onDidClose(() => watcher.dispose());
  });
}

function watch(document: ModelDocument): vscode.Disposable {
  const file = document.uri.fsPath;
  const folder = vscode.Uri.file(path.dirname(file));
  const watcher = vscode.workspace.createFileSystemWatcher(new vscode.RelativePattern(folder, globLiteral(path.basename(file))));
  let timer: NodeJS.Timeout | undefined;
  const changed = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      // Of a file that could not be opened there is nothing to keep: a download has ended, perhaps.
      if (document.status.kind === "failed" && !document.index) document.reload().catch(() => {});
      else tell(fileChanged(document.name, document.uri));
    }, quietMilliseconds);
  };
  watcher.onDidChange(changed);
  watcher.onDidCreate(changed);
  return vscode.Disposable.from(watcher, { dispose: () => clearTimeout(timer) });
}

/** File names may hold what globs read as patterns. */
const globLiteral = (name: string) => name.replace(/[*?{}[\]!]/g, (c) => (c === "!" ? c : `[${c}]`));
