// A file that a window opens with appears in the text editor when it comes before the custom editor is known. Once extensions
// are known, this opens the file that `npm start` was given (or such a text tab's) in the panel, and closes what came too early.
const vscode = require("vscode");

const tabs = () => vscode.window.tabGroups.all.flatMap((group) => group.tabs);
const early = () =>
  tabs().filter(({ input }) => input instanceof vscode.TabInputText && /\.(safetensors|gguf|onnx|safetensors\.index\.json)$/i.test(input.uri.path));

exports.activate = async () => {
  if (tabs().some((tab) => tab.input instanceof vscode.TabInputCustom)) return;
  const file = process.env.BITLENS_OPEN;
  const uri = file ? vscode.Uri.file(file) : early()[0]?.input.uri;
  if (!uri) return;
  await vscode.commands.executeCommand("vscode.openWith", uri, "bitlens.model", { preview: false });
  await vscode.window.tabGroups.close(early());
};
