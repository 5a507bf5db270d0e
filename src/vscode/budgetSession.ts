import type { Engine, Progress } from "../core/api/engine";
import type { BudgetAction, PanelBudget, PanelPlan } from "../core/api/panel";
import { CancellationSource } from "../core/cancellation";
import type { PlainError } from "../core/errors";
import { cancelled, EngineError, toEngineError } from "../core/errors";
import type { FormatName } from "../core/model";
import type { Recipe } from "../core/recipe";
import { laidOut, lockedWith, recipeOf, refine, shownBudget, startBudget, takeStep, type Budget } from "./budget";
import type { BudgetStep, StoredBudget } from "./budgetState";

/** What the session needs of its document. */
export interface BudgetOwner {
  readonly path: string;
  engine(): Promise<Pick<Engine, "sensitivity" | "pareto" | "check">>;
  /** Undefined until the header has been read. */
  facts(): { readonly parameterCount: number; readonly targets: readonly FormatName[] } | undefined;
  changed(what: "budget" | "plan"): void;
  keep(stored: StoredBudget): void;
}

/**
 * The bit budget of one document: which encodings its tensors should have. Keeps the measured errors and the solver, so that
 * moving a slider costs milliseconds; keeps decisions across hiding and reload.
 */
export class BudgetSession {
  readonly #owner: BudgetOwner;
  readonly #budgets = new Map<FormatName, Budget>();
  #target: FormatName | undefined;
  #stored: StoredBudget = { choices: [] };
  #opened = false;
  #state: "opening" | "unmeasured" | "measuring" = "opening";
  #error: PlainError | undefined;
  #progress: Progress | undefined;
  readonly #settle: number;
  #layingOut: CancellationSource | undefined;
  #layOutTimer: ReturnType<typeof setTimeout> | undefined;
  #running: { readonly source: CancellationSource; readonly target: FormatName; readonly remembered: boolean; ended: Promise<void> } | undefined;

  /** `settle`: milliseconds without a step after which the plan's file is laid out. */
  constructor(owner: BudgetOwner, { settle = 250 } = {}) {
    this.#owner = owner;
    this.#settle = settle;
  }

  /** What was decided in an earlier window. */
  restore(stored: StoredBudget | undefined): void {
    if (!stored) return;
    this.#stored = stored;
    this.#target = stored.target;
  }

  get target(): FormatName | undefined {
    const targets = this.#owner.facts()?.targets;
    return this.#target && targets?.includes(this.#target) ? this.#target : targets?.[0];
  }

  get measuring(): boolean {
    const running = this.#running;
    if (running === undefined || running.remembered || running.source.token.isCancellationRequested) return false;
    return this.#state === "measuring" && !this.#budgets.has(running.target);
  }

  /** How far the measuring is; undefined before its first report, and where nothing is measured. */
  get progress(): Progress | undefined {
    return this.measuring ? this.#progress : undefined;
  }

