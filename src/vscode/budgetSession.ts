import type { Engine, Progress, UniformPoint } from "../core/api/engine";
import type { BudgetAction, PanelBudget, PanelPlan } from "../core/api/panel";
import { CancellationSource } from "../core/cancellation";
import type { PlainError } from "../core/errors";
import { EngineError, toEngineError } from "../core/errors";
import type { FormatName } from "../core/model";
import type { Recipe } from "../core/recipe";
import type { SensitivityTable } from "../core/sensitivity";
import { recipeFromPlan } from "../budget/compress";
import { fusedGroups, type BudgetItem } from "../budget/items";
import { budgetItems } from "../budget/sensitivity";
import { prepareBudget, type PreparedBudget, type SolvedPlan } from "../budget/solve";
import { startHistory, stepHistory, type BudgetHistory, type BudgetStep, type StoredBudget } from "./budgetState";

/** What the session needs of its document. */
export interface BudgetOwner {
  readonly path: string;
  engine(): Promise<Pick<Engine, "sensitivity" | "pareto">>;
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
  readonly groups: readonly (readonly string[])[];
  history: BudgetHistory;
  /** The solver under the locks that it was made for. */
  solver: { readonly locks: ReadonlyMap<string, string>; readonly prepared: PreparedBudget; readonly curve: PanelPlan["curve"] };
  plan: PanelPlan;
}

/** Points of the curve that a panel can tell apart. */
const curvePoints = 400;
/** Size to begin with: about four bits is what most people want. */
const firstBits = 4.5;

/** States to visit while a slider moves: nearly always as good, and never a frame late. Let go, the usual effort is spent. */
const movingEffort = 30_000;

type Solving = Omit<Budget, "plan">;

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
  #running: { readonly source: CancellationSource; readonly target: FormatName; readonly remembered: boolean; ended: Promise<void> } | undefined;

  constructor(owner: BudgetOwner) {
    this.#owner = owner;
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
    if (budget) return { ...head, state: { kind: "ready", table: budget.table, uniforms: budget.uniforms } };
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
        const can = (name: string) => budget.items.find((t) => t.name === name)?.candidates.some((c) => c.encoding === encoding);
        if (encoding !== undefined && !group.every(can)) return;
        return this.#step({ kind: "lock", tensors: group, encoding });
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
    const { table, plan } = budget;
    const planned = table.tensors.map(({ name, candidates }, i) => ({ name, encoding: candidates[plan.choices[i]].encoding }));
    return recipeFromPlan({ target: table.target, model: table.model }, planned);
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
    const stored = this.#stored.choices.find((c) => c.target === table.target);
    const known = new Map(items.map((item) => [item.name, item]));
    const locks = new Map(
      (stored?.locks ?? []).filter(([name, encoding]) => known.get(name)?.candidates.some((c) => c.encoding === encoding)),
    );
    const fileBytes = stored?.fileBytes ?? (firstBits * this.#parameterCount) / 8;
    const solving = { table, uniforms, items, groups };
    try {
      return this.#started(solving, { fileBytes, locks });
    } catch {
      // Locks of an earlier file that contradict each other now.
      return this.#started(solving, { fileBytes, locks: new Map() });
    }
  }

  #started(parts: Pick<Budget, "table" | "uniforms" | "items" | "groups">, present: BudgetHistory["present"]): Budget {
    const solver = makeSolver(parts, present.locks);
    const { minimum, maximum } = solver.prepared;
    const { fixedBytes } = parts.table;
    const fileBytes = Math.round(Math.min(Math.max(present.fileBytes, fixedBytes + minimum), fixedBytes + maximum));
    const solving = { ...parts, history: startHistory({ ...present, fileBytes }), solver };
    return { ...solving, plan: this.#solve(solving) };
  }

  #step(step: BudgetStep): void {
    const budget = this.#current;
    if (!budget) return;
    const history = stepHistory(budget.history, step);
    if (history === budget.history) return;
    const { locks } = history.present;
    budget.solver = sameMap(locks, budget.solver.locks) ? budget.solver : makeSolver(budget, locks);
    budget.history = history;
    budget.plan = this.#solve(budget);
    this.#owner.changed("plan");
    if (!history.moving) this.#keep();
  }

  #solve({ table, history, solver: { prepared, curve } }: Solving): PanelPlan {
    const { fileBytes, locks } = history.present;
    const { minimum, maximum } = prepared;
    const asked = Math.floor(fileBytes - table.fixedBytes);
    const solved = prepared.solve(Math.min(maximum, Math.max(minimum, asked)), history.moving ? { effort: movingEffort } : {});
    const byteLength = table.fixedBytes + solved.bytes;
    return {
      target: table.target,
      fileBytes,
      byteLength,
      bitsPerWeight: (8 * byteLength) / this.#parameterCount,
      squaredError: solved.error,
      lowerBound: solved.lowerBound,
      exact: solved.exact,
      minimum: table.fixedBytes + minimum,
      maximum: table.fixedBytes + maximum,
      choices: chosen(table, solved),
      locked: table.tensors.flatMap(({ name }, i) => (locks.has(name) ? [i] : [])),
      canUndo: history.past.length > 0,
      canRedo: history.future.length > 0,
      curve,
    };
  }

  get #parameterCount(): number {
    return Math.max(1, this.#owner.facts()?.parameterCount ?? 1);
  }

  #keep(): void {
    const present = new Map(this.#stored.choices.map((c) => [c.target, c]));
    for (const [target, { history }] of this.#budgets) {
      present.set(target, { target, fileBytes: history.present.fileBytes, locks: [...history.present.locks] });
    }
    this.#stored = { ...(this.target ? { target: this.target } : {}), choices: [...present.values()] };
    this.#owner.keep(this.#stored);
  }
}

function makeSolver({ table, items, groups }: Pick<Budget, "table" | "items" | "groups">, locks: ReadonlyMap<string, string>): Budget["solver"] {
  const prepared = prepareBudget(items, { locks: [...locks].map(([name, encoding]) => ({ match: literal(name), encoding })), agree: groups });
  const { bytes, error } = prepared.paretoCurve();
  const points = bytes.length <= curvePoints ? bytes.length : curvePoints;
  const at = (i: number) => (points === 1 ? 0 : Math.round((i * (bytes.length - 1)) / (points - 1)));
  const curve = Array.from({ length: points }, (_, i) => [table.fixedBytes + bytes[at(i)], error[at(i)]] as const);
  return { locks, prepared, curve };
}

/** The one name that would mean all of them. */
const literal = (name: string) => (name === "*" ? "[*]" : name);

const sameMap = (a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>) =>
  a === b || (a.size === b.size && [...a].every(([k, v]) => b.get(k) === v));

const chosen = ({ tensors }: SensitivityTable, { choices }: SolvedPlan): number[] =>
  tensors.map(({ candidates }, i) => candidates.findIndex((c) => c.encoding === choices[i].encoding));
