import type { Engine, Progress, UniformPoint } from "../core/api/engine";
import type { BudgetAction, PanelBudget, PanelPlan } from "../core/api/panel";
import { CancellationSource } from "../core/cancellation";
import type { PlainError } from "../core/errors";
import { cancelled, EngineError, toEngineError } from "../core/errors";
import type { FormatName } from "../core/model";
import type { Recipe } from "../core/recipe";
import type { SensitivityTable } from "../core/sensitivity";
import { recipeFromPlan } from "../budget/compress";
import { fitToFile } from "../budget/fitToFile";
import { fusedGroups, type BudgetItem } from "../budget/items";
import { budgetItems } from "../budget/sensitivity";
import { prepareBudget, type PreparedBudget } from "../budget/solve";
import { panelPlan, refined, solverFor, type Solver } from "./budgetPlan";
import { startHistory, stepHistory, type BudgetChoice, type BudgetHistory, type BudgetStep, type StoredBudget } from "./budgetState";

/** What the session needs of its document. */
export interface BudgetOwner {
  readonly path: string;
  engine(): Promise<Pick<Engine, "sensitivity" | "pareto" | "check">>;
  /** Undefined until the header has been read. */
  facts(): { readonly parameterCount: number; readonly targets: readonly FormatName[] } | undefined;
  changed(what: "budget" | "plan"): void;
  keep(stored: StoredBudget): void;
}

/** Errors, solver and decisions for one target container. */
interface Budget {
  readonly table: SensitivityTable;
  readonly uniforms: readonly UniformPoint[];
  readonly items: readonly BudgetItem[];
  /** Names of tensors that must share one encoding. */
  readonly groups: readonly (readonly string[])[];
  history: BudgetHistory;
  solver: Solver;
  plan: PanelPlan;
}

