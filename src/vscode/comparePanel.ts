import * as path from "node:path";
import * as vscode from "vscode";
import type { CompareCommand, FromComparePanel, ToComparePanel } from "../core/api/comparePanel";
import { DisposalBin } from "../core/disposal";
import { toEngineError } from "../core/errors";
import { type Comparison, type ComparisonEvent, lightPair } from "./comparison";
import { cannotSave } from "./errors";
import { parseFromComparePanel } from "./messages";
import { Outbox } from "./outbox";
import { panelHtml, panelRoots } from "./panelHtml";
import { saveBytes } from "./save";
import { tell } from "./tell";

export interface ComparePanelServices {
  readonly extensionUri: vscode.Uri;
  readonly log: vscode.LogOutputChannel;
  /** What the page's buttons ask for and the comparison does not do itself. */
  perform(command: Exclude<CompareCommand, "compare" | "cancel">): void;
}

/** Pairs are small, and a thousand of them should not take seconds to come back after hiding. */
const outboxOf = (post: (message: ToComparePanel) => void) =>
  new Outbox({
    latest: ["models", "histograms", "summary", "outdated", "status"],
    last: ["summary", "status"],
    batch: (pairs: Extract<ToComparePanel, { type: "pairs" }>["pairs"], failed: Extract<ToComparePanel, { type: "pairs" }>["failed"]): ToComparePanel =>
      ({ type: "pairs", pairs, failed }),
    maximumItems: 200,
    maximumBytes: 2 ** 20,
    bytesOf: ({ worstOutputs, worstInputs }) => 512 + 64 * ((worstOutputs?.length ?? 0) + (worstInputs?.length ?? 0)),
  }, post);

/**
 * Connects one webview with its comparison, which keeps all state: whenever the webview says "ready" (it was created, or shown
 * again after hiding) everything is sent anew. Returns what the comparison's events go to.
 */
export function connectComparePanel(
  panel: vscode.WebviewPanel, comparison: Comparison, services: ComparePanelServices,
): (event: ComparisonEvent) => void {
  const { webview } = panel;
  const bin = new DisposalBin();
  const outbox = outboxOf((message) => void webview.postMessage(message));
  const models = vscode.Uri.file(comparison.pathA);
  bin.add({ dispose: () => outbox.close() });
  webview.options = { enableScripts: true, localResourceRoots: panelRoots(services.extensionUri) };
  bin.add(
    webview.onDidReceiveMessage((value) => {
      const message = parseFromComparePanel(value);
      if (message) void receive(message);
      else services.log.warn(`${panel.title}: a message of the panel was not understood and ignored.`);
    }),
  );
  bin.add(
    panel.onDidChangeViewState(() => {
      // A hidden webview is unloaded; it asks again when it is back.
      if (!panel.visible) outbox.close();
    }),
  );
  panel.onDidDispose(() => bin.dispose());
  webview.html = panelHtml(webview, services.extensionUri, { title: panel.title, page: "compare" });

  async function receive(message: FromComparePanel): Promise<void> {
    switch (message.type) {
      case "ready":
        return replay();
      case "detail": {
        const pair = comparison.pairs.get(message.pair);
        if (pair) outbox.put({ type: "histograms", pair: message.pair, a: pair.logHistogramA, b: pair.logHistogramB });
        return;
      }
      case "command":
        if (message.command === "compare") return comparison.run();
        if (message.command === "cancel") return comparison.cancel();
        return services.perform(message.command);
      case "save":
        return saveBytes(models, message.name, message.bytes).catch((error) => tell(cannotSave(toEngineError(error))));
      case "copy":
        return vscode.env.clipboard.writeText(message.text);
    }
  }

  function sendModels(): void {
    const { pathA, pathB, pairs, failed } = comparison;
    outbox.put({ type: "models", pathA, pathB, compared: pairs.size + failed.length });
  }

  function replay(): void {
    outbox.open();
    sendModels();
    outbox.report(...[...comparison.pairs.values()].map(lightPair));
    outbox.fail(...comparison.failed);
    if (comparison.summary) outbox.put({ type: "summary", summary: comparison.summary });
    outbox.put({ type: "outdated", files: comparison.outdated });
    outbox.put({ type: "status", status: comparison.status });
  }

  return (event) => {
    if (event.kind === "cleared") {
      if (outbox.isOpen) replay();
    } else if (event.kind === "pair") outbox.report(lightPair(event.pair));
    else if (event.kind === "failed") outbox.fail(event.pair);
    else if (event.kind === "summary") outbox.put({ type: "summary", summary: comparison.summary! });
    else if (event.kind === "outdated") outbox.put({ type: "outdated", files: comparison.outdated });
    else outbox.put({ type: "status", status: comparison.status });
  };
}

/** What a comparison's panel is called. */
export const compareTitle = (pathA: string, pathB: string): string => `${path.basename(pathA)} ↔ ${path.basename(pathB)}`;