  /** What the panel shows; undefined until the budget was asked for. */
  get view(): PanelBudget | undefined {
    const target = this.target;
    if (!this.#opened || !target) return undefined;
    const head = { target, targets: this.#owner.facts()!.targets };
    const budget = this.#budgets.get(target);
    if (budget) return { ...head, state: shownBudget(budget) };
    if (this.#state === "measuring") return { ...head, state: { kind: "measuring", progress: this.#progress } };
    if (this.#state === "unmeasured") return { ...head, state: { kind: "unmeasured", error: this.#error } };
    return { ...head, state: { kind: "opening" } };
  }

  get plan(): PanelPlan | undefined {
    const target = this.target;
    return target && this.#budgets.get(target)?.plan;
  }

  /** The file changed: everything measured is void, decisions stay. */
  clear(): void {
    this.cancel();
    this.#budgets.clear();
    this.#error = undefined;
    this.#state = "opening";
  }

  /** The header was read, or more targets became known. */
  async refresh(): Promise<void> {
    const { target } = this;
    if (!this.#opened || !target) return;
    this.#owner.changed("budget");
    if (this.#budgets.has(target)) this.#owner.changed("plan");
    else await this.#load(true);
  }

  /** Shows the budget: at once when the errors were measured before. */
  async open(): Promise<void> {
    const first = !this.#opened;
    this.#opened = true;
    if (!this.target) return;
    if (first) this.#owner.changed("budget");
    if (this.#budgets.has(this.target) || (!first && this.#state === "unmeasured")) return;
    await this.#load(true);
  }

  /** Measures what is not known yet. Resolves when the run has ended in whatever way; `view` says which. */
  async measure(): Promise<void> {
    this.#opened = true;
    if (!this.target || this.#budgets.has(this.target)) return;
    await this.#load(false);
  }

  cancel(): void {
    this.#running?.source.cancel();
    this.#stopLayOut();
  }

  /** The steps of the panel that need no more than this session. */
  async apply(action: BudgetAction): Promise<void> {
    switch (action.kind) {
      case "open":
        return this.open();
      case "measure":
        return this.measure();
      case "cancel":
        return this.cancel();
      case "target":
        if (action.target === this.target || !this.#owner.facts()?.targets.includes(action.target)) return;
        this.cancel();
        this.#target = action.target;
        this.#error = undefined;
        this.#state = "opening";
        this.#keep();
        this.#owner.changed("budget");
        if (this.plan) this.#owner.changed("plan");
        else await this.#load(true);
        return;
      case "size":
      case "unlockAll":
      case "undo":
      case "redo":
        return this.#step(action);
      case "lock": {
        const budget = this.#current;
        const { tensor, encoding } = action;
        if (!budget) return;
        const { tensors, refused } = lockedWith(budget, tensor, encoding);
        if (refused !== undefined) return this.#refuse(refused);
        return this.#step({ kind: "lock", tensors, encoding });
      }
      case "limit": {
        const { kind, ...limit } = action;
        return this.#step({ kind, limit });
      }
      case "save":
      case "export":
        return;
    }
  }

  /** Exactly the assignment that is shown. Throws "not-found" before there is one. */
  recipe(): Recipe {
    const budget = this.#current;
    if (!budget) throw new EngineError("not-found", "There is no plan yet; measure the model in the Budget tab first.", { file: this.#owner.path });
    return recipeOf(budget.table, budget.plan);
  }

  get #current(): Budget | undefined {
    const target = this.target;
    return target && this.#budgets.get(target);
  }

  /** With `remembered`: only what was measured before. Joins a run for the same target. */
  async #load(remembered: boolean): Promise<void> {
    const target = this.target!;
    const running = this.#running;
    if (running?.target === target && !running.source.token.isCancellationRequested) {
      await running.ended;
      if (remembered || !running.remembered || this.#budgets.has(target)) return;
    }
    const source = new CancellationSource();
    const run = { source, target, remembered, ended: Promise.resolve() };
    this.#running = run;
    run.ended = this.#run(source, target, remembered).finally(() => {
      if (this.#running === run) this.#running = undefined;
    });
    await run.ended;
  }

  async #run({ token }: CancellationSource, target: FormatName, remembered: boolean): Promise<void> {
    const show = (state: "opening" | "unmeasured" | "measuring", error?: PlainError): void => {
      if (this.target !== target) return;
      this.#state = state;
      this.#error = error;
      this.#owner.changed("budget");
    };
    this.#progress = undefined;
    show(remembered ? "opening" : "measuring");
    try {
      const engine = await this.#owner.engine();
      const request = { path: this.#owner.path, target, ...(remembered ? { rememberedOnly: true } : {}) };
      const onProgress = (progress: Progress): void => {
        if (token.isCancellationRequested || this.target !== target) return;
        this.#progress = progress;
        if (!remembered) this.#owner.changed("budget");
      };
      const table = await engine.sensitivity(request, onProgress, token);
      const { uniforms } = await engine.pareto({ path: this.#owner.path, target }, () => {}, token);
      const stored = this.#stored.choices.find((c) => c.target === table.target);
      this.#budgets.set(target, startBudget({ table, uniforms, stored, parameterCount: this.#parameterCount }));
      if (this.target !== target) return;
      this.#owner.changed("budget");
      this.#owner.changed("plan");
      this.#layOutLater();
    } catch (error) {
      const cause = toEngineError(error, { file: this.#owner.path });
      const silent = cause.code === "cancelled" || (remembered && cause.code === "not-found");
      if (!token.isCancellationRequested || !silent) return show("unmeasured", silent ? undefined : cause.toJSON());
      if (this.#running?.source.token === token) show("unmeasured");
    }
  }

  #step(step: BudgetStep): void {
    const budget = this.#current;
    if (!budget) return;
    try {
      if (!takeStep(budget, step)) return;
    } catch (error) {
      return this.#refuse(toEngineError(error).message);
    }
    this.#owner.changed("plan");
    if (budget.history.moving) return;
    this.#keep();
    this.#layOutLater();
  }

  /** The recipe of a large model takes a tenth of a second to write: only when nothing moves any more. */
  #layOutLater(): void {
    this.#stopLayOut();
    this.#layOutTimer = setTimeout(() => void this.#layOut(), this.#settle);
  }

  #stopLayOut(): void {
    clearTimeout(this.#layOutTimer);
    this.#layingOut?.cancel();
  }

  async #layOut(): Promise<void> {
    const budget = this.#current;
    if (!budget) return;
    const { token } = (this.#layingOut = new CancellationSource());
    const { history } = budget;
    if (refine(budget)) this.#owner.changed("plan");
    try {
      const engine = await this.#owner.engine();
      const plan = await laidOut(budget, async (recipe) => {
        const { byteLength } = await engine.check(this.#owner.path, recipe, token);
        if (byteLength === undefined || token.isCancellationRequested || budget !== this.#current || budget.history !== history) throw cancelled();
        return byteLength;
      });
      const { refused } = budget.plan;
      budget.plan = { ...plan, ...(refused === undefined ? {} : { refused }) };
      this.#owner.changed("plan");
    } catch {
      // Cancelled, or the recipe has a fault, of which an export tells more: the count stands.
    }
  }

  /** The plan stays, and says why. */
  #refuse(refused: string): void {
    const budget = this.#current!;
    budget.plan = { ...budget.plan, refused };
    this.#owner.changed("plan");
  }

  get #parameterCount(): number {
    return Math.max(1, this.#owner.facts()?.parameterCount ?? 1);
  }

  #keep(): void {
    const present = new Map(this.#stored.choices.map((c) => [c.target, c]));
    for (const [target, { history }] of this.#budgets) {
      present.set(target, { target, fileBytes: history.present.fileBytes, locks: [...history.present.locks], limits: history.present.limits });
    }
    this.#stored = { ...(this.target ? { target: this.target } : {}), choices: [...present.values()] };
    this.#owner.keep(this.#stored);
  }
}
