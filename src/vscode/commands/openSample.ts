import * as vscode from "vscode";
import { sampleMissing } from "../errors";
import { tell } from "../tell";
import type { Command } from "./command";
import { loadModel, sampleUri } from "./target";

export const openSample: Command = {
  id: "bitlens.openSample",
  doing: "Opening the sample model",
  async run(app) {
    const uri = sampleUri(app);
    const exists = await vscode.workspace.fs.stat(uri).then(
      () => true,
      () => false,
    );
    if (!exists) return tell(sampleMissing(uri.fsPath));
    await loadModel(app, uri);
  },
};
