import * as vscode from "vscode";
import { serializeRecipe } from "../budget/recipe";
import type { BudgetAction, FromPanel, PanelModel, PanelView } from "../core/api/panel";
import { DisposalBin } from "../core/disposal";
import { toEngineError } from "../core/errors";
import type { DocumentEvent } from "./documentEvent";
import type { EngineHost } from "./engineHost";
import { cannotSave, unexpected } from "./errors";
import { recipeName } from "./exportName";
import { parseFromPanel } from "./messages";
import type { ModelDocument } from "./modelDocument";
import { panelOutbox } from "./panelOutbox";
import { panelHtml, panelRoots } from "./panelHtml";
import { light } from "./results";
import { saveBytes } from "./save";
import { tell } from "./tell";
import type { ViewStore } from "./viewStore";

export interface PanelServices {
  readonly engine: EngineHost;
  readonly views: ViewStore;
  readonly log: vscode.LogOutputChannel;
  readonly extensionUri: vscode.Uri;
}

/** How long the status bar says that something was copied. */
const copiedMilliseconds = 2500;

const commandOf: Record<Extract<FromPanel, { type: "command" }>["command"], string> = {
  analyse: "bitlens.analyze",
  cancel: "bitlens.cancel",
  export: "bitlens.export",
  restartEngine: "bitlens.restartEngine",
  showLog: "bitlens.showLog",
  reload: "bitlens.reload",
};

/**
 * Connects one webview with its document. The document keeps all state: whenever the webview says "ready" (it was created,
 * or shown again after hiding) everything is sent anew.
 */
export function connectPanel(webviewPanel: vscode.WebviewPanel, document: ModelDocument, services: PanelServices): void {
  const { webview } = webviewPanel;
  const bin = new DisposalBin();
  const outbox = panelOutbox((message) => void webview.postMessage(message));
  bin.add({ dispose: () => outbox.close() });
  /** Of a panel that comes back from hiding, the webview itself knows the view best; a new one is given the last of its file. */
  let restored = false;
  /** Asked for while the webview was not listening. */
  let pendingShow: string | undefined;
  let pendingTab: PanelView["tab"] | undefined;

  webview.options = { enableScripts: true, localResourceRoots: panelRoots(services.extensionUri) };
  bin.add(
    webview.onDidReceiveMessage((value) => {
      const message = parseFromPanel(value);
      if (message) void receive(message);
      else services.log.warn(`${document.name}: a message of the panel was not understood and ignored.`);
    }),
  );
  bin.add(document.onDidChange(onDocument));
  bin.add(services.engine.onDidStart(sendModel));
  bin.add(
    webviewPanel.onDidChangeViewState(() => {
      // A hidden webview is unloaded; it asks again when it is back.
      if (!webviewPanel.visible) outbox.close();
    }),
  );
  webviewPanel.onDidDispose(() => bin.dispose());
  webview.html = panelHtml(webview, services.extensionUri, { title: document.name, page: "model" });

  async function receive(message: FromPanel): Promise<void> {
    switch (message.type) {
      case "ready":
        return replay();
      case "painted":
        return document.shown();
      case "select":
        return document.select(message.tensor);
      case "detail":
        return sendDetail(message.tensor);
      case "view":
        document.view = message.view;
        return services.views.set(document.uri, message.view);
      case "budget":
        return budget(message.action).catch((error) => tell(unexpected("The bit budget", toEngineError(error))));
      case "command":
        return void vscode.commands.executeCommand(commandOf[message.command], document.uri);
      case "save":
        return saveBytes(document.uri, message.name, message.bytes).catch((error) => tell(cannotSave(toEngineError(error))));
      case "copy":
        await vscode.env.clipboard.writeText(message.text);
        return void vscode.window.setStatusBarMessage("$(check) Copied", copiedMilliseconds);
    }
  }

  function onDocument(event: DocumentEvent): void {
    switch (event.kind) {
      case "model":
        return sendModel();
      case "cleared":
        return outbox.isOpen ? replay() : undefined;
      case "choices":
        return outbox.put({ type: "choices", choices: document.choices ?? [] });
      case "status":
        return outbox.put({ type: "status", status: document.status });
      case "outdated":
        return outbox.put({ type: "outdated", files: document.outdated });
      case "report":
        return outbox.report(light(event.report));
      case "failed":
        return outbox.fail({ tensor: event.tensor, error: event.error });
      case "show":
        if (outbox.isOpen) return outbox.put({ type: "show", tensor: event.tensor });
        pendingShow = event.tensor;
        return;
      case "showTab":
        if (outbox.isOpen) return outbox.put({ type: "showTab", tab: event.tab });
        pendingTab = event.tab;
        return;
      case "budget":
        return sendBudget();
      case "plan":
        return sendPlan();
      case "selected":
        return;
    }
  }

  function replay(): void {
    outbox.open();
    sendModel();
    if (document.choices) outbox.put({ type: "choices", choices: document.choices });
    outbox.report(...document.results.reports.values());
    outbox.fail(...[...document.results.failures].map(([tensor, error]) => ({ tensor, error })));
    if (pendingShow) outbox.put({ type: "show", tensor: pendingShow });
    pendingShow = undefined;
    sendBudget();
    sendPlan();
    if (pendingTab) outbox.put({ type: "showTab", tab: pendingTab });
    pendingTab = undefined;
    outbox.put({ type: "outdated", files: document.outdated });
    outbox.put({ type: "status", status: document.status });
  }

  function sendModel(): void {
    const facts = services.engine.facts;
    if (document.index && facts) {
      const model = panelModel(document.index);
      const view = restored || !document.view ? {} : { view: document.view };
      restored = true;
      outbox.put({ type: "model", model, ...facts, detailOnRequest: true, measured: document.results.reports.size, ...view });
      outbox.fail(...[...document.results.unreadable].map(([tensor, error]) => ({ tensor, error })));
    }
  }

  function sendBudget(): void {
    const view = document.budget.view;
    if (view) outbox.put({ type: "budget", budget: view });
  }

  function sendPlan(): void {
    const { plan } = document.budget;
    if (plan) outbox.put({ type: "plan", plan });
  }

  async function budget(action: BudgetAction): Promise<void> {
    if (action.kind === "export") return void vscode.commands.executeCommand("bitlens.exportRecipe", document.uri, { plan: true });
    if (action.kind === "measure") return document.measureBudget();
    if (action.kind !== "save") return document.budget.apply(action);
    const text = serializeRecipe(document.budget.recipe());
    try {
      await saveBytes(document.uri, recipeName(document.uri.fsPath), new TextEncoder().encode(text));
    } catch (error) {
      tell(cannotSave(toEngineError(error)));
    }
  }

  async function sendDetail(tensor: string): Promise<void> {
    try {
      const report = await document.detail(tensor);
      if (report) outbox.report(report);
    } catch (error) {
      services.log.warn(`${document.name}: ${tensor}: ${toEngineError(error).describe()}`);
    }
  }
}

/** The index without the byte ranges, which stay on this side. */
export function panelModel(index: NonNullable<ModelDocument["index"]>): PanelModel {
  return { ...index, tensors: index.tensors.map(({ storage: _storage, ...tensor }) => tensor) };
}
