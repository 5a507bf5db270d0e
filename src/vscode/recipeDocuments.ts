import type { Node } from "jsonc-parser";
import { findNodeAtLocation, parseTree } from "jsonc-parser";
import * as path from "node:path";
import * as vscode from "vscode";
import type { RecipeCheck, RecipeFinding } from "../core/api/engine";
import { CancellationSource } from "../core/cancellation";
import { toEngineError } from "../core/errors";
import { parseSoundRules } from "../budget/recipe";
import type { App } from "./app";
import type { RecipeModel, RecipeModels } from "./recipeModels";
import { partialFindings } from "./recipes/faults";

/** After the last key: a check reads headers only, but a header of thousands of tensors takes a while. */
const pauseMilliseconds = 400;

/** Recipes, by their name. */
export const recipeSelector: vscode.DocumentSelector = { pattern: "**/*.bitlens.json" };
const isRecipe = (document: vscode.TextDocument) => document.uri.path.endsWith(".bitlens.json");

/** What a check said about one version of a recipe. */
export interface CheckedRecipe {
  readonly version: number;
  readonly check: RecipeCheck;
}

/**
 * Findings of the engine's check in open recipes, against the model that each is for: does each rule match, will the result load?
 * What the schema sees (unknown fields, wrong types) VS Code says by itself.
 */
export class RecipeDocuments implements vscode.Disposable {
  readonly #collection = vscode.languages.createDiagnosticCollection("bitlens");
  readonly #waiting = new Map<string, { timer?: NodeJS.Timeout; source?: CancellationSource }>();
  readonly #checked = new Map<string, CheckedRecipe>();
  readonly #listeners: vscode.Disposable;

  constructor(
    private readonly app: App,
    private readonly models: RecipeModels,
  ) {
    const scheduleAll = () => vscode.workspace.textDocuments.forEach((d) => this.#schedule(d));
    this.#listeners = vscode.Disposable.from(
      vscode.workspace.onDidOpenTextDocument((d) => this.#schedule(d)),
      vscode.workspace.onDidChangeTextDocument((e) => this.#schedule(e.document)),
      vscode.workspace.onDidCloseTextDocument((d) => isRecipe(d) && this.#forget(d)),
      models.onDidChange(scheduleAll),
    );
    scheduleAll();
  }

  /** The last check, unless the recipe was edited since. */
  checkOf({ uri, version }: vscode.TextDocument): RecipeCheck | undefined {
    const checked = this.#checked.get(uri.toString());
    return checked?.version === version ? checked.check : undefined;
  }

  #forget(document: vscode.TextDocument): void {
    const key = document.uri.toString();
    this.#stop(key);
    this.#waiting.delete(key);
    this.#checked.delete(key);
    this.#collection.delete(document.uri);
  }

  #stop(key: string): void {
    const waiting = this.#waiting.get(key);
    clearTimeout(waiting?.timer);
    waiting?.source?.cancel();
  }

  #schedule(document: vscode.TextDocument): void {
    if (!isRecipe(document) || document.isClosed) return;
    const key = document.uri.toString();
    this.#stop(key);
    const source = new CancellationSource();
    const timer = setTimeout(() => void this.#check(document, source), pauseMilliseconds);
    this.#waiting.set(key, { timer, source });
  }

  async #check(document: vscode.TextDocument, source: CancellationSource): Promise<void> {
    const { version } = document;
    const checked = await this.#findings(document, source);
    if (!checked || source.token.isCancellationRequested || document.isClosed || document.version !== version) return;
    const { check, model } = checked;
    this.#checked.set(document.uri.toString(), { version, check });
    const tree = parseTree(document.getText());
    this.#collection.set(
      document.uri,
      check.findings.map((f) => diagnostic(document, tree, f, model)),
    );
  }

  /** Undefined where nothing can be said, because it was cancelled. */
  async #findings(
    document: vscode.TextDocument,
    source: CancellationSource,
  ): Promise<{ check: RecipeCheck; model?: RecipeModel } | undefined> {
    let model: RecipeModel | undefined;
    try {
      const sound = parseSoundRules(document.getText());
      model = await this.models.modelOf(document.uri, sound.recipe);
      if (!model) return { check: { findings: partialFindings(sound, undefined) } };
      const { engine } = await this.app.engine.start();
      const check = await engine.check(model.uri.fsPath, sound.recipe, source.token);
      return { check: sound.faults.length ? { findings: partialFindings(sound, check) } : check, model };
    } catch (error) {
      const cause = toEngineError(error);
      if (cause.code === "cancelled" || cause.code === "engine-gone") return undefined;
      // Not a recipe: the schema's own diagnostics say where.
      if (cause.code === "malformed") return { check: { findings: [] } };
      return {
        check: { findings: [{ severity: "error", code: cause.code, message: cause.message, path: ["target"] }] },
        model,
      };
    }
  }

  dispose(): void {
    this.#listeners.dispose();
    this.#collection.dispose();
    for (const key of this.#waiting.keys()) this.#stop(key);
  }
}

function diagnostic(
  document: vscode.TextDocument,
  tree: Node | undefined,
  finding: RecipeFinding,
  model?: RecipeModel,
): vscode.Diagnostic {
  const severity = finding.severity === "error" ? vscode.DiagnosticSeverity.Error : vscode.DiagnosticSeverity.Warning;
  const runtime = finding.runtime ? ` (${finding.runtime})` : "";
  const result = new vscode.Diagnostic(rangeOf(document, tree, finding.path), `${finding.message}${runtime}`, severity);
  result.source = model ? `Bitlens, ${path.basename(model.uri.path)}` : "Bitlens";
  const link = finding.source && /^https?:/.test(finding.source) ? vscode.Uri.parse(finding.source) : undefined;
  result.code = link ? { value: finding.code, target: link } : finding.code;
  return result;
}

/** The place, or the nearest one around it that is there: a rule without the field, the list of rules, the first line. */
export function rangeOf(document: vscode.TextDocument, tree: Node | undefined, at: readonly (string | number)[]): vscode.Range {
  for (let n = at.length; tree && n > 0; n--) {
    const node = findNodeAtLocation(tree, at.slice(0, n));
    if (node) return new vscode.Range(document.positionAt(node.offset), document.positionAt(node.offset + node.length));
  }
  const target = tree && findNodeAtLocation(tree, ["rules"])?.parent?.children?.[0];
  return target
    ? new vscode.Range(document.positionAt(target.offset), document.positionAt(target.offset + target.length))
    : document.lineAt(0).range;
}
