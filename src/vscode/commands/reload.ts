import * as vscode from "vscode";
import type { Command } from "./command";
import { targetModel } from "./target";

/** Not in the palette's foreground: offered when a file changed on disk. */
export const reload: Command = {
  id: "bitlens.reload",
  doing: "Reloading",
  async run(app, given) {
    // A model that failed to open has no header to wait for, and is what reloading is for.
    const open = given instanceof vscode.Uri ? app.documents.get(given) : undefined;
    const document = open ?? (await targetModel(app, given))?.document;
    await document?.reload();
  },
};
