import * as path from "node:path";
import * as vscode from "vscode";
import type { RecipeFacts } from "../core/api/engine";
import { toEngineError } from "../core/errors";
import type { FormatName } from "../core/model";
import type { SensitivityTable } from "../core/sensitivity";
import type { App } from "./app";
import type { Documents } from "./documents";
import type { Draft } from "./recipes/draft";
import type { Knowledge } from "./recipes/reach";
import { namesToAsk } from "./recipes/reach";

/** The model that a recipe is read against. */
export interface RecipeModel {
  readonly uri: vscode.Uri;
  readonly name: string;
}

/** What was asked is believed for so long; models that are open in a panel say when they change. */
const believedMilliseconds = 20_000;

interface Asked<T> {
  readonly until: number;
  readonly answer: Promise<T>;
}

/** Which model each recipe is for, and what the engine knows about it. */
export class RecipeModels implements vscode.Disposable {
  readonly #facts = new Map<string, Asked<RecipeFacts | undefined>>();
  readonly #tables = new Map<string, Asked<SensitivityTable | undefined>>();
  readonly #changes = new vscode.EventEmitter<void>();
  readonly #listeners: vscode.Disposable;

  /** Recipes may be for another model now, or models have changed. */
  readonly onDidChange = this.#changes.event;

  constructor(private readonly app: App) {
    this.#listeners = vscode.Disposable.from(
      app.documents.onDidActivate(() => this.#changes.fire()),
      app.documents.onDidChange(({ event }) => {
        if (event.kind === "budget") this.#tables.clear();
        if (event.kind !== "model" && event.kind !== "cleared") return;
        this.#facts.clear();
        this.#tables.clear();
        if (event.kind === "model") this.#changes.fire();
      }),
    );
  }

  /** See modelOf. */
  modelOf(recipe: vscode.Uri, draft: Pick<Draft, "model">): Promise<RecipeModel | undefined> {
    return modelOf(this.app.documents, recipe, draft);
  }

  /** Undefined where the model cannot become what the recipe asks for, or cannot be read. */
  async knowledge(model: RecipeModel, draft: Draft): Promise<Knowledge | undefined> {
    if (!draft.target) return undefined;
    const [facts, table] = await Promise.all([
      this.#factsOf(model, draft.target, namesToAsk(draft)),
      this.#tableOf(model, draft.target),
    ]);
    return facts && { facts, table };
  }

  #factsOf({ uri }: RecipeModel, target: FormatName, encodings: readonly string[]): Promise<RecipeFacts | undefined> {
    const request = { path: uri.fsPath, target, encodings };
    return asked(this.#facts, JSON.stringify(request), async () => (await this.app.engine.start()).engine.recipeFacts(request));
  }

  #tableOf({ uri }: RecipeModel, target: FormatName): Promise<SensitivityTable | undefined> {
    const request = { path: uri.fsPath, target, rememberedOnly: true };
    return asked(this.#tables, JSON.stringify(request), async () =>
      (await this.app.engine.start()).engine.sensitivity(request, () => {}),
    );
  }

  dispose(): void {
    this.#listeners.dispose();
    this.#changes.dispose();
  }
}

/** Undefined for whatever the engine refuses: hovers and lists then say less. */
function asked<T>(known: Map<string, Asked<T | undefined>>, key: string, ask: () => Promise<T>): Promise<T | undefined> {
  const found = known.get(key);
  if (found && found.until > Date.now()) return found.answer;
  // Recipes under work ask for ever new names.
  if (known.size > 50) known.clear();
  const answer = ask().catch((error) => {
    if (toEngineError(error).code === "engine-gone") known.delete(key);
    return undefined;
  });
  known.set(key, { until: Date.now() + believedMilliseconds, answer });
  return answer;
}

/**
 * The model of the name that the recipe gives: the file beside the recipe, since most models are called alike; else one that is
 * open, the one in use first; else the model in use, whatever its name. Undefined where there is none of them.
 */
export async function modelOf(
  { active, all }: Pick<Documents, "active" | "all">, recipe: vscode.Uri, { model }: Pick<Draft, "model">,
): Promise<RecipeModel | undefined> {
  const name = model?.name;
  const beside = name !== undefined && recipe.scheme === "file" ? await besideRecipe(recipe, name) : undefined;
  const usable = [...(active ? [active] : []), ...all].filter((d) => d.index);
  return beside ?? usable.find((d) => d.name === name) ?? usable[0];
}

/** A file of the name that a recipe gives, never one of another folder. */
async function besideRecipe(recipe: vscode.Uri, name: string): Promise<RecipeModel | undefined> {
  if (path.basename(name) !== name || name.startsWith(".")) return undefined;
  const uri = vscode.Uri.joinPath(recipe, "..", name);
  try {
    return (await vscode.workspace.fs.stat(uri)).type & vscode.FileType.File ? { uri, name } : undefined;
  } catch {
    return undefined;
  }
}
