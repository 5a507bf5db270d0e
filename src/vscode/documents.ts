import * as vscode from "vscode";
import type { BudgetStore } from "./budgetStore";
import type { EngineHost } from "./engineHost";
import type { DocumentEvent } from "./documentEvent";
import { ModelDocument } from "./modelDocument";
import type { ViewStore } from "./viewStore";

/** The models open in this window, and the one whose panel was used last. */
export class Documents implements vscode.Disposable {
  readonly #open = new Map<string, ModelDocument>();
  readonly #changes = new vscode.EventEmitter<{ document: ModelDocument; event: DocumentEvent }>();
  readonly #activations = new vscode.EventEmitter<ModelDocument | undefined>();
  readonly #opens = new vscode.EventEmitter<ModelDocument>();
  #active: ModelDocument | undefined;

  /** Of every open document. */
  readonly onDidChange = this.#changes.event;
  readonly onDidActivate = this.#activations.event;
  readonly onDidOpen = this.#opens.event;

  constructor(
    private readonly engine: EngineHost,
    private readonly views: ViewStore,
    private readonly log: vscode.LogOutputChannel,
    private readonly budgets: BudgetStore,
  ) {}

  get active(): ModelDocument | undefined {
    return this.#active;
  }

  get all(): ModelDocument[] {
    return [...this.#open.values()];
  }

  get(uri: vscode.Uri): ModelDocument | undefined {
    return this.#open.get(uri.toString());
  }

  /** VS Code asks once per file, however many editors show it, and disposes the document after the last. */
  create(uri: vscode.Uri): ModelDocument {
    const document = new ModelDocument(uri, this.engine, this.log);
    // A file that does not open is told in the panel; whoever waits for it hears it too.
    document.loaded().catch(() => {});
    document.view = this.views.get(uri);
    document.budget.restore(this.budgets.get(uri));
    document.keepBudget = (stored) => this.budgets.set(uri, stored);
    this.#open.set(uri.toString(), document);
    const forwarding = document.onDidChange((event) => this.#changes.fire({ document, event }));
    document.onDidClose(() => {
      forwarding.dispose();
      this.#open.delete(uri.toString());
      if (this.#active === document) this.activate(this.all.at(-1));
    });
    this.#opens.fire(document);
    return document;
  }

  activate(document: ModelDocument | undefined): void {
    if (this.#active === document) return;
    this.#active = document;
    this.#activations.fire(document);
  }

  dispose(): void {
    for (const document of this.all) document.dispose();
    this.#changes.dispose();
    this.#activations.dispose();
    this.#opens.dispose();
  }
}
