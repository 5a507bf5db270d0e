import * as path from "node:path";
import * as vscode from "vscode";
import type { CompareSummary, TensorComparison } from "../../core/api/compare";
import { CancellationSource } from "../../core/cancellation";
import { toEngineError } from "../../core/errors";
import { type CompareFailure, compareReport } from "../compareReport";
import type { Comparisons } from "../comparisons";
import { modelsNotCompared } from "../errors";
import { tell } from "../tell";
import { bytesText } from "../text";
import type { Command } from "./command";
import { pickModel } from "./target";

const isUri = (value: unknown): value is vscode.Uri => value instanceof vscode.Uri;

/**
 * Arguments as the explorer gives them: the file clicked on, and all that are selected. Two given files are compared in that
 * order; what is missing is asked for. Returns the document shown.
 */
export const compareModels = (comparisons: Comparisons): Command => ({
  id: "bitlens.compare",
  doing: "The comparison",
  async run(app, given, selected): Promise<vscode.TextDocument | undefined> {
    const files = Array.isArray(selected) && selected.length === 2 && selected.every(isUri) ? selected : isUri(given) ? [given] : [];
    const question = "Choose the reference, such as the model before quantization";
    const a = files[0] ?? app.documents.active?.uri ?? (await pickModel(app, question));
    const b = a && (files[1] ?? (await pickModel(app, `Choose the model to compare with ${path.basename(a.fsPath)}`)));
    if (!a || !b) return undefined;
    const names = [path.basename(a.fsPath), path.basename(b.fsPath)] as const;
    const { engine } = await app.engine.start();
    const pairs: TensorComparison[] = [];
    const failed: CompareFailure[] = [];
    const title = `Comparing ${names[0]} with ${names[1]}`;
    const options = { location: vscode.ProgressLocation.Notification, title, cancellable: true };
    let done: CompareSummary;
    try {
      done = await vscode.window.withProgress(options, async (progress, token) => {
        const source = new CancellationSource();
        const listener = token.onCancellationRequested(() => source.cancel());
        let shown = 0;
        try {
          return await engine.compare({ pathA: a.fsPath, pathB: b.fsPath }, (event) => {
            if (event.kind === "pair") pairs.push(event.comparison);
            if (event.kind === "failed") failed.push({ a: event.a, b: event.b, message: event.error.message });
            const { bytesDone, bytesTotal } = event.progress;
            const percent = bytesTotal ? (100 * bytesDone) / bytesTotal : 0;
            if (percent - shown < 1) return;
            progress.report({ message: `${bytesText(bytesDone)} of ${bytesText(bytesTotal)}`, increment: percent - shown });
            shown = percent;
          }, source.token);
        } finally {
          listener.dispose();
        }
      });
    } catch (error) {
      const cause = toEngineError(error);
      if (cause.code === "cancelled" || cause.code === "engine-gone") throw cause;
      app.log.error(`${names.join(", ")}: ${cause.describe()}`);
      return void tell(modelsNotCompared(names[0], names[1], cause));
    }
    return comparisons.show(`${names[0]} ↔ ${names[1]}`, compareReport(done, pairs, failed));
  },
});
