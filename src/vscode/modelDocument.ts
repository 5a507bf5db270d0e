import * as path from "node:path";
import * as vscode from "vscode";
import type { AnalyseEvent, ExportChoice, Progress } from "../core/api/engine";
import type { OutdatedFile, PanelStatus, PanelView } from "../core/api/panel";
import type { CancellationToken } from "../core/cancellation";
import { CancellationSource } from "../core/cancellation";
import type { PlainError } from "../core/errors";
import { EngineError, toEngineError } from "../core/errors";
import type { FormatName, ModelIndex, TensorInfo } from "../core/model";
import type { TensorReport } from "../core/series";
import { BudgetSession } from "./budgetSession";
import type { StoredBudget } from "./budgetState";
import type { EngineHost } from "./engineHost";
import { notALocalFile } from "./errors";
import { OutdatedFiles, type FilesFound } from "./outdatedFiles";
import { Results, unreadableTensors } from "./results";
import { settings } from "./settings";

export type DocumentEvent =
  | { readonly kind: "model" }
  | { readonly kind: "choices" }
  | { readonly kind: "status" }
  /** Files are no longer what is shown, or are so again. */
  | { readonly kind: "outdated" }
  /** Everything measured before is void. */
  | { readonly kind: "cleared" }
  | { readonly kind: "report"; readonly report: TensorReport }
  | { readonly kind: "failed"; readonly tensor: string; readonly error: PlainError }
  | { readonly kind: "selected"; readonly tensor: string }
  /** Bring the tensor into view. */
  | { readonly kind: "show"; readonly tensor: string }
  | { readonly kind: "showTab"; readonly tab: PanelView["tab"] }
  /** The bit budget's state, or its plan, changed. */
  | { readonly kind: "budget" | "plan" };

/** How long an analysis waits for the panel to show the header: a panel behind another tab never does. */
const longestWaitForPaint = 2000;

/** A model that is open in this window, with everything known about it. Its panels come and go; it stays until the last is closed. */
export class ModelDocument implements vscode.CustomDocument {
  readonly results = new Results();
  readonly budget: BudgetSession;
  readonly #engine: EngineHost;
  readonly #log: vscode.LogOutputChannel;
  readonly #changes = new vscode.EventEmitter<DocumentEvent>();
  readonly #closed = new vscode.EventEmitter<void>();
  readonly #lifetime = new CancellationSource();
  readonly #files = new OutdatedFiles();
  #index: ModelIndex | undefined;
  #choices: readonly ExportChoice[] | undefined;
  #status: PanelStatus = { kind: "opening" };
  #loading: Promise<ModelIndex>;
  #running: { readonly source: CancellationSource; readonly ended: Promise<void> } | undefined;
  #measuredWith: readonly string[] = [];
  #selected: string | undefined;
  #tellShown: () => void = () => {};
  readonly #shown = new Promise<void>((resolve) => (this.#tellShown = resolve));
  /** The panel's own view, kept for the next panel of this file. */
  view: PanelView | undefined;
  /** Called with what was decided about the bit budget. */
  keepBudget: (stored: StoredBudget) => void = () => {};

  readonly onDidChange = this.#changes.event;
  readonly onDidClose = this.#closed.event;

  constructor(
    readonly uri: vscode.Uri,
    engine: EngineHost,
    log: vscode.LogOutputChannel,
  ) {
    this.#engine = engine;
    this.#log = log;
    this.budget = new BudgetSession({
      path: uri.fsPath,
      engine: async () => (await engine.start()).engine,
      facts: () => this.#index && { parameterCount: this.#index.parameterCount, targets: this.#targets(this.#index) },
      changed: (what) => this.#changes.fire({ kind: what }),
      keep: (stored) => this.keepBudget(stored),
    });
    this.#loading = this.#load();
  }

  get name(): string {
    return path.basename(this.uri.path);
  }
  get index(): ModelIndex | undefined {
    return this.#index;
  }
  get choices(): readonly ExportChoice[] | undefined {
    return this.#choices;
  }
  get status(): PanelStatus {
    return this.#status;
  }
  /** Files that are no longer what is shown. */
  get outdated(): readonly OutdatedFile[] {
    return this.#files.list;
  }
  get running(): boolean {
    return this.#running !== undefined;
  }
  get selected(): string | undefined {
    return this.#selected;
  }

  /** Resolves with the header's facts; rejects with the EngineError that kept the file from opening. */
  loaded(): Promise<ModelIndex> {
    return this.#loading;
  }

  tensor(name: string): TensorInfo | undefined {
    return this.#index?.tensors.find((t) => t.name === name);
  }

