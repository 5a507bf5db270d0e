// A file that a window opens with appears in the text editor when it comes before the custom editor is known. This opens the
// file that `npm start` was given once extensions are known, and closes what came too early.
const vscode = require("vscode");

exports.activate = async () => {
  const file = process.env.BITLENS_OPEN;
  if (!file) return;
  const uri = vscode.Uri.file(file);
  const tabs = () => vscode.window.tabGroups.all.flatMap((group) => group.tabs);
  if (tabs().some((tab) => tab.input instanceof vscode.TabInputCustom)) return;
  await vscode.commands.executeCommand("vscode.openWith", uri, "bitlens.model", { preview: false });
  const early = tabs().filter((tab) => tab.input instanceof vscode.TabInputText && tab.input.uri.toString() === uri.toString());
  await vscode.window.tabGroups.close(early);
};
