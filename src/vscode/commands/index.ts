import * as vscode from "vscode";
import { toEngineError } from "../../core/errors";
import type { App } from "../app";
import { cannotOpen, engineCannotStart, unexpected } from "../errors";
import { tell } from "../tell";
import { analyze } from "./analyze";
import { cancel } from "./cancel";
import type { Command } from "./command";
import { compareModels } from "./compare";
import { exportModel } from "./export";
import { exportRecipe } from "./exportRecipe";
import { inspectOutliers } from "./inspectOutliers";
import { openSample } from "./openSample";
import { planBudget } from "./planBudget";
import { reload } from "./reload";
import { discardExport, resumeExport } from "./resumeExport";
import { restartEngine } from "./restartEngine";
import { showLayer } from "./showLayer";
import { showLog } from "./showLog";

/** Every contributed command. */
export const commands: readonly Command[] = [
  analyze,
  inspectOutliers,
  exportModel,
  planBudget,
  exportRecipe,
  resumeExport,
  discardExport,
  compareModels,
  showLayer,
  cancel,
  restartEngine,
  openSample,
  showLog,
  reload,
];

export function registerCommands(app: App): vscode.Disposable {
  return vscode.Disposable.from(
    ...commands.map((command) =>
      vscode.commands.registerCommand(command.id, async (...args: unknown[]) => {
        try {
          return await command.run(app, ...args);
        } catch (error) {
          const cause = toEngineError(error);
          if (cause.code === "cancelled") return undefined;
          app.log.error(`${command.id}: ${cause.describe()}`);
          const { file } = cause.place;
          // What is open did open, whatever else failed.
          const isOpen = file !== undefined && app.documents.get(vscode.Uri.file(file))?.index !== undefined;
          if (cause.code === "engine-gone") tell(engineCannotStart(cause));
          else if (file && !isOpen) tell(cannotOpen(file.split(/[\\/]/).pop()!, cause));
          else tell(unexpected(command.doing, cause));
          return undefined;
        }
      }),
    ),
  );
}