  /** Files are no longer as they were when they were read. True where a person should be told. */
  filesChanged(found: FilesFound): boolean {
    const first = this.#files.note(found);
    this.#changes.fire({ kind: "outdated" });
    return first;
  }

  /** Reads the header again and forgets what was measured. */
  async reload(): Promise<ModelIndex> {
    await this.cancel();
    this.results.clear();
    this.budget.clear();
    this.results.unreadable = new Map();
    this.#index = undefined;
    this.#choices = undefined;
    this.#files.clear();
    this.#changes.fire({ kind: "cleared" });
    this.#loading = this.#load();
    return this.#loading;
  }

  async #load(): Promise<ModelIndex> {
    this.#setStatus({ kind: "opening" });
    try {
      if (this.uri.scheme !== "file") throw new EngineError("unsupported", notALocalFile(this.uri.scheme));
      const { engine } = await this.#engine.start();
      const began = Date.now();
      this.#index = await engine.open(this.uri.fsPath, this.#lifetime.token);
      this.#log.info(`${this.name}: ${this.#index.tensors.length} tensors, header read in ${Date.now() - began} ms.`);
      this.results.unreadable = unreadableTensors(this.#index);
      this.#setStatus({ kind: "idle" });
      this.#changes.fire({ kind: "model" });
      void this.#askMore(this.#index);
      if (settings.analyzeOnOpen()) void this.analyse();
      return this.#index;
    } catch (error) {
      const cause = toEngineError(error, { file: this.uri.fsPath });
      if (cause.code !== "cancelled") this.#log.error(`${this.name}: ${cause.describe()}`);
      this.#setStatus({ kind: "failed", error: cause.toJSON(), unopened: true });
      throw cause;
    }
  }

  /** A panel has drawn the header. */
  shown(): void {
    this.#tellShown();
  }

