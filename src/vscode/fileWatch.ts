import * as path from "node:path";
import * as vscode from "vscode";
import type { Documents } from "./documents";
import { fileChanged } from "./errors";
import { tell } from "./tell";

/** A file being written changes many times; one message after it has been quiet for so long is enough. */
const quietMilliseconds = 1500;

/** Says when an open model's file changes on disk, and offers to reload. */
export function watchFiles(documents: Documents): vscode.Disposable {
  return documents.onDidOpen((document) => {
    if (document.uri.scheme !== "file") return;
    const watcher = onFilesChanged([document.uri.fsPath], () => {
      // Of a file that could not be opened there is nothing to keep: a download has ended, perhaps.
      if (document.status.kind === "failed" && !document.index) document.reload().catch(() => {});
      else tell(fileChanged(document.name, document.uri));
    });
    document.onDidClose(() => watcher.dispose());
  });
}

/** Names files that have another content than now, once all have been quiet. One that is gone is named when it is there again. */
export function onFilesChanged(files: readonly string[], changed: (files: readonly string[]) => void): vscode.Disposable {
  const touched = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let isDisposed = false;
  const stamps = new Map(files.map((file) => [file, stampOf(file)]));
  const look = async (): Promise<void> => {
    const found: string[] = [];
    for (const file of [...touched]) {
      touched.delete(file);
      const [before, now] = [await stamps.get(file), await stampOf(file)];
      if (now === undefined || now === before) continue;
      stamps.set(file, Promise.resolve(now));
      found.push(file);
    }
    if (found.length > 0 && !isDisposed) changed(found);
  };
  const watchers = files.map((file) => {
    const folder = vscode.Uri.file(path.dirname(file));
    const watcher = vscode.workspace.createFileSystemWatcher(new vscode.RelativePattern(folder, globLiteral(path.basename(file))));
    const touch = () => {
      touched.add(file);
      clearTimeout(timer);
      timer = setTimeout(() => void look(), quietMilliseconds);
    };
    watcher.onDidChange(touch);
    watcher.onDidCreate(touch);
    return watcher;
  });
  const stop = () => {
    isDisposed = true;
    clearTimeout(timer);
  };
  return vscode.Disposable.from(...watchers, { dispose: stop });
}

/** Another one, another content; what was written just before the watch began is no change. Undefined for a file that is not there. */
async function stampOf(file: string): Promise<string | undefined> {
  try {
    const { mtime, size } = await vscode.workspace.fs.stat(vscode.Uri.file(file));
    return `${mtime} ${size}`;
  } catch {
    return undefined;
  }
}

/** File names may hold what globs read as patterns. */
const globLiteral = (name: string) => name.replace(/[*?{}[\]!]/g, (c) => (c === "!" ? c : `[${c}]`));
