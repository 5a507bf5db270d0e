import * as path from "node:path";
import * as vscode from "vscode";
import type { EngineHost } from "./engineHost";
import { connectComparePanel, compareTitle } from "./comparePanel";
import { Comparison, type ComparisonEvent } from "./comparison";
import { comparedFilesChanged } from "./errors";
import { onFilesChanged } from "./fileWatch";
import { parseCompareState } from "./messages";
import { settings } from "./settings";
import { tell } from "./tell";

export const compareViewType = "bitlens.compare";
const textScheme = "bitlens-compare";

export interface ComparisonsServices {
  readonly engine: EngineHost;
  readonly extensionUri: vscode.Uri;
  readonly log: vscode.LogOutputChannel;
}

interface Shown {
  readonly comparison: Comparison;
  readonly panel: vscode.WebviewPanel;
}

/** Comparisons that are open in this window, each in a panel of its own; and as read-only text documents where that is asked for. */
export class Comparisons implements vscode.Disposable {
  readonly #services: ComparisonsServices;
  readonly #shown = new Set<Shown>();
  readonly #texts = new Map<string, string>();
  readonly #changes = new vscode.EventEmitter<void>();
  readonly #registered: vscode.Disposable;
  #count = 0;

  /** One began or ended. */
  readonly onDidChange = this.#changes.event;

  constructor(services: ComparisonsServices) {
    this.#services = services;
    this.#registered = vscode.Disposable.from(
      vscode.workspace.registerTextDocumentContentProvider(textScheme, { provideTextDocumentContent: (uri) => this.#texts.get(uri.toString()) }),
      vscode.workspace.onDidCloseTextDocument((document) => void this.#texts.delete(document.uri.toString())),
      vscode.window.registerWebviewPanelSerializer(compareViewType, { deserializeWebviewPanel: (panel, state) => this.#restore(panel, state) }),
    );
  }

  get all(): readonly Comparison[] {
    return [...this.#shown].map((one) => one.comparison);
  }

  /** Compares two files in a panel: the one that shows them already, or a new one. */
  open(a: vscode.Uri, b: vscode.Uri): Comparison {
    const known = [...this.#shown].find(({ comparison }) => comparison.pathA === a.fsPath && comparison.pathB === b.fsPath);
    if (known) {
      known.panel.reveal();
      void known.comparison.run();
      return known.comparison;
    }
    const panel = vscode.window.createWebviewPanel(compareViewType, compareTitle(a.fsPath, b.fsPath), vscode.ViewColumn.Active);
    const comparison = this.#connect(panel, a.fsPath, b.fsPath);
    void comparison.run();
    return comparison;
  }

  /** The window was reloaded: what the page kept says which models these were. */
  async #restore(panel: vscode.WebviewPanel, state: unknown): Promise<void> {
    const kept = parseCompareState(state);
    if (!kept) return panel.dispose();
    const comparison = this.#connect(panel, kept.pathA, kept.pathB);
    if (settings.analyzeOnOpen()) void comparison.run();
  }

  #connect(panel: vscode.WebviewPanel, pathA: string, pathB: string): Comparison {
    const { engine, log, extensionUri } = this.#services;
    panel.title = compareTitle(pathA, pathB);
    panel.iconPath = vscode.Uri.joinPath(extensionUri, "media/icon.svg");
    let show: (event: ComparisonEvent) => void = () => {};
    const comparison = new Comparison({ pathA, pathB }, {
      engine: async () => (await engine.start()).engine,
      log: (line) => log.warn(`${panel.title}: ${line}`),
      changed: (event) => {
        show(event);
        if (event.kind === "status") this.#changes.fire();
      },
    });
    const shown = { comparison, panel };
    this.#shown.add(shown);
    const watcher = onFilesChanged([...new Set([pathA, pathB])], (found) => {
      const uris = [pathA, pathB].map((file) => vscode.Uri.file(file));
      // The panel itself says so; a message where it is not in sight.
      if (comparison.filesChanged(found) && !panel.visible) {
        tell(comparedFilesChanged(found.changed.map((file) => path.basename(file)), panel.title, uris));
      }
    });
    panel.onDidDispose(() => {
      watcher.dispose();
      this.#shown.delete(shown);
      show = () => {};
      void comparison.cancel();
      this.#changes.fire();
    });
    show = connectComparePanel(panel, comparison, {
      extensionUri,
      log,
      perform: (command) => {
        const [a, b] = [vscode.Uri.file(pathA), vscode.Uri.file(pathB)];
        if (command === "text") void this.#showText(comparison);
        else if (command === "swap") this.open(b, a);
        else if (command === "choose") void vscode.commands.executeCommand("bitlens.compare", a);
        else void vscode.commands.executeCommand(`bitlens.${command}`);
      },
    });
    return comparison;
  }

  async #showText(comparison: Comparison): Promise<void> {
    const text = comparison.report();
    if (text === undefined) return;
    const title = compareTitle(comparison.pathA, comparison.pathB);
    // Each is a document of its own: an earlier one of the same files stays as it was.
    const uri = vscode.Uri.from({ scheme: textScheme, path: `/${title.replace(/[\\/]/g, "_")}.txt`, query: String(++this.#count) });
    this.#texts.set(uri.toString(), text);
    await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(uri), { preview: false });
  }

  dispose(): void {
    for (const { panel } of [...this.#shown]) panel.dispose();
    this.#registered.dispose();
    this.#changes.dispose();
    this.#texts.clear();
  }
}
