import * as path from "node:path";
import * as vscode from "vscode";
import type { ExportResult, RecipeCheck, RecipeFinding } from "../../core/api/engine";
import { CancellationSource } from "../../core/cancellation";
import { toEngineError } from "../../core/errors";
import type { Recipe } from "../../core/recipe";
import { longestRecipe, parseRecipe } from "../../budget/recipe";
import type { App } from "../app";
import { exportNeedsTrust, recipeDoesNotFit, recipeUnreadable } from "../errors";
import { atStart, planName, warnedQuestion } from "../exportText";
import type { ModelDocument } from "../modelDocument";
import { modelOf } from "../recipeModels";
import { runExport, tellResult } from "../runExport";
import { tell } from "../tell";
import { bitsText, bytesText } from "../text";
import type { Command } from "./command";
import { pickOutput } from "./export";
import { targetModel } from "./target";

/** For the panel, keybindings and tests: what is given is not asked for. */
interface Answers {
  /** The plan in the panel. */
  readonly plan?: boolean;
  /** Path of a recipe. */
  readonly recipe?: string;
  readonly output?: string;
}

const asAnswers = (value: unknown): Answers => {
  const { plan, recipe, output } = (typeof value === "object" && value !== null ? value : {}) as Record<string, unknown>;
  return {
    plan: plan === true,
    ...(typeof recipe === "string" ? { recipe } : {}),
    ...(typeof output === "string" ? { output } : {}),
  };
};

export const isRecipe = (uri: vscode.Uri) => uri.path.endsWith(".bitlens.json");

interface Named {
  readonly name: string;
  readonly recipe: Recipe;
}

/** Returns the result, or undefined when nothing was written. First argument: the model, or a recipe, which says its model. */
export const exportRecipe: Command = {
  id: "bitlens.exportRecipe",
  doing: "The export",
  async run(app, given, answersGiven): Promise<ExportResult | undefined> {
    if (!vscode.workspace.isTrusted) return void tell(exportNeedsTrust());
    const fromExplorer = given instanceof vscode.Uri && isRecipe(given) ? given : undefined;
    const answers = asAnswers(answersGiven);
    const read = fromExplorer && (await readRecipe(fromExplorer));
    if (fromExplorer && !read) return undefined;
    const model = await targetModel(app, read ? (await modelOf(app.documents, fromExplorer!, read.recipe))?.uri : given);
    if (!model) return undefined;
    const { document } = model;
    const named = read ?? (await chooseRecipe(document, answers));
    if (!named) return undefined;
    const check = await checked(app, document, named);
    if (!check || !(await accepts(app, document, named, check, answers.output !== undefined))) return undefined;
    const encoding = named.name.replace(/\.bitlens\.json$/, "");
    const how = `with ${named.name}${check.byteLength === undefined ? "" : ` (${bytesText(check.byteLength)})`}`;
    const described = { format: named.recipe.target, how, encoding: proposed(document, encoding, check) };
    const output = answers.output ?? (await pickOutput(document, described));
    if (!output) return undefined;
    const request = { path: document.uri.fsPath, recipe: named.recipe, output };
    const result = await runExport(app, { name: document.name, how, request, warned: true });
    if (result && answers.output === undefined) void tellResult(result);
    return result;
  },
};

/** Part of the output's name: the recipe's own name, unless it says no more than the model's; then its bits. */
function proposed(document: ModelDocument, recipe: string, { bitsPerWeight }: RecipeCheck): string {
  const stem = document.name.replace(/\.[^.]*$/, "");
  const own = recipe.startsWith(stem) ? recipe.slice(stem.length).replace(/^[-_.]+/, "") : recipe;
  return own && own !== planName && own !== path.basename(path.dirname(document.uri.fsPath)) ? own : bitsPerWeight === undefined ? "recipe" : `${bitsPerWeight.toFixed(2)}bpw`;
}

