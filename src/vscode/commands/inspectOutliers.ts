import * as vscode from "vscode";
import { nothingMeasured } from "../errors";
import { roleIcon } from "../layers";
import type { ModelDocument } from "../modelDocument";
import type { RankedLayer } from "../ranking";
import { rankByOutliers } from "../ranking";
import { tell } from "../tell";
import { count, ratioText, shapeText } from "../text";
import type { Command } from "./command";
import { targetModel } from "./target";

export const inspectOutliers: Command = {
  id: "bitlens.inspectOutliers",
  doing: "Ranking the layers",
  async run(app, given) {
    const model = await targetModel(app, given);
    if (!model) return;
    const { document, index } = model;
    if (!complete(document)) await analyseWithProgress(document);
    const ranked = rankByOutliers(index.tensors, document.results.reports);
    // Cancelled before anything was measured: the person knows.
    if (!ranked.length && document.status.kind !== "done") return;
    if (!ranked.length) return tell(nothingMeasured(document.name));
    const picked = await vscode.window.showQuickPick(ranked.map(item), {
      title: `Layers of ${document.name} by outlier ratio${complete(document) ? "" : " (of those measured so far)"}`,
      placeHolder: "The worst channel's absolute maximum over the median channel's",
      matchOnDescription: true,
      matchOnDetail: true,
    });
    if (picked) document.show(picked.label);
  },
};

const complete = (document: ModelDocument) =>
  document.index?.tensors.every(
    (t) => !t.storage || document.results.reports.has(t.name) || document.results.failures.has(t.name),
  ) ?? false;

const item = ({ tensor, direction, worst, over2 }: RankedLayer) => ({
  label: tensor.name,
  description: ratioText(worst.ratio),
  detail: [
    `${direction} channel ${worst.index}`,
    `${count(over2, "channel")} at 2× and more`,
    `${shapeText(tensor.shape)} ${tensor.encodingLabel}`,
  ].join(" · "),
  iconPath: new vscode.ThemeIcon(roleIcon(tensor.role)),
});

/** Runs or joins the analysis under a notification that can cancel it. */
async function analyseWithProgress(document: ModelDocument): Promise<void> {
  const options = { location: vscode.ProgressLocation.Notification, title: `Analyzing ${document.name}`, cancellable: true };
  await vscode.window.withProgress(options, async (progress, token) => {
    let shown = 0;
    const listener = document.onDidChange(() => {
      if (document.status.kind !== "running") return;
      const { tensorsDone, tensorsTotal, bytesDone, bytesTotal } = document.status.progress;
      const percent = bytesTotal ? (100 * bytesDone) / bytesTotal : 0;
      if (percent - shown < 1 && tensorsDone < tensorsTotal) return;
      progress.report({ message: `${tensorsDone} of ${count(tensorsTotal, "tensor")}`, increment: percent - shown });
      shown = percent;
    });
    token.onCancellationRequested(() => void document.cancel());
    await document.analyse();
    listener.dispose();
  });
}
