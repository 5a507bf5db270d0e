import * as vscode from "vscode";
import type { ExportEstimate, ExportRequest, ExportResult, ExportWarning, Progress } from "../core/api/engine";
import { CancellationSource } from "../core/cancellation";
import type { EngineHost } from "./engineHost";

export interface ExportListener {
  /** Once, before anything else; not where there is nothing to know. */
  onWarnings(warnings: readonly ExportWarning[]): void;
  /** Once, before anything is written. */
  onEstimate(estimate: ExportEstimate): void;
  onProgress(progress: Progress): void;
}

/** Exports under way in this window. */
export class ExportJobs implements vscode.Disposable {
  readonly #sources = new Set<CancellationSource>();
  readonly #changes = new vscode.EventEmitter<{ readonly name: string; readonly progress: Progress } | undefined>();

  /** Progress of the export that reported last; undefined when the last one has ended. */
  readonly onDidChange = this.#changes.event;

  constructor(private readonly engine: EngineHost) {}

  get running(): boolean {
    return this.#sources.size > 0;
  }

  /** Rejects with the engine's error; "cancelled" after `cancel` or the token. */
  async run(
    request: ExportRequest,
    name: string,
    { onWarnings, onEstimate, onProgress }: ExportListener,
    token: vscode.CancellationToken,
  ): Promise<ExportResult> {
    const source = new CancellationSource();
    const listener = token.onCancellationRequested(() => source.cancel());
    this.#sources.add(source);
    try {
      const { engine } = await this.engine.start();
      const warnings = await engine.exportWarnings(request, source.token);
      if (warnings.length) onWarnings(warnings);
      // What keeps it from being estimated, the export itself says better.
      const estimate = await engine.estimate(request, source.token).catch(() => undefined);
      if (estimate) onEstimate(estimate);
      return await engine.export(
        request,
        (progress) => {
          this.#changes.fire({ name, progress });
          onProgress(progress);
        },
        source.token,
      );
    } finally {
      listener.dispose();
      this.#sources.delete(source);
      if (!this.running) this.#changes.fire(undefined);
    }
  }

  cancel(): void {
    for (const source of this.#sources) source.cancel();
  }

  /** Nothing is cancelled: a window that closes or reloads leaves its exports to be gone on with. */
  dispose(): void {
    this.#changes.dispose();
  }
}
