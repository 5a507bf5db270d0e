import * as vscode from "vscode";
import type { App } from "./app";
import { BudgetStore } from "./budgetStore";
import { registerCommands } from "./commands";
import { Comparisons } from "./comparisons";
import { Documents } from "./documents";
import { EngineHost } from "./engineHost";
import type { UserError } from "./errors";
import { engineStopped, threadsChanged } from "./errors";
import { ExportJobs } from "./exportJobs";
import { watchFiles } from "./fileWatch";
import { offerInterrupted } from "./interruptedExports";
import { LayersTree } from "./layersTree";
import { ModelEditor, viewType } from "./modelEditor";
import { RecipeDocuments } from "./recipeDocuments";
import { recipeLanguage } from "./recipeLanguage";
import { RecipeModels } from "./recipeModels";
import { settings } from "./settings";
import { statusBar } from "./statusBar";
import { tell, toldErrors } from "./tell";
import { ViewStore } from "./viewStore";

/** What other extensions, and our own tests, may see. */
export interface BitlensApi {
  readonly app: App;
  readonly tree: LayersTree;
  told(): readonly UserError[];
}

export function activate(context: vscode.ExtensionContext): BitlensApi {
  const log = vscode.window.createOutputChannel("Bitlens", { log: true });
  const storage = context.globalStorageUri.fsPath;
  const engine = new EngineHost({ extensionPath: context.extensionPath, storage, log });
  const views = new ViewStore(context.workspaceState);
  const documents = new Documents(engine, views, log, new BudgetStore(context.workspaceState));
  const exports = new ExportJobs(engine);
  const comparisons = new Comparisons({ engine, log, extensionUri: context.extensionUri });
  const app: App = { extensionUri: context.extensionUri, log, engine, documents, exports, comparisons };
  const recipeModels = new RecipeModels(app);
  const recipes = new RecipeDocuments(app, recipeModels);
  const tree = new LayersTree(documents);
  const editor = new ModelEditor(documents, { engine, views, log, extensionUri: context.extensionUri });
  context.subscriptions.push(
    log,
    engine,
    documents,
    exports,
    comparisons,
    tree,
    statusBar(app),
    watchFiles(documents),
    recipeModels,
    recipes,
    recipeLanguage({ models: recipeModels, documents: recipes }),
    registerCommands(app),
    vscode.window.registerCustomEditorProvider(viewType, editor, { supportsMultipleEditorsPerDocument: true }),
    settings.onDidChange("threads", () => engine.facts && tell(threadsChanged())),
    engine.onDidExit((reason) => {
      const interrupted = documents.all.find((d) => d.running);
      tell(engineStopped(reason, interrupted?.name));
    }),
  );
  if (vscode.workspace.isTrusted) void offerInterrupted(app, storage);
  return { app, tree, told: toldErrors };
}

export function deactivate(): void {
  // Everything is among the context's subscriptions.
}
