import * as path from "node:path";
import * as vscode from "vscode";
import type { Documents } from "./documents";
import { fileChanged } from "./errors";
import type { FilesFound } from "./outdatedFiles";
import { tell } from "./tell";

/** A file being written changes many times; one message after it has been quiet for so long is enough. */
const quietMilliseconds = 1500;

/** Tells open models when a file of theirs changes on disk. Their panels say so; where none is in sight a message does, and offers to reload. */
export function watchFiles(documents: Documents): vscode.Disposable {
  return documents.onDidOpen((document) => {
    if (document.uri.scheme !== "file") return;
    const opened = document.uri.fsPath;
    const changed = (found: FilesFound) => {
      // Of a file that could not be opened there is nothing to keep: a download has ended, perhaps.
      if (document.status.kind === "failed" && !document.index) {
        if (found.changed.length + found.back.length > 0) document.reload().catch(() => {});
      } else if (document.filesChanged(found) && !isInSight(document.uri)) tell(fileChanged(document.name, document.uri));
    };
    let watcher = onFilesChanged([opened], changed);
    // Shards and external data are known when the header is read.
    const opening = document.onDidChange(({ kind }) => {
      const { folder, files } = document.index ?? {};
      if (kind !== "model" || !folder || !files) return;
      watcher.dispose();
      watcher = onFilesChanged([...new Set([opened, ...files.map((file) => path.join(folder, file))])], changed);
    });
    document.onDidClose(() => {
      opening.dispose();
      watcher.dispose();
    });
  });
}

/** Is the file's tab the one in front in some group of editors? */
function isInSight(uri: vscode.Uri): boolean {
  return vscode.window.tabGroups.all.some(({ activeTab }) => {
    const input = activeTab?.input;
    return input instanceof vscode.TabInputCustom && input.uri.toString() === uri.toString();
  });
}

/** Names files that are no longer as they are now, once all have been quiet. */
export function onFilesChanged(files: readonly string[], changed: (found: FilesFound) => void): vscode.Disposable {
  const touched = new Set<string>();
  const missing = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let isDisposed = false;
  const stamps = new Map(files.map((file) => vscode.Uri.file(file).fsPath).map((file) => [file, stampOf(file)]));
  const look = async (): Promise<void> => {
    const found = { changed: [] as string[], gone: [] as string[], back: [] as string[] };
    for (const file of [...touched]) {
      touched.delete(file);
      const [before, now] = [await stamps.get(file), await stampOf(file)];
      if (now === undefined) {
        if (before !== undefined && !missing.has(file)) found.gone.push(file);
        missing.add(file);
        continue;
      }
      const wasMissing = missing.delete(file);
      if (now !== before) found.changed.push(file);
      else if (wasMissing) found.back.push(file);
      stamps.set(file, Promise.resolve(now));
    }
    if (found.changed.length + found.gone.length + found.back.length > 0 && !isDisposed) changed(found);
  };
  const touch = ({ fsPath }: vscode.Uri) => {
    if (!stamps.has(fsPath)) return;
    touched.add(fsPath);
    clearTimeout(timer);
    timer = setTimeout(() => void look(), quietMilliseconds);
  };
  const watchers = [...new Set(files.map((file) => path.dirname(file)))].map((folder) => {
    const watcher = vscode.workspace.createFileSystemWatcher(new vscode.RelativePattern(vscode.Uri.file(folder), "*"));
    watcher.onDidChange(touch);
    watcher.onDidCreate(touch);
    watcher.onDidDelete(touch);
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
