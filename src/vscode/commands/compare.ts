import * as path from "node:path";
import * as vscode from "vscode";
import type { Comparison } from "../comparison";
import type { Command } from "./command";
import { pickModel } from "./target";

const isUri = (value: unknown): value is vscode.Uri => value instanceof vscode.Uri;

/**
 * Arguments as the explorer gives them: the file clicked on, and all that are selected. Two given files are compared in that
 * order; what is missing is asked for. Returns the comparison, which has begun.
 */
export const compareModels: Command = {
  id: "bitlens.compare",
  doing: "The comparison",
  async run(app, given, selected): Promise<Comparison | undefined> {
    const files = Array.isArray(selected) && selected.length === 2 && selected.every(isUri) ? selected : isUri(given) ? [given] : [];
    const question = "Choose the reference, such as the model before quantization";
    const a = files[0] ?? app.documents.active?.uri ?? (await pickModel(app, question));
    const b = a && (files[1] ?? (await pickModel(app, `Choose the model to compare with ${path.basename(a.fsPath)}`)));
    return a && b && app.comparisons.open(a, b);
  },
};
