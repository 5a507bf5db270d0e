import type { CompareEvent, CompareSummary, TensorComparison } from "../core/api/compare";
import { type ComparedPair, type FailedPair, pairKey } from "../core/api/comparePanel";
import type { Engine, Progress } from "../core/api/engine";
import type { OutdatedFile, PanelStatus } from "../core/api/panel";
import { CancellationSource } from "../core/cancellation";
import { toEngineError } from "../core/errors";
import { compareReport } from "./compareReport";
import { OutdatedFiles, type FilesFound } from "./outdatedFiles";

export type ComparisonEvent =
  /** Everything found before is void. */
  | { readonly kind: "cleared" }
  | { readonly kind: "pair"; readonly pair: TensorComparison }
  | { readonly kind: "failed"; readonly pair: FailedPair }
  | { readonly kind: "summary" | "status" | "outdated" };

export interface ComparisonServices {
  engine(): Promise<Engine>;
  log(line: string): void;
  changed(event: ComparisonEvent): void;
}

/** Two models and what was found between them. The panel comes and goes with hiding; this stays until it is closed. */
export class Comparison {
  readonly pathA: string;
  readonly pathB: string;
  readonly #services: ComparisonServices;
  readonly #pairs = new Map<string, TensorComparison>();
  readonly #failed: FailedPair[] = [];
  readonly #files = new OutdatedFiles();
  #summary: CompareSummary | undefined;
  #status: PanelStatus = { kind: "idle" };
  #running: { readonly source: CancellationSource; readonly ended: Promise<void> } | undefined;
  /** The run under way began before a file changed. */
  #outdated = false;

  constructor(paths: { readonly pathA: string; readonly pathB: string }, services: ComparisonServices) {
    this.pathA = paths.pathA;
    this.pathB = paths.pathB;
    this.#services = services;
  }

  get status(): PanelStatus {
    return this.#status;
  }
  get running(): boolean {
    return this.#running !== undefined;
  }
  get pairs(): ReadonlyMap<string, TensorComparison> {
    return this.#pairs;
  }
  get failed(): readonly FailedPair[] {
    return this.#failed;
  }
  /** Files that are no longer what is shown. */
  get outdated(): readonly OutdatedFile[] {
    return this.#files.list;
  }
  /** Absent until all pairs were compared. */
  get summary(): CompareSummary | undefined {
    return this.#summary;
  }

  /**
   * Compares anew, or joins a run that is under way, unless that is of files that have changed. Resolves when it has ended in
   * whatever way; `status` says which.
   */
  run(): Promise<void> {
    const before = this.#running;
    if (before && !this.#outdated) return before.ended;
    this.#outdated = false;
    before?.source.cancel();
    const source = new CancellationSource();
    const begun = before ? before.ended.then(() => this.#compare(source)) : this.#compare(source);
    const running = { source, ended: begun.finally(() => this.#running === running && (this.#running = undefined)) };
    this.#running = running;
    return running.ended;
  }

  /**
   * A file is no longer as it was when it was compared. Where nothing could be compared before, it begins anew by itself when there
   * is something new to read; true where a person should be told.
   */
  filesChanged(found: FilesFound): boolean {
    if (this.#status.kind === "idle") return false;
    if (this.#status.kind === "failed" && this.#pairs.size === 0 && this.#failed.length === 0) {
      if (found.changed.length + found.back.length > 0) void this.run();
      return false;
    }
    const first = this.#files.note(found);
    this.#services.changed({ kind: "outdated" });
    if (found.changed.length > 0) this.#outdated = this.running;
    return first;
  }

  /** Ends a run at once; resolves when it has ended. */
  async cancel(): Promise<void> {
    const running = this.#running;
    running?.source.cancel();
    await running?.ended;
  }

  /** As a text for people; undefined until all was compared. */
  report(): string | undefined {
    const failed = this.#failed.map(({ a, b, error }) => ({ a, b, message: error.message }));
    return this.#summary && compareReport(this.#summary, [...this.#pairs.values()], failed);
  }

  async #compare({ token }: CancellationSource): Promise<void> {
    const { changed, log } = this.#services;
    let progress: Progress = { tensorsDone: 0, tensorsTotal: 0, bytesDone: 0, bytesTotal: 0, seconds: 0 };
    this.#pairs.clear();
    this.#failed.length = 0;
    this.#summary = undefined;
    this.#files.clear();
    changed({ kind: "cleared" });
    this.#setStatus({ kind: "opening" });
    const onEvent = (event: CompareEvent): void => {
      if (token.isCancellationRequested) return;
      progress = event.progress;
      if (event.kind === "pair") {
        const pair = event.comparison;
        this.#pairs.set(pairKey(pair.a.name, pair.b.name), pair);
        changed({ kind: "pair", pair });
      } else if (event.kind === "failed") {
        const pair = { a: event.a, b: event.b, error: event.error };
        this.#failed.push(pair);
        log(`${event.a}: ${event.error.message}`);
        changed({ kind: "failed", pair });
      }
      this.#setStatus({ kind: "running", progress });
    };
    try {
      const engine = await this.#services.engine();
      this.#summary = await engine.compare({ pathA: this.pathA, pathB: this.pathB }, onEvent, token);
      changed({ kind: "summary" });
      this.#setStatus({ kind: "done", progress: this.#summary.progress });
    } catch (error) {
      const cause = toEngineError(error);
      if (cause.code === "cancelled") return this.#setStatus({ kind: "cancelled", progress });
      log(cause.describe());
      if (cause.code === "engine-gone") this.#setStatus({ kind: "engine-restarted", message: cause.message });
      else this.#setStatus({ kind: "failed", error: cause.toJSON() });
    }
  }

  #setStatus(status: PanelStatus): void {
    this.#status = status;
    this.#services.changed({ kind: "status" });
  }
}

/** Without the histograms, which only the view of this one pair needs. */
export function lightPair(pair: TensorComparison): ComparedPair {
  const { logHistogramA: _a, logHistogramB: _b, ...rest } = pair;
  return rest;
}
