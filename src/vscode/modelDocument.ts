import * as path from "node:path";
import * as vscode from "vscode";
import type { ExportChoice } from "../core/api/engine";
import type { OutdatedFile, PanelStatus, PanelView } from "../core/api/panel";
import { CancellationSource } from "../core/cancellation";
import { EngineError, toEngineError } from "../core/errors";
import type { FormatName, ModelIndex, TensorInfo } from "../core/model";
import type { TensorReport } from "../core/series";
import { Analysis } from "./analysis";
import { BudgetSession } from "./budgetSession";
import type { StoredBudget } from "./budgetState";
import type { DocumentEvent } from "./documentEvent";
import type { EngineHost } from "./engineHost";
import { notALocalFile } from "./errors";
import { FirstPaint } from "./firstPaint";
import { OutdatedFiles, type FilesFound } from "./outdatedFiles";
import { Results, unreadableTensors } from "./results";
import { settings } from "./settings";

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
  readonly #painted = new FirstPaint();
  readonly #analysis: Analysis;
  #index: ModelIndex | undefined;
  #choices: readonly ExportChoice[] | undefined;
  #status: PanelStatus = { kind: "opening" };
  #loading: Promise<ModelIndex>;
  #selected: string | undefined;
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
    this.#analysis = new Analysis({
      name: this.name,
      path: uri.fsPath,
      log,
      results: this.results,
      engine: () => engine.start(),
      loaded: () => this.#loading,
      mayBegin: (token) => this.#painted.wait(token),
      changed: (event) => this.#changes.fire(event),
      setStatus: (status) => this.#setStatus(status),
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
    return this.#analysis.running;
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
    this.#painted.happened();
  }

  /** What is asked about a model beside its measures. */
  async #askMore(index: ModelIndex): Promise<void> {
    await this.#painted.wait(this.#lifetime.token);
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
    return !this.running && this.outdated.length > 0 ? this.#analyseAnew() : this.#analysis.run();
  }

  /** The old header does not lead to what the files hold now. */
  async #analyseAnew(): Promise<void> {
    await this.reload().catch(() => {});
    if (this.#index) await this.analyse();
  }

  /** Ends a run at once; resolves when it has ended. */
  cancel(): Promise<void> {
    return this.#analysis.cancel();
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
    await this.#analysis.again(tensor, this.#lifetime.token);
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
    void this.#analysis.cancel();
    this.budget.cancel();
    this.#lifetime.cancel();
    this.#closed.fire();
    this.#closed.dispose();
    this.#changes.dispose();
  }
}