  /** Work for all cores waits until the header is on the screen: the panel's page needs them to come up. */
  async #untilShown(token: CancellationToken): Promise<void> {
    let go = () => {};
    const late = new Promise<void>((resolve) => (go = resolve));
    const timer = setTimeout(go, longestWaitForPaint);
    const listener = token.onCancellationRequested(go);
    await Promise.race([this.#shown, late]);
    clearTimeout(timer);
    listener.dispose();
  }

  /** What is asked about a model beside its measures. */
  async #askMore(index: ModelIndex): Promise<void> {
    await this.#untilShown(this.#lifetime.token);
    // Closed or reloaded meanwhile.
    if (this.#lifetime.token.isCancellationRequested || this.#index !== index) return;
    void this.budget.refresh();
    void this.#askChoices();
  }

  /** Without them the panel shows no comparison; the export command asks again and says what is wrong. */
  async #askChoices(): Promise<void> {
    try {
      const { engine } = await this.#engine.start();
      this.#choices = await engine.exportChoices(this.uri.fsPath, this.#lifetime.token);
      this.#changes.fire({ kind: "choices" });
      if (this.#targets(this.#index!).length > 1) void this.budget.refresh();
    } catch (error) {
      this.#log.info(`${this.name}: no export choices: ${toEngineError(error).describe()}`);
    }
  }

  /** Containers that the model can be written as: its own, and those that its export choices name. */
  #targets({ format }: ModelIndex): FormatName[] {
    return [...new Set([format, ...(this.#choices ?? []).map((c) => c.format)])];
  }

  /**
   * Measures what is missing; everything again when nothing is, when other encodings are wanted now, or when a file has changed.
   * Joins a run that is under way. Resolves when the run has ended in whatever way; `status` says which.
   */
  analyse(): Promise<void> {
    if (this.#running) return this.#running.ended;
    if (this.outdated.length > 0) return this.#analyseAnew();
    const source = new CancellationSource();
    const ended = this.#run(source).finally(() => (this.#running = undefined));
    this.#running = { source, ended };
    return ended;
  }

  /** The old header does not lead to what the files hold now. */
  async #analyseAnew(): Promise<void> {
    await this.reload().catch(() => {});
    if (this.#index) await this.analyse();
  }

  async #run(source: CancellationSource): Promise<void> {
    const index = await this.#loading.catch(() => undefined);
    if (!index) return;
    let progress: Progress = { tensorsDone: 0, tensorsTotal: 0, bytesDone: 0, bytesTotal: 0, seconds: 0 };
    try {
      const { engine, encodings: known } = await this.#engine.start();
      const encodings = settings.encodings().filter((name) => known.some((e) => e.name === name));
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
      this.#setStatus({ kind: "running", progress });
      const onEvent = (event: AnalyseEvent): void => {
        if (source.token.isCancellationRequested) return;
        progress = whole(event.progress);
        if (event.kind === "report") {
          if (event.remembered) this.results.addLight(event.report);
          else this.results.add(event.report);
          this.#changes.fire({ kind: "report", report: event.report });
        } else if (event.kind === "failed") {
          this.results.fail(event.tensor, event.error);
          this.#log.warn(`${this.name}: ${event.tensor}: ${event.error.message}`);
          this.#changes.fire({ kind: "failed", tensor: event.tensor, error: event.error });
        }
        this.#setStatus({ kind: "running", progress });
      };
      const tensors = pending.map((t) => t.name);
      await this.#untilShown(source.token);
      if (tensors.length) await engine.analyse({ path: this.uri.fsPath, tensors, encodings, asStored: true, fresh, lightRemembered: true }, onEvent, source.token);
      const remembered = progress.before?.tensors ?? 0;
      const measured = `${progress.tensorsDone - remembered} tensors measured in ${progress.seconds.toFixed(1)} s`;
      this.#log.info(`${this.name}: ${measured}${remembered ? `, ${remembered} remembered` : ""}.`);
      this.#setStatus({ kind: "done", progress });
    } catch (error) {
      const cause = toEngineError(error, { file: this.uri.fsPath });
      if (cause.code === "cancelled") this.#setStatus({ kind: "cancelled", progress });
      else if (cause.code === "engine-gone") this.#setStatus({ kind: "engine-restarted", message: cause.message });
      else {
        this.#log.error(`${this.name}: ${cause.describe()}`);
        this.#setStatus({ kind: "failed", error: cause.toJSON() });
      }
    }
  }

  /** `fresh`: everything is there, and a person wants it measured again all the same. */
  #pending(measurable: readonly TensorInfo[], encodings: readonly string[]): { readonly pending: readonly TensorInfo[]; readonly fresh: boolean } {
    const missing = measurable.filter((t) => !this.results.reports.has(t.name) && !this.results.failures.has(t.name));
    const sameEncodings = encodings.join() === this.#measuredWith.join();
    this.#measuredWith = encodings;
    if (missing.length && sameEncodings) return { pending: missing, fresh: false };
    if (this.results.reports.size || this.results.failures.size) {
      this.results.clear();
      this.#changes.fire({ kind: "cleared" });
    }
    return { pending: measurable, fresh: sameEncodings };
  }

  /** Ends a run at once; resolves when it has ended. */
  async cancel(): Promise<void> {
    const running = this.#running;
    running?.source.cancel();
    await running?.ended;
  }

  /** Measures what the bit budget needs, of the files as they are now. */
  async measureBudget(): Promise<void> {
    if (this.outdated.length > 0) await this.reload();
    await this.budget.measure();
  }

  /**
   * The tensor's whole report: the held one, or measured again for it alone. Undefined where it was never measured, and where the
   * files no longer hold what is shown.
   */
  async detail(tensor: string): Promise<TensorReport | undefined> {
    const held = this.results.detail(tensor);
    if (held || !this.results.reports.has(tensor) || this.outdated.length > 0) return held;
    const { engine } = await this.#engine.start();
    await engine.analyse(
      { path: this.uri.fsPath, tensors: [tensor], encodings: this.#measuredWith, asStored: true },
      (event) => {
        if (event.kind === "report") this.results.add(event.report);
      },
      this.#lifetime.token,
    );
    return this.results.detail(tensor);
  }

  /** The panel moved to a tensor. */
  select(tensor: string): void {
    if (this.#selected === tensor || !this.tensor(tensor)) return;
    this.#selected = tensor;
    this.#changes.fire({ kind: "selected", tensor });
  }

  /** Moves the panel to a tensor. False when there is none of that name. */
  show(tensor: string): boolean {
    if (!this.tensor(tensor)) return false;
    this.#selected = tensor;
    this.#changes.fire({ kind: "show", tensor });
    this.#changes.fire({ kind: "selected", tensor });
    return true;
  }

  /** Moves the panel to a tab. */
  showTab(tab: PanelView["tab"]): void {
    this.#changes.fire({ kind: "showTab", tab });
  }

  #setStatus(status: PanelStatus): void {
    this.#status = status;
    this.#changes.fire({ kind: "status" });
  }

  dispose(): void {
    this.#running?.source.cancel();
    this.budget.cancel();
    this.#lifetime.cancel();
    this.#closed.fire();
    this.#closed.dispose();
    this.#changes.dispose();
  }
}

const sum = (tensors: readonly TensorInfo[]) => tensors.reduce((total, t) => total + t.byteLength, 0);
