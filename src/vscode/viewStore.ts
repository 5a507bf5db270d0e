import type * as vscode from "vscode";
import type { PanelView } from "../core/api/panel";
import { parseView } from "./messages";

const key = "bitlens.views";
/** Views of files not looked at for long are worth less than a small state. */
const maximumViews = 64;

/** The panel's view per file, kept across reloads of the window. */
export class ViewStore {
  constructor(private readonly state: vscode.Memento) {}

  get(uri: vscode.Uri): PanelView | undefined {
    return parseView(this.#all().find(([file]) => file === uri.toString())?.[1]);
  }

  set(uri: vscode.Uri, view: PanelView): void {
    const others = this.#all().filter(([file]) => file !== uri.toString());
    void this.state.update(key, [[uri.toString(), view], ...others].slice(0, maximumViews));
  }

  #all(): [string, unknown][] {
    const stored = this.state.get<unknown>(key);
    return Array.isArray(stored)
      ? stored.filter((row): row is [string, unknown] => Array.isArray(row) && typeof row[0] === "string")
      : [];
  }
}
