import * as vscode from "vscode";
import type { TensorInfo } from "../core/model";
import type { Documents } from "./documents";
import type { LayerGroup } from "./layers";
import { groupLayers, headings, roleIcon, shortName } from "./layers";
import type { ModelDocument } from "./modelDocument";
import { bitsText, bytesText, count, ratioText, shapeText } from "./text";

type Node =
  | { readonly kind: "group"; readonly group: LayerGroup; readonly heading: string }
  | { readonly kind: "tensor"; readonly tensor: TensorInfo; readonly parent: Node | undefined; readonly heading?: string };

export const layersViewId = "bitlens.layers";
/** Labels gain their ratio as it is measured; redrawing more often than this only flickers. */
const refreshMilliseconds = 500;

/** The side bar's tree of the active model. It follows the panel's selection, and moves the panel when a layer is picked. */
export class LayersTree implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  readonly #changes = new vscode.EventEmitter<Node | undefined>();
  readonly #documents: Documents;
  readonly #subscriptions: vscode.Disposable[];
  readonly #view: vscode.TreeView<Node>;
  #document: ModelDocument | undefined;
  #roots: Node[] = [];
  #nodes = new Map<string, Node>();
  #timer: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;

  readonly onDidChangeTreeData = this.#changes.event;

  constructor(documents: Documents) {
    this.#documents = documents;
    this.#view = vscode.window.createTreeView<Node>(layersViewId, { treeDataProvider: this, showCollapseAll: true });
    this.#subscriptions = [
      this.#view,
      documents.onDidActivate(() => this.#rebuild()),
      documents.onDidChange(({ document, event }) => {
        if (document !== this.#documents.active) return;
        if (event.kind === "model" || event.kind === "cleared") this.#rebuild();
        else if (event.kind === "report") this.#refreshSoon();
        else if (event.kind === "selected") this.#follow(event.tensor);
      }),
      this.#view.onDidChangeVisibility(({ visible }) => {
        if (visible && this.#document?.selected) this.#follow(this.#document.selected);
      }),
    ];
    this.#rebuild();
  }

  getChildren(node?: Node): Node[] {
    if (!node) return this.#roots;
    return node.kind === "group" ? node.group.tensors.map((t) => this.#nodes.get(t.name)!) : [];
  }

  getParent(node: Node): Node | undefined {
    return node.kind === "tensor" ? node.parent : undefined;
  }

  getTreeItem(node: Node): vscode.TreeItem {
    return node.kind === "group" ? groupItem(node) : this.#tensorItem(node);
  }

  #tensorItem({ tensor, heading }: Extract<Node, { kind: "tensor" }>): vscode.TreeItem {
    const item = new vscode.TreeItem(heading ?? shortName(tensor));
    const channels = this.#document?.results.reports.get(tensor.name)?.outliers;
    const worst = channels && Math.max(channels.input.channels[0]?.ratio ?? 0, channels.output.channels[0]?.ratio ?? 0);
    item.id = `tensor:${tensor.name}`;
    item.description = `${shapeText(tensor.shape)} ${tensor.encodingLabel}${worst ? ` · ${ratioText(worst)}` : ""}`;
    item.tooltip = [
      tensor.name,
      `${tensor.role} · ${shapeText(tensor.shape)} · ${tensor.encodingLabel}`,
      `${bytesText(tensor.byteLength)} · ${bitsText(tensor.bitsPerWeight)}`,
      ...(worst ? [`worst channel ${ratioText(worst)} the median`] : []),
    ].join("\n");
    item.iconPath = new vscode.ThemeIcon(roleIcon(tensor.role));
    item.command = { command: "bitlens.showLayer", title: "Show Layer", arguments: [this.#document?.uri, tensor.name] };
    return item;
  }

  #rebuild(): void {
    this.#document = this.#documents.active;
    const index = this.#document?.index;
    this.#nodes = new Map();
    const groups = groupLayers(index?.tensors ?? []);
    const names = headings(groups);
    this.#roots = groups.map((group, i): Node => {
      const parent: Node = { kind: "group", group, heading: names[i] };
      for (const tensor of group.tensors) this.#nodes.set(tensor.name, { kind: "tensor", tensor, parent });
      // A module with one tensor of its own needs no heading.
      return group.tensors.length === 1 && group.layer === undefined ? this.#single(group, names[i]) : parent;
    });
    this.#view.description = this.#document?.name;
    void vscode.commands.executeCommand("setContext", "bitlens.hasModel", index !== undefined);
    this.#changes.fire(undefined);
    if (this.#document?.selected) this.#follow(this.#document.selected);
  }

  #single({ label, tensors: [tensor] }: LayerGroup, heading: string): Node {
    // A short name is said whole.
    const node: Node = { kind: "tensor", tensor, parent: undefined, heading: heading === label ? tensor.name : heading };
    this.#nodes.set(tensor.name, node);
    return node;
  }

  #refreshSoon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#changes.fire(undefined);
    }, refreshMilliseconds);
  }

  #follow(tensor: string, attempts = 5): void {
    const node = this.#nodes.get(tensor);
    // Revealing in a hidden view would open the side bar over what the person is doing.
    if (!node || !this.#view.visible) return;
    clearTimeout(this.#retry);
    // While the workbench reads the tree anew, it rejects a reveal or drops the selection after it: look again.
    const again = () => {
      if (attempts > 1 && this.#document?.selected === tensor && this.selection !== tensor) this.#follow(tensor, attempts - 1);
    };
    const later = () => void (this.#retry = setTimeout(again, refreshMilliseconds));
    this.#view.reveal(node, { select: true, focus: false, expand: true }).then(later, later);
  }

  /** The tensor that is selected in the tree. */
  get selection(): string | undefined {
    const node = this.#view.selection[0];
    return node?.kind === "tensor" ? node.tensor.name : undefined;
  }

  dispose(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#retry);
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#changes.dispose();
  }
}

function groupItem({ group, heading }: Extract<Node, { kind: "group" }>): vscode.TreeItem {
  const item = new vscode.TreeItem(heading, vscode.TreeItemCollapsibleState.Collapsed);
  item.id = group.id;
  const bytes = group.tensors.reduce((sum, t) => sum + t.byteLength, 0);
  if (heading !== group.label) item.tooltip = group.label;
  item.description = `${count(group.tensors.length, "tensor")} · ${bytesText(bytes)}`;
  item.iconPath = new vscode.ThemeIcon(group.layer === undefined ? "symbol-module" : "layers");
  return item;
}
