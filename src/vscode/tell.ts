import * as vscode from "vscode";
import type { UserError } from "./errors";

/** What was told last, newest at the end: for the log and for tests. */
const told: UserError[] = [];
const rememberedErrors = 50;

export const toldErrors = (): readonly UserError[] => told;

/** Shows an error with its buttons and runs the one that is pressed. Does not wait for the person. */
export function tell(error: UserError): void {
  told.push(error);
  if (told.length > rememberedErrors) told.shift();
  const show = {
    error: vscode.window.showErrorMessage,
    warning: vscode.window.showWarningMessage,
    information: vscode.window.showInformationMessage,
  }[error.severity];
  void show(error.message, ...error.actions.map((a) => a.title)).then((title: string | undefined) => {
    const action = error.actions.find((a) => a.title === title);
    if (action) void vscode.commands.executeCommand(action.command, ...(action.arguments ?? []));
  });
}
