import type { Node } from "jsonc-parser";
import { findNodeAtLocation, parseTree } from "jsonc-parser";
import * as path from "node:path";
import * as vscode from "vscode";
import type { RecipeFinding } from "../core/api/engine";
import { CancellationSource } from "../core/cancellation";
import { toEngineError } from "../core/errors";
import { parseRecipe } from "../budget/recipe";
import type { App } from "./app";
import type { ModelDocument } from "./modelDocument";

/** After the last key: a check reads headers only, but a header of thousands of tensors takes a while. */
const pauseMilliseconds = 400;

const isRecipe = (document: vscode.TextDocument) => document.uri.path.endsWith(".bitlens.json");

/**
 * Findings of the engine's check in open recipes, against the model in use: does each rule match, will the result load? What
 * the schema sees (unknown fields, wrong types) VS Code says by itself.
 */
export function recipeDiagnostics(app: App): vscode.Disposable {
  const collection = vscode.languages.createDiagnosticCollection("bitlens");
  const waiting = new Map<string, { timer?: NodeJS.Timeout; source?: CancellationSource }>();

  const forget = (document: vscode.TextDocument): void => {
    const key = document.uri.toString();
    clearTimeout(waiting.get(key)?.timer);
    waiting.get(key)?.source?.cancel();
    waiting.delete(key);
    collection.delete(document.uri);
  };
  const schedule = (document: vscode.TextDocument): void => {
    if (!isRecipe(document) || document.isClosed) return;
    const key = document.uri.toString();
    const before = waiting.get(key);
    clearTimeout(before?.timer);
    before?.source?.cancel();
    const source = new CancellationSource();
    const timer = setTimeout(() => void check(document, source), pauseMilliseconds);
    waiting.set(key, { timer, source });
  };
  const check = async (document: vscode.TextDocument, source: CancellationSource): Promise<void> => {
    const model = app.documents.active;
    const { version } = document;
    const found = model?.index ? await findings(app, document, model, source) : [];
    if (!found || source.token.isCancellationRequested || document.isClosed || document.version !== version) return;
    const tree = parseTree(document.getText());
    collection.set(
      document.uri,
      found.map((f) => diagnostic(document, tree, f, model!)),
    );
  };
  const scheduleAll = () => vscode.workspace.textDocuments.forEach(schedule);
  scheduleAll();
  return vscode.Disposable.from(
    collection,
    vscode.workspace.onDidOpenTextDocument(schedule),
    vscode.workspace.onDidChangeTextDocument((e) => schedule(e.document)),
    vscode.workspace.onDidCloseTextDocument((d) => isRecipe(d) && forget(d)),
    app.documents.onDidActivate(scheduleAll),
    app.documents.onDidChange(({ document, event }) => event.kind === "model" && document === app.documents.active && scheduleAll()),
    { dispose: () => waiting.forEach(({ timer, source }) => (clearTimeout(timer), source?.cancel())) },
  );
}

/** Undefined where nothing can be said, because it was cancelled. */
async function findings(
  app: App,
  document: vscode.TextDocument,
  model: ModelDocument,
  source: CancellationSource,
): Promise<readonly RecipeFinding[] | undefined> {
  try {
    const recipe = parseRecipe(document.getText());
    const { engine } = await app.engine.start();
    return (await engine.check(model.uri.fsPath, recipe, source.token)).findings;
  } catch (error) {
    const cause = toEngineError(error);
    if (cause.code === "cancelled" || cause.code === "engine-gone") return undefined;
    // Not a recipe: the schema's own diagnostics say where.
    if (cause.code === "malformed") return [];
    return [{ severity: "error", code: cause.code, message: cause.message, path: ["target"] }];
  }
}

function diagnostic(document: vscode.TextDocument, tree: Node | undefined, finding: RecipeFinding, model: ModelDocument): vscode.Diagnostic {
  const severity = finding.severity === "error" ? vscode.DiagnosticSeverity.Error : vscode.DiagnosticSeverity.Warning;
  const runtime = finding.runtime ? ` (${finding.runtime})` : "";
  const result = new vscode.Diagnostic(rangeOf(document, tree, finding.path), `${finding.message}${runtime}`, severity);
  result.source = `Bitlens, ${path.basename(model.uri.path)}`;
  const link = finding.source && /^https?:/.test(finding.source) ? vscode.Uri.parse(finding.source) : undefined;
  result.code = link ? { value: finding.code, target: link } : finding.code;
  return result;
}

/** The place, or the nearest one around it that is there: a rule without the field, the list of rules, the first line. */
function rangeOf(document: vscode.TextDocument, tree: Node | undefined, at: readonly (string | number)[]): vscode.Range {
  for (let n = at.length; tree && n > 0; n--) {
    const node = findNodeAtLocation(tree, at.slice(0, n));
    if (node) return new vscode.Range(document.positionAt(node.offset), document.positionAt(node.offset + node.length));
  }
  const target = tree && findNodeAtLocation(tree, ["rules"])?.parent?.children?.[0];
  return target
    ? new vscode.Range(document.positionAt(target.offset), document.positionAt(target.offset + target.length))
    : document.lineAt(0).range;
}
