import * as vscode from "vscode";

const section = "bitlens";
const read = <T>(key: string, fallback: T): T => vscode.workspace.getConfiguration(section).get<T>(key, fallback);

/** Settings as they are now. Wrong types from a hand-edited file fall back to the default. */
export const settings = {
  encodings(): string[] {
    const value = read<unknown>("encodings", []);
    return Array.isArray(value) ? value.filter((v): v is string => typeof v === "string") : [];
  },
  /** Undefined: the engine chooses. */
  threads(): number | undefined {
    const value = read<unknown>("threads", 0);
    return typeof value === "number" && Number.isInteger(value) && value > 0 ? Math.min(value, 256) : undefined;
  },
  analyzeOnOpen: (): boolean => read<unknown>("analyzeOnOpen", true) !== false,
  onDidChange: (key: "encodings" | "threads" | "analyzeOnOpen", listener: () => void): vscode.Disposable =>
    vscode.workspace.onDidChangeConfiguration((e) => e.affectsConfiguration(`${section}.${key}`) && listener()),
};
