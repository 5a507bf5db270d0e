import * as vscode from "vscode";
import { unknownTensor } from "../errors";
import { groupLayers, roleIcon } from "../layers";
import { tell } from "../tell";
import { bitsText, bytesText, shapeText } from "../text";
import type { Command } from "./command";
import type { LoadedModel } from "./target";
import { targetModel } from "./target";

/** Arguments: the model's file and the tensor's name; what is absent is asked for. */
export const showLayer: Command = {
  id: "bitlens.showLayer",
  doing: "Showing the layer",
  async run(app, given, tensor) {
    const model = await targetModel(app, given);
    if (!model) return;
    const name = typeof tensor === "string" ? tensor : await pickTensor(model);
    if (name !== undefined && !model.document.show(name)) tell(unknownTensor(model.document.name, name));
  },
};

async function pickTensor({ document, index }: LoadedModel): Promise<string | undefined> {
  const items = groupLayers(index.tensors).flatMap((group) => [
    { label: group.label, kind: vscode.QuickPickItemKind.Separator },
    ...group.tensors.map((t) => ({
      label: t.name,
      iconPath: new vscode.ThemeIcon(roleIcon(t.role)),
      description: `${shapeText(t.shape)}  ${t.encodingLabel}`,
      detail: `${bytesText(t.byteLength)} · ${bitsText(t.bitsPerWeight)}`,
    })),
  ]);
  const picked = await vscode.window.showQuickPick<vscode.QuickPickItem>(items, {
    title: `Layers of ${document.name}`,
    placeHolder: "Type part of a name, a shape or an encoding",
    matchOnDescription: true,
  });
  return picked?.label;
}
