import * as vscode from "vscode";
import { toEngineError } from "../../core/errors";
import { engineCannotStart } from "../errors";
import { tell } from "../tell";
import type { Command } from "./command";

export const restartEngine: Command = {
  id: "bitlens.restartEngine",
  doing: "Restarting the engine",
  async run(app) {
    try {
      await vscode.window.withProgress({ location: vscode.ProgressLocation.Window, title: "Restarting the Bitlens engine" }, () =>
        app.engine.restart(),
      );
    } catch (error) {
      return tell(engineCannotStart(toEngineError(error)));
    }
    // Files that could not be read because the engine was gone get another chance.
    for (const document of app.documents.all) {
      if (!document.index && document.status.kind === "failed") await document.reload().catch(() => {});
    }
  },
};