async function chooseRecipe(document: ModelDocument, answers: Answers): Promise<Named | undefined> {
  const plan = document.budget.plan;
  if (answers.plan && plan) return { name: planName, recipe: document.budget.recipe() };
  if (answers.recipe !== undefined) return readRecipe(vscode.Uri.file(answers.recipe));
  const browse = "Browse…";
  const found = await vscode.workspace.findFiles("**/*.bitlens.json", "**/node_modules/**", 200);
  type Item = vscode.QuickPickItem & { readonly uri?: vscode.Uri; readonly plan?: boolean };
  const items: Item[] = [
    ...(plan
      ? [{ label: "Current plan", description: `${bytesText(plan.byteLength)} · ${bitsText(plan.bitsPerWeight)}`, plan: true, iconPath: new vscode.ThemeIcon("dashboard") }]
      : []),
    ...found
      .map((file) => ({ label: vscode.workspace.asRelativePath(file), uri: file, iconPath: new vscode.ThemeIcon("json") }))
      .sort((a, b) => a.label.localeCompare(b.label)),
    { label: browse, iconPath: new vscode.ThemeIcon("folder-opened") },
  ];
  const picked = await vscode.window.showQuickPick(items, {
    title: `Export ${document.name} with a recipe`,
    placeHolder: plan || found.length ? "Choose a recipe" : "Choose a recipe, or plan one in the panel's Budget tab first",
  });
  if (picked?.plan) return { name: planName, recipe: document.budget.recipe() };
  if (picked?.uri) return readRecipe(picked.uri);
  if (picked?.label !== browse) return undefined;
  const chosen = await vscode.window.showOpenDialog({
    title: "Choose a recipe",
    canSelectMany: false,
    filters: { Recipes: ["json"], "All files": ["*"] },
  });
  return chosen?.[0] && readRecipe(chosen[0]);
}

async function readRecipe(uri: vscode.Uri): Promise<Named | undefined> {
  const name = path.basename(uri.path);
  try {
    // What stands in an editor counts, saved or not.
    const open = vscode.workspace.textDocuments.find((d) => d.uri.toString() === uri.toString());
    const text = open ? open.getText() : await readText(uri);
    return { name, recipe: parseRecipe(text, uri.fsPath) };
  } catch (error) {
    return void tell(recipeUnreadable(name, toEngineError(error, { file: uri.fsPath })));
  }
}

async function readText(uri: vscode.Uri): Promise<string> {
  const { size } = await vscode.workspace.fs.stat(uri);
  // parseRecipe says what is wrong with one that is too long; a file of gigabytes is not even read.
  return size > 4 * longestRecipe ? " ".repeat(longestRecipe + 1) : new TextDecoder().decode(await vscode.workspace.fs.readFile(uri));
}

function checked(app: App, document: ModelDocument, { name, recipe }: Named): Thenable<RecipeCheck | undefined> {
  const options = { location: vscode.ProgressLocation.Notification, title: `Checking ${name}`, cancellable: true };
  return vscode.window.withProgress(options, async (_progress, token) => {
    const source = new CancellationSource();
    const listener = token.onCancellationRequested(() => source.cancel());
    try {
      const { engine } = await app.engine.start();
      return await engine.check(document.uri.fsPath, recipe, source.token);
    } catch (error) {
      const cause = toEngineError(error, { file: document.uri.fsPath });
      if (cause.code !== "cancelled") tell(recipeDoesNotFit(atStart(name), document.name, [cause.message]));
      return undefined;
    } finally {
      listener.dispose();
    }
  });
}

const sentence = ({ message, runtime }: RecipeFinding) => (runtime ? `${message} (${runtime})` : message);

/** Errors end it; warnings are shown and may be accepted. With `unattended` they go to the log. */
async function accepts(app: App, document: ModelDocument, { name }: Named, { findings }: RecipeCheck, unattended: boolean): Promise<boolean> {
  for (const f of findings) app.log[f.severity === "error" ? "error" : "warn"](`${name}: ${sentence(f)}${f.source ? ` See ${f.source}.` : ""}`);
  const errors = findings.filter((f) => f.severity === "error");
  if (errors.length) {
    tell(recipeDoesNotFit(atStart(name), document.name, errors.map(sentence)));
    return false;
  }
  const warnings = findings.filter((f) => f.severity === "warning");
  if (!warnings.length || unattended) return true;
  const go = "Export Anyway";
  const detail = warnings.map((w) => `• ${sentence(w)}`).join("\n");
  return (await vscode.window.showWarningMessage(warnedQuestion(name, document.name, warnings.length), { modal: true, detail }, go)) === go;
}
