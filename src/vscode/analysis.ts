import type * as vscode from "vscode";
import type { AnalyseEvent, Progress } from "../core/api/engine";
import type { PanelStatus } from "../core/api/panel";
import type { CancellationToken } from "../core/cancellation";
import { CancellationSource } from "../core/cancellation";
import { toEngineError } from "../core/errors";
import type { ModelIndex, TensorInfo } from "../core/model";
import type { DocumentEvent } from "./documentEvent";
import type { EngineHost } from "./engineHost";
import type { Results } from "./results";
import { settings } from "./settings";

/** What an analysis needs of its document. */
export interface AnalysisOwner {
  readonly name: string;
  readonly path: string;
  readonly log: vscode.LogOutputChannel;
  /** Filled while it runs. */
  readonly results: Results;
  engine(): ReturnType<EngineHost["start"]>;
  loaded(): Promise<ModelIndex>;
  /** Resolves when work for all cores may begin. */
  mayBegin(token: CancellationToken): Promise<void>;
  changed(event: DocumentEvent): void;
  setStatus(status: PanelStatus): void;
}

/** Measuring a model's tensors: one run at a time, which can be cancelled and gone on with. */
export class Analysis {
  readonly #owner: AnalysisOwner;
  #running: { readonly source: CancellationSource; readonly ended: Promise<void> } | undefined;
  #measuredWith: readonly string[] = [];

  constructor(owner: AnalysisOwner) {
    this.#owner = owner;
  }

  get running(): boolean {
    return this.#running !== undefined;
  }

  /** Joins a run that is under way. Resolves when the run has ended in whatever way; the owner's status says which. */
  run(): Promise<void> {
    if (this.#running) return this.#running.ended;
    const source = new CancellationSource();
    const ended = this.#measure(source).finally(() => (this.#running = undefined));
    this.#running = { source, ended };
    return ended;
  }

  async #measure(source: CancellationSource): Promise<void> {
    const { name, path, log, results } = this.#owner;
    const index = await this.#owner.loaded().catch(() => undefined);
    if (!index) return;
    let progress: Progress = { tensorsDone: 0, tensorsTotal: 0, bytesDone: 0, bytesTotal: 0, seconds: 0 };
    try {
      const { engine, encodings: known } = await this.#owner.engine();
      const encodings = settings.encodings().filter((encoding) => known.some((e) => e.name === encoding));
      const measurable = index.tensors.filter((t) => t.storage);
      const { pending, fresh } = this.#pending(measurable, encodings);
      const before = sum(measurable) - sum(pending);
      const done = measurable.length - pending.length;
      const total = sum(measurable);
      // Of a resumed run the engine sees the rest only; the person sees the whole.
      const whole = (p: Progress): Progress => ({
        ...p,
        tensorsDone: done + p.tensorsDone,
        tensorsTotal: measurable.length,
        bytesDone: before + p.bytesDone,
        bytesTotal: total,
        before: { tensors: done + (p.before?.tensors ?? 0), bytes: before + (p.before?.bytes ?? 0) },
      });
      progress = whole(progress);
      this.#owner.setStatus({ kind: "running", progress });
      const onEvent = (event: AnalyseEvent): void => {
        if (source.token.isCancellationRequested) return;
        progress = whole(event.progress);
        if (event.kind === "report") {
          if (event.remembered) results.addLight(event.report);
          else results.add(event.report);
          this.#owner.changed({ kind: "report", report: event.report });
        } else if (event.kind === "failed") {
          results.fail(event.tensor, event.error);
          log.warn(`${name}: ${event.tensor}: ${event.error.message}`);
          this.#owner.changed({ kind: "failed", tensor: event.tensor, error: event.error });
        }
        this.#owner.setStatus({ kind: "running", progress });
      };
      const tensors = pending.map((t) => t.name);
      await this.#owner.mayBegin(source.token);
      if (tensors.length) await engine.analyse({ path, tensors, encodings, asStored: true, fresh, lightRemembered: true }, onEvent, source.token);
      const remembered = progress.before?.tensors ?? 0;
      const measured = `${progress.tensorsDone - remembered} tensors measured in ${progress.seconds.toFixed(1)} s`;
      log.info(`${name}: ${measured}${remembered ? `, ${remembered} remembered` : ""}.`);
      this.#owner.setStatus({ kind: "done", progress });
    } catch (error) {
      const cause = toEngineError(error, { file: path });
      if (cause.code === "cancelled") this.#owner.setStatus({ kind: "cancelled", progress });
      else if (cause.code === "engine-gone") this.#owner.setStatus({ kind: "engine-restarted", message: cause.message });
      else {
        log.error(`${name}: ${cause.describe()}`);
        this.#owner.setStatus({ kind: "failed", error: cause.toJSON() });
      }
    }
  }

  /** `fresh`: everything is there, and a person wants it measured again all the same. */
  #pending(measurable: readonly TensorInfo[], encodings: readonly string[]): { readonly pending: readonly TensorInfo[]; readonly fresh: boolean } {
    const { results } = this.#owner;
    const missing = measurable.filter((t) => !results.reports.has(t.name) && !results.failures.has(t.name));
    const sameEncodings = encodings.join() === this.#measuredWith.join();
    this.#measuredWith = encodings;
    if (missing.length && sameEncodings) return { pending: missing, fresh: false };
    if (results.reports.size || results.failures.size) {
      results.clear();
      this.#owner.changed({ kind: "cleared" });
    }
    return { pending: measurable, fresh: sameEncodings };
  }

  /** Ends a run at once; resolves when it has ended. */
  async cancel(): Promise<void> {
    const running = this.#running;
    running?.source.cancel();
    await running?.ended;
  }

  /** Measures one tensor again as the last run did, and keeps its whole report. */
  async again(tensor: string, token: CancellationToken): Promise<void> {
    const { engine } = await this.#owner.engine();
    await engine.analyse(
      { path: this.#owner.path, tensors: [tensor], encodings: this.#measuredWith, asStored: true },
      (event) => {
        if (event.kind === "report") this.#owner.results.add(event.report);
      },
      token,
    );
  }
}

const sum = (tensors: readonly TensorInfo[]) => tensors.reduce((total, t) => total + t.byteLength, 0);
