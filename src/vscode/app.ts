import type * as vscode from "vscode";
import type { Comparisons } from "./comparisons";
import type { Documents } from "./documents";
import type { EngineHost } from "./engineHost";
import type { ExportJobs } from "./exportJobs";

/** What commands and views work with. */
export interface App {
  readonly extensionUri: vscode.Uri;
  readonly log: vscode.LogOutputChannel;
  readonly engine: EngineHost;
  readonly documents: Documents;
  readonly exports: ExportJobs;
  readonly comparisons: Comparisons;
}