/** Size to begin with: about four bits is what most people want. */
const firstBits = 4.5;

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
    if (budget) return { ...head, state: { kind: "ready", ...shown(budget) } };
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
        const group = budget.groups.find((g) => g.includes(tensor)) ?? [tensor];
        const cannot = group.find((name) => !budget.items.find((t) => t.name === name)?.candidates.some((c) => c.encoding === encoding));
        if (encoding !== undefined && cannot !== undefined) {
          const shared = group.length > 1 ? `, and ${group.join(", ")} must share one encoding` : "";
          return this.#refuse(`${cannot} cannot be stored as ${encoding}${shared}; choose another one.`);
        }
        return this.#step({ kind: "lock", tensors: group, encoding });
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
      this.#budgets.set(target, this.#start(table, uniforms));
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

  #start(table: SensitivityTable, uniforms: readonly UniformPoint[]): Budget {
    const items = budgetItems(table);
    const groups = table.target === "safetensors" ? fusedGroups(table.tensors) : [];
    const free = prepareBudget(items, { agree: groups });
    const stored = this.#stored.choices.find((c) => c.target === table.target);
    const present = stored ? known(stored, items) : this.#firstChoice(table, free);
    const parts = { table, uniforms, items, groups };
    try {
      return this.#started(parts, free, present);
    } catch {
      // Decisions about an earlier file that contradict each other now.
      return this.#started(parts, free, { ...present, locks: new Map(), limits: [] });
    }
  }

  #firstChoice({ fixedBytes }: SensitivityTable, { minimum, maximum }: PreparedBudget): BudgetChoice {
    const wanted = (firstBits * this.#parameterCount) / 8;
    return { fileBytes: Math.round(Math.min(Math.max(wanted, fixedBytes + minimum), fixedBytes + maximum)), locks: new Map(), limits: [] };
  }

  #started(parts: Pick<Budget, "table" | "uniforms" | "items" | "groups">, free: PreparedBudget, present: BudgetChoice): Budget {
    const solving = { ...parts, history: startHistory(present), solver: solverFor(free, present, parts) };
    return { ...solving, plan: panelPlan(solving, this.#parameterCount) };
  }

  #step(step: BudgetStep): void {
    const budget = this.#current;
    if (!budget) return;
    const history = stepHistory(budget.history, step);
    if (history === budget.history && budget.plan.refused === undefined) return;
    const { present } = history;
    const { of } = budget.solver;
    try {
      if (!sameMap(present.locks, of.locks) || present.limits !== of.limits) budget.solver = solverFor(budget.solver.prepared, present, budget);
    } catch (error) {
      return this.#refuse(toEngineError(error).message);
    }
    budget.history = history;
    budget.plan = panelPlan(budget, this.#parameterCount);
    this.#owner.changed("plan");
    if (history.moving) return;
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

  /**
   * The settled plan's file to the last byte, where the table's count knows the tensors alone: headers name what each tensor
   * became. A plan whose file came out too large, or leaves room, is made again.
   */
  async #layOut(): Promise<void> {
    const budget = this.#current;
    if (!budget) return;
    const { token } = (this.#layingOut = new CancellationSource());
    const { history } = budget;
    if (budget.solver.uniforms) {
      budget.solver = refined(budget.solver, budget.table);
      budget.plan = { ...budget.plan, uniforms: budget.solver.uniforms };
      this.#owner.changed("plan");
    }
    const { fixedBytes } = budget.table;
    const { fileBytes: wanted, minimum } = budget.plan;
    try {
      const engine = await this.#owner.engine();
      const { plan, fileBytes } = await fitToFile({
        wanted,
        smallest: minimum,
        solve: (counted) => {
          const solved = panelPlan(budget, this.#parameterCount, wanted - counted);
          return { ...solved, counted: fixedBytes + solved.choices.reduce((sum, c, i) => sum + budget.table.tensors[i].candidates[c].bytes, 0), error: solved.squaredError };
        },
        layOut: async (solved) => {
          const { byteLength } = await engine.check(this.#owner.path, recipeOf(budget.table, solved), token);
          if (byteLength === undefined || token.isCancellationRequested || budget !== this.#current || budget.history !== history) throw cancelled();
          return byteLength;
        },
      });
      const { counted: _counted, error: _error, ...shown } = plan;
      const { refused } = budget.plan;
      budget.plan = { ...shown, byteLength: fileBytes, bitsPerWeight: (8 * fileBytes) / this.#parameterCount, ...(refused === undefined ? {} : { refused }) };
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

/** What was stored, as far as there still are such tensors, encodings and roles. */
function known(stored: StoredBudget["choices"][number], items: readonly BudgetItem[]): BudgetChoice {
  const byName = new Map(items.map((item) => [item.name, item]));
  return {
    fileBytes: stored.fileBytes,
    locks: new Map(stored.locks.filter(([name, encoding]) => byName.get(name)?.candidates.some((c) => c.encoding === encoding))),
    limits: stored.limits.filter(({ tensor, role }) => (tensor === undefined ? items.some((item) => item.role === role) : byName.has(tensor))),
  };
}

function recipeOf({ target, model, tensors }: SensitivityTable, { choices }: PanelPlan): Recipe {
  const planned = tensors.map(({ name, candidates }, i) => ({ name, encoding: candidates[choices[i]].encoding }));
  return recipeFromPlan({ target, model }, planned);
}

function shown({ table, uniforms, groups }: Budget): Omit<Extract<PanelBudget["state"], { kind: "ready" }>, "kind"> {
  const place = new Map(table.tensors.map(({ name }, i) => [name, i]));
  // Which tensor gets what is for the solver alone.
  return { table, uniforms: uniforms.map(({ choices: _choices, ...point }) => point), groups: groups.map((g) => g.map((name) => place.get(name)!)) };
}

const sameMap = (a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>) =>
  a === b || (a.size === b.size && [...a].every(([k, v]) => b.get(k) === v));
