import type * as vscode from "vscode";
import type { Documents } from "./documents";
import type { ModelDocument } from "./modelDocument";
import type { PanelServices } from "./panel";
import { connectPanel } from "./panel";

export const viewType = "bitlens.model";
/** Files that open in the panel, as file dialogs and searches name them. */
export const modelEndings = ["safetensors", "gguf", "onnx", "safetensors.index.json"];

/** The read-only editor for model files. */
export class ModelEditor implements vscode.CustomReadonlyEditorProvider<ModelDocument> {
  constructor(
    private readonly documents: Documents,
    private readonly services: PanelServices,
  ) {}

  openCustomDocument(uri: vscode.Uri): ModelDocument {
    return this.documents.create(uri);
  }

  resolveCustomEditor(document: ModelDocument, panel: vscode.WebviewPanel): void {
    connectPanel(panel, document, this.services);
    const activate = () => panel.active && this.documents.activate(document);
    panel.onDidChangeViewState(activate);
    activate();
    // A panel restored behind another tab is no reason to leave the tree empty.
    if (!this.documents.active) this.documents.activate(document);
  }
}
