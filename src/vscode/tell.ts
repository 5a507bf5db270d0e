import * as vscode from "vscode";
import type { UserError } from "./errors";

/** Shows an error with its buttons and runs the one that is pressed. Does not wait for the person. */
export function tell(error: UserError): void {
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
