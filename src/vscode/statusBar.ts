import * as vscode from "vscode";
import type { Progress } from "../core/api/engine";
import type { App } from "./app";
import { compareTitle } from "./comparePanel";
import { count } from "./text";

const percent = (p: Progress) => (p.bytesTotal ? Math.floor((100 * p.bytesDone) / p.bytesTotal) : 0);

/** The device in use while a model is open; progress while something runs. A click opens the log. */
export function statusBar(app: App): vscode.Disposable {
  const item = vscode.window.createStatusBarItem("bitlens.status", vscode.StatusBarAlignment.Right, 100);
  item.name = "Bitlens";
  item.command = "bitlens.showLog";
  let exporting: { name: string; progress: Progress } | undefined;
  let stopped: string | undefined;
  let contexts = "";

  const update = (): void => {
    const running = app.documents.all.find((d) => d.status.kind === "running");
    const facts = app.engine.facts;
    const device =
      facts && `${facts.device.name} · ${count(facts.device.threads, "thread")}${facts.device.simd ? " · SIMD" : ""}`;
    const measuring = app.documents.all.find((d) => d.budget.measuring);
    const comparing = app.comparisons.all.find((c) => c.running);
    setContexts({ running: (running ?? comparing) !== undefined, measuring: measuring !== undefined, exporting: app.exports.running });
    item.backgroundColor = undefined;
    if (exporting) item.text = `$(sync~spin) Exporting ${percent(exporting.progress)} %`;
    else if (running?.status.kind === "running") {
      item.text = `$(sync~spin) ${running.status.progress.tensorsDone}/${running.status.progress.tensorsTotal} tensors`;
    } else if (measuring) {
      item.text = `$(sync~spin) Measuring${measuring.budget.progress ? ` ${percent(measuring.budget.progress)} %` : ""}`;
    } else if (comparing?.status.kind === "running") {
      item.text = `$(sync~spin) Comparing ${percent(comparing.status.progress)} %`;
    } else if (stopped) {
      item.text = "$(warning) Bitlens engine stopped";
      item.backgroundColor = new vscode.ThemeColor("statusBarItem.warningBackground");
    } else item.text = `$(chip) ${device ?? "Bitlens"}`;
    item.tooltip = [
      exporting && `Exporting ${exporting.name}`,
      running && `Analyzing ${running.name}`,
      measuring && `Measuring the encodings of ${measuring.name}`,
      comparing && `Comparing ${compareTitle(comparing.pathA, comparing.pathB)}`,
      stopped,
      device && `Bitlens computes on ${device}`,
      "Click for the log",
    ]
      .filter(Boolean)
      .join("\n");
    if (app.documents.all.length || app.comparisons.all.length || exporting) item.show();
    else item.hide();
  };
  const setContexts = (flags: Readonly<Record<"running" | "measuring" | "exporting", boolean>>): void => {
    const next = JSON.stringify(flags);
    if (next === contexts) return;
    contexts = next;
    for (const [name, on] of Object.entries(flags)) void vscode.commands.executeCommand("setContext", `bitlens.${name}`, on);
  };
  return vscode.Disposable.from(
    item,
    app.documents.onDidChange(({ event }) => (event.kind === "status" || event.kind === "budget") && update()),
    app.documents.onDidActivate(update),
    app.documents.onDidOpen(update),
    app.comparisons.onDidChange(update),
    app.exports.onDidChange((now) => {
      exporting = now;
      update();
    }),
    app.engine.onDidExit((reason) => {
      stopped = reason;
      update();
    }),
    app.engine.onDidStart(() => {
      stopped = undefined;
      update();
    }),
  );
}
